//! `diskusage`, `load`, `memusage`, `swapusage`, `ps`: thresholds of the machine. Salt: the files of these names in
//! beacons/.

use super::{Beacon, Look, percent};
use crate::host;
use crate::loader::{Call, Fault};
use crate::map;
use crate::patterns::PyRegex;
use crate::value::{Map, Value, str_of};

pub(super) const DISKUSAGE: Beacon = Beacon { name: "diskusage", validate: |_| None, look: diskusage };
pub(super) const LOAD: Beacon = Beacon { name: "load", validate: load_problem, look: load };
pub(super) const MEMUSAGE: Beacon = Beacon {
    name: "memusage",
    validate: |config| requires(config, "memusage"),
    look: |look| used(look, "memusage", "ps.virtual_memory"),
};
pub(super) const SWAPUSAGE: Beacon = Beacon {
    name: "swapusage",
    validate: |config| requires(config, "swapusage"),
    look: |look| used(look, "swapusage", "ps.swap_memory"),
};
pub(super) const PS: Beacon = Beacon { name: "ps", validate: ps_problem, look: ps };

const AVERAGES: [&str; 3] = ["1m", "5m", "15m"];

fn requires(config: &Map, name: &str) -> Option<String> {
    (!config.contains("percent")).then(|| format!("Configuration for {name} beacon requires percent."))
}

fn used(look: &mut Look, name: &str, fun: &str) -> Result<Vec<Map>, Fault> {
    let now =
        look.cx.call(fun, Call::default())?.get("percent").and_then(Value::as_float).unwrap_or_default();
    let over = now >= percent(look.config.get("percent").unwrap_or(&Value::Null))?;
    Ok(if over { vec![map! { name => now }] } else { Vec::new() })
}

/// Mount points are expressions that have to match to the end.
fn diskusage(look: &mut Look) -> Result<Vec<Map>, Fault> {
    let mounts =
        look.cx.call("ps.disk_partitions", Call { kwargs: map! { "all" => true }, ..Call::default() })?;
    let mut found = Vec::new();
    for (mount, limit) in look.items.iter().filter_map(|item| item.at(0)) {
        let mut expression = str_of(mount);
        if !expression.ends_with('$') {
            expression.push('$');
        }
        let expression =
            PyRegex::new(&expression).map_err(|problem| Fault::exception("error", problem.to_string()))?;
        for place in mounts.as_list().unwrap_or_default().iter().filter_map(|part| part.get("mountpoint")) {
            let path = str_of(place);
            if !expression.matches(&path) {
                continue;
            }
            let usage = look.cx.call("ps.disk_usage", Call::positional([path.as_str().into()]));
            let Some(now) = usage.ok().as_ref().and_then(|usage| usage.get("percent")?.as_float()) else {
                crate::log::warn!("{path} is not a valid mount point.");
                continue;
            };
            if now >= percent(limit)? {
                found.push(map! { "diskusage" => now, "mount" => path });
            }
        }
    }
    Ok(found)
}

fn load_problem(config: &Map) -> Option<String> {
    for name in ["emitatstartup", "onchangeonly"] {
        if config.get(name).is_some_and(|value| value.as_bool().is_none()) {
            return Some(format!("Configuration for load beacon option {name} must be a boolean."));
        }
    }
    let text = match config.get("averages") {
        None => "Averages configuration is required for load beacon.",
        Some(averages) if !AVERAGES.iter().any(|name| averages.get(name).is_some()) => {
            "Averages configuration for load beacon must contain 1m, 5m or 15m items."
        }
        Some(averages) => AVERAGES.iter().find_map(|name| match averages.get(name) {
            Some(Value::List(limits)) if limits.len() == 2 => None,
            Some(Value::List(_)) => {
                Some("Configuration for load beacon: 1m, 5m and 15m items must be a list of two items.")
            }
            _ => Some(
                "Averages configuration for load beacon: 1m, 5m and 15m items must be a list of two items.",
            ),
        })?,
    };
    Some(text.to_owned())
}

fn load(look: &mut Look) -> Result<Vec<Map>, Fault> {
    let status = look.cx.call("status.loadavg", Call::default())?;
    let names = AVERAGES.iter().zip(["1-min", "5-min", "15-min"]);
    let now: Map =
        names.map(|(name, theirs)| (*name, status.get(theirs).cloned().unwrap_or_default())).collect();
    let flag = |name: &str, default: bool| look.config.get(name).map_or(default, Value::truthy);
    let changes_only = flag("onchangeonly", false);
    let first = look.memory.last.is_empty();
    let before = std::mem::replace(&mut look.memory.last, now.clone());
    if changes_only && first && !flag("emitatstartup", true) {
        return Ok(Vec::new());
    }
    let mut beyond = false;
    for name in AVERAGES {
        let value = |map: &Map| map.get(name).and_then(Value::as_float).unwrap_or_default();
        let limits = look.config.get("averages").and_then(|averages| averages.get(name)?.as_list());
        let Some([low, high]) = limits else { continue };
        let (low, high, now) = (super::percent(low)?, super::percent(high)?, value(&now));
        beyond |= if changes_only {
            let before = if first { now } else { value(&before) };
            now > high && before < high || now < low && before > low
        } else {
            now < low || now > high
        };
    }
    Ok(if beyond { vec![now] } else { Vec::new() })
}

fn ps_problem(config: &Map) -> Option<String> {
    match config.get("processes") {
        None => Some("Configuration for ps beacon requires processes.".to_owned()),
        Some(Value::Map(_)) => None,
        Some(_) => Some("Processes for ps beacon must be a dictionary.".to_owned()),
    }
}

fn ps(look: &mut Look) -> Result<Vec<Map>, Fault> {
    let names: Vec<String> = host::pids().into_iter().filter_map(host::process_name).collect();
    let processes = look.config.get("processes").and_then(Value::as_map);
    Ok(processes
        .into_iter()
        .flat_map(Map::iter)
        .filter_map(|(name, wanted)| {
            let runs = names.contains(&str_of(name));
            let said: Value = match (wanted.as_str(), runs) {
                (Some("running"), true) => "Running".into(),
                (Some("stopped"), false) => "Stopped".into(),
                (Some("running" | "stopped"), _) | (_, true) => return None,
                (_, false) => false.into(),
            };
            Some(map! { name.clone() => said })
        })
        .collect())
}
