//! Starting and stopping a master. Nothing is announced before everything listens; a stop takes no new work and
//! finishes what it has.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zmtp::{Endpoint, Event, Options, PubSocket, RouterSocket};

use super::options::MasterOptions;
use super::own_keys::{LocalKeys, OwnKeys, local_users, make_private_dir};
use super::publisher::{PublishOptions, Publisher};
use super::{
    Master, MasterError, batches, departures, disk_cache, event_return, file_events, foretold, identify,
    key_store, maintenance, nonces, pool, presence, reactor, readers, runners, scheduled, server, sessions,
    stats, store, tokens,
};
use crate::config::Opts;
use crate::crypt::VerifiedTokens;
use crate::fileserver::roots::{Roots, RootsConfig};
use crate::host::tasks;
use crate::transport::bus::{BusOptions, BusPaths, BusServer};
use crate::value::{Map, Value};

/// Tokens that are remembered as verified.
const VERIFIED_TOKENS: usize = 100_000;

/// How long a sealed request is remembered, and how many: a second one with the same nonce is a replay.
const REPLAY_WINDOW: Duration = Duration::from_secs(300);
const REMEMBERED_NONCES: usize = 1 << 17;

/// Names of files in `sock_dir` that tell Python's tools that a master runs: its command line looks for the first, its
/// `salt-api` and `auth.mk_token` for the second. Salt: client/__init__.py (`pub`), netapi/__init__.py; salt-wire.md §14.4.
const RUNNING_FLAGS: [&str; 2] = ["publish_pull.ipc", "workers.ipc"];

/// Blocking threads that the runtime of a master needs.
pub fn threads() -> usize {
    pool::Pool::threads()
}

/// A running master.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// The sockets of the bus vanish with it, after everything else.
    bus: BusServer,
    flags: [std::path::PathBuf; 2],
    /// The ports that it listens on.
    pub publish_port: u16,
    pub ret_port: u16,
}

/// Starts a master on the current runtime.
///
/// # Errors
/// [`MasterError`], with what to do about it.
pub async fn start(opts: Opts) -> Result<Running, MasterError> {
    let options = MasterOptions::read(&opts)?;
    make_private_dir(&options.cachedir)?;
    make_private_dir(&options.token_dir)?;
    fs::create_dir_all(&options.sock_dir)
        .map_err(MasterError::file("make the directory", &options.sock_dir))?;
    let (keys, local_keys) = {
        let options = options.clone();
        let publisher_acl = opts.get("publisher_acl").and_then(Value::as_map).cloned().unwrap_or_default();
        let verify = opts.bool("client_acl_verify");
        let made = tasks::blocking(move || -> Result<_, MasterError> {
            let keys = OwnKeys::load_or_make(&options.keys)?;
            let users = local_users(&options.user, &publisher_acl, verify);
            Ok((keys, LocalKeys::make(&options.cachedir, &users)?))
        });
        made.await.map_err(|error| MasterError::Store(error.to_string()))??
    };
    // What was asked of a master that has ended: this one starts with a new AES key anyway.
    let _ = fs::remove_file(options.cachedir.join(crate::keys::REQUEST));
    let bus_failed = |error: crate::transport::bus::BusError| MasterError::Bus {
        path: options.sock_dir.clone(),
        reason: error.to_string(),
    };
    // Whoever may publish has to hear the answers. Salt 3006: utils/event.py `EventPublisher.run`.
    let others_publish = ["publisher_acl", "external_auth"]
        .iter()
        .any(|option| opts.as_map().get(option).is_some_and(Value::truthy));
    let publish_mode = if others_publish { 0o660 } else { BusOptions::default().publish_mode };
    let bus_options =
        BusOptions { max_event_size: options.max_event_size, publish_mode, ..BusOptions::default() };
    // Before the ports: whoever finds one of them open finds the bus, too.
    let bus = BusServer::bind(&BusPaths::master(&options.sock_dir), &bus_options).map_err(bus_failed)?;

    let host = options.bind_host();
    let publish_endpoint = endpoint(&host, options.publish_port, "publish_port")?;
    let publish_socket = PubSocket::bind(&publish_endpoint, publish_options(&opts, &options))
        .await
        .map_err(|error| listen_error("publish_port", &error))?;
    let ret_endpoint = endpoint(&host, options.ret_port, "ret_port")?;
    let router = RouterSocket::bind(&ret_endpoint, request_options(&opts, &options))
        .await
        .map_err(|error| listen_error("ret_port", &error))?;
    let real_port = |endpoint: Option<Endpoint>, given: u16| match endpoint {
        Some(Endpoint::Tcp { target, .. }) => target.port,
        _ => given,
    };
    let publish_port = real_port(publish_socket.local_endpoint(), options.publish_port);
    let ret_port = real_port(router.local_endpoint(), options.ret_port);

    let map = opts.as_map().clone();
    tell_what_is_missing(&map);
    let unusable = |error: &dyn std::fmt::Display| MasterError::Store(error.to_string());
    let events = publish_socket.events();
    let publisher = Publisher::start(
        publish_socket,
        PublishOptions {
            key: keys.key.clone(),
            signing: options.sign_pub_messages.then_some(options.publish_signing_algorithm),
            filtering: options.zmq_filtering,
            order_masters: options.order_masters,
        },
    );
    let store = open_store(&options.cachedir.join("halite")).await.map_err(|error| unusable(&error))?;
    let master = Arc::new(Master {
        key_store: key_store::KeyStore::open(&options.pki_dir, key_store::KeyPolicy::from_opts(&map))
            .map_err(|error| unusable(&error))?,
        sessions: sessions::Sessions::new(options.cachedir.join("sessions"), options.publish_session),
        tokens: VerifiedTokens::new(VERIFIED_TOKENS),
        user_tokens: tokens::Tokens::new(options.token_dir.clone(), options.hash_type),
        failed_logins: identify::failures(),
        seen: nonces::ReplayWindow::new(REMEMBERED_NONCES, REPLAY_WINDOW, Instant::now()),
        store,
        disk_cache: disk_cache::DiskCache::new(options.cachedir.clone(), options.hash_type),
        readers: readers::Readers::new(crate::names::Jid::of(super::utc_now())),
        files: Roots::new(RootsConfig::from_opts(&map)),
        pillars: crate::local_pillar::LocalPillar::new(&map, crate::builtin::execution_modules()),
        bus: bus.handle(),
        publisher,
        publish_port,
        pool: pool::Pool::new(),
        presence: presence::Presence::default(),
        stats: stats::Stats::from_opts(&map),
        running_runners: runners::places(),
        last_jid: Mutex::default(),
        reactor: Mutex::new(reactor::Reactor::from_opts(&map)),
        opts: map,
        keys,
        local_keys,
        options,
    });

    let flags = RUNNING_FLAGS.map(|name| master.options.sock_dir.join(name));
    for flag in &flags {
        // A master of Salt's may have left its socket there.
        let _ = fs::remove_file(flag);
        fs::write(flag, "").map_err(MasterError::file("write", flag))?;
    }
    let (stop, stopping) = watch::channel(false);
    let mut tasks = vec![
        tasks::spawn(server::serve(master.clone(), router, stopping.clone())),
        tasks::spawn(maintenance::run(master.clone(), stopping.clone())),
        tasks::spawn(departures::run(master.clone(), stopping.clone())),
        tasks::spawn(foretold::run(master.clone(), stopping.clone())),
        tasks::spawn(watch_subscribers(master.clone(), events, stopping.clone())),
    ];
    tasks.extend(reactor::start(&master, stopping.clone()));
    tasks.extend(scheduled::start(&master, stopping.clone()));
    tasks.extend(file_events::start(&master, stopping.clone()));
    tasks.extend(event_return::start(&master, stopping));
    batches::wind_up(&master);
    crate::log::info!(interface = host, publish_port, ret_port, id = master.options.id, "the master is up");
    Ok(Running { stop, tasks, bus, flags, publish_port, ret_port })
}

/// Options that belong to what is not there yet, besides those that `MasterOptions` refuses.
const NOT_YET: &[&str] = &["master_tops", "gitfs_remotes", "hgfs_remotes", "svnfs_remotes", "ssl"];

fn tell_what_is_missing(opts: &Map) {
    for name in NOT_YET {
        if opts.get(name).is_some_and(Value::truthy) {
            crate::log::error!("The option '{name}' is set, but not supported yet: it does nothing");
        }
    }
    for backend in opts.get("fileserver_backend").and_then(Value::as_list).unwrap_or_default() {
        if !matches!(backend.as_str(), Some("roots" | "file")) {
            let backend = crate::value::str_of(backend);
            crate::log::error!(
                "fileserver_backend: '{backend}' is not supported: none of its files are served"
            );
        }
    }
}

/// How long a store that another process has open is waited for: a `salt-run` that found no master has it for a moment.
const STORE_WAIT: Duration = Duration::from_secs(10);

async fn open_store(dir: &std::path::Path) -> Result<store::Store, store::StoreError> {
    let deadline = Instant::now() + STORE_WAIT;
    loop {
        match store::Store::open(dir) {
            Err(store::StoreError::InUse(path)) if Instant::now() < deadline => {
                crate::log::debug!(path = %path.display(), "another process has it open: waiting");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            opened => return opened,
        }
    }
}

impl Running {
    /// Stops: no new requests, those in work are finished.
    pub async fn stop(self) {
        let Running { stop, tasks, bus, flags, .. } = self;
        // Python's tools are not to believe any longer that a master runs.
        for flag in flags {
            let _ = fs::remove_file(flag);
        }
        let _ = stop.send(true);
        for task in tasks {
            let _ = task.await;
        }
        drop(bus);
        crate::log::info!("the master has stopped");
    }
}

fn endpoint(host: &str, port: u16, option: &'static str) -> Result<Endpoint, MasterError> {
    format!("tcp://{host}:{port}").parse().map_err(|_| MasterError::Option {
        option: if port == 0 { option } else { "interface" },
        value: host.to_owned(),
        wanted: "it has to be an address of this machine",
    })
}

fn listen_error(option: &'static str, error: &dyn std::fmt::Display) -> MasterError {
    MasterError::Listen { option, reason: error.to_string() }
}

/// A subscriber that answers no PING for so long is gone. Presence is right within their sum.
const PING_EVERY: Duration = Duration::from_secs(15);
const PONG_WITHIN: Duration = Duration::from_secs(12);

/// How long a peer may take to say hello.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Topics of one subscriber, and their octets: minions have up to four of 40.
const MAX_TOPICS: usize = 64;
const MAX_TOPIC_OCTETS: usize = 16 << 10;

/// Octets that wait to be read of all requesters together.
const MAX_QUEUED: usize = 256 << 20;

fn publish_options(opts: &Opts, options: &MasterOptions) -> Options {
    let hwm = (options.pub_hwm > 0).then_some(options.pub_hwm);
    Options {
        sndhwm: hwm,
        rcvhwm: hwm,
        linger: Some(Duration::from_secs(1)),
        heartbeat_ivl: PING_EVERY,
        heartbeat_timeout: Some(PONG_WITHIN),
        // Nothing but subscriptions comes from there.
        maxmsgsize: Some(MAX_TOPIC_OCTETS as u64),
        max_multipart_frames: 2,
        max_multipart_octets: MAX_TOPIC_OCTETS,
        max_subscriptions: MAX_TOPICS,
        max_subscription_octets: MAX_TOPIC_OCTETS,
        ..tcp_options(opts, options)
    }
}

fn request_options(opts: &Opts, options: &MasterOptions) -> Options {
    // 3008's minions announce an identity and come back with the same one.
    Options {
        router_handover: true,
        linger: Some(Duration::from_secs(1)),
        maxmsgsize: Some(server::MAX_REQUEST),
        max_multipart_frames: 16,
        max_multipart_octets: usize::try_from(server::MAX_REQUEST).unwrap_or(usize::MAX),
        max_queued_octets: MAX_QUEUED,
        ..tcp_options(opts, options)
    }
}

fn tcp_options(opts: &Opts, options: &MasterOptions) -> Options {
    let seconds =
        |name| u64::try_from(opts.int(name)).ok().filter(|&seconds| seconds > 0).map(Duration::from_secs);
    // Half of the open files each, and some for everything else.
    let open_files = usize::try_from(opts.int("max_open_files")).unwrap_or(0).max(1024);
    Options {
        handshake_ivl: HANDSHAKE,
        max_connections: (open_files - 256) / 2,
        backlog: options.zmq_backlog,
        ipv6: options.ipv6 || options.interface.contains(':'),
        tcp_keepalive: Some(opts.bool("tcp_keepalive")),
        tcp_keepalive_idle: seconds("tcp_keepalive_idle"),
        tcp_keepalive_intvl: seconds("tcp_keepalive_intvl"),
        tcp_keepalive_cnt: u32::try_from(opts.int("tcp_keepalive_cnt")).ok().filter(|&count| count > 0),
        ..Options::default()
    }
}

/// Keeps count of who listens.
async fn watch_subscribers(master: Arc<Master>, mut events: zmtp::Events, mut stop: watch::Receiver<bool>) {
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Some(event) = event else { return };
        match &event {
            Event::Connected { peer, .. } => {
                if let Some(address) = peer.ip() {
                    master.presence.subscriber_came(address);
                }
            }
            Event::Disconnected { peer, .. } => {
                if let Some(address) = peer.ip() {
                    master.presence.subscriber_went(address);
                }
            }
            Event::HandshakeFailed { peer, reason } => {
                crate::log::warn!(%peer, reason, "a connection to the publish port was refused");
            }
            Event::Dropped { peer, total } => {
                crate::log::warn!(%peer, total, "a minion reads too slowly and loses jobs (pub_hwm)");
            }
            _ => {}
        }
    }
}
