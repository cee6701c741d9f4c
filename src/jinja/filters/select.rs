//! Filters of Jinja2 3.1 that look at attributes or apply other filters and tests: `filters.py`.

use std::rc::Rc;

use super::super::call::{Args, given};
use super::super::compare::equal;
use super::super::fault::{Fault, Res};
use super::super::globals::counted_items;
use super::super::methods::list::{fresh, sort_keyed};
use super::super::run::Run;
use super::super::val::{Tuple, Val, Why};

/// A dotted path of attributes and indexes.
pub(super) struct Path {
    parts: Vec<Val>,
    default: Option<Val>,
}

impl Path {
    pub(super) fn of(attribute: Option<&Val>) -> Path {
        let parts = match attribute {
            None | Some(Val::None) => Vec::new(),
            Some(Val::Str(text) | Val::Markup(text)) => text
                .split('.')
                .map(|part| match part.parse::<i64>() {
                    Ok(int) if part.bytes().all(|b| b.is_ascii_digit()) => Val::Int(int),
                    _ => Val::str(part),
                })
                .collect(),
            Some(other) => vec![other.clone()],
        };
        Path { parts, default: None }
    }

    pub(super) fn get(&self, run: &mut Run<'_>, item: &Val) -> Res<Val> {
        let mut item = item.clone();
        for part in &self.parts {
            item = run.subscript(&item, part)?;
            if item.is_undefined()
                && let Some(default) = &self.default
            {
                item = default.clone();
            }
        }
        Ok(item)
    }
}

/// The paths of `attribute="a,b.c"`.
pub(super) fn paths(attribute: Option<&Val>) -> Vec<Path> {
    match attribute {
        Some(Val::Str(text) | Val::Markup(text)) => {
            text.split(',').map(|part| Path::of(Some(&Val::str(part)))).collect()
        }
        other => vec![Path::of(other)],
    }
}

/// Text in lower case, anything else as it is.
pub(super) fn ignore_case(val: Val) -> Val {
    match &val {
        Val::Str(text) | Val::Markup(text) => Val::str(text.to_lowercase()),
        _ => val,
    }
}

pub(super) fn attr(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, name] = args.bind("do_attr", ["obj", "name"], 2)?;
    let (val, name) = (given(val), given(name));
    let Some(name) = name.as_str().cloned() else {
        return Err(Fault::other(format!("attribute name must be string, not '{}'", name.type_name())));
    };
    if let Val::Undefined(undefined) = &val {
        return Err(undefined.fault());
    }
    match run.member(&val, &name)? {
        Some(member) => Ok(member),
        None => Ok(run.undefined(Why::Member { owner: val.owner_name(), name: Val::Str(name) })),
    }
}

pub(super) fn map(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let Args { mut pos, mut kw } = args;
    if pos.is_empty() {
        return Err(Fault::other("sync_do_map() missing 1 required positional argument: 'value'"));
    }
    let rest = pos.split_off(1);
    let val = pos.pop().unwrap_or(Val::None);
    let what = "generator object sync_do_map";
    if !matches!(val, Val::Undefined(_)) && !val.truthy()? {
        return Ok(Val::r#gen(what, Vec::new()));
    }
    let items = counted_items(run, &val)?;
    let mut out = Vec::with_capacity(items.len());
    if rest.is_empty() && kw.iter().any(|(name, _)| &**name == "attribute") {
        let mut options = Args { pos: Vec::new(), kw: std::mem::take(&mut kw) };
        let attribute = options.take("attribute");
        let default = options.take("default").filter(|default| !matches!(default, Val::None));
        if let Some((name, _)) = options.kw.first() {
            let name = super::super::print::text_repr_owned(name);
            return Err(Fault::template(format!("Unexpected keyword argument {name}")));
        }
        let path = Path { default, ..Path::of(attribute.as_ref()) };
        for item in &items {
            out.push(path.get(run, item)?);
        }
        return Ok(Val::r#gen(what, out));
    }
    let mut rest = rest.into_iter();
    let Some(name) = rest.next() else {
        return Err(Fault::template("map requires a filter argument"));
    };
    let name = run.text_of(&name)?;
    let rest: Vec<Val> = rest.collect();
    for item in items {
        let mut pos = vec![item];
        pos.extend(rest.iter().cloned());
        out.push(run.filter(&name, Args { pos, kw: kw.clone() })?);
    }
    Ok(Val::r#gen(what, out))
}

fn select_or_reject(run: &mut Run<'_>, args: Args, keep: bool, by_attribute: bool) -> Res<Val> {
    let Args { pos, kw } = args;
    let mut pos = pos.into_iter();
    let val = pos.next().unwrap_or(Val::None);
    let what = match (keep, by_attribute) {
        (_, false) => "generator object select_or_reject",
        (_, true) => "generator object select_or_reject",
    };
    if !matches!(val, Val::Undefined(_)) && !val.truthy()? {
        return Ok(Val::r#gen(what, Vec::new()));
    }
    let path = if by_attribute {
        let Some(attribute) = pos.next() else {
            return Err(Fault::template("Missing parameter for attribute name"));
        };
        Path::of(Some(&attribute))
    } else {
        Path::of(None)
    };
    let test = match pos.next() {
        Some(name) => Some(run.text_of(&name)?),
        None => None,
    };
    let rest: Vec<Val> = pos.collect();
    let items = counted_items(run, &val)?;
    let mut out = Vec::new();
    for item in items {
        let looked = path.get(run, &item)?;
        let holds = match &test {
            None => looked.truthy()?,
            Some(name) => {
                let mut pos = vec![looked];
                pos.extend(rest.iter().cloned());
                if super::super::tests::find(name).is_none() {
                    return Err(Fault::template(format!("No test named '{name}'.")));
                }
                run.test(name, Args { pos, kw: kw.clone() })?.truthy()?
            }
        };
        if holds == keep {
            out.push(item);
        }
    }
    Ok(Val::r#gen(what, out))
}

pub(super) fn select(run: &mut Run<'_>, args: Args) -> Res<Val> {
    select_or_reject(run, args, true, false)
}

pub(super) fn reject(run: &mut Run<'_>, args: Args) -> Res<Val> {
    select_or_reject(run, args, false, false)
}

pub(super) fn selectattr(run: &mut Run<'_>, args: Args) -> Res<Val> {
    select_or_reject(run, args, true, true)
}

pub(super) fn rejectattr(run: &mut Run<'_>, args: Args) -> Res<Val> {
    select_or_reject(run, args, false, true)
}

pub(super) fn groupby(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, attribute, default, case_sensitive] =
        args.bind("sync_do_groupby", ["value", "attribute", "default", "case_sensitive"], 2)?;
    let case_sensitive = super::super::call::flag(case_sensitive, false)?;
    let default = default.filter(|default| !matches!(default, Val::None));
    let path = Path { default, ..Path::of(attribute.as_ref()) };
    let mut keyed = Vec::new();
    for item in counted_items(run, &given(val))? {
        let by = path.get(run, &item)?;
        keyed.push((if case_sensitive { by } else { ignore_case(by) }, item));
    }
    sort_keyed(&mut keyed, false)?;
    let mut groups: Vec<(Val, Vec<Val>)> = Vec::new();
    for (by, item) in keyed {
        match groups.last_mut() {
            Some((last, items)) if equal(last, &by)? => items.push(item),
            _ => groups.push((by, vec![item])),
        }
    }
    let mut out = Vec::with_capacity(groups.len());
    for (by, items) in groups {
        // Without regard to case the group is called as its first item is.
        let by = match items.first() {
            Some(first) if !case_sensitive => path.get(run, first)?,
            _ => by,
        };
        out.push(Val::Tuple(Rc::new(Tuple { items: vec![by, fresh(items)], is_group: true })));
    }
    Ok(fresh(out))
}
