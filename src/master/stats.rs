//! `master_stats`: how often each command came and how long it took on average, as an event every
//! `master_stats_event_iter` seconds while commands come. Salt counts in each of its workers and tells their names; here
//! there is one count for all. Salt: master.py (`MWorker._post_stats`).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Master;
use crate::event::tags;
use crate::map;
use crate::value::{Map, Value};

/// The name of Salt's first worker.
const WORKER: &str = "MWorker-0";

/// What was counted since the last event.
#[derive(Debug)]
pub(super) struct Stats {
    every: Duration,
    counted: Mutex<Counted>,
}

#[derive(Debug)]
struct Counted {
    since: Instant,
    /// Command, how often it came, seconds on average.
    commands: Vec<(String, u32, f64)>,
}

impl Stats {
    /// `None` where nobody wants to know.
    pub(super) fn from_opts(opts: &Map) -> Option<Self> {
        let wanted = opts.get("master_stats").is_some_and(Value::truthy);
        let every = opts.get("master_stats_event_iter").and_then(Value::as_int);
        let every = Duration::from_secs(every.and_then(|every| u64::try_from(every).ok()).unwrap_or(60));
        let counted = Counted { since: Instant::now(), commands: Vec::new() };
        wanted.then(|| Stats { every, counted: Mutex::new(counted) })
    }

    /// Counts a command that has ended; gives the data of the event when it is due.
    fn count(&self, command: &str, took: Duration, now: Instant) -> Option<Map> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match counted.commands.iter().position(|(name, ..)| name == command) {
            Some(place) => place,
            None => {
                counted.commands.push((command.to_owned(), 0, 0.0));
                counted.commands.len() - 1
            }
        };
        if let Some((_, runs, mean)) = counted.commands.get_mut(place) {
            *runs = runs.saturating_add(1);
            *mean += (took.as_secs_f64() - *mean) / f64::from(*runs);
        }
        let time = now.saturating_duration_since(counted.since);
        if time <= self.every {
            return None;
        }
        counted.since = now;
        let stats: Map = std::mem::take(&mut counted.commands)
            .into_iter()
            .map(|(name, runs, mean)| (name, map! { "mean" => mean, "runs" => i64::from(runs) }))
            .collect();
        Some(map! { "time" => time.as_secs_f64(), "worker" => WORKER, "stats" => stats })
    }
}

/// A command that is being carried out, where commands are counted.
pub(super) struct Begun {
    command: String,
    at: Instant,
}

/// Begins to count the command of a load. Only for [`end`] where it is one of those that are known: others have no
/// bound.
pub(super) fn begin(master: &Master, load: &Map) -> Option<Begun> {
    let command = master.stats.as_ref().and_then(|_| load.str("cmd"))?;
    Some(Begun { command: command.to_owned(), at: Instant::now() })
}

/// It has ended.
pub(super) fn end(master: &Master, begun: Option<Begun>) {
    if let (Some(Begun { command, at }), Some(stats)) = (begun, &master.stats) {
        let now = Instant::now();
        if let Some(data) = stats.count(&command, now.saturating_duration_since(at), now) {
            master.fire(&tags::stats(WORKER), data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_until_the_event_is_due() {
        let opts = map! { "master_stats" => true, "master_stats_event_iter" => 1 };
        let stats = Stats::from_opts(&opts).expect("wanted");
        let start = Instant::now();
        let millis = Duration::from_millis;
        assert_eq!(stats.count("_return", millis(100), start), None);
        assert_eq!(stats.count("_pillar", millis(500), start), None);
        let told = stats.count("_return", millis(300), start + millis(1500)).expect("an event");
        let of = |told: &Map, command: &str, what: &str| {
            told.get("stats").and_then(|stats| stats.get(command)?.get(what)).cloned()
        };
        assert_eq!(of(&told, "_return", "runs"), Some(2.into()));
        let mean = of(&told, "_return", "mean").and_then(|mean| mean.as_float()).expect("a number");
        assert!((mean - 0.2).abs() < 1e-9, "{mean}");
        assert_eq!(of(&told, "_pillar", "runs"), Some(1.into()));
        assert_eq!(stats.count("_return", millis(1), start + millis(1600)), None);
        let told = stats.count("_return", millis(1), start + millis(3000)).expect("an event");
        assert_eq!((of(&told, "_return", "runs"), of(&told, "_pillar", "runs")), (Some(2.into()), None));
        assert!(Stats::from_opts(&map! { "master_stats" => false }).is_none());
    }
}
