//! Filters with patterns. Salt: utils/jinja.py (`regex_search`, `regex_match`, `regex_replace`, `regex_escape`).

use super::super::call::{Args, flag, given};
use super::super::fault::{Fault, Res};
use super::super::pattern::{begins, compile, search};
use super::super::run::Run;
use super::super::val::Val;
use crate::patterns::regex_escape as escape;

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
    run.text(escape(text))
}

fn groups(run: &mut Run<'_>, args: Args, name: &str, anchored: bool) -> Res<Val> {
    let [val, pattern, ignore_case, multiline] =
        args.bind(name, ["txt", "rgx", "ignorecase", "multiline"], 2)?;
    let (ignore_case, multiline) = (flag(ignore_case, false)?, flag(multiline, false)?);
    let (val, pattern) = (given(val), given(pattern));
    let (text, pattern) = subject(&val, &pattern)?;
    let pattern = compile(&pattern, ignore_case, multiline)?;
    run.ticks(text.len())?;
    match search(&pattern, &text, 0)?.filter(|found| !anchored || begins(found)) {
        None => Ok(Val::None),
        Some(found) => Ok(Val::tuple(
            found
                .iter()
                .skip(1)
                .map(|group| group.map_or(Val::None, |group| Val::str(group.as_str())))
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
    let template = pattern.template(&template).map_err(Fault::other)?;
    let mut out = String::new();
    let (mut from, mut at) = (0, 0);
    while at <= text.len() {
        run.tick()?;
        let Some(found) = search(&pattern, &text, at)? else { break };
        run.charge(template.len(&found))?;
        (from, at) = template.replace_one(&found, &text, from, &mut out);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    run.text(out)
}
