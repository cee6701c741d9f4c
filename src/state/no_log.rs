//! Secrets of the pillar are kept from every return. `no_log: True`: what a state is given and what it says is kept from logs, events, diffs and returns; files get the
//! true values. Not in Salt, where it is an argument that no state knows.

use super::keywords::{REQUISITES, REQUISITES_IN};
use super::tag::field;
use crate::value::{Map, Value, concealed, str_of};

/// In the place of what is hidden.
const HIDDEN: &str = "***";

pub(super) fn is_wanted(low: &Map) -> bool {
    low.get("no_log").is_some_and(Value::truthy)
}

/// The name of a chunk as it may be shown: one that is not its id, such as a command, is hidden, but stays another one
/// than those of its neighbours.
pub(super) fn shown_name(low: &Map) -> String {
    let name = low.get("name").map(str_of).unwrap_or_default();
    if !is_wanted(low) || name == field(low, "__id__") {
        return name;
    }
    format!("{HIDDEN}{}", low.get("order").map(str_of).unwrap_or_default())
}

/// Runs something of a chunk. What this thread has to say for the log meanwhile is not said.
pub(super) fn quietly(low: &Map, run: &mut dyn FnMut()) {
    if is_wanted(low) { crate::log::muted(run) } else { run() }
}

/// Takes out of a return what may not be shown.
pub(super) fn hide(low: &Map, ret: &mut Map) {
    if !is_wanted(low) {
        if let Value::Map(shown) = concealed(std::mem::take(ret).into()) {
            *ret = shown;
        }
        return;
    }
    let mut shown = Map::new();
    for (key, value) in std::mem::take(ret) {
        let value = match key.as_str() {
            Some("name") => shown_name(low).into(),
            Some("changes") => hidden(value),
            Some("comment") => format!("{HIDDEN} (no_log)").into(),
            Some("result" | "skip_watch" | "duration" | "start_time" | "__parallel__") => value,
            _ => continue,
        };
        shown.insert(key, value);
    }
    *ret = shown;
}

/// Hides what a chunk, or a state in high data, is given, where these are shown.
pub fn conceal(shown: &mut Value) {
    match shown {
        Value::Map(low) if is_wanted(low) => {
            let name = shown_name(low);
            low.iter_mut().for_each(|(key, value)| hide_argument(key, value));
            low.insert("name", name);
        }
        Value::List(args) if args.iter().filter_map(Value::as_map).any(is_wanted) => {
            args.iter_mut()
                .filter_map(Value::as_map_mut)
                .flat_map(Map::iter_mut)
                .for_each(|(key, value)| hide_argument(key, value));
        }
        _ => {}
    }
}

/// All but what says how the state stands among the others.
fn hide_argument(key: &Value, value: &mut Value) {
    const TOLD: &[&str] = &["state", "fun", "__id__", "__sls__", "__env__", "order", "no_log"];
    let key = str_of(key);
    let told = [TOLD, REQUISITES, REQUISITES_IN].iter().any(|names| names.contains(&key.as_str()));
    if !told {
        *value = HIDDEN.into();
    }
}

/// The same keys, so that it shows that something changed.
fn hidden(value: Value) -> Value {
    match value {
        Value::Map(map) => {
            Value::Map(map.into_iter().map(|(key, value)| (key, hidden(value))).collect::<Map>())
        }
        Value::Bool(_) | Value::Null => value,
        _ => HIDDEN.into(),
    }
}
