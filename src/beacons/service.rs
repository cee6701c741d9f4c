//! `service`: whether services run. Salt: beacons/service.py.

use std::path::Path;

use super::{Beacon, Look};
use crate::loader::{Call, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) const ROW: Beacon = Beacon { name: "service", validate: problem, look };

fn problem(config: &Map) -> Option<String> {
    let text = match config.get("services") {
        None => "Configuration for service beacon requires services.",
        Some(Value::Map(services)) if services.values().all(|options| options.as_map().is_some()) => {
            return None;
        }
        Some(Value::Map(_)) => "Configuration for service beacon must be a list of dictionaries.",
        Some(_) => "Services configuration item for service beacon must be a dictionary.",
    };
    Some(text.to_owned())
}

fn look(look: &mut Look) -> Result<Vec<Map>, Fault> {
    let now = seconds(look.cx.host.now());
    let mut found = Vec::new();
    for (name, options) in look.config.get("services").and_then(Value::as_map).into_iter().flat_map(Map::iter)
    {
        let service = str_of(name);
        let running = look.cx.call("service.status", Call::positional([name.clone()]))?;
        let mut status = map! { "running" => running.clone() };
        if let Some(file) = options.get("uncleanshutdown").filter(|_| !running.truthy()) {
            status.insert("uncleanshutdown", Path::new(&str_of(file)).exists());
        }
        let told =
            map! { name.clone() => status, "service_name" => service.as_str(), "tag" => service.as_str() };
        if options.get("onchangeonly") != Some(&Value::Bool(true)) {
            found.push(told);
            continue;
        }
        let delay = options.get("delay").and_then(Value::as_int).unwrap_or_default();
        let last = look.memory.last.get(&service).cloned();
        let quiet = last.is_none() && options.get("emitatstartup").is_some_and(|value| !value.truthy());
        let mut since = last.as_ref().and_then(|last| last.get("time")?.as_int());
        let changed = last.as_ref().is_none_or(|last| last.get("running") != Some(&running));
        if changed && !quiet {
            if delay > 0 {
                since = Some(now);
            } else {
                found.push(told.clone());
            }
        }
        if since.is_some_and(|since| now - since > delay) {
            since = None;
            found.push(told);
        }
        let mut kept = map! { "running" => running };
        kept.extend(since.map(|since| ("time", since)));
        look.memory.last.insert(service, kept);
    }
    Ok(found)
}

/// Since 1970.
fn seconds(time: jiff::civil::DateTime) -> i64 {
    time.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |time| time.timestamp().as_second())
}
