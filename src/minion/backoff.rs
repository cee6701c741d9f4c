//! How long to wait before the next try: doubling, with a random part, up to a minute.

use std::time::Duration;

/// Waits that grow.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with `first` and never waits longer than `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        Backoff { first, most, next: first }
    }

    /// The next wait: between half of what it could be and all of it. `unit` is random, from 0 to 1.
    pub fn wait(&mut self, unit: f64) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(self.most);
        wait.mul_f64(0.5 + unit.clamp(0.0, 1.0) / 2.0)
    }

    /// After a success: the next wait is short again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A random number from 0 to 1.
pub fn random_unit() -> f64 {
    f64::from(u32::from_le_bytes(crate::crypt::random::bytes())) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_start_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let waits = [0; 4].map(|_: i32| backoff.wait(1.0).as_secs());
        assert_eq!(waits, [1, 2, 4, 5]);
        backoff.reset();
        assert_eq!(backoff.wait(0.0), Duration::from_millis(500));
    }
}
