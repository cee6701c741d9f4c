//! Filters of Jinja2 3.1 over sequences: `filters.py`.

use std::rc::Rc;

use super::super::call::{Args, flag, given, int};
use super::super::fault::{Fault, Res};
use super::super::globals::counted_items;
use super::super::iterate::{Source, length_of};
use super::super::methods::list::{fresh, sort_keyed};
use super::super::run::Run;
use super::super::val::{Val, ViewKind};
use super::select::{Path, ignore_case, paths};

pub(super) fn length(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("len", ["obj"], 1)?;
    Ok(Val::len_of(length_of(&given(val))?))
}

pub(super) fn first(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("sync_do_first", ["seq"], 1)?;
    match Source::of(&given(val))?.next()? {
        Some(item) => Ok(item),
        None => Ok(run.hint("No first item, sequence was empty.".to_owned())),
    }
}

pub(super) fn last(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_last", ["seq"], 1)?;
    let val = given(val);
    let items = reversible(run, &val)?;
    match items.last() {
        Some(item) => Ok(item.clone()),
        None => Ok(run.hint("No last item, sequence was empty.".to_owned())),
    }
}

/// The items of what `reversed()` takes.
fn reversible(run: &mut Run<'_>, val: &Val) -> Res<Vec<Val>> {
    match val {
        Val::Undefined(undefined) => Err(undefined.fault()),
        Val::Set(_)
        | Val::Gen(_)
        | Val::None
        | Val::Bool(_)
        | Val::Int(_)
        | Val::Big(_)
        | Val::Float(_)
        | Val::Obj(_)
        | Val::Time(_) => Err(Fault::other(format!("'{}' object is not reversible", val.type_name()))),
        other => counted_items(run, other),
    }
}

pub(super) fn random(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_random", ["seq"], 1)?;
    let val = given(val);
    let length = length_of(&val)?;
    if length == 0 {
        return Ok(run.hint("No random item, sequence was empty.".to_owned()));
    }
    let at = i64::try_from(run.around.random() % length as u64).unwrap_or_default();
    match run.index(&val, &Val::Int(at))? {
        Some(item) => Ok(item),
        None => match &val {
            Val::Dict(_) => Err(Fault::other(at.to_string())),
            other => Err(Fault::other(format!("'{}' object is not subscriptable", other.type_name()))),
        },
    }
}

pub(super) fn list(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("sync_do_list", ["value"], 1)?;
    Ok(fresh(counted_items(run, &given(val))?))
}

pub(super) fn items(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_items", ["value"], 1)?;
    match given(val) {
        Val::Undefined(_) => Ok(Val::r#gen("generator object do_items", Vec::new())),
        Val::Dict(dict) => {
            let pairs = dict.entries.borrow();
            let items = pairs.iter().map(|(key, val)| Val::tuple(vec![key.0.clone(), val.clone()])).collect();
            Ok(Val::r#gen("generator object do_items", items))
        }
        _ => Err(Fault::other("Can only get item pairs from a mapping.")),
    }
}

pub(super) fn join(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, separator, attribute] = args.bind("sync_do_join", ["value", "d", "attribute"], 1)?;
    let val = given(val);
    let separator = match separator {
        None => Rc::from(""),
        Some(val) => run.text_of(&val)?,
    };
    let path = Path::of(attribute.as_ref());
    let items = counted_items(run, &val)?;
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(&separator);
            run.charge(separator.len())?;
        }
        let item = path.get(run, item)?;
        out.push_str(&run.text_of(&item)?);
    }
    run.text(out)
}

pub(super) fn reverse(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_reverse", ["value"], 1)?;
    let val = given(val);
    match &val {
        Val::Str(text) => return run.text(text.chars().rev().collect()),
        Val::Markup(text) => return Ok(Val::Markup(text.chars().rev().collect::<String>().into())),
        Val::Undefined(undefined) => return Err(undefined.fault()),
        _ => {}
    }
    let what = match &val {
        Val::List(_) => "list_reverseiterator object",
        Val::Dict(_) => "dict_reversekeyiterator object",
        Val::View(ViewKind::Items, _) => "dict_reverseitemiterator object",
        Val::View(ViewKind::Keys, _) => "dict_reversekeyiterator object",
        Val::View(ViewKind::Values, _) => "dict_reversevalueiterator object",
        Val::Range(_) => "range_iterator object",
        _ => "reversed object",
    };
    let mut items = counted_items(run, &val).map_err(|_| Fault::template("argument must be iterable"))?;
    items.reverse();
    Ok(match &val {
        Val::Set(_) | Val::Gen(_) => fresh(items),
        _ => Val::r#gen(what, items),
    })
}

pub(super) fn batch(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, count, fill] = args.bind("do_batch", ["value", "linecount", "fill_with"], 2)?;
    let count = usize::try_from(int(count, 0)?).unwrap_or(usize::MAX);
    let fill = fill.filter(|fill| !matches!(fill, Val::None));
    let mut rows: Vec<Vec<Val>> = Vec::new();
    let mut row: Vec<Val> = Vec::new();
    for item in counted_items(run, &given(val))? {
        if row.len() == count {
            rows.push(std::mem::take(&mut row));
        }
        row.push(item);
    }
    if !row.is_empty() {
        if let Some(fill) = fill
            && row.len() < count
            && count != usize::MAX
        {
            run.charge((count - row.len()).saturating_mul(24))?;
            row.resize(count, fill);
        }
        rows.push(row);
    }
    Ok(Val::r#gen("generator object do_batch", rows.into_iter().map(fresh).collect()))
}

pub(super) fn slice(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, slices, fill] = args.bind("sync_do_slice", ["value", "slices", "fill_with"], 2)?;
    let items = counted_items(run, &given(val))?;
    let slices = int(slices, 0)?;
    if slices == 0 {
        return Err(Fault::other("integer division or modulo by zero"));
    }
    let slices = usize::try_from(slices).unwrap_or_default();
    run.charge(slices.saturating_mul(48))?;
    let fill = fill.filter(|fill| !matches!(fill, Val::None));
    let mut out = Vec::new();
    let mut offset = 0;
    for number in 0..slices {
        let (each, extra) = (items.len() / slices, items.len() % slices);
        let start = offset + number * each;
        offset += usize::from(number < extra);
        let end = offset + (number + 1) * each;
        let mut part: Vec<Val> = items.get(start..end).unwrap_or_default().to_vec();
        if number >= extra {
            part.extend(fill.clone());
        }
        out.push(fresh(part));
    }
    Ok(Val::r#gen("generator object sync_do_slice", out))
}

pub(super) fn dictsort(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, case_sensitive, by, reverse] =
        args.bind("do_dictsort", ["value", "case_sensitive", "by", "reverse"], 1)?;
    let case_sensitive = flag(case_sensitive, false)?;
    let at = match by.as_ref().map(|by| by.as_str().map(|by| &**by)) {
        None | Some(Some("key")) => 0,
        Some(Some("value")) => 1,
        _ => return Err(Fault::template("You can only sort by either \"key\" or \"value\"")),
    };
    let val = given(val);
    let Val::Dict(dict) = &val else {
        return Err(match &val {
            Val::Undefined(undefined) => undefined.fault(),
            other => Fault::other(format!("'{}' object has no attribute 'items'", other.type_name())),
        });
    };
    let mut keyed: Vec<(Val, Val)> = Vec::new();
    for (key, val) in dict.entries.borrow().iter() {
        let by = if at == 0 { key.0.clone() } else { val.clone() };
        let by = if case_sensitive { by } else { ignore_case(by) };
        keyed.push((by, Val::tuple(vec![key.0.clone(), val.clone()])));
    }
    run.ticks(keyed.len())?;
    sort_keyed(&mut keyed, flag(reverse, false)?)?;
    Ok(fresh(keyed.into_iter().map(|(_, pair)| pair).collect()))
}

pub(super) fn sort(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, reverse, case_sensitive, attribute] =
        args.bind("do_sort", ["value", "reverse", "case_sensitive", "attribute"], 1)?;
    let case_sensitive = flag(case_sensitive, false)?;
    let paths = paths(attribute.as_ref());
    let mut keyed = Vec::new();
    for item in counted_items(run, &given(val))? {
        let mut by = Vec::with_capacity(paths.len());
        for path in &paths {
            let key = path.get(run, &item)?;
            by.push(if case_sensitive { key } else { ignore_case(key) });
        }
        // Compared as lists are, so that a message names the items.
        keyed.push((fresh(by), item));
    }
    sort_keyed(&mut keyed, flag(reverse, false)?)?;
    Ok(fresh(keyed.into_iter().map(|(_, item)| item).collect()))
}
