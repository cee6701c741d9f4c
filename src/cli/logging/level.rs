//! Levels by Salt's names and Python's numbers. Salt: _logging/impl.py (`LOG_LEVELS`,
//! `get_logging_level_from_string`).

use crate::log::Level;
use crate::value::{Value, sort};

/// The least weight that is let through; Python's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Threshold(i64);

const NAMES: &[(&str, i64)] = &[
    ("all", 0),
    ("garbage", 1),
    ("trace", 5),
    ("debug", 10),
    ("profile", 15),
    ("info", 20),
    ("warning", 30),
    ("error", 40),
    ("critical", 50),
    ("quiet", 1000),
];

impl Threshold {
    /// Lets nothing through.
    pub const QUIET: Threshold = Threshold(1000);

    /// The threshold of a name or number. A name that is none comes back as an error, to be said; `error` holds then.
    pub fn of(value: Option<&Value>) -> Result<Self, String> {
        match value {
            None | Some(Value::Null) => Ok(Threshold(30)),
            Some(Value::Int(number)) => Ok(Threshold(*number)),
            Some(Value::Text(name)) => {
                let lower = name.to_lowercase();
                let known = NAMES.iter().find(|(known, _)| *known == lower);
                known.map(|(_, number)| Threshold(*number)).ok_or_else(|| name.clone())
            }
            Some(other) => Err(crate::value::str_of(other)),
        }
    }

    /// What holds where the name is none.
    pub const FALLBACK: Threshold = Threshold(40);

    /// Whether an event of this level is let through.
    pub fn passes(self, level: Level) -> bool {
        weight(level) >= self.0
    }
}

fn weight(level: Level) -> i64 {
    match level {
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug => 10,
        Level::Trace => 5,
    }
}

/// The name that lines show.
pub(super) fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
        Level::Trace => "TRACE",
    }
}

/// Python's number of a level, for `%(levelno)s`.
pub(super) fn number(level: Level) -> i64 {
    weight(level)
}

/// `log_granular_levels`: a threshold for each logger and those below it. Salt's own names mean ours.
#[derive(Debug, Default)]
pub(super) struct Granular(Vec<(String, Threshold)>);

impl Granular {
    /// The thresholds of the option, and the names that are no level.
    pub fn of(option: Option<&Value>) -> (Self, Vec<String>) {
        let (mut levels, mut bad) = (Vec::new(), Vec::new());
        for (logger, value) in option.and_then(Value::as_map).into_iter().flatten() {
            let Some(logger) = logger.as_str() else { continue };
            let threshold = Threshold::of(Some(value)).unwrap_or_else(|name| {
                bad.push(name);
                Threshold::FALLBACK
            });
            let ours = match logger.strip_prefix("salt") {
                Some(rest) if rest.is_empty() || rest.starts_with('.') => format!("halite{rest}"),
                _ => logger.to_owned(),
            };
            levels.push((ours, threshold));
        }
        // The nearest logger decides.
        sort::by_key(&mut levels, |(logger, _)| std::cmp::Reverse(logger.len()));
        (Granular(levels), bad)
    }

    /// Whether an event of a module (`halite::minion::run`) is let through.
    pub fn passes(&self, target: &str, level: Level) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let name = target.replace("::", ".");
        let nearest = self.0.iter().find(|(logger, _)| {
            name.strip_prefix(logger.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        nearest.is_none_or(|(_, threshold)| threshold.passes(level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn names_and_numbers_are_thresholds() {
        let passing = |value: Value| {
            let threshold = Threshold::of(Some(&value)).unwrap_or(Threshold::FALLBACK);
            Level::ALL.into_iter().filter(|level| threshold.passes(*level)).count()
        };
        for (name, count) in [
            ("all", 5),
            ("garbage", 5),
            ("trace", 5),
            ("debug", 4),
            ("profile", 3),
            ("Info", 3),
            ("warning", 2),
            ("error", 1),
            ("critical", 0),
            ("quiet", 0),
            ("nonsense", 1),
        ] {
            assert_eq!(passing(name.into()), count, "{name}");
        }
        assert_eq!(passing(20.into()), 3);
        assert_eq!(Threshold::of(None), Ok(Threshold(30)));
    }

    #[test]
    fn the_nearest_logger_decides() {
        let option = map! { "salt" => "warning", "salt.minion" => "debug", "zmtp" => "quiet" };
        let (granular, bad) = Granular::of(Some(&option.into()));
        assert!(bad.is_empty());
        assert!(!granular.passes("halite::master", Level::Info));
        assert!(granular.passes("halite::minion::run", Level::Debug));
        assert!(!granular.passes("halite::minions", Level::Debug));
        assert!(!granular.passes("zmtp::net", Level::Error));
        assert!(granular.passes("other", Level::Trace));
    }
}
