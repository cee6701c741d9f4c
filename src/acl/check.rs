//! Whether rules allow a publish, or a call of a runner or wheel function.

use super::begins;
use crate::value::{Map, Value, str_of};

/// A function that is to be published.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    pub fun: &'a str,
    /// Keyword arguments come last, as a map with `__kwarg__`.
    pub arg: &'a [Value],
}

/// Whether every one of the jobs is allowed. `covers` says whether a compound target names all minions that the job is
/// for (and there are some).
///
/// Salt is content with one allowed function of several, which lets the others slip through; here each has to be allowed.
pub fn may_publish(rules: &[Value], jobs: &[Job<'_>], covers: &mut dyn FnMut(&str) -> bool) -> bool {
    !jobs.is_empty() && jobs.iter().all(|job| allows(rules, job, covers))
}

fn allows(rules: &[Value], job: &Job<'_>, covers: &mut dyn FnMut(&str) -> bool) -> bool {
    rules.iter().any(|rule| match rule {
        Value::Text(pattern) => begins(pattern, job.fun),
        Value::Map(rule) => {
            let Some((target, functions)) = only_entry(rule) else { return false };
            let (arg, kwarg) = split(job.arg);
            covers(target) && one_fits(functions, job.fun, Some(arg), kwarg)
        }
        _ => false,
    })
}

fn split(arg: &[Value]) -> (&[Value], Option<&Map>) {
    match arg.split_last() {
        Some((Value::Map(kwarg), rest)) if kwarg.contains("__kwarg__") => (rest, Some(kwarg)),
        _ => (arg, None),
    }
}

/// Which functions of the master a rule like `@runner` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterFunctions {
    Runner,
    Wheel,
}

impl MasterFunctions {
    /// `runner` or `wheel`.
    pub fn as_str(self) -> &'static str {
        match self {
            MasterFunctions::Runner => "runner",
            MasterFunctions::Wheel => "wheel",
        }
    }
}

/// What the rules say to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    Allowed,
    Denied,
    /// The function is not named `module.function`.
    BadSyntax,
}

/// Whether rules allow the call of a runner or wheel function.
pub fn may_call(
    rules: &[Value],
    form: MasterFunctions,
    fun: &str,
    arg: Option<&[Value]>,
    kwarg: Option<&Map>,
) -> Ruling {
    if rules.is_empty() {
        return Ruling::Denied;
    }
    let Some((module, name)) = fun.split_once('.').filter(|(_, name)| !name.contains('.')) else {
        return Ruling::BadSyntax;
    };
    let form = form.as_str();
    let all_of_form = |word: &str| word == form || word.strip_suffix('s') == Some(form);
    let allowed = rules.iter().any(|rule| match rule {
        Value::Text(text) => text.strip_prefix('@').is_some_and(|word| word == module || all_of_form(word)),
        Value::Map(rule) => {
            let Some((word, functions)) = only_entry(rule) else { return false };
            let Some(word) = word.strip_prefix('@') else { return false };
            (word == module && one_fits(functions, name, arg, kwarg))
                || (all_of_form(word) && one_fits(functions, fun, arg, kwarg))
        }
        _ => false,
    });
    if allowed { Ruling::Allowed } else { Ruling::Denied }
}

/// The entry of a rule; a rule with several is none.
fn only_entry(rule: &Map) -> Option<(&str, &Value)> {
    let (key, value) = rule.at(0).filter(|_| rule.len() == 1)?;
    Some((key.as_str()?, value))
}

/// One value, or a list of them.
fn each(value: &Value) -> &[Value] {
    value.as_list().unwrap_or(std::slice::from_ref(value))
}

fn one_fits(conditions: &Value, fun: &str, arg: Option<&[Value]>, kwarg: Option<&Map>) -> bool {
    each(conditions).iter().any(|condition| match condition {
        Value::Text(pattern) => begins(pattern, fun),
        Value::Map(condition) => only_entry(condition)
            .is_some_and(|(pattern, limits)| begins(pattern, fun) && arguments_fit(limits, arg, kwarg)),
        _ => false,
    })
}

/// `limits`: `{args: [regex or null], kwargs: {name: regex or null}}`, or a list of such of which one has to fit.
fn arguments_fit(limits: &Value, arg: Option<&[Value]>, kwarg: Option<&Map>) -> bool {
    let fits = |wanted: &Value, given: &Value| match wanted {
        Value::Null => true,
        Value::Text(pattern) => begins(pattern, &str_of(given)),
        _ => false,
    };
    each(limits).iter().filter_map(Value::as_map).any(|limits| {
        let wanted = limits.get("args").and_then(Value::as_list).unwrap_or_default();
        let args_fit = wanted.iter().enumerate().all(|(place, wanted)| {
            arg.and_then(|arg| arg.get(place)).is_some_and(|given| fits(wanted, given))
        });
        let wanted = limits.get("kwargs").and_then(Value::as_map);
        args_fit
            && wanted.into_iter().flat_map(Map::iter).all(|(name, wanted)| {
                kwarg.and_then(|kwarg| kwarg.get_value(name)).is_some_and(|given| fits(wanted, given))
            })
    })
}
