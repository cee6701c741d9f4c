//! Python's `re` for the filters and tests that take a pattern.

use super::fault::{Fault, Res};
use super::run::Run;
use super::val::Val;
use crate::patterns::{PySearch, regex_flags as flags};

/// The most steps of one search.
const STEPS: usize = 1_000_000;

/// Compiles a Python pattern.
///
/// # Errors
/// When it is no pattern, or one that is not supported here.
pub(super) fn compile(pattern: &str, ignore_case: bool, multiline: bool) -> Res<PySearch> {
    let flag = |set: bool, flag: u32| if set { flag } else { 0 };
    let flags = flag(ignore_case, flags::IGNORECASE) | flag(multiline, flags::MULTILINE);
    PySearch::bounded(pattern, flags, STEPS).map_err(|error| Fault::other(error.to_string()))
}

/// The first match at or after an octet of the text.
///
/// # Errors
/// When it takes too many steps.
pub(super) fn search<'t>(
    pattern: &PySearch,
    text: &'t str,
    from: usize,
) -> Res<Option<fancy_regex::Captures<'t, str>>> {
    pattern.captures(text, from).map_err(|_| Fault::other("the pattern takes too many steps on this text"))
}

/// `re.match(pattern, text)` as a truth.
pub(super) fn matches(
    run: &mut Run<'_>,
    val: &Val,
    pattern: &Val,
    ignore_case: bool,
    multiline: bool,
) -> Res<Val> {
    let (text, pattern) = super::filters::subject(val, pattern)?;
    run.ticks(text.len())?;
    let pattern = compile(&pattern, ignore_case, multiline)?;
    Ok(Val::Bool(search(&pattern, &text, 0)?.is_some_and(|found| begins(&found))))
}

/// Whether a match is at the start. The first one is the leftmost: at the start, if there is one there.
pub(super) fn begins(found: &fancy_regex::Captures<'_, str>) -> bool {
    found.get(0).is_some_and(|whole| whole.start() == 0)
}
