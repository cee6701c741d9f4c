//! The beacons at work: they look every `loop_interval`, and what they tell goes to every master. Salt: minion.py
//! (`setup_beacons`, `process_beacons`, `manage_beacons`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::Daemon;
use super::link::Link;
use super::services::ChannelServices;
use crate::beacons::{Book, Due, Look, Memory, kind};
use crate::config::Opts;
use crate::event::tags;
use crate::host::RealHost;
use crate::host::tasks;
use crate::loader::{Call, Context, Nowhere, Scope};
use crate::log::error;
use crate::map;
use crate::value::{Map, Value};

/// The beacons of a minion, shared.
pub struct Beacons {
    book: Mutex<Book>,
    memory: Mutex<HashMap<String, Memory>>,
    changed: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Beacons that are no map look at nothing.
fn warn_of(beacons: Option<&Value>) {
    if let Some(other) = beacons.filter(|beacons| beacons.truthy() && beacons.as_map().is_none()) {
        error!("Beacons must be of type dict, not {}", other.type_name());
    }
}

impl Beacons {
    /// With the option `beacons`.
    pub fn new(opts: &Opts) -> Self {
        let own = opts.get("beacons");
        warn_of(own);
        let own = own.and_then(Value::as_map).cloned().unwrap_or_default();
        Beacons { book: Mutex::new(Book::new(own)), memory: Mutex::default(), changed: Notify::new() }
    }

    /// The pillar was compiled.
    pub fn pillar_changed(&self, pillar: &Map) {
        warn_of(pillar.get("beacons"));
        self.changed.notify_one();
    }
}

/// Looks for ever; sleeps while there is no beacon.
pub async fn serve(daemon: Arc<Daemon>) {
    daemon.first_link().await;
    let seconds = daemon.opts.int("loop_interval").clamp(1, 3600);
    let mut ticks = interval(Duration::from_secs(u64::try_from(seconds).unwrap_or(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(link) = daemon.links().first().cloned() else { continue };
        let pillar = link.pillar();
        if lock(&daemon.beacons.book).is_empty(&pillar) {
            lock(&daemon.beacons.memory).clear();
            daemon.beacons.changed.notified().await;
            continue;
        }
        let due = lock(&daemon.beacons.book).due(&pillar, seconds);
        if due.is_empty() {
            continue;
        }
        let events = tasks::blocking(move || look(&link, due)).await.unwrap_or_default();
        if !events.is_empty() {
            let _ = daemon.bus.fire(tags::BEACONS_RETURN, map! { "beacons" => Value::List(events) });
        }
    }
}

/// Has every beacon look. Blocking.
fn look(link: &Arc<Link>, due: Vec<Due>) -> Vec<Value> {
    let daemon = &link.daemon;
    let (grains, pillar) = (daemon.grains(), link.pillar());
    let services = ChannelServices::new(link.uplink(), link.opts(), Arc::clone(&grains), link.fire());
    let scope = Scope {
        opts: link.opts(),
        grains: (&*grains).into(),
        pillar: (&*pillar).into(),
        published: &Map::new(),
        registry: &daemon.registry,
        host: &RealHost,
        minion: &services,
        master: &Nowhere,
    };
    let cx = Context::new(scope);
    let mut memories = lock(&daemon.beacons.memory);
    let mut events = Vec::new();
    for Due { name, module, items, not_during_states } in due {
        let Some(beacon) = kind(&module) else { continue };
        if not_during_states && states_run(&cx) {
            crate::log::info!("Skipping beacon {name}. State run in progress.");
            memories.remove(&name);
            continue;
        }
        let config: Map = items.iter().flat_map(Map::clone).collect();
        let memory = memories.entry(name.clone()).or_default();
        let start = format!("salt/beacon/{}/{name}/", daemon.id());
        match (beacon.look)(&mut Look { cx: &cx, items: &items, config: &config, memory }) {
            Ok(told) => events.extend(told.into_iter().map(|mut data| {
                let end = data.remove("tag").map(|tag| crate::value::str_of(&tag)).unwrap_or_default();
                if !data.contains("id") {
                    data.insert("id", daemon.id());
                }
                map! { "tag" => format!("{start}{end}"), "data" => data, "beacon_name" => module.as_str() }
                    .into()
            })),
            Err(fault) => {
                error!("Unable to start {name} beacon, {fault}");
                let event = map! {
                    "tag" => start, "error" => fault.to_string(), "data" => Map::new(), "beacon_name" => module,
                };
                events.push(event.into());
            }
        }
    }
    events
}

fn states_run(cx: &Context) -> bool {
    let running = cx.call("saltutil.is_running", Call::positional(["state.*".into()]));
    running.is_ok_and(|running| running.truthy())
}

/// Carries out an event `manage_beacons`.
pub fn manage(daemon: &Arc<Daemon>, data: &Map) {
    let pillar = daemon.links().first().map(|link| link.pillar()).unwrap_or_default();
    let answer = lock(&daemon.beacons.book).command(data, &pillar);
    if matches!(data.str("func"), Some("delete" | "modify" | "reset" | "add")) {
        let mut memory = lock(&daemon.beacons.memory);
        match data.str("name") {
            Some(name) => drop(memory.remove(name)),
            None => memory.clear(),
        }
    }
    daemon.beacons.changed.notify_one();
    if let Some((tag, data)) = answer {
        let _ = daemon.bus.fire(&tag, data);
    }
}
