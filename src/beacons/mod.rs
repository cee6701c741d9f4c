//! Beacons: what a minion looks at by itself, and tells its master of as events. Salt: beacons/*.py.
//!
//! A row validates its configuration and looks; [`Book`] says which are configured and when each is to look.

mod book;
mod inotify;
mod machine;
mod service;
mod status;

pub use book::{Book, Due};

use crate::loader::{Context, Fault};
use crate::value::{Map, Value};

/// A kind of beacon.
pub struct Beacon {
    pub name: &'static str,
    /// What is wrong with a configuration (the maps of its list, joined), in Salt's words.
    validate: fn(&Map) -> Option<String>,
    /// A map for each event; its `tag` is the end of the event's tag.
    pub look: fn(&mut Look) -> Result<Vec<Map>, Fault>,
}

/// What a beacon sees.
pub struct Look<'a, 'c> {
    pub cx: &'a Context<'c>,
    /// The maps of its configuration without those that say when it looks, and all of them joined.
    pub items: &'a [Map],
    pub config: &'a Map,
    pub memory: &'a mut Memory,
}

/// What a beacon knows from when it looked last.
#[derive(Default)]
pub struct Memory {
    last: Map,
    watcher: Option<inotify::Watcher>,
}

/// Every kind, in alphabetical order.
pub static ALL: &[Beacon] = &[
    machine::DISKUSAGE,
    inotify::ROW,
    machine::LOAD,
    machine::MEMUSAGE,
    machine::PS,
    service::ROW,
    status::ROW,
    machine::SWAPUSAGE,
];

/// The kind of this name.
pub fn kind(name: &str) -> Option<&'static Beacon> {
    ALL.iter().find(|beacon| beacon.name == name)
}

/// Whether a configuration will do, and Salt's comment on it.
pub fn validate(beacon: &Beacon, config: &Value) -> Result<&'static str, String> {
    let Value::List(items) = config else {
        return Err(format!("Configuration for {} beacon must be a list.", beacon.name));
    };
    (beacon.validate)(&joined(items)).map_or(Ok("Valid beacon configuration"), Err)
}

/// The maps of a list in one.
fn joined(items: &[Value]) -> Map {
    items.iter().filter_map(Value::as_map).flat_map(Map::clone).collect()
}

/// A threshold: a number, or a text with a percent sign.
fn percent(value: &Value) -> Result<f64, Fault> {
    let text = crate::value::str_of(value).replace('%', "");
    let number = text.trim().parse::<f64>();
    number.map_err(|_| Fault::exception("ValueError", format!("could not convert string to float: '{text}'")))
}

#[cfg(test)]
mod tests;
