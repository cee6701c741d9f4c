//! Filters with patterns. Salt: utils/jinja.py (`regex_search`, `regex_match`, `regex_replace`, `regex_escape`).

use super::super::call::{Args, flag, given};
use super::super::fault::{Fault, Res};
use super::super::pattern::{Pattern, compile};
use super::super::run::Run;
use super::super::val::Val;

pub(super) fn regex_escape(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("regex_escape", ["value"], 1)?;
    let val = given(val);
    let Some(text) = val.as_str() else {
        return Err(match &val {
            Val::Undefined(undefined) => undefined.fault(),
            other => Fault::other(format!(
                "decoding to str: need a bytes-like object, {} found",
                other.type_name()
            )),
        });
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && !(c.is_ascii_alphanumeric() || "_!\"%',/:;<=>@`".contains(c)) {
            out.push('\\');
        }
        out.push(c);
    }
    run.text(out)
}

fn groups(run: &mut Run<'_>, args: Args, name: &str, anchored: bool) -> Res<Val> {
    let [val, pattern, ignore_case, multiline] =
        args.bind(name, ["txt", "rgx", "ignorecase", "multiline"], 2)?;
    let (ignore_case, multiline) = (flag(ignore_case, false)?, flag(multiline, false)?);
    let (val, pattern) = (given(val), given(pattern));
    let (text, pattern) = subject(&val, &pattern)?;
    let pattern: Pattern = compile(&pattern, ignore_case, multiline)?;
    run.ticks(text.len())?;
    match pattern.captures(&text, 0, anchored)? {
        None => Ok(Val::None),
        Some(found) => Ok(Val::tuple(
            found
                .groups
                .iter()
                .skip(1)
                .map(|group| group.map_or(Val::None, |(from, to)| Val::str(&text[from..to])))
                .collect(),
        )),
    }
}

/// The text and the pattern, which have to be text.
pub(in super::super) fn subject(val: &Val, pattern: &Val) -> Res<(std::rc::Rc<str>, std::rc::Rc<str>)> {
    for it in [val, pattern] {
        if let Val::Undefined(undefined) = it {
            return Err(undefined.fault());
        }
    }
    let Some(pattern) = pattern.as_str() else {
        return Err(Fault::other("first argument must be string or compiled pattern"));
    };
    let Some(text) = val.as_str() else {
        return Err(Fault::other(format!("expected string or bytes-like object, got '{}'", val.type_name())));
    };
    Ok((text.clone(), pattern.clone()))
}

pub(super) fn regex_search(run: &mut Run<'_>, args: Args) -> Res<Val> {
    groups(run, args, "regex_search", false)
}

pub(super) fn regex_match(run: &mut Run<'_>, args: Args) -> Res<Val> {
    groups(run, args, "regex_match", true)
}

pub(super) fn regex_replace(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, pattern, with, ignore_case, multiline] =
        args.bind("regex_replace", ["txt", "rgx", "val", "ignorecase", "multiline"], 3)?;
    let (ignore_case, multiline) = (flag(ignore_case, false)?, flag(multiline, false)?);
    let (val, pattern, with) = (given(val), given(pattern), given(with));
    let (text, pattern) = subject(&val, &pattern)?;
    let Some(template) = with.as_str().cloned() else {
        return Err(match &with {
            Val::Undefined(undefined) => undefined.fault(),
            other => Fault::other(format!(
                "decoding to str: need a bytes-like object, {} found",
                other.type_name()
            )),
        });
    };
    let pattern = compile(&pattern, ignore_case, multiline)?;
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    let mut last_end = None;
    while at <= text.len() {
        run.tick()?;
        let Some(found) = pattern.captures(&text, at, false)? else { break };
        let Some(Some((from, to))) = found.groups.first().copied() else { break };
        // An empty match right behind the last one counts, as since Python 3.7.
        if !(from == to && last_end == Some(from) && from < at) {
            out.push_str(&text[copied..from]);
            let filled = pattern.expand(&template, &text, &found)?;
            run.charge(filled.len())?;
            out.push_str(&filled);
            copied = to;
        }
        last_end = Some(to);
        at = if to > from || to > at { to } else { to + text[to..].chars().next().map_or(1, char::len_utf8) };
        if from == to && at == to {
            at += text[to..].chars().next().map_or(1, char::len_utf8);
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    run.text(out)
}
