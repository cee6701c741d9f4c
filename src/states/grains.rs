//! `grains`: grains of the minion's grains file. Salt: states/grains.py.

use crate::loader::{
    Args, Call, Default, Fault, Param, Running, State, StateReturn, States, always, opt, req,
};
use crate::map;
use crate::value::{Map, MergeStrategy, Value, merge, str_of, traverse};

const DELIMITER: Param = opt("delimiter", Default::Str(":"));
const FORCE: Param = opt("force", Default::False);

pub(super) static STATES: States = States {
    file: "grains",
    provides: "grains",
    available: always,
    functions: &[
        State::new(
            "absent",
            &[req("name"), opt("destructive", Default::False), DELIMITER, FORCE],
            "The grain has no value; with `destructive` it is not there.",
            absent,
        ),
        State::new(
            "append",
            &[req("name"), req("value"), opt("convert", Default::False), DELIMITER],
            "The grain, a list, has this value among others; `convert` makes a list of it.",
            append,
        ),
        State::new("exists", &[req("name"), DELIMITER], "There is such a grain.", exists),
        State::new(
            "list_absent",
            &[req("name"), req("value"), DELIMITER],
            "The grain, a list, does not have these values.",
            list_absent,
        ),
        State::new(
            "list_present",
            &[req("name"), req("value"), DELIMITER],
            "The grain, a list, has these values among others.",
            list_present,
        ),
        State::new(
            "present",
            &[req("name"), req("value"), DELIMITER, FORCE],
            "The grain has this value.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// The grain's path with `:` between its parts.
fn path(args: &Args) -> String {
    let delimiter = args.get("delimiter").as_str().filter(|text| !text.is_empty()).unwrap_or(":").to_owned();
    str_of(args.get("name")).replace(&delimiter, ":")
}

fn grain(running: &Running, path: &str) -> Option<Value> {
    let grains = running.grains.map();
    match grains.get(path) {
        Some(value) => Some(value.clone()),
        None => traverse(&grains.clone().into(), path, ":").cloned(),
    }
}

fn set(running: &Running, path: &str, value: Value, more: Map) -> Result<Map, Fault> {
    let call = Call { args: vec![path.into(), value], kwargs: more };
    match running.call("grains.set", call)? {
        Value::Map(ret) => Ok(ret),
        other => Err(Fault::execution(str_of(&other))),
    }
}

/// The return of `grains.set` as that of a state.
fn of_set(path: &str, ret: &Map) -> StateReturn {
    let result = ret.get("result").and_then(Value::as_bool);
    let comment = ret.get("comment").map(str_of).unwrap_or_default();
    StateReturn::new(path, result, comment)
        .with(ret.get("changes").cloned().unwrap_or_else(|| Map::new().into()))
}

/// A list as the whole value of a grain, at any depth.
fn store_list(running: &Running, path: &str, items: Vec<Value>) -> Result<(), Fault> {
    set(running, path, items.into(), map! { "force" => true }).map(|_| ())
}

fn exists(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let path = path(args);
    Ok(match grain(running, &path) {
        Some(_) => StateReturn::new(path, Some(true), "Grain exists"),
        None => StateReturn::new(path, Some(false), "Grain does not exist"),
    })
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (path, value) = (path(args), args.get("value"));
    let existing = grain(running, &path);
    if existing.as_ref().is_some_and(|existing| existing.loosely_equals(value)) {
        return Ok(StateReturn::new(path, Some(true), "Grain is already set"));
    }
    if running.test() {
        return Ok(match existing {
            None => StateReturn::new(path.as_str(), None, format!("Grain {path} is set to be added"))
                .with(map! { "new" => path }),
            Some(_) => {
                let changed = Map::from_iter([(path.as_str(), value.clone())]);
                StateReturn::new(path.as_str(), None, format!("Grain {path} is set to be changed"))
                    .with(map! { "changed" => changed })
            }
        });
    }
    let ret = set(running, &path, value.clone(), map! { "force" => args.get("force").clone() })?;
    let mut outcome = of_set(&path, &ret);
    if outcome.result == Some(true) && outcome.changes.truthy() {
        outcome.comment = format!("Set grain {path} to {}", str_of(value));
    }
    Ok(outcome)
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let path = path(args);
    let destructive = *args.get("destructive") == Value::Bool(true);
    let Some(value) = grain(running, &path) else {
        return Ok(StateReturn::new(path.as_str(), Some(true), format!("Grain {path} does not exist")));
    };
    let deleted = map! { "deleted" => path.as_str() };
    let emptied = map! { "grain" => path.as_str(), "value" => Value::Null };
    if running.test() {
        return Ok(if destructive {
            StateReturn::new(path.as_str(), None, format!("Grain {path} is set to be deleted")).with(deleted)
        } else if value.is_null() {
            StateReturn::new(path, None, "")
        } else {
            let comment = format!("Value for grain {path} is set to be deleted (None)");
            StateReturn::new(path, None, comment).with(emptied)
        });
    }
    let more =
        map! { "destructive" => args.get("destructive").clone(), "force" => args.get("force").clone() };
    let ret = set(running, &path, Value::Null, more)?;
    let outcome = of_set(&path, &ret);
    if outcome.result != Some(true) {
        return Ok(outcome);
    }
    Ok(if destructive {
        StateReturn::new(path.as_str(), Some(true), format!("Grain {path} was deleted")).with(deleted)
    } else if value.is_null() {
        outcome
    } else {
        StateReturn::new(path.as_str(), Some(true), format!("Value for grain {path} was set to None"))
            .with(emptied)
    })
}

fn values(value: &Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.clone(),
        one => vec![one.clone()],
    }
}

fn list_present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (path, value) = (path(args), args.get("value"));
    let existing = grain(running, &path).filter(Value::truthy);
    let mut items = match &existing {
        None => Vec::new(),
        Some(Value::List(items)) => items.clone(),
        Some(_) => {
            let comment = format!("Grain {path} is not a valid list");
            return Ok(StateReturn::new(path, Some(false), comment));
        }
    };
    let fresh: Vec<Value> = values(value).into_iter().filter(|value| !items.contains(value)).collect();
    if existing.is_some() && fresh.is_empty() {
        let comment = format!("Value {} is already in grain {path}", str_of(value));
        return Ok(StateReturn::new(path, Some(true), comment));
    }
    if running.test() {
        let comment = if existing.is_some() {
            format!("Value {} is set to be appended to grain {path}", str_of(value))
        } else {
            format!("Grain {path} is set to be added")
        };
        let old = existing.unwrap_or_else(|| "".into());
        return Ok(StateReturn::new(path, None, comment).with(map! { "new" => old }));
    }
    items.extend(fresh);
    store_list(running, &path, items.clone())?;
    let comment = format!("Append value {} to grain {path}", str_of(value));
    let mut parts = path.rsplit(':');
    let last = Map::from_iter([(parts.next().unwrap_or_default(), Value::List(items))]);
    let new = parts.fold(last, |inner, part| Map::from_iter([(part, Value::Map(inner))]));
    Ok(StateReturn::new(path.as_str(), Some(true), comment)
        .with(map! { "new" => beside(running, &path, new) }))
}

/// A changed part of a grain with the parts that it stands beside.
fn beside(running: &Running, path: &str, new: Map) -> Value {
    let top = path.split(':').next().unwrap_or_default();
    let before = running.grains.get(top).filter(|whole| matches!(whole, Value::Map(_)));
    match before.cloned() {
        Some(before) => merge(map! { top => before }.into(), new.into(), MergeStrategy::Recurse),
        None => new.into(),
    }
}

fn list_absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let path = path(args);
    let mut items = match grain(running, &path).filter(Value::truthy) {
        None => {
            return Ok(StateReturn::new(path.as_str(), Some(true), format!("Grain {path} does not exist")));
        }
        Some(Value::List(items)) => items,
        Some(_) => {
            let comment = format!("Grain {path} is not a valid list");
            return Ok(StateReturn::new(path, Some(false), comment));
        }
    };
    let (mut comments, mut deleted) = (Vec::new(), Vec::new());
    for value in values(args.get("value")) {
        let shown = str_of(&value);
        if !items.contains(&value) {
            comments.push(format!("Value {shown} is absent from grain {path}"));
        } else {
            comments.push(if running.test() {
                format!("Value {shown} in grain {path} is set to be deleted")
            } else {
                format!("Value {shown} was deleted from grain {path}")
            });
            items.retain(|item| *item != value);
            deleted.push(value);
        }
    }
    let changes = if deleted.is_empty() {
        Map::new()
    } else {
        map! { "deleted" => deleted.clone() }
    };
    let result = if running.test() && !deleted.is_empty() { None } else { Some(true) };
    if !running.test() && !deleted.is_empty() {
        store_list(running, &path, items)?;
    }
    Ok(StateReturn::new(path, result, comments.join("\n")).with(changes))
}

fn append(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (path, value) = (path(args), args.get("value"));
    let shown = str_of(value);
    let added = map! { "added" => value.clone() };
    let convert = *args.get("convert") == Value::Bool(true);
    let (mut items, converted) = match grain(running, &path) {
        None => {
            return Ok(StateReturn::new(path.as_str(), Some(false), format!("Grain {path} does not exist")));
        }
        Some(Value::List(items)) => (items, false),
        Some(Value::Null) if convert => (Vec::new(), true),
        Some(one) if convert => (vec![one], true),
        Some(_) => {
            let comment = format!("Grain {path} is not a valid list");
            return Ok(StateReturn::new(path, Some(false), comment));
        }
    };
    if !converted && items.contains(value) {
        let comment = format!("Value {shown} is already in the list for grain {path}");
        return Ok(StateReturn::new(path, Some(true), comment));
    }
    if running.test() {
        let comment = if converted {
            format!("Grain {path} is set to be converted to list and value {shown} will be added")
        } else {
            format!("Value {shown} in grain {path} is set to be added")
        };
        return Ok(StateReturn::new(path, None, comment).with(added));
    }
    items.extend(values(value));
    store_list(running, &path, items)?;
    let comment = format!("Value {shown} was added to grain {path}");
    Ok(StateReturn::new(path, Some(true), comment).with(added))
}
