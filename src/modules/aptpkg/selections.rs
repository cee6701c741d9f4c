//! Packages that stay as they are: dpkg's selections. Salt: modules/aptpkg.py.

use super::apt;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of, yaml};

/// Lines as `vim install`: `{state: [name]}`.
fn parse(text: &str) -> Map {
    let mut found = Map::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(state)) = (words.next(), words.next())
            && let Value::List(names) = found.entry(state, || Value::List(Vec::new()))
        {
            names.push(name.into());
        }
    }
    found
}

/// The selections of packages that match `pattern`.
pub(super) fn selections(cx: &Context, pattern: &str) -> Result<Map, Fault> {
    let ran = cx.program(&["dpkg", "--get-selections", pattern].map(str::to_owned))?;
    Ok(parse(&ran.stdout))
}

fn names(selections: &Map, state: &str) -> Vec<String> {
    selections.get(state).and_then(Value::as_list).unwrap_or_default().iter().map(str_of).collect()
}

/// Names of held packages.
pub(super) fn held(cx: &Context) -> Result<Vec<String>, Fault> {
    Ok(names(&selections(cx, "*")?, "hold"))
}

pub(super) fn get_selections(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let pattern = if args.truthy("pattern") { args.str("pattern")? } else { "*".to_owned() };
    let found = selections(cx, &pattern)?;
    if !args.truthy("state") {
        return Ok(found.into());
    }
    let state = args.str("state")?;
    let list = Value::list(names(&found, &state));
    Ok([(state, list)].into_iter().collect::<Map>().into())
}

/// Gives packages a selection; what has changed: `{name: {old, new}}`.
fn select(cx: &Context, wanted: &Map) -> Result<Map, Fault> {
    let now = selections(cx, "*")?;
    let mut changed = Map::new();
    for (state, packages) in wanted {
        let state = str_of(state);
        for name in packages.as_list().unwrap_or_default().iter().map(str_of) {
            let old = now.iter().find(|(_, all)| {
                all.as_list().unwrap_or_default().iter().any(|one| one.as_str() == Some(&name))
            });
            let old = old.map(|(state, _)| str_of(state));
            if old.as_ref() == Some(&state) || cx.test() {
                continue;
            }
            let line = ["dpkg", "--set-selections"].map(str::to_owned);
            let ran = apt(cx, &line, false, map! { "stdin" => format!("{name} {state}") })?;
            if ran.ok() {
                changed.insert(name, map! { "old" => old, "new" => state.as_str() });
            } else {
                crate::log::error!("failed to set state {state} for package {name}");
            }
        }
    }
    Ok(changed)
}

pub(super) fn set_selections(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, selection) = (args.get("path"), args.get("selection"));
    if !path.truthy() && !selection.truthy() {
        return Ok(Map::new().into());
    }
    if path.truthy() && selection.truthy() {
        return Err(Fault::invocation(
            "The 'selection' and 'path' arguments to pkg.set_selections are mutually exclusive, and cannot be specified \
             together",
        ));
    }
    let wanted = if path.truthy() {
        let cached = cx.ask("cp.cache_file", &[path.clone(), args.get("saltenv").clone()])?;
        let text = std::fs::read_to_string(str_of(&cached))
            .map_err(|error| Fault::execution(format!("{}: {error}", str_of(path))))?;
        parse(&text)
    } else {
        match selection {
            Value::Text(text) => yaml::load(text, "selection")
                .map_err(|error| Fault::invocation(format!("Improperly-formatted selection: {error}")))?
                .as_map()
                .cloned()
                .unwrap_or_default(),
            other => other.as_map().cloned().unwrap_or_default(),
        }
    };
    let known = ["install", "hold", "deinstall", "purge"];
    let bad: Vec<String> =
        wanted.keys().map(str_of).filter(|state| !known.contains(&state.as_str())).collect();
    if !bad.is_empty() {
        return Err(Fault::invocation(format!("Invalid state(s): {}", bad.join(", "))));
    }
    if args.truthy("clear") && !cx.test() {
        let ran = apt(cx, &["dpkg", "--clear-selections"].map(str::to_owned), false, Map::new())?;
        if !ran.ok() {
            return Err(Fault::execution(format!("Running dpkg --clear-selections failed: {}", ran.stderr)));
        }
    }
    Ok(select(cx, &wanted)?.into())
}

fn targets(args: &Args) -> Result<Vec<String>, Fault> {
    let (name, pkgs, sources) = (args.get("name"), args.get("pkgs"), args.get("sources"));
    if !name.truthy() && !pkgs.truthy() && !sources.truthy() {
        return Err(Fault::invocation("One of name, pkgs, or sources must be specified."));
    }
    if pkgs.truthy() && sources.truthy() {
        return Err(Fault::invocation("Only one of pkgs or sources can be specified."));
    }
    let first = |item: &Value| match item {
        Value::Map(map) => map.keys().next().map(str_of).unwrap_or_default(),
        other => str_of(other),
    };
    Ok(match if pkgs.truthy() { pkgs } else { sources } {
        Value::List(items) => items.iter().map(first).collect(),
        Value::Map(map) => map.keys().map(str_of).collect(),
        _ => vec![str_of(name)],
    })
}

/// Holds packages or lets them go: `{name: {name, changes, result, comment}}`.
pub(super) fn hold(cx: &Context, names: &[String], wanted: bool) -> Result<Map, Fault> {
    let mut outcome = Map::new();
    for name in names {
        let found = selections(cx, name)?;
        let is_held = !self::names(&found, "hold").is_empty();
        let one = |result: Option<bool>, comment: String, changes: Value| {
            map! { "name" => name, "changes" => changes, "result" => result, "comment" => comment }
        };
        let none = || Value::from(Map::new());
        let entry = if !wanted && found.is_empty() {
            one(Some(false), format!("Package {name} does not have a state."), none())
        } else if is_held == wanted {
            let not = if wanted { "" } else { "not " };
            one(Some(true), format!("Package {name} is already set {not}to be held."), none())
        } else if cx.test() {
            let not = if wanted { "" } else { "not " };
            one(None, format!("Package {name} is set {not}to be held."), none())
        } else {
            let state = if wanted { "hold" } else { "install" };
            let selection: Map = [(state, Value::list([name]))].into_iter().collect();
            let changed = select(cx, &selection)?;
            let change = changed
                .get(name)
                .cloned()
                .ok_or_else(|| Fault::exception("KeyError", format!("'{name}'")))?;
            let words = if wanted { "now being held" } else { "no longer being held" };
            one(Some(true), format!("Package {name} is {words}."), change)
        };
        outcome.insert(name.as_str(), entry);
    }
    Ok(outcome)
}

pub(super) fn hold_row(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(hold(cx, &targets(args)?, true)?.into())
}

pub(super) fn unhold_row(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(hold(cx, &targets(args)?, false)?.into())
}
