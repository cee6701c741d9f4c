//! `beacons`: what the minion looks at by itself. The daemon has the beacons: it is asked and told over the minion's bus.
//! Salt: modules/beacons.py.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::host::FileOwner;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req};
use crate::map;
use crate::value::yaml::{self, Style};
use crate::value::{Map, Value, str_of, unified_diff};

const NAME: &[Param] = &[req("name"), keywords("kwargs")];
const DATA: &[Param] = &[req("name"), req("beacon_data"), keywords("kwargs")];
const NOTHING: &[Param] = &[keywords("kwargs")];

pub(super) static MODULE: Module = Module {
    file: "beacons",
    provides: "beacons",
    available: always,
    functions: &[
        Function::new(
            "add",
            DATA,
            "Adds a beacon: `beacons.add ps \"[{'processes': {'apache2': 'stopped'}}]\"`.",
            add,
        ),
        Function::new("delete", NAME, "Deletes a beacon.", delete),
        Function::new("disable", NOTHING, "Stops all beacons.", |cx, args| switch(cx, args, false)),
        Function::new("disable_beacon", NAME, "Stops a beacon.", |cx, args| switch_one(cx, args, false)),
        Function::new("enable", NOTHING, "Lets the beacons look again.", |cx, args| switch(cx, args, true)),
        Function::new("enable_beacon", NAME, "Lets a beacon look again.", |cx, args| {
            switch_one(cx, args, true)
        }),
        Function::new(
            "list",
            &[
                opt("return_yaml", Default::True),
                opt("include_pillar", Default::True),
                opt("include_opts", Default::True),
                keywords("kwargs"),
            ],
            "The beacons, as YAML or (`return_yaml=False`) as a map; those of the pillar and of the options.",
            |cx, args| {
                let found = list(cx, args, args.truthy("include_pillar"), args.truthy("include_opts"));
                Ok(shown(args, found.map_or(Value::Null, Value::Map)))
            },
        ),
        Function::new(
            "list_available",
            &[opt("return_yaml", Default::True), keywords("kwargs")],
            "The kinds of beacons that there are.",
            |cx, args| match available(cx, args) {
                kinds if kinds.is_empty() => Ok(map! { "beacons" => Map::new() }.into()),
                kinds => Ok(shown(args, kinds.into())),
            },
        ),
        Function::new("modify", DATA, "Changes a beacon.", modify),
        Function::new("reset", NOTHING, "Deletes all beacons.", reset),
        Function::new("save", NOTHING, "Writes the beacons down for the next start.", save),
    ],
};

fn told(comment: impl Into<String>, result: bool) -> Result<Value, Fault> {
    Ok(map! { "comment" => comment.into(), "result" => result }.into())
}

fn shown(args: &Args, value: Value) -> Value {
    if args.truthy("return_yaml") {
        yaml::dump(&map! { "beacons" => value }.into(), Style::SALT).into()
    } else {
        value
    }
}

fn is_test(args: &Args) -> bool {
    args.keywords.get("test").is_some_and(Value::truthy)
}

fn patience(args: &Args) -> i64 {
    args.keywords.get("timeout").and_then(Value::as_int).unwrap_or(60)
}

/// Tells the daemon, and waits for its answer.
fn ask(cx: &Context, args: &Args, data: Map, answer: &str) -> Option<Map> {
    let timeout = Duration::from_secs(u64::try_from(patience(args)).unwrap_or(60));
    let tag = format!("/salt/minion/minion_beacon{answer}_complete");
    cx.minion.fire_and_wait("manage_beacons", data, &tag, timeout).unwrap_or_else(|problem| {
        crate::log::warn!("the beacons could not be asked: {problem}");
        None
    })
}

fn list(cx: &Context, args: &Args, pillar: bool, opts: bool) -> Option<Map> {
    let question = map! { "func" => "list", "include_pillar" => pillar, "include_opts" => opts };
    beacons_of(ask(cx, args, question, "s_list")?)
}

fn beacons_of(mut answer: Map) -> Option<Map> {
    match answer.remove("beacons") {
        Some(Value::Map(beacons)) => Some(beacons),
        _ => None,
    }
}

fn available(cx: &Context, args: &Args) -> Vec<Value> {
    let answer = ask(cx, args, map! { "func" => "list_available" }, "s_list_available");
    let kinds = answer.as_ref().and_then(|answer| answer.get("beacons")?.as_list());
    kinds.unwrap_or_default().to_vec()
}

/// Why a configuration will not do; `None` where it will.
fn invalid(cx: &Context, args: &Args, name: &str, adding: &str) -> Option<String> {
    let question = map! { "func" => "validate_beacon", "name" => name, "beacon_data" => args.get("beacon_data").clone() };
    let answer = ask(cx, args, question, "_validation").unwrap_or_default();
    if answer.get("valid").is_some_and(Value::truthy) {
        return None;
    }
    let why = answer.str("vcomment").unwrap_or("the minion gave no answer");
    Some(format!("Beacon {name} configuration invalid, not {adding}.\n{why}"))
}

/// Has the daemon do something to a beacon: the beacons afterwards, or the comment that says why not.
fn change(
    cx: &Context,
    args: &Args,
    func: &str,
    name: &str,
    answer: &str,
    noun: &str,
) -> Result<Map, String> {
    let mut question = map! { "func" => func, "name" => name };
    question.extend(args.given("beacon_data").map(|data| ("beacon_data", data.clone())));
    match ask(cx, args, question, answer) {
        Some(answer) if answer.get("complete").is_some_and(Value::truthy) => {
            Ok(beacons_of(answer).unwrap_or_default())
        }
        Some(answer) => Err(answer.get("comment").map(str_of).unwrap_or_default()),
        None => {
            Err(format!("Did not receive the beacon {noun} event before the timeout of {}s", patience(args)))
        }
    }
}

fn add(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let data = args.list("beacon_data")?;
    if list(cx, args, true, true).is_some_and(|beacons| beacons.contains(&name)) {
        return told(format!("Beacon {name} is already configured."), true);
    }
    let module = data.iter().find_map(|item| item.get("beacon_module")).map_or(name.clone(), str_of);
    if !available(cx, args).contains(&module.as_str().into()) {
        return told(format!("Beacon \"{module}\" is not available."), false);
    }
    if is_test(args) {
        return told(format!("Beacon: {name} would be added."), true);
    }
    if let Some(problem) = invalid(cx, args, &name, "adding") {
        return told(problem, false);
    }
    match change(cx, args, "add", &name, "_add", "add complete") {
        Ok(beacons)
            if beacons
                .get(&name)
                .and_then(Value::as_list)
                .is_some_and(|has| data.iter().all(|item| has.contains(item))) =>
        {
            told(format!("Added beacon: {name}."), true)
        }
        Ok(_) => told(format!("Failed to add beacon {name}."), false),
        Err(comment) => told(comment, false),
    }
}

fn modify(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (name, new) = (args.str("name")?, args.get("beacon_data"));
    let beacons = list(cx, args, true, true).unwrap_or_default();
    let Some(current) = beacons.get(&name) else {
        return told(format!("Beacon {name} is not configured."), true);
    };
    if is_test(args) {
        return told(format!("Beacon: {name} would be modified."), true);
    }
    if let Some(problem) = invalid(cx, args, &name, "modifying") {
        return told(problem, false);
    }
    if current == new {
        return told(format!("Job {name} in correct state"), true);
    }
    let lines = |config: &Value| -> Vec<String> {
        let items = config.as_list().unwrap_or_default().iter().filter_map(Value::as_map);
        items.flatten().map(|(key, value)| format!("{}:{}\n", str_of(key), str_of(value))).collect()
    };
    let diff = unified_diff(&lines(current), &lines(new), ("", "")).concat();
    let (comment, result) = match change(cx, args, "modify", &name, "_modify", "modify complete ") {
        Ok(beacons) if beacons.get(&name) == Some(new) => (format!("Modified beacon: {name}."), true),
        Ok(_) => (String::new(), true),
        Err(comment) => (comment, false),
    };
    Ok(map! { "comment" => comment, "result" => result, "changes" => map! { "diff" => diff } }.into())
}

fn delete(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("name")?;
    if is_test(args) {
        return told(format!("Beacon: {name} would be deleted."), true);
    }
    match change(cx, args, "delete", &name, "_delete", "delete complete") {
        Ok(beacons) if !beacons.contains(&name) => told(format!("Deleted beacon: {name}."), true),
        Ok(_) => told(format!("Failed to delete beacon {name}."), false),
        Err(comment) => told(comment, false),
    }
}

fn switch(cx: &Context, args: &Args, on: bool) -> Result<Value, Fault> {
    let (func, word, done) =
        if on { ("enable", "enabled", "Enabled") } else { ("disable", "disabled", "Disabled") };
    if is_test(args) {
        return told(format!("Beacons would be {word}."), true);
    }
    match change(cx, args, func, "", &format!("s_{word}"), &format!("{word} complete")) {
        Ok(beacons) if beacons.get("enabled").is_some_and(|enabled| enabled.truthy() == on) => {
            told(format!("{done} beacons on minion."), true)
        }
        Ok(_) => told(format!("Failed to {func} beacons on minion."), false),
        Err(comment) => told(comment, false),
    }
}

fn switch_one(cx: &Context, args: &Args, on: bool) -> Result<Value, Fault> {
    let (func, word, done) =
        if on { ("enable_beacon", "enabled", "Enabled") } else { ("disable_beacon", "disabled", "Disabled") };
    let name = args.str("name")?;
    if name.is_empty() {
        return told("Beacon name is required.", false);
    }
    if is_test(args) {
        let text = if on {
            format!("Beacon {name} would be enabled.")
        } else {
            "Beacons would be disabled.".to_owned()
        };
        return told(text, true);
    }
    if !list(cx, args, true, true).is_some_and(|beacons| beacons.contains(&name)) {
        return told(format!("Beacon {name} is not currently configured."), false);
    }
    let now = |beacons: &Map| match beacons.get(&name) {
        Some(Value::List(items)) => items.iter().rev().find_map(|item| item.get("enabled").cloned()),
        Some(config) => config.get("enabled").cloned(),
        None => None,
    };
    match change(cx, args, func, &name, &format!("_{word}"), &format!("{word} complete")) {
        Ok(beacons) if now(&beacons).is_some_and(|enabled| enabled.truthy() == on) => {
            told(format!("{done} beacon {name} on minion."), true)
        }
        Ok(_) if on => told(format!("Failed to enable beacon {name} on minion."), false),
        Ok(_) => told("Failed to disable beacon on minion.", false),
        Err(comment) => told(comment, false),
    }
}

fn reset(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if is_test(args) {
        return told("Beacons would be reset.", true);
    }
    match change(cx, args, "reset", "", "_reset", "reset") {
        Ok(_) => told("Beacon configuration reset.", true),
        Err(comment) => told(comment, false),
    }
}

fn save(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let beacons = list(cx, args, false, true).unwrap_or_default();
    let include = Path::new(cx.opt_str("default_include"));
    let folder = Path::new(cx.opt_str("config_dir")).join(include.parent().unwrap_or(Path::new("")));
    let path = folder.join("beacons.conf");
    let text = match beacons.is_empty() {
        true => String::new(),
        false => yaml::dump(&map! { "beacons" => beacons }.into(), Style::SALT),
    };
    let made = fs::create_dir_all(&folder);
    let written =
        made.and_then(|()| cx.host.write_atomic(&path, text.as_bytes(), 0o640, FileOwner::default()));
    let path = path.display();
    match written {
        Ok(()) => told(format!("Beacons saved to {path}."), true),
        Err(_) => told(format!("Unable to write to beacons file at {path}. Check permissions."), false),
    }
}
