//! What functions are lent by the process they run in: the daemon or `salt-call`. Synchronous on the outside; the
//! master is spoken to on the event loop. Salt: the `event`, `cp` and `pillar` modules' channels.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::builtin;
use crate::config::Opts;
use crate::fileclient::{Files, Source};
use crate::host::RealHost;
use crate::loader::{Fault, FileClient, MinionServices};
use crate::local_pillar::{LocalPillar, Request};
use crate::log::error;
use crate::map;
use crate::transport::bus::{BusPaths, fire_and_wait_blocking, watch_blocking};
use crate::transport::master_channel::{MasterChannel, Patience, RequestError, answers_blocking};
use crate::value::msgpack::Reading;
use crate::value::{Map, MergeStrategy, Value, merge_maps, str_of};

/// The master, for threads that may block.
pub struct Uplink {
    pub handle: Handle,
    pub channel: MasterChannel,
    /// `request_channel_timeout` and `request_channel_tries`.
    pub patience: Patience,
    pub own: Option<Arc<OwnPillar>>,
}

/// The pillars of a minion that compiles them itself.
pub struct OwnPillar(LocalPillar);

impl OwnPillar {
    /// With `file_client: local` and without `use_master_when_local`. Salt: pillar/__init__.py (`get_pillar`).
    pub fn of(opts: &Opts) -> Option<Arc<Self>> {
        let own = opts.str("file_client") == "local" && !opts.bool("use_master_when_local");
        own.then(|| Arc::new(OwnPillar(LocalPillar::new(opts.as_map(), builtin::execution_modules()))))
    }

    /// What a load of [`pillar_load`] asks for. Blocks.
    pub fn compile(&self, load: &Map) -> Map {
        let text = |name| load.str(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let map = |name| load.get(name).and_then(Value::as_map).cloned();
        let request = Request {
            saltenv: text("saltenv"),
            pillarenv: text("pillarenv"),
            overrides: map("pillar_override").unwrap_or_default(),
            extra: map("extra_minion_data").unwrap_or_default(),
            ext: map("ext"),
        };
        let id = load.str("id").unwrap_or_default();
        self.0.compile(id, &map("grains").unwrap_or_default(), &request).pillar.clone()
    }
}

impl Uplink {
    /// Sends a request. Not to be called on the event loop.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when there is no answer.
    pub fn request(&self, load: &Map, patience: Patience) -> Result<Value, Fault> {
        self.handle
            .block_on(self.channel.request(load, patience, Reading::Wire))
            .map_err(|error| fault_of(&error))
    }

    /// Asks for the pillar. Not to be called on the event loop.
    ///
    /// # Errors
    /// As [`Uplink::request`].
    pub fn pillar(&self, load: &Map) -> Result<Map, Fault> {
        if let Some(own) = &self.own {
            return Ok(own.compile(load));
        }
        self.handle.block_on(self.channel.pillar(load, self.patience)).map_err(|error| fault_of(&error))
    }
}

impl Source for Uplink {
    fn ask(&self, load: Map) -> Result<Value, Fault> {
        self.request(&load, self.patience)
    }

    fn ask_together(&self, loads: Vec<Map>) -> Result<Vec<Value>, Fault> {
        self.handle
            .block_on(self.channel.requests(loads, self.patience, Reading::Wire))
            .map_err(|error| fault_of(&error))
    }
}

/// What a user is told of a request that failed.
pub fn fault_of(error: &RequestError) -> Fault {
    Fault::Unreachable(error.to_string())
}

/// Fires an event on the bus of the minion daemon and waits for the answer.
///
/// # Errors
/// [`Fault::Unreachable`] when there is no daemon.
pub fn fire_and_wait(
    bus: &BusPaths,
    tag: &str,
    data: Map,
    answer: &str,
    timeout: Duration,
) -> Result<Option<Map>, Fault> {
    fire_and_wait_blocking(bus, tag, data, answer, timeout)
        .map_err(|error| Fault::Unreachable(error.to_string()))
}

/// Gives the events of a bus of this host to `seen`, as [`MinionServices::watch`].
///
/// # Errors
/// [`Fault::Unreachable`] when nobody serves it.
pub fn watch(opts: &Map, node: &str, seen: &mut dyn FnMut(&str, Map) -> bool) -> Result<(), Fault> {
    let bus = match node {
        "minion" => BusPaths::of_minion(opts),
        _ => BusPaths::master(Path::new(opts.str("sock_dir").unwrap_or_default())),
    };
    watch_blocking(&bus, seen).map_err(|error| Fault::Unreachable(error.to_string()))
}

/// Where events of functions go.
pub type Fire = Box<dyn Fn(&str, Map) -> Result<(), Fault> + Send + Sync>;

/// Services of a process that has a channel to a master.
pub struct ChannelServices {
    uplink: Arc<Uplink>,
    files: Files,
    fire: Fire,
    bus: BusPaths,
    id: String,
    grains: Arc<Map>,
    saltenv: Value,
    pillarenv: Value,
    extra: Map,
}

impl ChannelServices {
    /// Services with the options of a minion.
    pub fn new(uplink: Arc<Uplink>, opts: &Map, grains: Arc<Map>, fire: Fire) -> Self {
        ChannelServices {
            files: Files::from_opts(uplink.clone(), opts),
            uplink,
            fire,
            bus: BusPaths::of_minion(opts),
            id: opts.str("id").unwrap_or_default().to_owned(),
            grains,
            saltenv: opts.get("saltenv").cloned().unwrap_or_default(),
            pillarenv: opts.get("pillarenv").cloned().unwrap_or_default(),
            extra: extra_minion_data(opts),
        }
    }
}

impl MinionServices for ChannelServices {
    fn request(&self, load: Map, timeout: Duration) -> Result<Value, Fault> {
        let patience = Patience { timeout: timeout.max(Duration::from_secs(1)), ..self.uplink.patience };
        self.uplink.request(&load, patience)
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        (self.fire)(tag, data)
    }

    fn fire_and_wait(
        &self,
        tag: &str,
        data: Map,
        answer: &str,
        timeout: Duration,
    ) -> Result<Option<Map>, Fault> {
        fire_and_wait(&self.bus, tag, data, answer, timeout)
    }

    fn watch(&self, opts: &Map, node: &str, seen: &mut dyn FnMut(&str, Map) -> bool) -> Result<(), Fault> {
        watch(opts, node, seen)
    }

    fn answers(&self, opts: &Map, master: &str) -> Result<bool, Fault> {
        Ok(answers_blocking(&Opts::from_map(opts.clone()), master))
    }

    fn files(&self) -> &dyn FileClient {
        &self.files
    }

    fn local_files(&self, opts: &Map) -> Result<Box<dyn FileClient>, Fault> {
        Ok(Files::here(opts))
    }

    fn collect_grains(&self, opts: &Map) -> Result<Map, Fault> {
        Ok(crate::grains::load(&RealHost, opts, true))
    }

    fn compile_pillar(
        &self,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
        overrides: &Map,
    ) -> Result<Map, Fault> {
        let or =
            |given: Option<&str>, otherwise: &Value| given.map_or_else(|| otherwise.clone(), Value::from);
        self.uplink.pillar(&pillar_load(&PillarRequest {
            id: &self.id,
            grains: &self.grains,
            saltenv: or(saltenv, &self.saltenv),
            pillarenv: or(pillarenv, &self.pillarenv),
            overrides,
            extra: self.extra.clone(),
            clean_cache: false,
        }))
    }

    fn external_pillar(&self, external: Map, overrides: &Map) -> Result<Map, Fault> {
        let mut load = pillar_load(&PillarRequest {
            id: &self.id,
            grains: &self.grains,
            saltenv: self.saltenv.clone(),
            pillarenv: self.pillarenv.clone(),
            overrides,
            extra: self.extra.clone(),
            clean_cache: false,
        });
        load.insert("ext", external);
        self.uplink.pillar(&load)
    }
}

/// What a pillar is asked for with.
pub struct PillarRequest<'a> {
    pub id: &'a str,
    pub grains: &'a Map,
    pub saltenv: Value,
    pub pillarenv: Value,
    pub overrides: &'a Map,
    /// [`extra_minion_data`] of the minion's options.
    pub extra: Map,
    /// The master's pillar cache is not to be used.
    pub clean_cache: bool,
}

/// A `_pillar` load. salt-wire.md §12.2.
pub fn pillar_load(request: &PillarRequest<'_>) -> Map {
    let mut load = map! {
        "id" => request.id,
        "grains" => request.grains.clone(),
        "saltenv" => request.saltenv.clone(),
        "pillarenv" => request.pillarenv.clone(),
        "pillar_override" => request.overrides.clone(),
        "extra_minion_data" => request.extra.clone(),
        "ver" => "2",
        "cmd" => "_pillar",
    };
    if request.clean_cache {
        load.insert("clean_cache", true);
    }
    load
}

/// What of the options external pillars see (`pass_to_ext_pillars`, a list of `name` or `name:subkey`), in the shape
/// that it has there. Salt: pillar/__init__.py (`get_ext_pillar_extra_minion_data`).
pub fn extra_minion_data(opts: &Map) -> Map {
    let mut extra = Map::new();
    let paths = match opts.get("pass_to_ext_pillars") {
        None => return extra,
        Some(Value::List(paths)) => paths,
        Some(_) => {
            error!("'pass_to_ext_pillars' config is malformed: it has to be a list. Nothing is passed.");
            return extra;
        }
    };
    for path in paths.iter().map(str_of) {
        let mut names = path.split(':').rev();
        let last = names.next().unwrap_or_default();
        let parents: Vec<&str> = names.collect();
        let mut at = Some(opts);
        for name in parents.iter().rev() {
            at = at.and_then(|map| map.get(name)).and_then(Value::as_map);
        }
        let Some(value) = at.and_then(|map| map.get(last)) else { continue };
        let mut shaped = map! { last => value.clone() };
        for name in parents {
            shaped = map! { name => shaped };
        }
        merge_maps(&mut extra, shaped, MergeStrategy::RecurseMergeLists);
    }
    extra
}

/// A `_minion_event` load of what was fired with the tag `fire_master`: `{data, tag, events, pretag}`. `None` if
/// it says nothing.
pub fn event_load(id: &str, mut fired: Map) -> Option<Map> {
    let mut load =
        map! { "id" => id, "cmd" => "_minion_event", "pretag" => fired.remove("pretag").unwrap_or_default() };
    match (fired.remove("events").filter(Value::truthy), fired.remove("tag").filter(Value::truthy)) {
        (Some(events), _) => load.insert("events", events),
        (None, Some(tag)) => {
            let data = fired.remove("data").filter(Value::truthy).unwrap_or_else(|| Map::new().into());
            load.insert("data", data);
            load.insert("tag", tag)
        }
        (None, None) => return None,
    };
    Some(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_pillars_see_the_options_that_are_passed_to_them() {
        let passed = |paths: Value| {
            extra_minion_data(&map! {
                "pass_to_ext_pillars" => paths,
                "site" => map! { "room" => 1, "rack" => map! { "unit" => 2 } },
                "plain" => "x",
            })
        };
        assert_eq!(passed(Value::list(["plain", "none", "none:at"])), map! { "plain" => "x" });
        let expected = map! { "site" => map! { "rack" => map! { "unit" => 2 }, "room" => 1 } };
        assert_eq!(passed(Value::list(["site:rack:unit", "site:room"])), expected);
        assert_eq!(passed("plain".into()), map! {});
    }

    #[test]
    fn events_for_the_master_come_in_two_forms() {
        let single = event_load(
            "m",
            map! { "data" => map! { "n" => 1 }, "tag" => "a/b", "events" => Value::Null, "pretag" => Value::Null },
        );
        let expected = map! { "id" => "m", "cmd" => "_minion_event", "pretag" => Value::Null, "data" => map! { "n" => 1 }, "tag" => "a/b" };
        assert_eq!(single, Some(expected));
        let events = Value::list([map! { "tag" => "x", "data" => map! {} }]);
        let several = event_load("m", map! { "events" => events.clone(), "pretag" => "p" }).expect("a load");
        assert_eq!((several.get("events"), several.str("pretag")), (Some(&events), Some("p")));
        assert_eq!(event_load("m", map! {}), None);
    }
}
