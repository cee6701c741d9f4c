//! The master daemon: publishes jobs on 4505, answers requests on 4506, keeps what comes back. Salt: master.py.
//!
//! `run` puts the parts together; `server` takes requests, `clear` and `aes` carry them out, one file per command.

mod aes;
mod auth;
mod authorize;
mod autosign;
mod batches;
mod clear;
pub mod departures;
pub mod disk_cache;
mod error;
mod event_return;
mod file_events;
mod file_recv;
mod foretold;
mod identify;
mod jobs;
mod key_changes;
pub mod key_store;
mod maintenance;
mod master_opts;
pub mod mine;
mod mine_requests;
mod minion_events;
pub mod nonces;
pub mod options;
pub mod own_keys;
mod peer;
mod pillar;
mod pool;
pub mod presence;
mod publisher;
mod reactor;
mod readers;
mod returns;
mod run;
mod runners;
mod scheduled;
mod server;
mod services;
mod sessions;
mod stats;
pub mod store;
pub mod targets;
mod tokens;
mod wheel;

use std::sync::{Arc, Mutex, PoisonError};

pub use error::MasterError;
pub use run::{Running, start, threads};

use crate::crypt::VerifiedTokens;
use crate::fileserver::roots::Roots;
use crate::host::utc_now;
use crate::local_pillar::LocalPillar;
use crate::names::Jid;
use crate::transport::bus::Bus;
use crate::value::Map;

/// What all handlers share. Nothing here is locked across an await.
pub struct Master {
    options: options::MasterOptions,
    /// Every option, by Salt's names.
    opts: Map,
    keys: own_keys::OwnKeys,
    local_keys: own_keys::LocalKeys,
    key_store: key_store::KeyStore,
    sessions: sessions::Sessions,
    tokens: VerifiedTokens,
    /// Those of users, not of minions.
    user_tokens: tokens::Tokens,
    failed_logins: tokio::sync::Semaphore,
    seen: nonces::ReplayWindow,
    store: store::Store,
    disk_cache: disk_cache::DiskCache,
    readers: readers::Readers,
    files: Roots,
    pillars: LocalPillar,
    bus: Bus,
    publisher: publisher::Publisher,
    /// The port that minions are told, the real one where the option says 0.
    publish_port: u16,
    pool: pool::Pool,
    presence: presence::Presence,
    /// `None`: commands are not counted.
    stats: Option<stats::Stats>,
    running_runners: Arc<tokio::sync::Semaphore>,
    last_jid: Mutex<Option<Jid>>,
    /// `None`: events have no consequences.
    reactor: Mutex<Option<reactor::Reactor>>,
}

impl Master {
    /// Fires an event. That it cannot be fired stops nothing.
    fn fire(&self, tag: &str, data: Map) {
        if let Err(error) = self.bus.fire(tag, data) {
            crate::log::error!(tag, %error, "an event could not be fired");
        }
    }

    /// A jid that no other job of this master has.
    fn new_jid(&self) -> Jid {
        let mut last = self.last_jid.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = utc_now();
        loop {
            let mut jid = Jid::of(now);
            if self.options.unique_jid {
                jid = Jid::parse(&format!("{jid}_{}", std::process::id())).unwrap_or(jid);
            }
            if last.as_ref().is_none_or(|last| jid > *last) {
                *last = Some(jid.clone());
                return jid;
            }
            // Two in one microsecond, or a clock that was set back: go on from the last one.
            let after = last.as_ref().and_then(Jid::time).unwrap_or(now);
            now = after.saturating_add(jiff::SignedDuration::from_micros(1));
        }
    }
}
