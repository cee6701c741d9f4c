//! `beacon`: beacons of the minion as they should be. Salt: states/beacon.py.

use crate::loader::{
    Args, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const NAME: &[Param] = &[req("name"), keywords("kwargs")];
const SAVED: &[Param] = &[req("name"), opt("save", Default::False), keywords("kwargs")];

pub(super) static STATES: States = States {
    file: "beacon",
    provides: "beacon",
    available: always,
    functions: &[
        State::new("absent", SAVED, "There is no such beacon.", |running, args| {
            let mut done =
                told(running, args, "delete", "Removed {} from beacons", "{} not configured in beacons")?;
            save(running, args, &mut done)?;
            Ok(done)
        }),
        State::new("disabled", NAME, "The beacon does not look.", |running, args| {
            told(running, args, "disable_beacon", "Disabled beacon {}.", "Job {} is not configured.")
        }),
        State::new("enabled", NAME, "The beacon looks.", |running, args| {
            told(running, args, "enable_beacon", "Enabled {} from beacons", "{} not a configured beacon")
        }),
        State::new(
            "present",
            SAVED,
            "There is a beacon with this configuration: what is not `name` and `save`. With `save` it is there after the \
             next start, too.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

fn current(running: &Running) -> Result<Map, Fault> {
    let beacons = running.ask_with("beacons.list", &[], map! { "return_yaml" => false })?;
    Ok(beacons.as_map().cloned().unwrap_or_default())
}

/// What a function of `beacons` gave.
fn call(running: &Running, fun: &str, args: &[Value]) -> Result<(bool, String, Map), Fault> {
    let kwargs = if running.test() {
        map! { "test" => true }
    } else {
        Map::new()
    };
    let answer = running.ask_with(&format!("beacons.{fun}"), args, kwargs)?;
    let changes = answer.get("changes").and_then(Value::as_map).cloned().unwrap_or_default();
    let comment = answer.get("comment").map(str_of).unwrap_or_default();
    Ok((answer.get("result").is_some_and(Value::truthy), comment, changes))
}

/// A function of `beacons` where the beacon is there; `{}` in the comments is its name.
fn told(running: &Running, args: &Args, fun: &str, done: &str, missing: &str) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let (mut result, mut comment) = (true, missing.replace("{}", &name));
    if current(running)?.contains(&name) {
        (result, comment, _) = call(running, fun, &[name.as_str().into()])?;
        if result && !running.test() {
            comment = done.replace("{}", &name);
        }
    }
    Ok(StateReturn::new(name, Some(result), comment))
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let data = args.keywords.iter().filter(|(key, _)| !key.as_str().is_some_and(|key| key.starts_with("__")));
    let data = Value::list(data.map(|(key, value)| Map::from_iter([(key.clone(), value.clone())])));
    let beacons = current(running)?;
    let mut changed = Map::new();
    let (mut result, mut comment) = (true, format!("Job {name} in correct state"));
    match beacons.get(&name) {
        Some(configured) if *configured == data => {}
        configured => {
            let (fun, done) = match configured {
                Some(_) => ("modify", format!("Modifying {name} in beacons")),
                None => ("add", format!("Adding {name} to beacons")),
            };
            (result, comment, changed) = call(running, fun, &[name.as_str().into(), data])?;
            if result && !running.test() && (fun == "add" || !changed.is_empty()) {
                comment = done;
            }
        }
    }
    let mut done = StateReturn::new(name, Some(result), comment).with(changed);
    if result {
        save(running, args, &mut done)?;
    }
    Ok(done)
}

fn save(running: &Running, args: &Args, done: &mut StateReturn) -> Result<(), Fault> {
    if done.result == Some(true) && args.truthy("save") {
        let word = if running.test() { "would be saved" } else { "saved" };
        if !running.test() {
            running.ask("beacons.save", &[])?;
        }
        done.comment = format!("{}\nBeacon {} {word}", done.comment, str_of(&done.name));
    }
    Ok(())
}

/// How states of a module are watched.
struct Watched {
    functions: [&'static str; 2],
    beacon: &'static str,
    /// The beacon's configuration: for a name, the function, what the state was given, and its `beacon_data`.
    config: fn(&Value, &str, &Map, &Map) -> Map,
    /// The end of what is said of other functions.
    refused: &'static str,
}

fn or(data: &Map, name: &str, default: impl Into<Value>) -> Value {
    data.get(name).cloned().unwrap_or_else(|| default.into())
}

fn of_files(name: &Value, fun: &str, _: &Map, data: &Map) -> Map {
    let mut watched = map! { "mask" => or(data, "mask", Value::list(["create", "delete", "modify"])) };
    if fun == "directory" {
        watched.insert("auto_add", or(data, "auto_add", true));
        watched.insert("recurse", or(data, "recurse", true));
        watched.insert("exclude", or(data, "exclude", Vec::new()));
    }
    map! {
        "files" => Map::from_iter([(name.clone(), watched)]),
        "interval" => or(data, "interval", 60),
        "coalesce" => or(data, "coalesce", false),
    }
}

fn of_packages(name: &Value, _: &str, given: &Map, _: &Map) -> Map {
    map! { "pkgs" => or(given, "pkgs", vec![name.clone()]), "interval" => 60 }
}

fn of_services(name: &Value, _: &str, _: &Map, data: &Map) -> Map {
    let watched = map! {
        "onchangeonly" => or(data, "onchangeonly", true),
        "delay" => or(data, "delay", 0),
        "emitatstartup" => or(data, "emitatstartup", false),
        // Salt quirk: states/service.py: the value of the other one.
        "uncleanshutdown" => or(data, "emitatstartup", Value::Null),
    };
    map! {
        "services" => Map::from_iter([(name.clone(), watched)]),
        "interval" => or(data, "interval", 60),
    }
}

static WATCHED: [(&str, Watched); 3] = [
    (
        "file",
        Watched {
            functions: ["managed", "directory"],
            beacon: "inotify",
            config: of_files,
            refused: "the beacon state function",
        },
    ),
    (
        "pkg",
        Watched {
            functions: ["installed", "removed"],
            beacon: "pkg",
            config: of_packages,
            refused: "the mod_beacon state function",
        },
    ),
    (
        "service",
        Watched {
            functions: ["running", "dead"],
            beacon: "service",
            config: of_services,
            refused: "the beacon state function",
        },
    ),
];

/// The row of a module whose states can be watched.
pub(super) const MOD_BEACON: State = State::new(
    "mod_beacon",
    NAME,
    "Watches by a beacon what a state with `beacon: True` is about. Not to be called otherwise.",
    of_state,
);

/// Salt: `mod_beacon` of states/file.py, states/pkg.py and states/service.py.
fn of_state(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut given = args.keywords.clone();
    let name = args.get("name");
    let fun = given.remove("sfun").map(|fun| str_of(&fun)).unwrap_or_else(|| "None".to_owned());
    let module = running.low.str("state").unwrap_or_default();
    let told = |result: bool, comment: String| Ok(StateReturn::new(name.clone(), Some(result), comment));
    let Some((_, watched)) = WATCHED.iter().find(|(own, _)| *own == module) else {
        return told(false, format!("{module} does not work with the beacon state function"));
    };
    if !watched.functions.contains(&fun.as_str()) {
        return told(false, format!("{module}.{fun} does not work with {}", watched.refused));
    }
    if !given.get("beacon").is_some_and(Value::truthy) {
        return told(true, "Not adding beacon.".to_owned());
    }
    let data = given.get("beacon_data").and_then(Value::as_map).cloned().unwrap_or_default();
    let mut config = (watched.config)(name, &fun, &given, &data);
    config.insert("beacon_module", watched.beacon);
    config.insert("name", format!("beacon_{}_{}", watched.beacon, str_of(name)));
    match STATES.functions.iter().find(|state| state.name == "present") {
        Some(state) => present(running, &state.bind(config)?),
        None => told(false, String::new()),
    }
}
