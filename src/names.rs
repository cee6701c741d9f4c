//! Names that arrive from outside: parsed once, then trusted. Salt: utils/verify.py (`valid_id`), utils/jid.py.

use std::fmt;

use thiserror::Error;

use crate::value::{DateTime, Value};

/// The version of Salt whose behaviour, grains and defaults these programs have.
pub const SALT_VERSION: &str = "3006.25";

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("the id is not text")]
    NotText,
    #[error("the id is empty")]
    Empty,
    #[error("the id is longer than {MAX_ID_LEN} octets")]
    TooLong,
    #[error("the id {0:?} cannot be a file name")]
    NotAFileName(String),
    #[error("{0:?} is not a job id: 20 digits, or 20 digits, _ and a number")]
    NotAJid(String),
}

/// The longest minion id: it is a file name.
pub const MAX_ID_LEN: usize = 255;

/// A minion id that is safe as a file name. salt-wire.md §17.1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MinionId(String);

impl MinionId {
    /// # Errors
    /// When the text is empty, `.`, `..`, too long, or holds `/`, `\` or a control character (Salt: only NUL), which
    /// would speak to the terminal of whoever lists keys.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_ID_LEN {
            return Err(NameError::TooLong);
        }
        let odd = |char: char| matches!(char, '/' | '\\') || char.is_control();
        if text == "." || text == ".." || text.contains(odd) {
            return Err(NameError::NotAFileName(text.to_owned()));
        }
        Ok(MinionId(text.to_owned()))
    }

    /// The id in a wire field.
    ///
    /// # Errors
    /// As [`MinionId::parse`], and when the value is not text.
    pub fn from_value(value: Option<&Value>) -> Result<Self, NameError> {
        Self::parse(value.and_then(Value::as_str).ok_or(NameError::NotText)?)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MinionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for MinionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A job id: UTC time as `%Y%m%d%H%M%S%f`, 20 digits, with `unique_jid` also `_<pid>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Jid(String);

impl Jid {
    /// # Errors
    /// When the text is not 20 digits, optionally followed by `_` and up to 10 digits.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (stamp, pid) = match text.split_once('_') {
            Some((stamp, pid)) => (stamp, Some(pid)),
            None => (text, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        if stamp.len() == 20 && digits(stamp) && pid.is_none_or(|pid| digits(pid) && pid.len() <= 10) {
            Ok(Jid(text.to_owned()))
        } else {
            Err(NameError::NotAJid(text.chars().take(64).collect()))
        }
    }

    /// The jid of a moment (UTC).
    pub fn of(now: DateTime) -> Self {
        Jid(now.strftime("%Y%m%d%H%M%S%6f").to_string())
    }

    /// The jid as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The moment in the jid.
    pub fn time(&self) -> Option<DateTime> {
        DateTime::strptime("%Y%m%d%H%M%S%6f", self.0.get(..20)?).ok()
    }

    /// The moment in the jid, as Salt prints it: `2026, Jan 02 03:04:05.678901`.
    pub fn start_time(&self) -> String {
        self.time().map_or_else(String::new, |time| time.strftime("%Y, %b %d %H:%M:%S.%6f").to_string())
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_cannot_be_file_names_are_refused() {
        for bad in ["", ".", "..", "a/b", "a\\b", "a\0b", "/", "../x"] {
            assert!(MinionId::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["web1", "a b", "web:1", "*", ".hidden", "é", &"x".repeat(200)] {
            assert!(MinionId::parse(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn jids_are_digits() {
        for bad in
            ["", "req", "2026", "../../../../etc/pass", "2026010203040567890a", "20260102030405678901_"]
        {
            assert!(Jid::parse(bad).is_err(), "{bad:?}");
        }
        let jid = Jid::of("2026-01-02T03:04:05.678901".parse().expect("a time"));
        assert_eq!(jid.as_str(), "20260102030405678901");
        assert_eq!(jid.start_time(), "2026, Jan 02 03:04:05.678901");
        assert!(Jid::parse("20260102030405678901_4711").is_ok());
    }
}
