//! Salt's event bus on Unix sockets: one to listen (`…_pub.ipc`), one to fire (`…_pull.ipc`), both a bare stream of
//! msgpack frames. Salt: utils/event.py, transport/ipc.py; salt-wire.md §14.
//!
//! [`BusServer`] is a daemon's side, with a [`Bus`] for its own use; [`BusClient`] that of tools.

mod ask;
mod client;
mod hub;
mod server;
mod socket;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use ask::{fire_and_wait_blocking, watch_blocking};
pub use client::{BusClient, BusEvents, fire_blocking};
pub use hub::{Bus, BusCounters, LocalEvents};
pub use server::{BusOptions, BusServer};

use crate::crypt::HashType;
use crate::event::StreamError;
use crate::value::Map;

/// Where the two sockets of a bus are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusPaths {
    /// Whoever connects here is sent every event.
    pub publish: PathBuf,
    /// What is written here becomes an event.
    pub pull: PathBuf,
}

impl BusPaths {
    /// A master's bus in its `sock_dir`.
    pub fn master(sock_dir: &Path) -> Self {
        BusPaths {
            publish: sock_dir.join("master_event_pub.ipc"),
            pull: sock_dir.join("master_event_pull.ipc"),
        }
    }

    /// The bus of the minion that these options are of (`sock_dir`, `id`, `hash_type`).
    pub fn of_minion(opts: &Map) -> Self {
        let text = |name: &str| opts.str(name).unwrap_or_default();
        let hash_type = text("hash_type").parse().unwrap_or_default();
        Self::minion(Path::new(text("sock_dir")), text("id"), hash_type)
    }

    /// A minion's bus in its `sock_dir`; `hash_type` is that of its configuration.
    pub fn minion(sock_dir: &Path, id: &str, hash_type: HashType) -> Self {
        let hash: String = hash_type.hex(id).chars().take(10).collect();
        BusPaths {
            publish: sock_dir.join(format!("minion_event_{hash}_pub.ipc")),
            pull: sock_dir.join(format!("minion_event_{hash}_pull.ipc")),
        }
    }
}

/// What can go wrong on a bus.
#[derive(Debug, Error)]
pub enum BusError {
    #[error("the path of socket {} is too long: Unix sockets take {} octets, shorten sock_dir", .0.display(), socket::MAX_PATH)]
    PathTooLong(PathBuf),
    #[error("another process listens on {}: is the daemon already running?", .0.display())]
    InUse(PathBuf),
    #[error("{} is in the way and not a socket: remove it", .0.display())]
    NotASocket(PathBuf),
    #[error("cannot listen on {}: {error}", path.display())]
    Listen { path: PathBuf, error: io::Error },
    #[error("cannot connect to the event bus at {}: {error}; is the daemon running?", path.display())]
    Connect { path: PathBuf, error: io::Error },
    #[error("cannot write to the event bus at {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("the event bus at {} sends what is no event: {error}", path.display())]
    Stream { path: PathBuf, error: StreamError },
    #[error("an event needs a tag")]
    NoTag,
}
