//! Minions whose key has gone: their session ends at once, and what is stored of them goes as their cache on disk has
//! gone. Whoever took the key away (`salt-key`, ours or Python's, a wheel function, or `rm`) need not know this master.
//! Salt: key.py (`check_minion_cache`), where the deleter removes the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Master;
use super::pool::Kind;
use crate::event::Filter;
use crate::event::tags;
use crate::host::FileOwner;
use crate::keys::{self, KeyState};
use crate::names::MinionId;

/// How often the accepted keys are looked at (one `stat` while nothing changes).
const LOOK: Duration = Duration::from_secs(2);

/// Who deletes a key says so first and then removes the cache: so long after the event that is done.
const AFTER_EVENT: Duration = Duration::from_millis(300);

/// Departures that are under way at once; more wait for the next look.
const MAX_LEAVING: usize = 100_000;

/// What becomes of a departed minion's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing: it has a key still, or it was asked to stay.
    Keep,
    /// What is stored goes, as the files have gone.
    Forget,
    /// The key file was simply removed: files, store and AES key are ours to see to.
    ForgetAll,
}

/// What is known when the fate is decided.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// `preserve_minion_cache`.
    preserve: bool,
    /// An event told of the key's deletion.
    told: bool,
    /// The cache on disk is still there.
    cached: bool,
    /// Its key was moved, not deleted.
    moved: bool,
    /// It has an accepted key by now.
    accepted: bool,
}

fn fate(facts: Facts) -> Fate {
    match facts {
        Facts { preserve: true, .. } | Facts { moved: true, .. } => Fate::Keep,
        Facts { cached: false, .. } => Fate::Forget,
        // What is cached is what the minion of that key has said since.
        Facts { accepted: true, .. } => Fate::Keep,
        // The deleter was told to preserve it (`salt-key --preserve-minions`).
        Facts { told: true, .. } => Fate::Keep,
        Facts { .. } => Fate::ForgetAll,
    }
}

/// Runs until `stop` says so.
pub(super) async fn run(master: Arc<Master>, mut stop: watch::Receiver<bool>) {
    let mut events = master.bus.subscribe(Filter::prefix(tags::KEY));
    let (known, stale) = match on_disk(&master, |master| (accepted(master), stale(master))).await {
        Some(found) => found,
        None => return,
    };
    let mut watcher = Watcher { known, leaving: BTreeMap::new() };
    watcher.leaving.extend(stale.into_iter().map(|id| (id, Leaving { told: true, due: Instant::now() })));
    let mut next = Instant::now();
    loop {
        let wait = next.saturating_duration_since(Instant::now());
        let event = tokio::select! {
            event = events.next_within(wait) => event,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        if let Some(event) = event {
            // The exact tag: below it, `salt/key/…`, minions fire what they like.
            let deleted = event.tag == tags::KEY && event.data.str("act") == Some("delete");
            if let Some(id) = event.data.str("id").filter(|_| deleted)
                && watcher.leaving.len() < MAX_LEAVING
            {
                let due = Instant::now() + AFTER_EVENT;
                watcher.leaving.insert(id.to_owned(), Leaving { told: true, due });
            }
            next = next.min(Instant::now() + AFTER_EVENT);
        }
        if Instant::now() >= next {
            next = Instant::now() + LOOK;
            match on_disk_with(&master, watcher).await {
                Some(back) => watcher = back,
                None => return,
            }
        }
    }
}

struct Watcher {
    /// The accepted ids as last seen.
    known: BTreeSet<String>,
    leaving: BTreeMap<String, Leaving>,
}

#[derive(Clone, Copy, Debug)]
struct Leaving {
    told: bool,
    /// When its fate is decided.
    due: Instant,
}

impl Watcher {
    /// Looks at the keys, ends sessions, and decides what is due. Blocks on the disk.
    fn look(&mut self, master: &Master) {
        // Also who came and went since the last look; asked before the keys, or else who comes meanwhile would be gone.
        self.known.extend(master.sessions.ids());
        let now = accepted(master);
        let gone: Vec<String> = self.known.difference(&now).cloned().collect();
        for id in gone {
            crate::log::info!(minion = id, "its key is no longer accepted: its session ends");
            master.sessions.forget(&id);
            let due = Instant::now() + LOOK / 2;
            self.leaving.entry(id).or_insert(Leaving { told: false, due });
        }
        if self.known != now {
            master.presence.retain(|id| now.contains(id));
            self.known = now;
        }
        let due = Instant::now();
        self.leaving.retain(|id, leaving| {
            if leaving.due > due {
                return true;
            }
            if let Ok(id) = MinionId::parse(id) {
                decide(master, &id, leaving.told);
            }
            false
        });
    }
}

fn decide(master: &Master, id: &MinionId, told: bool) {
    let options = &master.options;
    let dirs = master.key_store.dirs();
    let cache = keys::cached_of(&options.cachedir, id);
    let moved = [KeyState::Rejected, KeyState::Denied].iter().any(|&state| dirs.path(state, id).is_file());
    let accepted = dirs.path(KeyState::Accepted, id).is_file();
    let facts =
        Facts { preserve: options.preserve_minion_cache, told, cached: cache.exists(), moved, accepted };
    let fate = fate(facts);
    crate::log::debug!(minion = id.as_str(), ?facts, ?fate, "the key of a minion has gone");
    if fate == Fate::Keep {
        return;
    }
    if let Err(error) = super::store::wait(master.store.forget_minion(id)) {
        crate::log::error!(minion = id.as_str(), %error, "what is known of a deleted minion could not be forgotten");
    }
    if fate == Fate::ForgetAll {
        if let Err(error) = fs::remove_dir_all(&cache) {
            crate::log::warn!(path = %cache.display(), %error, "the cache of a deleted minion could not be removed");
        }
        if options.rotate_aes_key
            && let Err(error) = keys::request_rotation(&options.cachedir, &options.id, FileOwner::default())
        {
            crate::log::error!(%error, "the AES key cannot be rotated: is the cache directory full?");
        }
    }
}

fn accepted(master: &Master) -> BTreeSet<String> {
    master.key_store.accepted_ids().iter().cloned().collect()
}

/// Minions that are stored but have neither a key nor a cache on disk: deleted while no master ran.
fn stale(master: &Master) -> Vec<String> {
    let stored = master.store.minions_with_data().unwrap_or_default();
    let has_key = |id: &str| MinionId::parse(id).is_ok_and(|id| master.key_store.dirs().has_any(&id));
    stored.into_iter().filter(|id| !has_key(id)).collect()
}

async fn on_disk<T: Send + 'static>(
    master: &Arc<Master>,
    work: impl FnOnce(&Master) -> T + Send + 'static,
) -> Option<T> {
    let worker = master.clone();
    master.pool.run(Kind::Disk, move || work(&worker)).await
}

async fn on_disk_with(master: &Arc<Master>, mut watcher: Watcher) -> Option<Watcher> {
    on_disk(master, move |master| {
        watcher.look(master);
        watcher
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_goes_with_its_key_unless_somebody_wants_it_to_stay() {
        let check = |preserve, told, cached, moved, expected| {
            assert_eq!(fate(Facts { preserve, told, cached, moved, accepted: false }), expected);
        };
        let back =
            |cached| fate(Facts { preserve: false, told: false, cached, moved: false, accepted: true });
        assert_eq!((back(true), back(false)), (Fate::Keep, Fate::Forget));
        check(false, true, false, false, Fate::Forget);
        check(false, false, false, false, Fate::Forget);
        check(false, true, true, false, Fate::Keep);
        check(false, false, true, false, Fate::ForgetAll);
        check(false, true, false, true, Fate::Keep);
        for told in [true, false] {
            check(true, told, false, false, Fate::Keep);
        }
    }
}
