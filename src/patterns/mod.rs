//! Python's patterns: regular expressions (`re`) and those of the shell (`fnmatch`).

mod fold;
mod glob;
mod matching;
mod search;
mod translate;

use thiserror::Error;

pub use glob::{Glob, fnmatch};
pub use matching::PyRegex;
pub use search::{PySearch, Template, escape as regex_escape, flags as regex_flags};
pub use translate::PatternError;

/// Why a regular expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegexError {
    /// Python refuses it as well.
    #[error("{problem} at position {position}")]
    Pattern { problem: PatternError, position: usize },
    /// Longer than `MAX_PATTERN` octets.
    #[error("the pattern is longer than {MAX_PATTERN} characters")]
    TooLong,
    /// The engine does not take it: too big, or a construct that only Python has.
    #[error("not supported: {0}")]
    NotSupported(String),
}

impl RegexError {
    fn not_supported(error: impl std::fmt::Display) -> Self {
        RegexError::NotSupported(error.to_string().lines().last().unwrap_or_default().to_owned())
    }
}

/// The longest pattern, in octets.
pub const MAX_PATTERN: usize = 16_384;

/// Whether an id or a user name fits an entry of a white list: as a glob, or as a regular expression for all of it.
/// Salt: utils/stringutils.py, `expr_match`.
pub fn expr_match(line: &str, expr: &str) -> bool {
    Glob::new(expr).matches(line)
        || PyRegex::new(&format!(r"\A{expr}\Z")).is_ok_and(|regex| regex.matches(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_lists_take_globs_and_whole_regular_expressions() {
        assert!(expr_match("web1", "web*"));
        assert!(expr_match("web1", "web\\d"));
        assert!(!expr_match("web12", "web\\d"));
        assert!(!expr_match("web1", "["));
    }
}
