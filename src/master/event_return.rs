//! `event_return`: every event of the bus is brought to returners too. Salt: utils/event.py (`EventReturn`).
//!
//! Events are kept one by one as they come: `event_return_queue` and its kin make no difference, nothing waits in memory
//! longer than the returner takes. A returner that is slower than the bus loses the oldest events, as any slow listener.

use std::sync::Arc;

use tokio::sync::watch;

use super::Master;
use super::services::Services;
use crate::event::{Filter, tags};
use crate::host::{RealHost, tasks};
use crate::loader::{Context, Nowhere, Scope};
use crate::map;
use crate::patterns::fnmatch;
use crate::returners;
use crate::value::{Map, Value};

/// A list of names, which may be written as one text.
fn names(opts: &Map, option: &str) -> Vec<String> {
    match opts.get(option) {
        Some(Value::Text(one)) if !one.is_empty() => vec![one.clone()],
        Some(Value::List(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Starts what runs until `stop` says so: a thread, as returners may wait for a disk or a network; `None` when no
/// returner is wished for.
pub(super) fn start(
    master: &Arc<Master>,
    stop: watch::Receiver<bool>,
) -> Option<tokio::task::JoinHandle<()>> {
    let mut wanted = names(&master.opts, "event_return");
    wanted.retain(|name| {
        let known = returners::ALL.iter().any(|returner| returner.name == name);
        if !known {
            crate::log::error!(
                "Could not store return for event(s) - returner '{name}.event_return' not found."
            );
        }
        known
    });
    if wanted.is_empty() {
        return None;
    }
    // From now on, not from when the thread runs.
    let events = master.bus.subscribe(Filter::all());
    master.fire(tags::EVENT_LISTEN_START, Map::new());
    let (master, wanted) = (master.clone(), wanted.join(","));
    let done = tasks::blocking(move || carry_out(&master, &wanted, events, stop));
    Some(tasks::spawn(async move {
        let _ = done.await;
    }))
}

fn carry_out(
    master: &Arc<Master>,
    wanted: &str,
    mut events: crate::transport::bus::LocalEvents,
    mut stop: watch::Receiver<bool>,
) {
    let services = Services::new(master.clone(), tokio::runtime::Handle::current());
    let (white, black) =
        (names(&master.opts, "event_return_whitelist"), names(&master.opts, "event_return_blacklist"));
    let registry = crate::builtin::execution_modules();
    let empty = Map::new();
    let scope = Scope {
        opts: &master.opts,
        grains: (&empty).into(),
        pillar: (&empty).into(),
        published: &empty,
        registry: &registry,
        host: &RealHost,
        minion: &Nowhere,
        master: &services,
    };
    let fits = |patterns: &[String], tag: &str| patterns.iter().any(|pattern| fnmatch(pattern, tag));
    while let Some(event) = services.block_on(events.next_until(&mut stop)) {
        if (white.is_empty() || fits(&white, &event.tag)) && !fits(&black, &event.tag) {
            let whole = map! { "data" => event.data, "tag" => event.tag };
            returners::save(&Context::new(scope), wanted, &whole);
        }
    }
}
