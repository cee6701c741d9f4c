//! What was seen lately, so that it counts only once: a window over requests that a replay would repeat bit for bit.
//! Salt has none (salt-wire.md §17.2); what is refused here was never sent twice by an honest peer.
//!
//! Two generations of digests: the older one is forgotten as a whole, when its time is over or the newer one is full.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bounded memory of what was seen. Takes 16 octets and a little per entry.
#[derive(Debug)]
pub struct ReplayWindow {
    generations: Mutex<Generations>,
    /// Keyed per process: nobody outside can find two keys that fall together.
    hashers: [RandomState; 2],
    capacity: usize,
    keep: Duration,
}

#[derive(Debug)]
struct Generations {
    young: HashSet<u128>,
    old: HashSet<u128>,
    /// When `young` began.
    since: Instant,
}

impl ReplayWindow {
    /// Remembers what was seen for `keep` at least and twice that at most, but never more than `capacity` entries:
    /// beyond that the oldest half goes early.
    pub fn new(capacity: usize, keep: Duration, now: Instant) -> Self {
        let generations = Generations { young: HashSet::new(), old: HashSet::new(), since: now };
        ReplayWindow {
            generations: Mutex::new(generations),
            hashers: [RandomState::new(), RandomState::new()],
            capacity: capacity.max(2),
            keep,
        }
    }

    /// Whether `key` is seen for the first time within the window; from now on it is not.
    pub fn first_time(&self, key: &[u8], now: Instant) -> bool {
        let [high, low] = [&self.hashers[0], &self.hashers[1]].map(|hasher| u128::from(hasher.hash_one(key)));
        let digest = (high << 64) | low;
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.turn(now, self.keep, self.capacity / 2);
        !generations.old.contains(&digest) && generations.young.insert(digest)
    }

    /// Entries remembered.
    pub fn len(&self) -> usize {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.len() + generations.old.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Generations {
    fn turn(&mut self, now: Instant, keep: Duration, most: usize) {
        let age = now.saturating_duration_since(self.since);
        if age < keep && self.young.len() < most {
            return;
        }
        self.old = std::mem::take(&mut self.young);
        if age >= keep * 2 {
            // Nothing came for so long that the younger ones are too old as well.
            self.old = HashSet::new();
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(60);

    #[test]
    fn what_was_seen_is_refused_for_as_long_as_promised() {
        let start = Instant::now();
        let window = ReplayWindow::new(100, KEEP, start);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(window.first_time(b"a", at(0)));
        assert!(!window.first_time(b"a", at(1)));
        assert!(window.first_time(b"b", at(59)));
        // The first generation ages, and is remembered for one more turn.
        assert!(!window.first_time(b"b", at(61)));
        assert!(!window.first_time(b"b", at(118)));
        assert!(window.first_time(b"c", at(122)));
        assert!(window.first_time(b"b", at(123)), "forgotten after the second turn");
        assert!(window.first_time(b"c", at(10_000)), "forgotten after a long silence");
    }

    #[test]
    fn a_flood_is_bounded_and_the_newest_are_remembered() {
        let start = Instant::now();
        let window = ReplayWindow::new(1_000, KEEP, start);
        for n in 0..100_000_u32 {
            assert!(window.first_time(&n.to_be_bytes(), start));
            assert!(window.len() <= 1_000);
        }
        assert!(!window.first_time(&99_999_u32.to_be_bytes(), start));
        assert!(!window.first_time(&99_600_u32.to_be_bytes(), start));
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_does_no_harm() {
        let start = Instant::now() + KEEP;
        let window = ReplayWindow::new(10, KEEP, start);
        assert!(window.first_time(b"a", start));
        assert!(!window.first_time(b"a", start - KEEP));
        assert!(!window.is_empty());
    }
}
