//! `environ`: variables of the minion's environment. Salt: states/environ.py.

use crate::loader::{Args, Call, Default, Fault, Running, State, StateReturn, States, always, opt, req};
use crate::map;
use crate::value::{Map, Value};

pub(super) static STATES: States = States {
    file: "environ",
    provides: "environ",
    available: always,
    functions: &[State::new(
        "setenv",
        &[
            req("name"),
            req("value"),
            opt("false_unsets", Default::False),
            opt("clear_all", Default::False),
            opt("update_minion", Default::False),
            opt("permanent", Default::False),
        ],
        "Variables have these values: a text for the one called as the state, or a map of several.",
        setenv,
    )],
    mod_watch: None,
    mod_aggregate: None,
};

/// What would have to change: `{variable: value}`.
fn plan(current: impl Fn(&str) -> Option<String>, wanted: &Map, unset: bool) -> Map {
    let mut changes = Map::new();
    for (key, value) in wanted {
        let own = key.as_str().and_then(&current);
        match value {
            Value::Bool(false) if unset => {
                if own.is_some() {
                    changes.insert(key.clone(), Value::Null);
                }
            }
            Value::Bool(false) => {
                if own.as_deref() != Some("") {
                    changes.insert(key.clone(), "");
                }
            }
            Value::Text(text) if own.as_deref().unwrap_or_default() == text => {}
            other => {
                changes.insert(key.clone(), other.clone());
            }
        }
    }
    changes
}

fn setenv(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name").clone();
    let wanted = match args.get("value") {
        value @ (Value::Text(_) | Value::Bool(false)) => Map::from_iter([(name.clone(), value.clone())]),
        Value::Map(map) => map.clone(),
        _ => return Ok(StateReturn::new(name, Some(false), "Environ value must be string, dict or False")),
    };
    let unset = *args.get("false_unsets") == Value::Bool(true);
    let mut changes = Map::new();
    if *args.get("clear_all") == Value::Bool(true) {
        for key in running.host.env_all().keys().filter(|key| !wanted.contains(key)) {
            changes.insert(key.as_str(), if unset { Value::Null } else { "".into() });
        }
    }
    changes.extend(plan(|key| running.host.env(key), &wanted, unset));
    if running.test() {
        let comment = if changes.is_empty() {
            "Environ values are already set with the correct values"
        } else {
            "Environ values will be changed"
        };
        return Ok(StateReturn::new(name, Some(true), comment).with(changes));
    }
    if changes.is_empty() {
        let comment = "Environ values were already set with the correct values";
        return Ok(StateReturn::new(name, Some(true), comment));
    }
    let kwargs = map! {
        "environ" => wanted,
        "false_unsets" => args.get("false_unsets").clone(),
        "clear_all" => args.get("clear_all").clone(),
        "update_minion" => args.get("update_minion").clone(),
        "permanent" => args.get("permanent").clone(),
    };
    let set = running.call("environ.setenv", Call { args: Vec::new(), kwargs })?;
    if !set.truthy() {
        return Ok(StateReturn::new(name, Some(false), "Failed to set environ variables").with(changes));
    }
    Ok(StateReturn::new(name, Some(true), "Environ values were set").with(set))
}
