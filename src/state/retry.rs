//! `retry`: again until it succeeds. Salt: state.py (`verify_retry_data`).

use std::time::Duration;

use rand::TryRng;

use crate::log::warn;
use crate::value::{Map, Value, repr, str_of};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Retry {
    pub until: bool,
    pub attempts: i64,
    /// Seconds.
    pub interval: i64,
    /// Up to so many seconds more.
    pub splay: i64,
}

const DEFAULT: Retry = Retry { until: true, attempts: 2, interval: 30, splay: 0 };

impl Retry {
    pub(super) fn of(value: &Value) -> Self {
        let map = match value {
            Value::Map(map) => map,
            Value::Bool(true) => return DEFAULT,
            Value::Bool(false) => return Retry { attempts: 0, ..DEFAULT },
            _ => {
                warn!(
                    "State is set to retry, but retry: True or a valid dict for retry configuration was not found.  \
                     Using retry defaults"
                );
                return DEFAULT;
            }
        };
        let int = |name: &str, default: i64| match map.get(name) {
            None => default,
            Some(Value::Int(int)) => *int,
            Some(Value::Bool(bool)) => i64::from(*bool),
            Some(_) => {
                warn!("An invalid value was passed for the retry {name}, using default value '{default}'");
                default
            }
        };
        Retry {
            until: map.get("until").and_then(Value::as_bool).unwrap_or(DEFAULT.until),
            attempts: int("attempts", DEFAULT.attempts),
            interval: int("interval", DEFAULT.interval),
            splay: int("splay", DEFAULT.splay),
        }
    }

    /// How long to wait this time.
    pub(super) fn pause(&self) -> i64 {
        let random = rand::rngs::SysRng.try_next_u64().unwrap_or_default();
        let most = u64::try_from(self.splay).unwrap_or_default().saturating_add(1);
        let splay = i64::try_from(random % most).unwrap_or_default();
        (self.interval + splay).max(0)
    }

    /// What `test=True` says about it.
    pub(super) fn foretold(&self, comment: &str) -> String {
        let Retry { until, attempts, interval, splay } = self;
        let until = repr(&(*until).into());
        format!(
            "{comment}  The state would be retried every {interval} seconds (with a splay of up to {splay} seconds) a \
             maximum of {attempts} times or until a result of {until} is returned"
        )
    }
}

pub(super) fn seconds(interval: i64) -> Duration {
    Duration::from_secs(u64::try_from(interval).unwrap_or_default())
}

/// One attempt in the comment of the next.
pub(super) fn attempt(number: i64, ret: &Map) -> String {
    format!(
        "Attempt {number}: Returned a result of \"{}\", with the following comment: \"{}\"",
        ret.get("result").map(str_of).unwrap_or_default(),
        ret.get("comment").map(str_of).unwrap_or_default()
    )
}

pub(super) fn add_duration(ret: &mut Map, more: f64) {
    let own = ret.get("duration").and_then(Value::as_float).unwrap_or_default();
    ret.insert("duration", own + more);
}
