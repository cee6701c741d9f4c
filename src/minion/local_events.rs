//! What the daemon does about events on its own bus: modules ask by them for a refresh, for something to be sent to
//! the master, or for a variable to be set. Salt: minion.py (`Minion.handle_event`); salt-wire.md §14.6.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::link::Link;
use super::scheduled;
use super::services::event_load;
use super::{Daemon, beacons};
use crate::event::{Event, Filter, tags};
use crate::host::tasks;
use crate::host::{Host, RealHost};
use crate::log::{debug, error, warn};
use crate::map;
use crate::value::msgpack::Reading;
use crate::value::{Map, Value};

/// What an event asks of the daemon.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    Refresh(Refresh),
    /// To be sent to every master: a `_minion_event`.
    Forward(Map),
    /// To be sent to every master as it is.
    Send(Map),
    /// To be sent to one master, and answered on the bus.
    Ask {
        request: String,
        master: String,
        load: Map,
    },
    SetEnv(Map),
    /// What `schedule.*` asks.
    Schedule(Map),
    /// What `beacons.*` asks.
    Beacons(Map),
}

/// What is to be compiled or collected anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refresh {
    /// Grains are collected in any case; the pillar only with this, or when they have changed.
    pub pillar: bool,
    /// The pillar, but only when grains have changed.
    pub pillar_if_changed: bool,
    /// Past every cache.
    pub force: bool,
    pub clean_cache: bool,
    /// Tell the bus when modules are refreshed.
    pub notify: bool,
}

/// Reads an event; `None` for all that is not meant for the daemon.
pub fn wish_of(event: Event, id: &str) -> Option<Wish> {
    let Event { tag, data } = event;
    let is = |start: &str| tag.starts_with(start);
    let flag = |key: &str| data.get(key).is_some_and(Value::truthy);
    if is(tags::MODULE_REFRESH) {
        return Some(Wish::Refresh(Refresh {
            force: flag("force_refresh"),
            notify: flag("notify"),
            ..Refresh::default()
        }));
    }
    if is(tags::PILLAR_REFRESH) {
        let (force, clean_cache) = (flag("force_refresh"), flag("clean_cache"));
        return Some(Wish::Refresh(Refresh { pillar: true, force, clean_cache, ..Refresh::default() }));
    }
    if is(tags::GRAINS_REFRESH) {
        let force = flag("force_refresh");
        return Some(Wish::Refresh(Refresh {
            pillar: force,
            pillar_if_changed: true,
            force: true,
            ..Refresh::default()
        }));
    }
    if is(tags::FIRE_MASTER) {
        return event_load(id, data).map(Wish::Forward);
    }
    if is(tags::SALT_ERROR) {
        return event_load(id, map! { "data" => data, "tag" => tag }).map(Wish::Forward);
    }
    if is(tags::MINION_MINE) {
        return Some(Wish::Send(data));
    }
    if is(tags::ENVIRON_SETENV) {
        return Some(Wish::SetEnv(data));
    }
    if is(tags::MANAGE_SCHEDULE) {
        return Some(Wish::Schedule(data));
    }
    // What a scheduler in another process gives back is a return.
    if is(tags::SCHEDULE_RETURN) {
        return Some(Wish::Send(data));
    }
    if is(tags::REQUEST_PAYLOAD) {
        let mut words = tag.splitn(3, '/').skip(1);
        let (request, master) = (words.next()?.to_owned(), words.next()?.to_owned());
        return Some(Wish::Ask { request, master, load: data });
    }
    if is(tags::MANAGE_BEACONS) {
        return Some(Wish::Beacons(data));
    }
    if is(tags::BEACONS_RETURN) {
        return event_load(id, map! { "events" => data.get("beacons").cloned() }).map(Wish::Forward);
    }
    None
}

/// Serves the wishes on the bus, for ever.
pub async fn serve(daemon: Arc<Daemon>) {
    let mut events = daemon.bus.subscribe(Filter::all());
    let (refreshes, receiver) = mpsc::channel(64);
    tasks::spawn(refresh_in_turn(Arc::clone(&daemon), receiver));
    while let Some(event) = events.next().await {
        match wish_of(event, daemon.id()) {
            Some(Wish::Refresh(refresh)) => {
                let taken = refreshes.try_send(refresh);
                taken.unwrap_or_else(|_| warn!("too many refreshes wait: one is left out"));
            }
            Some(Wish::Forward(load)) => daemon.links().iter().for_each(|link| link.forward(load.clone())),
            Some(Wish::Send(load)) => daemon.links().iter().for_each(|link| link.forward(load.clone())),
            Some(Wish::Ask { request, master, load }) => {
                let link = daemon.links().into_iter().find(|link| link.channel.address().host == master);
                match link {
                    Some(link) => drop(tasks::spawn(ask(link, request, load))),
                    None => debug!(%master, "a request for a master that there is no link to"),
                }
            }
            Some(Wish::Schedule(data)) => scheduled::manage(&daemon, &data).await,
            Some(Wish::Beacons(data)) => beacons::manage(&daemon, &data),
            Some(Wish::SetEnv(data)) => set_env(&RealHost, &data),
            None => {}
        }
    }
}

async fn ask(link: Arc<Link>, request: String, load: Map) {
    match link.channel.request(&load, link.patience(), Reading::Wire).await {
        Ok(reply) => {
            let tag = format!("{}/{request}", tags::REQUEST_RETURN);
            let _ = link.daemon.bus.fire(&tag, map! { "ret" => reply });
        }
        Err(problem) => error!("Timeout encountered while sending a request. id={request} ({problem})"),
    }
}

async fn refresh_in_turn(daemon: Arc<Daemon>, mut wanted: mpsc::Receiver<Refresh>) {
    while let Some(refresh) = wanted.recv().await {
        let changed = daemon.refresh_grains(refresh.force).await;
        if refresh.notify {
            let _ = daemon.bus.fire(tags::MODULE_REFRESH_COMPLETE, map! { "complete" => true });
        }
        if refresh.pillar || (refresh.pillar_if_changed && changed) {
            for link in daemon.links() {
                link.refresh_pillar(refresh.clean_cache).await;
            }
            let _ = daemon.bus.fire(tags::PILLAR_REFRESH_COMPLETE, map! { "complete" => true });
        }
    }
}

/// `environ.setenv` for the daemon itself: jobs inherit its environment. Salt: modules/environ.py (`setenv`).
fn set_env(host: &dyn Host, data: &Map) {
    let Some(environ) = data.get("environ").and_then(Value::as_map) else { return };
    let flag = |key: &str| data.get(key).is_some_and(Value::truthy);
    if flag("clear_all") {
        for name in host.env_all().keys().filter(|name| !environ.contains(name)) {
            host.set_env(name, Some(""));
        }
    }
    for (name, value) in environ {
        match (name.as_str(), value) {
            (Some(name), Value::Text(text)) => host.set_env(name, Some(text)),
            (Some(name), Value::Bool(false)) => {
                host.set_env(name, if flag("false_unsets") { None } else { Some("") })
            }
            _ => warn!("environ.setenv: a variable is text, or False"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(tag: &str, data: Map) -> Option<Wish> {
        wish_of(Event { tag: tag.to_owned(), data }, "web1")
    }

    #[test]
    fn tags_say_what_is_wished() {
        let refresh = |refresh| Some(Wish::Refresh(refresh));
        assert_eq!(wish("module_refresh", map! {}), refresh(Refresh::default()));
        let pillar = Refresh { pillar: true, clean_cache: true, ..Refresh::default() };
        assert_eq!(wish("pillar_refresh", map! { "clean_cache" => true }), refresh(pillar));
        let grains = Refresh { pillar_if_changed: true, force: true, ..Refresh::default() };
        assert_eq!(wish("grains_refresh", map! {}), refresh(grains));
        assert_eq!(wish("salt/job/1/ret/web1", map! {}), None);
        assert!(matches!(wish("manage_beacons", map! {}), Some(Wish::Beacons(_))));
    }

    #[test]
    fn what_is_for_the_master_goes_there() {
        let fired = map! { "data" => map! { "n" => 1 }, "tag" => "my/tag", "events" => Value::Null, "pretag" => Value::Null };
        let Some(Wish::Forward(load)) = wish("fire_master", fired) else { panic!("forwarded") };
        assert_eq!(
            (load.str("cmd"), load.str("id"), load.str("tag")),
            (Some("_minion_event"), Some("web1"), Some("my/tag"))
        );
        let Some(Wish::Forward(load)) = wish("_salt_error", map! { "message" => "x" }) else {
            panic!("forwarded")
        };
        assert_eq!(load.get("data"), Some(&map! { "message" => "x" }.into()));
        let ask = wish("__master_req_channel_payload/abc/10.0.0.1", map! { "cmd" => "_mine" });
        let expected = Wish::Ask {
            request: "abc".to_owned(),
            master: "10.0.0.1".to_owned(),
            load: map! { "cmd" => "_mine" },
        };
        assert_eq!(ask, Some(expected));
    }
}
