//! The minion daemon: it signs in to its masters, listens for jobs, runs them and returns what came of them. Salt:
//! minion.py.
//!
//! A job's way: `ear` opens and judges the publish, `jobs` runs it (in a `job_process`, or on a thread), `spool` writes
//! the return down, `returner` brings it to the master. `local_events` serves what modules ask for on the minion's own
//! bus. What is decided without effects stands in `job`, `execute`, `masters`, `targets`, `seen` and `backoff`.

mod backoff;
mod beacons;
mod ear;
mod execute;
mod executors;
mod failover;
mod job;
mod job_process;
mod job_queue;
mod jobs;
mod link;
mod local_events;
mod masters;
mod periodic;
mod proc_files;
mod resolve;
mod returner;
mod rpc;
mod scheduled;
mod seen;
mod serials;
mod services;
mod spool;
mod targets;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::builtin;
use crate::channel::minion_auth::Identity;
use crate::config::Opts;
use crate::grains;
use crate::host::tasks;
use crate::host::{RealHost, daemon as process};
use crate::loader::Registry;
use crate::log::{error, warn};
use crate::transport::bus::{Bus, BusError, BusOptions, BusPaths, BusServer};
use crate::transport::master_channel::{
    self, ChannelSettings, MasterAddress, MasterChannel, SettingsError, SignInError,
};
use crate::value::{Map, Value};

pub use execute::{Called, allowed, call, near_misses};
pub use executors::Executors;
pub use job_process::{APPLET as JOB_APPLET, JobProcess};
pub use link::request_patience;
pub use masters::{Masters, MastersError};
pub use proc_files::cache_job;
pub use services::{
    ChannelServices, Fire, PillarRequest, Uplink, event_load, extra_minion_data, fire_and_wait, pillar_load,
    watch,
};

use backoff::random_unit;
use beacons::Beacons;
use job_queue::JobQueue;
use jobs::JobSlots;
use link::{Link, LinkEnd};
use proc_files::ProcFiles;
use scheduled::Scheduled;
use seen::SeenJids;
use services::OwnPillar;
use spool::{Adopt, Spool};

/// How long the daemon stays for jobs on its own threads and for returns, after it was told to end.
const LAST_MOMENTS: Duration = Duration::from_secs(5);
/// Options that are read but belong to what is not there yet.
const NOT_YET: &[&str] = &["engines", "proxy", "discovery", "reactor"];

/// Why the daemon does not run, or runs no more.
#[derive(Debug, Error)]
pub enum MinionError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Masters(#[from] MastersError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("{path}: {error}", path = .path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("the event loop cannot be started: {0}")]
    Runtime(std::io::Error),
    #[error(
        "The Salt Master has rejected this minion's public key!\nTo repair this issue, delete the public key for this \
         minion on the Salt Master and restart this minion.\nOr restart the Salt Master in open mode to clean out the \
         keys. The Salt Minion will now exit."
    )]
    Rejected,
    #[error("{0}")]
    SignIn(SignInError),
}

/// Runs the daemon until it is told to end, and says by which signal (SIGTERM, SIGINT). To be called while the process has
/// one thread.
///
/// # Errors
/// [`MinionError`] when it cannot start, or the master has rejected it for good.
pub fn run(opts: Opts) -> Result<&'static str, MinionError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(256)
        .thread_keep_alive(Duration::from_secs(2))
        .build()
        .map_err(MinionError::Runtime)?;
    let ended = runtime.block_on(serve(opts));
    // Threads of functions that do not end are left behind with the process.
    runtime.shutdown_background();
    ended
}

async fn serve(opts: Opts) -> Result<&'static str, MinionError> {
    let masters = Masters::from_opts(&opts, random_unit)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(MinionError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(MinionError::Runtime)?;
    crate::host::debug::report_on_signal();
    let server = open_bus(&opts)?;
    let (stop, stopping) = watch::channel(false);
    let daemon = Daemon::start(opts, server.handle(), stopping).await?;
    process::notify("READY=1");
    tasks::spawn(local_events::serve(Arc::clone(&daemon)));
    tasks::spawn(periodic::mine(Arc::clone(&daemon)));
    tasks::spawn(periodic::grains(Arc::clone(&daemon)));
    tasks::spawn(scheduled::serve(Arc::clone(&daemon)));
    tasks::spawn(beacons::serve(Arc::clone(&daemon)));
    tasks::spawn(scheduled::startup_states(Arc::clone(&daemon)));
    let mut links = daemon.spawn_links(masters);
    let ended = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok("SIGTERM"),
            _ = interrupt.recv() => break Ok("SIGINT"),
            Some(end) = links.join_next() => match end {
                Ok(refused) if links.is_empty() => break Err(refused_for_good(refused)),
                Ok(refused) => error!("A master is given up: {refused}"),
                Err(problem) => error!("a link broke off: {problem}"),
            },
        }
    };
    if let Ok(signal) = ended {
        warn!("Minion received a {signal}. Exiting.");
    }
    process::notify("STOPPING=1");
    let _ = stop.send(true);
    links.abort_all();
    daemon.say_goodbye().await;
    drop(server);
    ended
}

fn refused_for_good(refused: SignInError) -> MinionError {
    match refused {
        SignInError::Rejected => MinionError::Rejected,
        other => MinionError::SignIn(other),
    }
}

fn open_bus(opts: &Opts) -> Result<BusServer, MinionError> {
    let sock_dir = opts.path("sock_dir");
    std::fs::create_dir_all(&sock_dir).map_err(|error| MinionError::Io { path: sock_dir.clone(), error })?;
    let hash_type = opts.str("hash_type").parse().unwrap_or_default();
    let max_event_size = usize::try_from(opts.int("max_event_size")).ok().filter(|size| *size > 0);
    let mut options = BusOptions::default();
    options.max_event_size = max_event_size.unwrap_or(options.max_event_size);
    Ok(BusServer::bind(&BusPaths::minion(&sock_dir, opts.id(), hash_type), &options)?)
}

/// What all links of a minion share.
pub(crate) struct Daemon {
    pub opts: Opts,
    pub cachedir: PathBuf,
    pub registry: Registry,
    pub bus: Bus,
    pub spool: Spool,
    pub proc_files: ProcFiles,
    pub slots: JobSlots,
    pub job_queue: JobQueue,
    pub scheduled: Scheduled,
    pub beacons: Beacons,
    /// This minion's own pillars, where they are not the master's.
    pub own_pillar: Option<Arc<OwnPillar>>,
    identity: Identity,
    grains: Mutex<Arc<Map>>,
    seen: Mutex<SeenJids>,
    links: Mutex<Vec<Arc<Link>>>,
    joined: Notify,
    stopping: watch::Receiver<bool>,
}

impl Daemon {
    async fn start(opts: Opts, bus: Bus, stopping: watch::Receiver<bool>) -> Result<Arc<Self>, MinionError> {
        for name in NOT_YET {
            if opts.get(name).is_some_and(Value::truthy) {
                error!("The option '{name}' is set, but not supported yet: it does nothing");
            }
        }
        let open_files = process::raise_open_files(opts.int("max_open_files").try_into().unwrap_or(65_536));
        let (identity, grains, opts) = tasks::blocking(move || {
            let grains = grains::load(&RealHost, opts.as_map(), false);
            master_channel::identity(&opts).map(|identity| (identity, grains, opts))
        })
        .await
        .map_err(|error| MinionError::Runtime(std::io::Error::other(error)))??;
        let cachedir = opts.path("cachedir");
        let proc_files = ProcFiles::new(&cachedir);
        proc_files.prepare().map_err(|error| MinionError::Io { path: cachedir.join("proc"), error })?;
        let most = usize::try_from(opts.int("minion_jid_queue_hwm")).unwrap_or(100);
        Ok(Arc::new(Daemon {
            registry: allowed(builtin::execution_modules(), opts.as_map()),
            spool: Spool::new(&cachedir),
            slots: JobSlots::new(&opts, open_files),
            job_queue: JobQueue::new(&cachedir),
            scheduled: Scheduled::new(&opts),
            beacons: Beacons::new(&opts),
            own_pillar: OwnPillar::of(&opts),
            grains: Mutex::new(Arc::new(grains)),
            seen: Mutex::new(SeenJids::new(most)),
            links: Mutex::default(),
            joined: Notify::new(),
            cachedir,
            bus,
            proc_files,
            identity,
            stopping,
            opts,
        }))
    }

    /// The minion's id.
    pub fn id(&self) -> &str {
        self.opts.id()
    }

    /// The grains as last collected.
    pub fn grains(&self) -> Arc<Map> {
        Arc::clone(&lock(&self.grains))
    }

    /// Collects the grains anew. Whether they differ from before.
    pub async fn refresh_grains(self: &Arc<Self>, force: bool) -> bool {
        let daemon = Arc::clone(self);
        let collected = tasks::blocking(move || grains::load(&RealHost, daemon.opts.as_map(), force)).await;
        let Ok(collected) = collected else { return false };
        let mut grains = lock(&self.grains);
        let changed = **grains != collected;
        *grains = Arc::new(collected);
        changed
    }

    /// Whether a job is new.
    pub fn first_time(&self, jid: &str) -> bool {
        lock(&self.seen).first_time(jid)
    }

    /// Links that are signed in.
    pub fn links(&self) -> Vec<Arc<Link>> {
        lock(&self.links).clone()
    }

    /// A link is signed in.
    pub fn joined(&self, link: &Arc<Link>) {
        lock(&self.links).push(Arc::clone(link));
        self.joined.notify_waiters();
    }

    /// Waits until there is a link.
    pub async fn first_link(&self) {
        loop {
            let joined = self.joined.notified();
            if !lock(&self.links).is_empty() {
                return;
            }
            joined.await;
        }
    }

    /// A link is lost.
    pub fn left(&self, link: &Arc<Link>) {
        lock(&self.links).retain(|other| !Arc::ptr_eq(other, link));
    }

    /// After how long without connection a master counts as lost: only where there are others, and only with
    /// `master_alive_interval`.
    pub fn lost_after(&self) -> Option<Duration> {
        let interval = self.opts.duration("master_alive_interval");
        let others = matches!(self.opts.str("master_type"), "failover" | "distributed");
        (others && !interval.is_zero()).then_some(interval)
    }

    /// Waits until the daemon is told to end.
    pub async fn stopping(&self) {
        let _ = self.stopping.clone().wait_for(|stopping| *stopping).await;
    }

    fn settings(&self, address: MasterAddress) -> ChannelSettings {
        let grains = self.grains();
        ChannelSettings::for_daemon(&self.opts, address, self.identity.clone(), &grains)
    }

    /// A task for each master, which ends when that master does not let us in for good.
    fn spawn_links(self: &Arc<Self>, masters: Masters) -> JoinSet<SignInError> {
        let mut tasks = JoinSet::new();
        match masters {
            Masters::None => {
                warn!("Master is set to disable, skipping connection");
                tasks.spawn(std::future::pending());
            }
            Masters::Each(addresses) => {
                let names: Vec<String> = addresses.iter().map(MasterAddress::to_string).collect();
                for (index, address) in addresses.into_iter().enumerate() {
                    let others: Vec<String> =
                        names.iter().filter(|name| **name != address.to_string()).cloned().collect();
                    let adopt = Adopt::new(&address.to_string(), (index == 0).then_some(others.as_slice()));
                    let channel = MasterChannel::new(self.settings(address));
                    tasks.spawn(keep_up(Link::new(Arc::clone(self), channel, adopt), index == 0));
                }
            }
            Masters::Failover(addresses) => {
                tasks.spawn(failover::run(Arc::clone(self), addresses));
            }
        }
        tasks
    }

    /// The last moments: jobs on our own threads may end, and returns get one more try. Job processes go on without
    /// us, and write their returns down.
    async fn say_goodbye(&self) {
        self.slots.settled(LAST_MOMENTS).await;
        for link in self.links() {
            link.returner.flushed(LAST_MOMENTS).await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One master, for ever.
async fn keep_up(link: Arc<Link>, first: bool) -> SignInError {
    if first {
        periodic::earlier_jobs(Arc::clone(&link)).await;
    }
    if let Err(unknown) = resolve::patiently(link.channel.address(), &link.daemon.opts).await {
        return unknown;
    }
    loop {
        if let LinkEnd::Refused(refused) = Arc::clone(&link).run().await {
            return refused;
        }
    }
}
