//! Which events a listener wants. Salt: utils/event.py, `_match_tag_*`; option `event_match_type`.

use crate::patterns::PySearch;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::patterns::fnmatch;

/// How a pattern is held against a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    #[default]
    StartsWith,
    EndsWith,
    /// Anywhere in the tag.
    Find,
    /// A regular expression, anywhere in the tag.
    Regex,
    Fnmatch,
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    #[error("{0:?} is not one of startswith, endswith, find, regex, fnmatch")]
    UnknownMatching(String),
    #[error("the tag pattern {pattern:?} is not a regular expression: {reason}")]
    BadRegex { pattern: String, reason: String },
}

impl FromStr for Matching {
    type Err = FilterError;

    fn from_str(name: &str) -> Result<Self, FilterError> {
        Ok(match name {
            "startswith" => Matching::StartsWith,
            "endswith" => Matching::EndsWith,
            "find" => Matching::Find,
            "regex" => Matching::Regex,
            "fnmatch" => Matching::Fnmatch,
            _ => return Err(FilterError::UnknownMatching(name.to_owned())),
        })
    }
}

/// The tags that a listener wants: those that fit at least one of its patterns.
#[derive(Clone, Debug)]
pub struct Filter(Vec<Rule>);

#[derive(Clone, Debug)]
enum Rule {
    StartsWith(String),
    EndsWith(String),
    Find(String),
    Regex(Arc<PySearch>),
    Fnmatch(String),
}

impl Filter {
    /// Every event.
    pub fn all() -> Self {
        Self::prefix("")
    }

    /// Tags that begin with `prefix`.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Filter(vec![Rule::StartsWith(prefix.into())])
    }

    /// # Errors
    /// When the pattern is to be a regular expression and is none.
    pub fn new(pattern: &str, matching: Matching) -> Result<Self, FilterError> {
        let text = pattern.to_owned();
        Ok(Filter(vec![match matching {
            Matching::StartsWith => Rule::StartsWith(text),
            Matching::EndsWith => Rule::EndsWith(text),
            Matching::Find => Rule::Find(text),
            Matching::Fnmatch => Rule::Fnmatch(text),
            Matching::Regex => Rule::Regex(PySearch::new(pattern, 0).map(Arc::new).map_err(|error| {
                FilterError::BadRegex { pattern: pattern.to_owned(), reason: error.to_string() }
            })?),
        }]))
    }

    /// What this filter or the other wants.
    #[must_use]
    pub fn or(mut self, other: Filter) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether the listener wants events with this tag.
    pub fn matches(&self, tag: &str) -> bool {
        self.0.iter().any(|rule| match rule {
            Rule::StartsWith(text) => tag.starts_with(text.as_str()),
            Rule::EndsWith(text) => tag.ends_with(text.as_str()),
            Rule::Find(text) => tag.contains(text.as_str()),
            Rule::Regex(regex) => regex.is_in(tag),
            Rule::Fnmatch(text) => fnmatch(text, tag),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_matched_in_five_ways() {
        let check = |pattern: &str, name: &str, tag: &str, expected: bool| {
            let filter = Filter::new(pattern, name.parse().expect("a way")).expect("a filter");
            assert_eq!(filter.matches(tag), expected, "{pattern} {name} {tag}");
        };
        check("salt/job", "startswith", "salt/job/1/new", true);
        check("salt/job", "startswith", "syndic/salt/job/1/new", false);
        check("/new", "endswith", "salt/job/1/new", true);
        check("/new", "endswith", "salt/job/1/new/x", false);
        check("job", "find", "salt/job/1", true);
        check("^(salt/job|syndic/.*)/2026", "regex", "syndic/a/2026/ret", true);
        check("ret/web\\d", "regex", "salt/job/1/ret/web7", true);
        check("^web(?!1)", "regex", "web1", false);
        check("salt/job/*/ret/*", "fnmatch", "salt/job/1/ret/web1", true);
        check("salt/job/*/ret", "fnmatch", "salt/job/1/ret/web1", false);
        assert!(Filter::all().matches(""));
        let either = Filter::prefix("a").or(Filter::prefix("b"));
        assert!(either.matches("b") && !either.matches("c"));
    }

    #[test]
    fn unusable_patterns_are_named() {
        assert_eq!("glob".parse::<Matching>(), Err(FilterError::UnknownMatching("glob".to_owned())));
        let error = Filter::new("(", Matching::Regex).expect_err("not a regular expression");
        assert!(error.to_string().contains("\"(\""), "{error}");
    }
}
