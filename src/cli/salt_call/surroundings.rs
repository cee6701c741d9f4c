//! What a function called by `salt-call` finds around it: grains, and a master with its pillar, or neither. Salt:
//! minion.py (`SMinion`), cli/caller.py.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::proxy;
use crate::builtin;
use crate::cli::profile::Profile;
use crate::cli::{Exit, Stop};
use crate::config::Opts;
use crate::fileclient::{Files, LocalSource};
use crate::grains;
use crate::host::RealHost;
use crate::loader::{Fault, FileClient, MinionServices, Source};
use crate::local_pillar::{Compiled, LocalPillar, Request};
use crate::log::{debug, error, warn};
use crate::minion::{
    ChannelServices, Fire, Masters, PillarRequest, Uplink, cache_job, event_load, extra_minion_data,
    fire_and_wait, pillar_load, request_patience, watch,
};
use crate::transport::bus::{BusPaths, fire_blocking};
use crate::transport::master_channel::{
    self, ChannelSettings, MasterAddress, MasterChannel, Patience, SignInError, answers_blocking,
};
use crate::value::{Map, Value};

/// The surroundings of one call.
pub struct Surroundings {
    opts: Opts,
    grains: Arc<OwnGrains>,
    empty: Map,
    connected: OnceLock<Connected>,
}

/// Grains of this machine, collected when first asked for.
pub struct OwnGrains {
    opts: Map,
    profile: Arc<Profile>,
    collected: OnceLock<Arc<Map>>,
}

impl OwnGrains {
    fn get(&self) -> &Arc<Map> {
        self.collected.get_or_init(|| {
            let _phase = self.profile.phase("grains");
            let force = self.opts.get("refresh_grains_cache").is_some_and(Value::truthy);
            let mut grains = grains::load(&RealHost, &self.opts, force);
            if self.opts.contains("proxyid") {
                proxy::disguise(&mut grains);
            }
            Arc::new(grains)
        })
    }
}

impl Source for OwnGrains {
    fn map(&self) -> &Map {
        self.get()
    }
}

/// The pillar of a minion without a master, compiled when first asked for.
struct OwnPillar {
    id: String,
    opts: Map,
    grains: Arc<OwnGrains>,
    request: Request,
    compiler: OnceLock<LocalPillar>,
    compiled: OnceLock<Arc<Compiled>>,
}

impl OwnPillar {
    fn compile(&self, request: &Request) -> Arc<Compiled> {
        let _phase = self.grains.profile.phase("pillar");
        let compiler = self.compiler.get_or_init(|| {
            let functions = crate::minion::allowed(builtin::execution_modules(), &self.opts);
            LocalPillar::new(&self.opts, functions)
        });
        compiler.compile(&self.id, self.grains.get(), request)
    }

    fn get(&self) -> &Map {
        &self.compiled.get_or_init(|| self.compile(&self.request)).pillar
    }
}

/// Where the pillar comes from.
enum Pillar {
    OfMaster(Map),
    Own(Arc<OwnPillar>),
}

/// A master, or its absence.
struct Connected {
    pillar: Pillar,
    services: Box<dyn MinionServices + Send>,
    uplink: Option<Arc<Uplink>>,
    /// Keeps the connection going; dropped last.
    _runtime: Option<Runtime>,
}

impl Surroundings {
    /// Nothing is collected or connected yet.
    pub fn new(opts: Opts, profile: Arc<Profile>) -> Self {
        let grains = Arc::new(OwnGrains { opts: opts.as_map().clone(), profile, collected: OnceLock::new() });
        Surroundings { opts, grains, empty: Map::new(), connected: OnceLock::new() }
    }

    /// The options.
    pub fn opts(&self) -> &Opts {
        &self.opts
    }

    /// The grains, collected when they are first looked at.
    pub fn grains(&self) -> &OwnGrains {
        &self.grains
    }

    fn collected(&self) -> &Arc<Map> {
        self.grains.get()
    }

    /// No master takes part.
    pub fn is_local(&self) -> bool {
        self.opts.bool("local")
            || self.opts.str("file_client") == "local"
            || self.opts.str("master_type") == "disable"
    }

    /// Signs in to the master and gets the pillar, unless the call is local.
    ///
    /// # Errors
    /// When no master lets us in, or it gives no pillar.
    pub fn connect(&self) -> anyhow::Result<()> {
        let connected = if self.is_local() { self.alone()? } else { self.with_master()? };
        let _ = self.connected.set(connected);
        Ok(())
    }

    fn alone(&self) -> anyhow::Result<Connected> {
        let opts = self.opts.as_map();
        let option = |name| opts.str(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let request =
            Request { saltenv: option("saltenv"), pillarenv: option("pillarenv"), ..Request::default() };
        let pillar = Arc::new(OwnPillar {
            id: self.opts.id().to_owned(),
            opts: opts.clone(),
            grains: Arc::clone(&self.grains),
            request,
            compiler: OnceLock::new(),
            compiled: OnceLock::new(),
        });
        let source = Arc::new(LocalSource::from_opts(opts));
        let files = Files::from_opts(source, opts);
        let services = Box::new(Alone { files, bus: BusPaths::of_minion(opts), pillar: Arc::clone(&pillar) });
        Ok(Connected { pillar: Pillar::Own(pillar), services, uplink: None, _runtime: None })
    }

    fn with_master(&self) -> anyhow::Result<Connected> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("the event loop cannot be started")?;
        let channel = self.sign_in(&runtime)?;
        let patience = request_patience(&self.opts);
        let uplink = Arc::new(Uplink { handle: runtime.handle().clone(), channel, patience, own: None });
        let overrides = Map::new();
        let option = |name| self.opts.get(name).cloned().unwrap_or_default();
        let grains = self.collected();
        let phase = self.grains.profile.phase("pillar");
        let pillar = uplink.pillar(&pillar_load(&PillarRequest {
            id: self.opts.id(),
            grains,
            saltenv: option("saltenv"),
            pillarenv: option("pillarenv"),
            overrides: &overrides,
            extra: extra_minion_data(self.opts.as_map()),
            clean_cache: false,
        }));
        drop(phase);
        let pillar = pillar.map_err(|fault| Stop::failed(Exit::GENERIC, format!("{fault}\n")))?;
        let fire = fire(&self.opts, Arc::clone(&uplink));
        let services = Box::new(ChannelServices::new(
            Arc::clone(&uplink),
            self.opts.as_map(),
            Arc::clone(self.collected()),
            fire,
        ));
        Ok(Connected {
            pillar: Pillar::OfMaster(pillar),
            services,
            uplink: Some(uplink),
            _runtime: Some(runtime),
        })
    }

    /// The first master that lets us in.
    fn sign_in(&self, runtime: &Runtime) -> anyhow::Result<MasterChannel> {
        let addresses = match Masters::from_opts(&self.opts, || 0.0)? {
            Masters::None => Vec::new(),
            Masters::Each(addresses) | Masters::Failover(addresses) => addresses,
        };
        let identity = master_channel::identity(&self.opts)?;
        let mut last = None;
        for address in addresses {
            let settings =
                ChannelSettings::for_tool(&self.opts, address.clone(), identity.clone(), self.collected());
            let signed = runtime.block_on(async {
                let channel = MasterChannel::new(settings);
                channel.sign_in().await.map(|_| channel)
            });
            match signed {
                Ok(channel) => return Ok(channel),
                Err(problem) => last = Some(refused(&address, &problem)),
            }
        }
        Err(last.unwrap_or_else(|| Stop::failed(Exit::GENERIC, "there is no master\n")).into())
    }

    /// What functions are lent.
    pub fn services(&self) -> &dyn MinionServices {
        match self.connected.get() {
            Some(connected) => &*connected.services,
            None => &crate::loader::Nowhere,
        }
    }

    /// Tells the master what was returned, or the minion's own job cache.
    pub fn report(&self, returned: &Map) {
        match self.connected.get().and_then(|connected| connected.uplink.as_ref()) {
            Some(uplink) if !self.opts.bool("no_return_event") => {
                let mut load = crate::map! { "cmd" => "_return", "id" => self.opts.id() };
                load.extend(returned.iter().map(|(key, value)| (key.clone(), value.clone())));
                load.insert("jid", "req");
                let patience = Patience { timeout: Duration::from_secs(10), ..uplink.patience };
                if let Err(problem) = uplink.request(&load, patience) {
                    // Salt says nothing: the result is about to be printed.
                    debug!("the master was not told: {problem}");
                }
            }
            _ if self.opts.bool("cache_jobs") => {
                if let Err(problem) = cache_job(&self.opts.path("cachedir"), returned) {
                    warn!("the return cannot be cached: {problem}");
                }
            }
            _ => {}
        }
    }
}

/// Why a master does not let us in, in Salt's words where it has some.
fn refused(address: &MasterAddress, problem: &SignInError) -> Stop {
    match problem {
        SignInError::Pending => Stop::failed(
            Exit(2),
            "Minion failed to authenticate with the master, has the minion key been accepted?\n",
        ),
        SignInError::Rejected => Stop::failed(
            Exit::NO_PERMISSION,
            "The Salt Master has rejected this minion's public key!\nTo repair this issue, delete the public key for \
             this minion on the Salt Master.\n",
        ),
        SignInError::Unanswered(why) => {
            error!(master = %address, "{why}");
            Stop::failed(
                Exit::GENERIC,
                "Unable to sign_in to master: Attempt to authenticate with the salt master failed with timeout error\n",
            )
        }
        other => Stop::failed(Exit::GENERIC, format!("Unable to sign_in to master {address}: {other}\n")),
    }
}

impl Source for Surroundings {
    /// The pillar: the master's, or one of our own; empty before [`Surroundings::connect`].
    fn map(&self) -> &Map {
        match self.connected.get().map(|connected| &connected.pillar) {
            Some(Pillar::OfMaster(pillar)) => pillar,
            Some(Pillar::Own(pillar)) => pillar.get(),
            None => &self.empty,
        }
    }
}

/// Events for the master go there at once; others to the bus of the minion daemon, if one runs.
fn fire(opts: &Opts, uplink: Arc<Uplink>) -> Fire {
    let (id, bus) = (opts.id().to_owned(), BusPaths::of_minion(opts.as_map()));
    Box::new(move |tag, data| match tag {
        "fire_master" => match event_load(&id, data) {
            Some(load) => uplink.request(&load, uplink.patience).map(|_| ()),
            None => Ok(()),
        },
        "_minion_mine" => uplink.request(&data, uplink.patience).map(|_| ()),
        _ => fire_locally(&bus, tag, data),
    })
}

fn fire_locally(bus: &BusPaths, tag: &str, data: Map) -> Result<(), Fault> {
    fire_blocking(bus, tag, data).map_err(|error| Fault::Unreachable(error.to_string()))
}

/// Services where there is no master.
struct Alone {
    files: Files,
    bus: BusPaths,
    pillar: Arc<OwnPillar>,
}

impl MinionServices for Alone {
    fn request(&self, load: Map, _: Duration) -> Result<Value, Fault> {
        let cmd = load.str("cmd").unwrap_or("request");
        Err(Fault::Unreachable(format!("{cmd}: there is no master with --local")))
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        fire_locally(&self.bus, tag, data)
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
        let or = |given: Option<&str>, own: &Option<String>| given.map(str::to_owned).or_else(|| own.clone());
        let request = Request {
            saltenv: or(saltenv, &self.pillar.request.saltenv),
            pillarenv: or(pillarenv, &self.pillar.request.pillarenv),
            overrides: overrides.clone(),
            ..Request::default()
        };
        Ok(self.pillar.compile(&request).pillar.clone())
    }

    fn external_pillar(&self, external: Map, overrides: &Map) -> Result<Map, Fault> {
        let request =
            Request { overrides: overrides.clone(), ext: Some(external), ..self.pillar.request.clone() };
        Ok(self.pillar.compile(&request).pillar.clone())
    }
}
