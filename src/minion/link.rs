//! A link to one master: signed in, subscribed to its publishes, with a pillar and a way for returns. Salt: minion.py
//! (`Minion`, one object for each master).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Daemon;
use super::ear::Ear;
use super::returner::Returner;
use super::services::{Fire, PillarRequest, Uplink, event_load, extra_minion_data, pillar_load};
use super::spool::Adopt;
use crate::config::Opts;
use crate::event::tags;
use crate::host::tasks;
use crate::loader::Fault;
use crate::log::{error, info, warn};
use crate::map;
use crate::transport::master_channel::{MasterAddress, MasterChannel, Patience, RequestError, SignInError};
use crate::value::msgpack::Reading;
use crate::value::{Map, Value};

/// Events for the master that may wait.
const MOST_EVENTS: usize = 1024;

/// One master, from the first sign-in on.
pub struct Link {
    pub daemon: Arc<Daemon>,
    pub channel: MasterChannel,
    pub returner: Returner,
    pillar: Mutex<Arc<Map>>,
    events: mpsc::Sender<Map>,
    handle: Handle,
    opts: Arc<Map>,
}

/// Why a link came to its end.
#[derive(Debug)]
pub enum LinkEnd {
    /// The connection is lost, and there are other masters (`master_type: failover`).
    Lost,
    /// The master does not let us in.
    Refused(SignInError),
}

impl Link {
    /// A link over `channel`. `adopt` says whose earlier returns it brings to its master.
    pub fn new(daemon: Arc<Daemon>, channel: MasterChannel, adopt: Adopt) -> Arc<Self> {
        let (events, receiver) = mpsc::channel(MOST_EVENTS);
        let returner = Returner::start(channel.clone(), daemon.spool.clone(), &daemon.opts, adopt);
        let pillar = Mutex::new(Arc::new(Map::new()));
        let patience = event_patience(&daemon);
        tasks::spawn(forward(channel.clone(), patience, receiver));
        let opts = Arc::new(opts_with(&daemon.opts, channel.address()));
        Arc::new(Link { daemon, channel, returner, pillar, events, handle: Handle::current(), opts })
    }

    /// The options as functions see them: `master` and its like are those of this link.
    pub fn opts(&self) -> &Map {
        &self.opts
    }

    /// The pillar as last compiled.
    pub fn pillar(&self) -> Arc<Map> {
        Arc::clone(&self.pillar.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `request_channel_timeout` and `request_channel_tries`.
    pub fn patience(&self) -> Patience {
        request_patience(&self.daemon.opts)
    }

    /// The master, for threads that may block.
    pub fn uplink(&self) -> Arc<Uplink> {
        Arc::new(Uplink {
            handle: self.handle.clone(),
            channel: self.channel.clone(),
            patience: self.patience(),
            own: self.daemon.own_pillar.clone(),
        })
    }

    /// Where events of functions go: the minion's own bus.
    pub fn fire(&self) -> Fire {
        let bus = self.daemon.bus.clone();
        Box::new(move |tag, data| bus.fire(tag, data).map_err(|error| Fault::execution(error.to_string())))
    }

    /// Sends a `_minion_event` or another load that has no answer, after those that were there before.
    pub fn forward(&self, load: Map) {
        if self.events.try_send(load).is_err() {
            warn!(master = %self.channel.address(), "too many events wait for the master: one is dropped");
        }
    }

    /// Tells the minion's own bus that the master is gone or there again.
    pub fn fire_connection(&self, what: &str) {
        let master = self.channel.address().host.as_str();
        let _ = self.daemon.bus.fire(what, map! { "master" => master });
    }

    /// A pillar compiled anew.
    ///
    /// # Errors
    /// When the master does not give one.
    pub async fn compile_pillar(
        &self,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
        overrides: &Map,
        ext: Option<Map>,
        clean_cache: bool,
    ) -> Result<Map, RequestError> {
        let opts = &self.daemon.opts;
        let or = |given: Option<&str>, name: &str| {
            given.map_or_else(|| opts.get(name).cloned().unwrap_or_default(), Value::from)
        };
        let grains = self.daemon.grains();
        let mut load = pillar_load(&PillarRequest {
            id: opts.id(),
            grains: &grains,
            saltenv: or(saltenv, "saltenv"),
            pillarenv: or(pillarenv, "pillarenv"),
            overrides,
            extra: extra_minion_data(opts.as_map()),
            clean_cache,
        });
        if let Some(ext) = ext {
            load.insert("ext", ext);
        }
        if let Some(own) = self.daemon.own_pillar.clone() {
            let compiled = tasks::blocking(move || own.compile(&load)).await;
            return compiled.map_err(|error| SignInError::Broken(error.to_string()).into());
        }
        self.channel.pillar(&load, self.patience()).await
    }

    /// Compiles the pillar and keeps it. A pillar that cannot be had leaves the old one in place.
    pub async fn refresh_pillar(&self, clean_cache: bool) -> bool {
        match self.compile_pillar(None, None, &Map::new(), None, clean_cache).await {
            Ok(pillar) => {
                self.daemon.scheduled.set_pillar(&pillar);
                let pillar = Arc::new(pillar);
                *self.pillar.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&pillar);
                self.daemon.beacons.pillar_changed(&pillar);
                true
            }
            Err(problem) => {
                error!("Pillar data could not be refreshed. One or more masters may be down! ({problem})");
                false
            }
        }
    }

    /// Signs in, listens and starts jobs, until the master is lost for good.
    pub async fn run(self: Arc<Self>) -> LinkEnd {
        let session = match self.channel.sign_in().await {
            Ok(session) => session,
            Err(refused) => return LinkEnd::Refused(refused),
        };
        let mut ear = Ear::new(&self, &session);
        self.refresh_pillar(false).await;
        self.daemon.joined(&self);
        self.announce();
        info!(master = %self.channel.address(), "Minion is ready to receive requests!");
        let end = ear.listen(&self).await;
        self.daemon.left(&self);
        end
    }

    /// The start events. Salt: `_fire_master_minion_start`.
    fn announce(&self) {
        let opts = &self.daemon.opts;
        let text = format!("Minion {} started at {}", opts.id(), asctime());
        let wanted = opts.list_of_str("start_event_grains");
        let grains = self.daemon.grains();
        let chosen: Map =
            wanted.into_iter().filter_map(|name| Some((name.clone(), grains.get(&name)?.clone()))).collect();
        let legacy = opts.bool("enable_legacy_startup_events").then(|| tags::MINION_START.to_owned());
        for tag in legacy.into_iter().chain([tags::minion_start(opts.id())]) {
            let fired = map! { "data" => text.as_str(), "tag" => tag };
            if let Some(mut load) = event_load(opts.id(), fired) {
                if !opts.list_of_str("start_event_grains").is_empty() {
                    load.insert("grains", chosen.clone());
                }
                self.forward(load);
            }
        }
    }
}

/// Salt: `prep_ip_port`, `resolve_dns`. Salt's `master_ip` and the address in `master_uri` are resolved; ours are the
/// name, which is asked for anew at each attempt.
fn opts_with(opts: &Opts, master: &MasterAddress) -> Map {
    let mut map = opts.as_map().clone();
    map.insert("master", master.host.as_str());
    map.insert("master_port", i64::from(master.port));
    map.insert("master_ip", master.host.as_str());
    map.insert("master_uri", master.uri());
    if matches!(opts.str("master_type"), "failover" | "distributed") {
        map.insert("master_list", opts.get("master").cloned());
    }
    map
}

/// `request_channel_timeout` and `request_channel_tries`.
pub fn request_patience(opts: &Opts) -> Patience {
    let timeout = match opts.duration("request_channel_timeout") {
        Duration::ZERO => Duration::from_secs(60),
        timeout => timeout,
    };
    let tries = u32::try_from(opts.int("request_channel_tries")).ok().filter(|tries| *tries > 0).unwrap_or(3);
    Patience { timeout, tries }
}

fn event_patience(daemon: &Daemon) -> Patience {
    let timeout = daemon.opts.duration("return_retry_timer").max(Duration::from_secs(5));
    Patience { timeout, tries: u32::try_from(daemon.opts.int("return_retry_tries")).unwrap_or(3).max(1) }
}

/// Brings events to the master, in order.
async fn forward(channel: MasterChannel, patience: Patience, mut loads: mpsc::Receiver<Map>) {
    while let Some(load) = loads.recv().await {
        if let Err(problem) = channel.request(&load, patience, Reading::Wire).await {
            info!("fire_master failed: {problem}");
        }
    }
}

/// Local time as C's `asctime` prints it.
fn asctime() -> String {
    crate::host::local_now().strftime("%a %b %e %H:%M:%S %Y").to_string()
}
