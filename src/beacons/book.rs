//! Which beacons are configured, when each is to look, and what `beacons.*` changes. Nothing here has an effect but on
//! itself. Salt: beacons/__init__.py.

use std::collections::HashMap;

use super::{ALL, joined, kind, validate};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Words of a beacon's configuration that say when it looks, and as what.
const WHEN: [&str; 5] = ["enabled", "interval", "run_once", "disable_during_state_run", "beacon_module"];

/// The beacons of the options, and when each looked.
#[derive(Debug, Default)]
pub struct Book {
    own: Map,
    /// How many rounds since each looked.
    rounds: HashMap<String, i64>,
}

/// A beacon that is to look now.
#[derive(Debug, PartialEq)]
pub struct Due {
    pub name: String,
    /// The kind of beacon.
    pub module: String,
    /// Its configuration, without what says when it looks.
    pub items: Vec<Map>,
    pub not_during_states: bool,
}

/// The beacons of a pillar.
fn of_pillar(pillar: &Map) -> Map {
    pillar.get("beacons").and_then(Value::as_map).cloned().unwrap_or_default()
}

/// The configuration in one map: lists are of maps, older ones are a map.
fn flat(config: &Value) -> Map {
    match config {
        Value::List(items) => joined(items),
        Value::Map(map) => map.clone(),
        _ => Map::new(),
    }
}

impl Book {
    /// With the option `beacons`.
    pub fn new(own: Map) -> Self {
        Book { own, rounds: HashMap::new() }
    }

    /// Whether none is configured.
    pub fn is_empty(&self, pillar: &Map) -> bool {
        self.own.is_empty() && of_pillar(pillar).is_empty()
    }

    fn all(&self, pillar: &Map) -> Map {
        let mut all = of_pillar(pillar);
        all.extend(self.own.clone());
        all
    }

    /// The beacons that look in this round; one round is `loop_seconds` long. A configuration that will not do is told
    /// in the log.
    pub fn due(&mut self, pillar: &Map, loop_seconds: i64) -> Vec<Due> {
        let all = self.all(pillar);
        self.rounds.retain(|name, _| all.contains(name));
        let mut due = Vec::new();
        if all.get("enabled").is_some_and(|enabled| !enabled.truthy()) {
            return due;
        }
        for (name, config) in all.iter().filter(|(name, _)| name.as_str() != Some("enabled")) {
            let (name, merged) = (str_of(name), flat(config));
            if merged.get("enabled").is_some_and(|enabled| !enabled.truthy()) {
                continue;
            }
            let module =
                merged.get("beacon_module").filter(|module| module.truthy()).map_or(name.clone(), str_of);
            let Some(beacon) = kind(&module) else {
                crate::log::warn!("Unable to process beacon {name}");
                continue;
            };
            let mut items: Vec<Map> = match config {
                Value::List(items) => items.iter().filter_map(Value::as_map).cloned().collect(),
                _ => Vec::new(),
            };
            items
                .iter_mut()
                .for_each(|item| item.retain(|key, _| !key.as_str().is_some_and(|key| WHEN.contains(&key))));
            items.retain(|item| !item.is_empty());
            let plain = match config {
                Value::List(_) => Value::list(items.clone()),
                other => other.clone(),
            };
            if let Err(problem) = validate(beacon, &plain) {
                crate::log::error!("Beacon {name} configuration invalid, not running.\n{problem}");
                continue;
            }
            if let Some(interval) = merged.get("interval").filter(|interval| interval.truthy()) {
                let Some(interval) = interval.as_float() else {
                    let shown = str_of(interval);
                    crate::log::error!(
                        "Beacon {name} configuration invalid, not running.\nInvalid interval: {shown}"
                    );
                    continue;
                };
                // As Salt: the first look comes after an interval.
                let rounds = self.rounds.entry(name.clone()).or_insert(0);
                #[allow(clippy::cast_precision_loss, reason = "seconds")]
                let waited = rounds.saturating_mul(loop_seconds) as f64;
                let now = *rounds > 0 && waited >= interval;
                *rounds = if now { 1 } else { *rounds + 1 };
                if !now {
                    continue;
                }
            }
            if merged.get("run_once").is_some_and(Value::truthy) {
                self.set_enabled(&name, false);
            }
            let not_during_states = merged.get("disable_during_state_run").is_some_and(Value::truthy);
            due.push(Due { name, module, items, not_during_states });
        }
        due
    }

    fn set_enabled(&mut self, name: &str, enabled: bool) {
        match self.own.get_mut(name) {
            Some(Value::Map(config)) => {
                config.insert("enabled", enabled);
            }
            Some(Value::List(items)) => {
                let existing =
                    items.iter_mut().filter_map(Value::as_map_mut).find(|item| item.contains("enabled"));
                match existing {
                    Some(item) => {
                        item.insert("enabled", enabled);
                    }
                    None => items.push(map! { "enabled" => enabled }.into()),
                }
            }
            _ => {}
        }
    }

    /// Carries out an event `manage_beacons`: the tag and the data of the answer.
    pub fn command(&mut self, data: &Map, pillar: &Map) -> Option<(String, Map)> {
        let (func, name) = (data.str("func")?, data.get("name").map(str_of).unwrap_or_default());
        let config = || data.get("beacon_data").cloned().unwrap_or_default();
        let flag = |key: &str| data.get(key).is_none_or(Value::truthy);
        let tag = |what: &str| format!("/salt/minion/minion_beacon{what}_complete");
        let answer = |beacons: Value| map! { "complete" => true, "beacons" => beacons };
        let in_pillar = of_pillar(pillar).contains(&name);
        match func {
            "list" => {
                let mut found = if flag("include_pillar") { of_pillar(pillar) } else { Map::new() };
                if flag("include_opts") {
                    found.extend(self.own.clone());
                }
                return Some((tag("s_list"), answer(found.into())));
            }
            "list_available" => {
                let names = Value::list(ALL.iter().map(|beacon| beacon.name));
                return Some((tag("s_list_available"), answer(names)));
            }
            "validate_beacon" => {
                let (config, mut valid) = (config(), true);
                let module = flat(&config).get("beacon_module").map_or(name, str_of);
                let comment = match kind(&module).map(|beacon| validate(beacon, &config)) {
                    Some(Ok(comment)) => comment.to_owned(),
                    Some(Err(problem)) => {
                        valid = false;
                        problem
                    }
                    None => {
                        format!("Beacon {module} does not have a validate function, skipping validation.")
                    }
                };
                let data = map! { "complete" => true, "vcomment" => comment, "valid" => valid };
                return Some((tag("_validation"), data));
            }
            "enable" | "disable" => {
                self.own.insert("enabled", func == "enable");
                let what = if func == "enable" { "s_enabled" } else { "s_disabled" };
                return Some((tag(what), answer(self.own.clone().into())));
            }
            _ => {}
        }
        let known = self.own.contains(&name);
        let (what, comment, refused) = match func {
            "add" if known => ("_add", format!("Updating settings for beacon item: {name}"), "update"),
            "add" => ("_add", format!("Added new beacon item: {name}"), "update"),
            "modify" => ("_modify", format!("Updating settings for beacon item: {name}"), "modify"),
            "delete" if known => ("_delete", format!("Deleting beacon item: {name}"), "delete"),
            "delete" => ("_delete", format!("Beacon item {name} not found."), "delete"),
            "enable_beacon" => ("_enabled", format!("Enabling beacon item {name}"), "enable"),
            "disable_beacon" => ("_disabled", format!("Disabling beacon item {name}"), "disable"),
            "reset" => ("_reset", "Beacons have been reset".to_owned(), ""),
            other => {
                crate::log::error!("Function \"{other}\" is unavailable in salt.utils.beacons");
                return None;
            }
        };
        let (complete, comment) = match in_pillar && func != "reset" {
            // Salt quirk: one of the five texts has another end.
            true if func == "add" => {
                (false, format!("Cannot update beacon item {name}, because it is configured in pillar."))
            }
            true => (false, format!("Cannot {refused} beacon item {name}, it is configured in pillar.")),
            false => (true, comment),
        };
        if complete {
            match func {
                "add" | "modify" => {
                    self.own.insert(name.as_str(), config());
                }
                "delete" => {
                    self.own.remove(&name);
                }
                "reset" => self.own = Map::new(),
                _ => self.set_enabled(&name, func == "enable_beacon"),
            }
        }
        let data = map! { "complete" => complete, "comment" => comment, "beacons" => self.own.clone() };
        Some((tag(what), data))
    }
}
