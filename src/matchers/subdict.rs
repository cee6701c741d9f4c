//! `os:Ubuntu`, `roles:web*`, `*:value`: does something in nested data fit a path and a pattern. Salt: utils/data.py,
//! `subdict_match` and `traverse_dict_and_list`.
//!
//! An expression is compiled once: which part of it is path and which pattern depends on the data, but every pattern
//! is a tail of the expression, and each tail is compiled when it is first needed.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::patterns::{Glob, PyRegex};
use crate::value::yaml::yamlify_arg;
use crate::value::{DEFAULT_DELIMITER, Map, Value, sort, str_of};

/// How a pattern is compared with a value; case does not matter, and the value is taken as Python prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Glob,
    Regex,
    Exact,
}

/// A compiled expression.
#[derive(Debug)]
pub struct Subdict {
    expr: String,
    delimiter: String,
    comparison: Comparison,
    /// Where tails of `expr` start, ascending, with their patterns.
    tails: Vec<(usize, OnceLock<Pattern>)>,
}

#[derive(Debug)]
enum Pattern {
    Glob(Glob),
    Regex(PyRegex),
    Exact(String),
    /// A regular expression that is none: fits nothing.
    Broken,
}

/// Steps for one match. Salt has no limit and can take exponential time on nested data that repeats its keys.
const MAX_STEPS: u32 = 50_000;

impl Subdict {
    /// Compiles an expression such as `a:b:pattern`; the delimiter may not be empty.
    pub fn new(expr: &str, delimiter: &str, comparison: Comparison) -> Self {
        let mut starts = vec![0];
        for separator in [delimiter, DEFAULT_DELIMITER] {
            starts.extend(expr.match_indices(separator).map(|(at, _)| at + separator.len()));
        }
        sort::all(&mut starts);
        starts.dedup();
        Subdict {
            expr: expr.to_owned(),
            delimiter: delimiter.to_owned(),
            comparison,
            tails: starts.into_iter().map(|start| (start, OnceLock::new())).collect(),
        }
    }

    /// Whether there is a path at all: an expression without delimiter fits nothing.
    pub fn has_path(&self) -> bool {
        self.expr.contains(&self.delimiter)
    }

    /// The entry at the top that every path begins with; `None`: any.
    pub(super) fn first_step(&self) -> Option<&str> {
        self.expr.split(self.delimiter.as_str()).next().filter(|step| *step != "*")
    }

    /// Whether the data fits.
    pub fn matches(&self, data: &Map) -> bool {
        let mut search = Search { subdict: self, steps: MAX_STEPS };
        let found = search.subdict(data, 0, &self.delimiter);
        if search.steps == 0 {
            crate::log::warn!(expr = self.expr, "the search through nested data was given up");
        }
        found
    }

    fn pattern(&self, start: usize) -> Option<&Pattern> {
        let index = self.tails.binary_search_by_key(&start, |(start, _)| *start).ok()?;
        let (_, pattern) = self.tails.get(index)?;
        Some(pattern.get_or_init(|| self.compile(start)))
    }

    fn compile(&self, start: usize) -> Pattern {
        let text = self.tail(start).to_lowercase();
        match self.comparison {
            Comparison::Glob => Pattern::Glob(Glob::new(&text)),
            Comparison::Exact => Pattern::Exact(text),
            Comparison::Regex => PyRegex::new(&text).map_or_else(
                |error| {
                    crate::log::error!(%error, "Invalid regex '{text}' in match");
                    Pattern::Broken
                },
                Pattern::Regex,
            ),
        }
    }

    fn tail(&self, start: usize) -> &str {
        self.expr.get(start..).unwrap_or_default()
    }
}

struct Search<'s> {
    subdict: &'s Subdict,
    steps: u32,
}

impl Search<'_> {
    /// Tries every way to cut the tail into path and pattern, the longest path first.
    fn subdict(&mut self, data: &Map, start: usize, delimiter: &str) -> bool {
        let tail = self.subdict.tail(start);
        let cuts: Vec<usize> = tail.match_indices(delimiter).map(|(at, _)| at).collect();
        for cut in cuts.into_iter().rev() {
            if !self.step() {
                return false;
            }
            let path = &tail[..cut];
            let found = if path == "*" {
                // Everything below the top: the wildcard stays in the pattern.
                self.map(data, start)
            } else {
                traverse(data, path, delimiter)
                    .is_some_and(|value| self.value(value, start + cut + delimiter.len()))
            };
            if found {
                return true;
            }
        }
        false
    }

    fn value(&mut self, value: &Value, start: usize) -> bool {
        match value {
            Value::Map(map) => self.map(map, start),
            Value::List(items) => items
                .iter()
                .any(|item| item.as_map().is_some_and(|map| self.map(map, start)) || self.fits(item, start)),
            other => self.fits(other, start),
        }
    }

    fn map(&mut self, map: &Map, start: usize) -> bool {
        // An empty map is the same as none.
        if map.is_empty() || !self.step() {
            return false;
        }
        let wildcard = self.subdict.tail(start).starts_with("*:");
        let start = if wildcard { start + 2 } else { start };
        let tail = self.subdict.tail(start);
        if tail == "*" || map.contains(tail) || self.subdict(map, start, DEFAULT_DELIMITER) {
            return true;
        }
        wildcard
            && map.values().any(|value| match value {
                Value::Map(inner) => self.map(inner, start),
                Value::List(items) => items.iter().any(|item| self.fits(item, start)),
                other => self.fits(other, start),
            })
    }

    fn fits(&mut self, value: &Value, start: usize) -> bool {
        if !self.step() {
            return false;
        }
        let text = value.as_str().map_or_else(|| Cow::from(str_of(value)), Cow::from);
        let is_lower = text.bytes().all(|octet| octet.is_ascii() && !octet.is_ascii_uppercase());
        let text = if is_lower { text } else { text.to_lowercase().into() };
        match self.subdict.pattern(start) {
            Some(Pattern::Glob(glob)) => glob.matches(&text),
            Some(Pattern::Regex(regex)) => regex.matches(&text),
            Some(Pattern::Exact(exact)) => *exact == *text,
            Some(Pattern::Broken) | None => false,
        }
    }

    fn step(&mut self) -> bool {
        self.steps = self.steps.saturating_sub(1);
        self.steps > 0
    }
}

/// The value at a path. Steps through lists are indices, or keys of maps in the list; a key that is no text is found
/// by its YAML form.
fn traverse<'d>(data: &'d Map, path: &str, delimiter: &str) -> Option<&'d Value> {
    let mut steps = path.split(delimiter);
    let mut at = in_map(data, steps.next()?)?;
    for step in steps {
        at = match at {
            Value::Map(map) => in_map(map, step)?,
            Value::List(items) => in_list(items, step)?,
            _ => return None,
        };
    }
    Some(at)
}

fn in_map<'d>(map: &'d Map, step: &str) -> Option<&'d Value> {
    if let Some(found) = map.get(step) {
        return Some(found);
    }
    match yamlify_arg(step) {
        Value::Text(_) | Value::List(_) | Value::Map(_) => None,
        key => map.get_value(&key),
    }
}

fn in_list<'d>(items: &'d [Value], step: &str) -> Option<&'d Value> {
    let mut maps = items.iter().filter_map(Value::as_map);
    let Some(index) = python_int(step) else { return maps.find_map(|map| map.get(step)) };
    if let Some(found) = maps.find_map(|map| map.get_value(&Value::Int(index))) {
        return Some(found);
    }
    let index = if index < 0 { i64::try_from(items.len()).ok()?.checked_add(index)? } else { index };
    items.get(usize::try_from(index).ok()?)
}

/// `int(text)`, for ASCII digits.
fn python_int(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let well_formed = !digits.is_empty() && digits.split('_').all(|part| !part.is_empty());
    if !well_formed || !digits.bytes().all(|octet| octet.is_ascii_digit() || octet == b'_') {
        return None;
    }
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn deep_data_that_repeats_its_keys_ends_the_search() {
        let mut data = map! { "a" => "end" };
        for _ in 0..60 {
            data = map! { "a" => data };
        }
        let expr = "a:".repeat(60) + "nothing";
        assert!(!Subdict::new(&expr, ":", Comparison::Glob).matches(&data));
        let expr = "a:".repeat(61) + "end";
        assert!(Subdict::new(&expr, ":", Comparison::Glob).matches(&data));
    }

    #[test]
    fn indices_are_pythons() {
        for (text, expected) in
            [("1", Some(1)), ("-1", Some(-1)), (" 1_0 ", Some(10)), ("1__0", None), ("x", None), ("", None)]
        {
            assert_eq!(python_int(text), expected, "{text:?}");
        }
    }
}
