//! What a process has cost. Source: getrusage(2).

use std::ffi::{c_int, c_long};
use std::time::Duration;

/// Time of the processor, and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub user: Duration,
    pub system: Duration,
    /// The most memory that one process had at a time, in KiB.
    pub peak: u64,
}

impl Usage {
    /// Of this process.
    pub fn own() -> Self {
        Self::of(0)
    }

    /// Of the programs that it ran and that have ended.
    pub fn children() -> Self {
        Self::of(-1)
    }

    #[allow(unsafe_code)]
    fn of(who: c_int) -> Self {
        /// Two times of two words, then 14 words; C libraries keep as many again for what is to come.
        const ROOM: usize = 64;
        unsafe extern "C" {
            fn getrusage(who: c_int, usage: *mut [c_long; ROOM]) -> c_int;
        }
        let mut usage = [0; ROOM];
        // SAFETY: the call writes a `struct rusage`, which is shorter than the room it is given.
        if unsafe { getrusage(who, &raw mut usage) } != 0 {
            return Usage::default();
        }
        let [user, user_us, system, system_us, peak, ..] =
            usage.map(|word| u64::try_from(word).unwrap_or_default());
        let time = |seconds, micros| Duration::from_secs(seconds) + Duration::from_micros(micros);
        Usage { user: time(user, user_us), system: time(system, system_us), peak }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time_and_memory() {
        let before = Usage::own();
        let mut sum = 0_u64;
        while Usage::own().user - before.user < Duration::from_millis(20) {
            sum = (0..100_000).fold(std::hint::black_box(sum), u64::wrapping_add);
        }
        assert!(before.peak > 1024, "{before:?}");
        let ended = std::process::Command::new("/bin/sh").args(["-c", ":"]).status().expect("it runs");
        assert!(ended.success() && Usage::children().peak > 100, "{:?}", Usage::children());
    }
}
