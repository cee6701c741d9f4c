//! Which minions of a batch run next: so many at a time, and a pause behind each return. Sans-io: the time comes in.
//! Salt: cli/batch.py.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use thiserror::Error;

/// How many minions work at the same time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BatchSize {
    Number(usize),
    /// Of all minions that answered.
    Percent(f64),
}

/// Neither a number nor a percentage, or less than one minion.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Invalid batch data sent: {0}\nData must be in the form of %10, 10% or 3")]
pub struct BadBatchSize(pub String);

impl BatchSize {
    /// Reads `10%`, `%10` or `3`.
    ///
    /// # Errors
    /// [`BadBatchSize`]; also for a batch of nobody, which would never end.
    pub fn parse(text: &str) -> Result<Self, BadBatchSize> {
        let bad = || BadBatchSize(text.to_owned());
        if !text.contains('%') {
            let number: usize = text.trim().parse().map_err(|_| bad())?;
            return if number > 0 { Ok(BatchSize::Number(number)) } else { Err(bad()) };
        }
        let percent: f64 = text.trim_matches('%').trim().parse().map_err(|_| bad())?;
        if percent > 0.0 && percent.is_finite() { Ok(BatchSize::Percent(percent)) } else { Err(bad()) }
    }

    /// The number of minions out of `all`, at least one.
    pub fn of(self, all: usize) -> usize {
        match self {
            BatchSize::Number(number) => number,
            BatchSize::Percent(percent) => {
                let mut number = 1;
                // Counted up instead of converted: no cast that could wrap.
                let wanted = percent / 100.0 * u32::try_from(all).map_or(f64::from(u32::MAX), f64::from);
                while number < all && f64::from(u32::try_from(number + 1).unwrap_or(u32::MAX)) <= wanted {
                    number += 1;
                }
                number
            }
        }
    }
}

/// One run over many minions.
#[derive(Debug)]
pub struct Batch {
    to_run: VecDeque<String>,
    active: BTreeSet<String>,
    /// When the places of minions that have returned become free.
    pauses: Vec<Instant>,
    size: usize,
    wait: Duration,
}

impl Batch {
    /// A run over `minions`, in this order, with `wait` between a return and the next use of its place.
    pub fn new(minions: impl IntoIterator<Item = String>, size: BatchSize, wait: Duration) -> Self {
        let to_run: VecDeque<String> = minions.into_iter().collect();
        Batch { size: size.of(to_run.len()), to_run, active: BTreeSet::new(), pauses: Vec::new(), wait }
    }

    /// The minions to start now, as one job. Ask at the beginning, after each [`Batch::ended`], and at
    /// [`Batch::poll_timeout`].
    #[must_use]
    pub fn start(&mut self, now: Instant) -> Vec<String> {
        self.pauses.retain(|until| *until > now);
        let free = self.size.saturating_sub(self.active.len() + self.pauses.len());
        let next: Vec<String> = self.to_run.drain(..usize::min(free, self.to_run.len())).collect();
        self.active.extend(next.iter().cloned());
        next
    }

    /// A minion returned, or is not waited for any longer.
    pub fn ended(&mut self, id: &str, now: Instant) {
        if self.active.remove(id) && !self.wait.is_zero() {
            self.pauses.push(now + self.wait);
        }
    }

    /// When a place becomes free, if somebody waits for one.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.to_run.is_empty() {
            return None;
        }
        self.pauses.iter().min().copied()
    }

    /// Those that were started and have not ended.
    pub fn active(&self) -> impl Iterator<Item = &String> {
        self.active.iter()
    }

    /// Those that have not been started, which now never will be.
    pub fn cut(&mut self) -> Vec<String> {
        self.to_run.drain(..).collect()
    }

    /// Every minion has ended.
    pub fn is_done(&self) -> bool {
        self.to_run.is_empty() && self.active.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minions(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("m{number}")).collect()
    }

    #[test]
    fn sizes_are_numbers_or_percentages() {
        // Recorded: `Batch.get_bnum` of Salt 3006.25 with 10 minions.
        for (text, of_ten) in [
            ("3", 3),
            (" 2", 2),
            ("25%", 2),
            (" 50%", 5),
            ("%10", 1),
            ("1%", 1),
            ("100%", 10),
            ("99.9%", 9),
            ("15", 15),
        ] {
            assert_eq!(BatchSize::parse(text).expect("a size").of(10), of_ten, "{text}");
        }
        for text in ["", "x", "0", "-1", "1.5", "x%", "0%", "-5%", "nan%", "inf%"] {
            assert!(BatchSize::parse(text).is_err(), "{text}");
        }
        assert_eq!(BatchSize::Percent(200.0).of(10), 10);
        assert_eq!(BatchSize::Percent(10.0).of(0), 1);
    }

    #[test]
    fn a_place_is_used_again_when_its_minion_has_ended() {
        let now = Instant::now();
        let mut batch = Batch::new(minions(4), BatchSize::Number(2), Duration::ZERO);
        assert_eq!(batch.start(now), ["m1", "m2"]);
        assert!(batch.start(now).is_empty());
        batch.ended("m2", now);
        batch.ended("m2", now);
        batch.ended("never heard of", now);
        assert_eq!(batch.start(now), ["m3"]);
        batch.ended("m1", now);
        assert_eq!(batch.start(now), ["m4"]);
        assert!(!batch.is_done());
        batch.ended("m3", now);
        batch.ended("m4", now);
        assert!(batch.start(now).is_empty());
        assert!(batch.is_done());
    }

    #[test]
    fn places_rest_as_long_as_they_are_told_to() {
        let now = Instant::now();
        let wait = Duration::from_secs(3);
        let mut batch = Batch::new(minions(3), BatchSize::Number(1), wait);
        assert_eq!(batch.start(now), ["m1"]);
        assert_eq!(batch.poll_timeout(), None);
        batch.ended("m1", now);
        assert!(batch.start(now).is_empty());
        assert_eq!(batch.poll_timeout(), Some(now + wait));
        assert_eq!(batch.start(now + wait), ["m2"]);
        batch.ended("m2", now + wait);
        assert_eq!(batch.start(now + wait * 2), ["m3"]);
        batch.ended("m3", now + wait * 2);
        assert_eq!(batch.poll_timeout(), None, "nobody waits for the last place");
        assert!(batch.is_done());
    }
}
