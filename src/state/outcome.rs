//! Results: as maps in Salt's shape, and whether a run of them succeeded. Salt: state.py (`call_chunk`),
//! utils/state.py (`check_result`), utils/decorators/state.py.

use super::tag::split_tag;
use crate::host::{Host, local_zone};
use crate::loader::{Context, Fault, StateReturn};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Functions whose returns have their keys in another order than `name`, `changes`, `result`, `comment`, as Salt's write
/// them down: the order, by the second letters of these; the module; its functions. Salt: states/*.py.
const ORDERS: &[(&[u8; 4], &str, &str)] = &[
    (b"aeho", "alternatives", "install remove set"),
    (b"aeho", "archive", "extracted"),
    (b"aeho", "beacon", "absent disabled enabled present"),
    (b"aeho", "cron", "absent env_absent"),
    (b"aeho", "gpg", "absent present"),
    (b"aeho", "kmod", "absent present"),
    (b"aeho", "mount", "fstab_absent fstab_present"),
    (b"aeho", "salt", "parallel_runners runner wheel"),
    (b"aeho", "schedule", "absent disabled enabled present"),
    (b"aeho", "sysctl", "present"),
    (b"aeoh", "alternatives", "auto"),
    (b"aeoh", "git", "cloned detached latest present"),
    (b"aeoh", "http", "query wait_for_successful_query"),
    (b"aeoh", "pip", "installed removed"),
    (b"aeoh", "test", "mod_watch"),
    (b"aeoh", "virtualenv", "managed"),
    (b"hoae", "blockdev", "formatted tuned"),
    (b"hoae", "cron", "env_present file present"),
    (b"hoae", "file", "cached managed not_cached serialize"),
    (b"ahoe", "file", "copy mknod mod_beacon pruned rename"),
    (b"ahoe", "module", "mod_watch run"),
    (b"ahoe", "pkg", "mod_watch"),
    (b"ahoe", "salt", "function state wait_for_event"),
];

/// A state's return as the map that goes into the results.
pub(super) fn map_of(module: &str, function: &str, outcome: StateReturn) -> Map {
    let StateReturn { name, changes, result, comment, extra } = outcome;
    let changes = match changes {
        Value::Map(_) => changes,
        _ => {
            return map! {
                "result" => false,
                "name" => "later",
                "changes" => Map::new(),
                "comment" => "An exception occurred in this state: 'Changes' should be a dictionary.",
            };
        }
    };
    // With what the run adds: `__sls__`, `__run_num__`, `start_time`, `duration`, `__id__`.
    const COMPLETE: usize = 9;
    let mut ret = Map::with_capacity(COMPLETE + extra.len());
    let mut ordered = ORDERS.iter().filter(|(_, of, _)| *of == module);
    let order = ordered.find(|(.., functions)| functions.split(' ').any(|name| name == function));
    let (mut name, mut changes, mut comment) = (Some(name), Some(changes), Some(comment));
    for letter in order.map_or(b"aheo", |(order, ..)| order) {
        match letter {
            b'a' => ret.insert("name", name.take()),
            b'h' => ret.insert("changes", changes.take()),
            b'e' => ret.insert("result", result),
            _ => ret.insert("comment", comment.take()),
        };
    }
    ret.extend(extra);
    ret
}

/// A state that failed by an exception.
pub(super) fn raised(name: Value, fault: &Fault) -> Map {
    let said = match fault {
        Fault::NotAvailable(text) => format!("KeyError: {text}"),
        Fault::Invocation(text) => format!("salt.exceptions.SaltInvocationError: {text}"),
        Fault::Type(text) => format!("TypeError: {text}"),
        Fault::Execution { text, .. } => format!("salt.exceptions.CommandExecutionError: {text}"),
        Fault::NotFound(text) => format!("salt.exceptions.CommandNotFoundError: {text}"),
        Fault::NotSupported(what) => format!("not supported by Halite: {what}"),
        other => other.to_string(),
    };
    let comment =
        format!("An exception occurred in this state: Traceback (most recent call last):\n{said}\n");
    map! { "result" => false, "name" => name, "changes" => Map::new(), "comment" => comment }
}

/// When something ran: its start as local time, and for how long in milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    began: crate::value::DateTime,
}

impl Watch {
    pub(super) fn start(host: &dyn Host) -> Self {
        Watch { began: host.now() }
    }

    /// `14:03:07.123456`.
    pub(super) fn start_time(&self) -> String {
        let zoned =
            self.began.to_zoned(jiff::tz::TimeZone::UTC).map(|began| began.with_time_zone(local_zone()));
        let time = zoned.map_or(self.began.time(), |zoned| zoned.time());
        let micros = time.subsec_nanosecond() / 1_000;
        let whole = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
        if micros == 0 { whole } else { format!("{whole}.{micros:06}") }
    }

    /// Milliseconds, to the microsecond.
    pub(super) fn duration(&self, host: &dyn Host) -> f64 {
        let micros = host.now().duration_since(self.began).as_micros();
        micros as f64 / 1_000.0
    }
}

/// The result of a chunk that was not run.
pub(super) fn not_run(cx: &Context, low: &Map, result: bool, comment: &str, run_num: i64) -> Map {
    let mut ret = not_called(cx, result, comment);
    ret.insert("__run_num__", run_num);
    name_it(&mut ret, low);
    ret
}

/// The result of a chunk that was not run since nothing called for it, which is told to those who wait for it.
pub(super) fn skipped(cx: &Context, low: &Map, comment: &str, run_num: i64) -> Map {
    let mut ret = not_called(cx, true, comment);
    ret.insert("__state_ran__", false);
    ret.insert("__run_num__", run_num);
    name_it(&mut ret, low);
    ret
}

fn not_called(cx: &Context, result: bool, comment: &str) -> Map {
    let watch = Watch::start(cx.host);
    map! {
        "changes" => Map::new(),
        "result" => result,
        "duration" => watch.duration(cx.host),
        "start_time" => watch.start_time(),
        "comment" => comment,
    }
}

/// Which state it is.
pub(super) fn name_it(ret: &mut Map, low: &Map) {
    for key in ["__sls__", "__id__", "name"] {
        ret.insert(key, low.get(key).cloned().unwrap_or_default());
    }
    if super::no_log::is_wanted(low) {
        ret.insert("name", super::no_log::shown_name(low));
    }
}

pub(super) fn result_of(ret: &Map) -> Option<bool> {
    ret.get("result").and_then(Value::as_bool)
}

pub(super) fn has_changes(ret: &Map) -> bool {
    ret.get("changes").is_some_and(Value::truthy)
}

/// Whether nothing failed, or what failed was handled by an `onfail` with `onfail_stop: False`. `high` is what was run.
pub fn all_succeeded(running: &Value, high: Option<&Map>) -> bool {
    check(running, high, false)
}

fn check(running: &Value, high: Option<&Map>, recurse: bool) -> bool {
    let Value::Map(running) = running else { return false };
    if running.is_empty() {
        return false;
    }
    for (id, result) in running {
        let fine = match result {
            Value::Map(map) => match map.get("result") {
                Some(Value::Bool(false)) => false,
                Some(_) => true,
                None => check(result, high, true),
            },
            Value::List(_) if id.as_str() == Some("__extend__") => true,
            _ => recurse,
        };
        if !fine && !handled(&str_of(id), running, high) {
            return false;
        }
    }
    true
}

/// The states of high data that [`all_succeeded`] has to know of: those with `onfail_stop: False`.
pub fn failure_handlers(high: &Map) -> Map {
    let handles = |body: &Value| {
        let args = body.as_map().into_iter().flatten().filter_map(|(_, args)| args.as_list()).flatten();
        args.into_iter().any(|arg| arg.get("onfail_stop") == Some(&Value::Bool(false)))
    };
    let handlers = high.iter().filter(|(_, body)| handles(body));
    handlers.map(|(id, body)| (id.clone(), body.clone())).collect()
}

/// An `onfail` that takes the failure upon itself ran, and did not fail.
fn handled(id: &str, running: &Map, high: Option<&Map>) -> bool {
    let Some(high) = high else { return false };
    let [module, id, ..] = split_tag(id).unwrap_or(["", id, "", ""]);
    let mut outcome = None;
    for (handler_id, handler_module) in handlers(module, id, high) {
        for (tag, ret) in running {
            let tag = str_of(tag);
            let Some([of_module, of_id, ..]) = split_tag(&tag) else { continue };
            if of_module == handler_module && of_id == handler_id {
                match ret.get("result") {
                    Some(Value::Bool(false)) => {
                        outcome = Some(false);
                        break;
                    }
                    Some(Value::Bool(true)) => outcome = Some(true),
                    _ => {}
                }
            }
        }
    }
    outcome.unwrap_or(false)
}

fn handlers(module: &str, id: &str, high: &Map) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (handler, body) in high {
        if handler.as_str() == Some(id) {
            continue;
        }
        for (handler_module, args) in body.as_map().into_iter().flatten() {
            let args = args.as_list().unwrap_or_default();
            if !args.iter().any(|arg| arg.get("onfail_stop") == Some(&Value::Bool(false))) {
                continue;
            }
            let about = args.iter().filter_map(|arg| arg.get("onfail")?.as_list()).flatten();
            let meant = about.filter_map(Value::as_map).flatten().any(|(of_module, of_id)| {
                of_id.as_str() == Some(id) && (module.is_empty() || of_module.as_str() == Some(module))
            });
            if meant {
                found.push((str_of(handler), str_of(handler_module)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Functions that have more than one order, by how they end.
    const SEVERAL: &[&str] = &["pip.installed", "pkg.patch_downloaded", "pkg.mod_watch"];

    /// The returns of 3006.25 in `tests/golden/machine`, which were recorded in their order.
    #[test]
    fn the_keys_of_a_return_stand_in_salts_order() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/machine");
        let (mut functions, mut others) = (std::collections::HashSet::new(), 0);
        for entry in fs::read_dir(recorded).expect("recorded calls") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|end| end != "jsonl") {
                continue;
            }
            for line in fs::read_to_string(path).expect("text").lines() {
                let case = Value::from_json(line).expect("JSON");
                let fun = case.get("fun").and_then(Value::as_str).unwrap_or_default();
                let Some((file, function)) = fun.strip_prefix("states.").and_then(|fun| fun.split_once('.'))
                else {
                    continue;
                };
                let Some(ret) = case.get("return").and_then(Value::as_map) else { continue };
                let module = file.strip_suffix("_state").or(file.strip_suffix("_mod")).unwrap_or(file);
                let full = format!("{module}.{function}");
                if !ret.contains("comment") || SEVERAL.contains(&full.as_str()) {
                    continue;
                }
                let ours = map_of(module, function, StateReturn::new("x", Some(true), ""));
                let expected: Vec<&Value> = ret.keys().filter(|key| ours.get_value(key).is_some()).collect();
                assert_eq!(ours.keys().collect::<Vec<_>>(), expected, "{full}");
                others += usize::from(expected.get(1).is_some_and(|key| key.as_str() != Some("changes")));
                functions.insert(full);
            }
        }
        assert!(functions.len() > 60 && others > 200, "{} functions, {others} calls", functions.len());
    }
}
