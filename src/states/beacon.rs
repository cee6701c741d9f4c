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
