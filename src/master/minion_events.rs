//! `_minion_event`: what minions fire on the master's bus. Salt: daemons/masterapi.py `RemoteFuncs._minion_event`;
//! salt-wire.md §11.

use super::Master;
use crate::channel::commands::EventLoad;
use crate::event::tags;
use crate::names::MinionId;
use crate::value::{Map, Value, str_of};

/// The most events in one load.
const MAX_EVENTS: usize = 10_000;

/// Fires the events of a load. Tags that only the master may fire are dropped, in the single form too.
pub(super) fn fire(master: &Master, id: &MinionId, event: EventLoad) -> Value {
    let load = event.load;
    match load.get("events") {
        Some(Value::List(events)) => {
            let pretag = load.get("pretag").and_then(Value::as_str).map(str::to_owned);
            for item in events.iter().take(MAX_EVENTS) {
                fire_listed(master, id, item, pretag.as_deref());
            }
        }
        _ => {
            if let Some(tag) = load.str("tag").map(str::to_owned)
                && load.contains("data")
                && may_fire(id, &tag)
            {
                if tag == tags::SALT_ERROR {
                    let said = load.get("data").and_then(|data| data.get("message")).map(str_of);
                    let said = said.unwrap_or_default();
                    crate::log::error!("Received minion error from [{id}]: {}", said.escape_debug());
                }
                // The whole load is the data of the event.
                master.fire(&tag, load);
            }
        }
    }
    Value::Null
}

fn fire_listed(master: &Master, id: &MinionId, item: &Value, pretag: Option<&str>) {
    let Some(event) = item.as_map() else { return };
    let Some(tag) = event.str("tag").filter(|tag| may_fire(id, tag)) else { return };
    let mut data = match event.get("data") {
        Some(Value::Map(data)) => data.clone(),
        Some(other) => {
            let mut wrapped = Map::new();
            wrapped.insert("data", other.clone());
            wrapped
        }
        None => event.clone(),
    };
    // Whoever acts on an event reads here who fired it.
    data.insert("id", id.as_str());
    if let Some(pretag) = pretag {
        let long = format!("{pretag}/{tag}");
        if may_fire(id, &long) {
            master.fire(&long, data.clone());
        }
    }
    master.fire(tag, data);
}

/// Whether a minion may fire this tag; if not, the log says so.
pub(super) fn may_fire(id: &MinionId, tag: &str) -> bool {
    let may = !tags::is_reserved(tag, id.as_str());
    if !may {
        crate::log::warn!(
            minion = id.as_str(),
            tag,
            "an event that only the master or another minion may fire was dropped"
        );
    }
    may
}
