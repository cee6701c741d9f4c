//! Who is connected: a minion counts as connected while a subscriber sits at the address its last request came from.
//! Approximate by design, as in Salt (`connected_ids`), because a subscription carries no id; salt-wire.md §14.5.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::value::sort;

/// What is known of who is there.
#[derive(Debug, Default)]
pub struct Presence(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Live subscriber connections per address.
    subscribers: HashMap<IpAddr, usize>,
    heard: HashMap<String, Heard>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    from: IpAddr,
    at: Instant,
}

impl Presence {
    /// A subscriber has come.
    pub fn subscriber_came(&self, from: IpAddr) {
        *self.lock().subscribers.entry(from.to_canonical()).or_default() += 1;
    }

    /// A subscriber has gone.
    pub fn subscriber_went(&self, from: IpAddr) {
        let from = from.to_canonical();
        let mut known = self.lock();
        if let Some(count) = known.subscribers.get_mut(&from) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                known.subscribers.remove(&from);
            }
        }
    }

    /// A minion has proven itself at `from` (`address:port`).
    pub fn heard(&self, id: &str, from: Option<IpAddr>) {
        let Some(from) = from.map(|from| from.to_canonical()) else { return };
        let at = Instant::now();
        let mut known = self.lock();
        match known.heard.get_mut(id) {
            Some(heard) => *heard = Heard { from, at },
            None => {
                known.heard.insert(id.to_owned(), Heard { from, at });
            }
        }
    }

    /// Whether a minion is connected.
    pub fn is_connected(&self, id: &str) -> bool {
        let known = self.lock();
        known.heard.get(id).is_some_and(|heard| known.subscribers.contains_key(&heard.from))
    }

    /// How many minions are connected.
    pub fn count(&self) -> usize {
        let known = self.lock();
        known.heard.values().filter(|heard| known.subscribers.contains_key(&heard.from)).count()
    }

    /// Their ids, sorted.
    pub fn connected(&self) -> Vec<String> {
        let known = self.lock();
        let is_there = |heard: &Heard| known.subscribers.contains_key(&heard.from);
        let mut ids: Vec<String> =
            known.heard.iter().filter(|(_, heard)| is_there(heard)).map(|(id, _)| id.clone()).collect();
        sort::all(&mut ids);
        ids
    }

    /// Where a minion last proved itself.
    pub fn address_of(&self, id: &str) -> Option<IpAddr> {
        self.lock().heard.get(id).map(|heard| heard.from)
    }

    /// How long ago a minion last proved itself, if it did since this master started.
    pub fn last_heard(&self, id: &str) -> Option<Duration> {
        self.lock().heard.get(id).map(|heard| heard.at.elapsed())
    }

    /// Forgets minions whose key is gone.
    pub fn retain(&self, is_accepted: impl Fn(&str) -> bool) {
        self.lock().heard.retain(|id, _| is_accepted(id));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // Counts and addresses: every state is a valid one, also after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minion_is_connected_while_a_subscriber_sits_at_its_address() {
        let presence = Presence::default();
        let (here, there) = ("10.0.0.1".parse().expect("ip"), "::ffff:10.0.0.2".parse().expect("ip"));
        presence.heard("web1", Some(here));
        presence.heard("web2", Some("10.0.0.2".parse().expect("ip")));
        assert!(presence.connected().is_empty());
        presence.subscriber_came(here);
        presence.subscriber_came(there);
        presence.subscriber_came(here);
        assert_eq!(presence.connected(), ["web1", "web2"]);
        assert_eq!(presence.address_of("web1"), Some(here));
        presence.subscriber_went(here);
        presence.subscriber_went(there);
        assert_eq!(presence.connected(), ["web1"]);
        assert!(presence.is_connected("web1") && !presence.is_connected("web2"));
        presence.retain(|id| id != "web1");
        assert!(presence.last_heard("web1").is_none() && presence.last_heard("web2").is_some());
        assert_eq!(presence.count(), 0);
    }
}
