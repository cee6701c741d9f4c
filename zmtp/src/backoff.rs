//! When to connect again. Delays double, carry a random part, and start over only after a completed handshake: a
//! peer that accepts and closes is not hit at full rate.

use std::time::Duration;

/// With `reconnect_ivl_max` zero, refused handshakes still slow down to this many intervals.
const MAX_DOUBLINGS_WITHOUT_MAX: u32 = 6;

/// The delays of one dialled endpoint.
#[derive(Debug, Clone)]
pub struct Backoff {
    ivl: Duration,
    max: Duration,
    failures: u32,
    refused: u32,
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered.
    Connect,
    /// Somebody did, but the handshake failed.
    Handshake,
}

impl Backoff {
    /// `ivl` and `max` are `reconnect_ivl` and `reconnect_ivl_max`.
    pub fn new(ivl: Duration, max: Duration) -> Backoff {
        Backoff { ivl, max, failures: 0, refused: 0 }
    }

    /// A handshake was completed.
    pub fn reset(&mut self) {
        self.failures = 0;
        self.refused = 0;
    }

    /// The delay before the next attempt. `random` is between 0 and 1. With a maximum, the longest possible delay doubles
    /// up to it, and the delay is anything between `ivl` and that ("full jitter"): after a restart, a fleet comes back
    /// evenly. Without one, the delay is `ivl` and up to as much again, as in libzmq.
    pub fn failed(&mut self, failure: Failure, random: f64) -> Duration {
        let doublings = if self.max > self.ivl { self.failures } else { self.refused };
        self.failures = self.failures.saturating_add(1);
        // RFC 26: "This is considered a hard error, and the client SHALL NOT try to reconnect using the same
        // credentials." libzmq does, and what was refused may be allowed later: ever more slowly.
        if failure == Failure::Handshake {
            self.refused = (self.refused + 1).min(MAX_DOUBLINGS_WITHOUT_MAX);
        }
        let random = random.clamp(0.0, 1.0);
        let base = self.ivl.saturating_mul(1_u32.checked_shl(doublings.min(31)).unwrap_or(u32::MAX));
        if self.max > self.ivl {
            let longest = base.saturating_mul(2).min(self.max);
            return self.ivl + longest.saturating_sub(self.ivl).mul_f64(random);
        }
        base.mul_f64(1.0 + random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn delays_double_up_to_the_maximum() {
        let mut backoff = Backoff::new(MS(100), MS(1000));
        let delays: Vec<_> = (0..6).map(|_| backoff.failed(Failure::Connect, 1.0)).collect();
        assert_eq!(delays, [MS(200), MS(400), MS(800), MS(1000), MS(1000), MS(1000)]);
        assert_eq!(backoff.failed(Failure::Connect, 0.0), MS(100));
        assert_eq!(backoff.failed(Failure::Connect, 0.5), MS(550));
        backoff.reset();
        assert_eq!(backoff.failed(Failure::Connect, 0.5), MS(150));
    }

    #[test]
    fn without_maximum_only_refused_handshakes_slow_down() {
        let mut backoff = Backoff::new(MS(100), MS(0));
        assert_eq!(backoff.failed(Failure::Connect, 0.0), MS(100));
        assert_eq!(backoff.failed(Failure::Connect, 0.99), MS(199));
        backoff.failed(Failure::Handshake, 0.0);
        assert_eq!(backoff.failed(Failure::Handshake, 0.0), MS(200));
        for _ in 0..100 {
            backoff.failed(Failure::Handshake, 0.0);
        }
        assert_eq!(backoff.failed(Failure::Handshake, 0.0), MS(6400));
    }
}
