//! Python's regular expressions: `re.match`, that is, anchored at the start. Python: re (3.10 and 3.11).
//!
//! A pattern is translated (`translate.rs`) and given to `regex`, which needs linear time; only patterns
//! with look-around, back references, atomic groups or conditions go to `fancy-regex`, with a limit on its steps.

use std::sync::OnceLock;

use super::translate::{DollarMeans, translate};
use super::{MAX_PATTERN, RegexError};

/// A compiled pattern.
#[derive(Debug)]
pub struct PyRegex {
    pattern: String,
    engine: Engine,
    /// `$` also matches before a line end at the end of the text; only then another program is needed.
    before_line_end: Option<OnceLock<Option<Engine>>>,
}

const PROGRAM_SIZE: usize = 1 << 21;
const BACKTRACK_LIMIT: usize = 100_000;

#[derive(Debug)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

impl PyRegex {
    /// Compiles a Python pattern.
    ///
    /// # Errors
    /// Where Python raises `re.error`, and for patterns beyond the limits of this program.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        if pattern.len() > MAX_PATTERN {
            return Err(RegexError::TooLong);
        }
        let translated = translate(pattern, DollarMeans::End)
            .map_err(|(problem, position)| RegexError::Pattern { problem, position })?;
        let engine = Engine::new(&translated.text, translated.needs_backtracking)?;
        let before_line_end = translated.has_dollar.then(OnceLock::new);
        Ok(PyRegex { pattern: pattern.to_owned(), engine, before_line_end })
    }

    /// `re.match(pattern, text) is not None`. A search that takes too many steps is logged and counts as no match.
    pub fn matches(&self, text: &str) -> bool {
        if let Some(program) = self.before_line_end.as_ref().filter(|_| text.ends_with('\n')) {
            let program = program.get_or_init(|| {
                let translated = translate(&self.pattern, DollarMeans::EndOrBeforeLineEnd).ok()?;
                Engine::new(&translated.text, true).ok()
            });
            return program.as_ref().is_some_and(|engine| engine.matches(text, &self.pattern));
        }
        self.engine.matches(text, &self.pattern)
    }
}

impl Engine {
    fn new(text: &str, needs_backtracking: bool) -> Result<Self, RegexError> {
        if needs_backtracking {
            return fancy_regex::RegexBuilder::new(text)
                .backtrack_limit(BACKTRACK_LIMIT)
                .delegate_size_limit(PROGRAM_SIZE)
                .build()
                .map(|regex| Engine::Backtracking(Box::new(regex)))
                .map_err(RegexError::not_supported);
        }
        regex::RegexBuilder::new(text)
            .size_limit(PROGRAM_SIZE)
            .build()
            .map(Engine::Linear)
            .map_err(RegexError::not_supported)
    }

    fn matches(&self, text: &str, pattern: &str) -> bool {
        match self {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Backtracking(regex) => regex.is_match(text).unwrap_or_else(|error| {
                crate::log::warn!(pattern, %error, "a regular expression was given up");
                false
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn match_is_anchored_at_the_start_only() {
        let regex = PyRegex::new("web").expect("a pattern");
        assert!(regex.matches("web1"));
        assert!(!regex.matches("xweb"));
        assert!(PyRegex::new("a|b").expect("a pattern").matches("bx"));
    }

    #[test]
    fn dollar_also_matches_before_the_last_line_end() {
        let regex = PyRegex::new("web$").expect("a pattern");
        assert!(regex.matches("web"));
        assert!(regex.matches("web\n"));
        assert!(!regex.matches("web\n\n"));
        assert!(!PyRegex::new(r"web\Z").expect("a pattern").matches("web\n"));
    }

    #[test]
    fn endless_searches_are_given_up() {
        let regex = PyRegex::new(r"(?:(a+)+)+(?=c)\1b").expect("a pattern");
        assert!(!regex.matches(&"a".repeat(64)));
    }
}
