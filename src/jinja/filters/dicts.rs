//! Salt's filters over dicts. Salt: utils/data.py, utils/dictupdate.py.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::call::{Args, flag, given};
use super::super::compare::equal;
use super::super::fault::{Fault, Kind, Res};
use super::super::globals::counted_items;
use super::super::iterate::items_of;
use super::super::methods::dict::pairs;
use super::super::methods::list::fresh;
use super::super::run::Run;
use super::super::val::{Dict, Entries, Key, Val};
use super::numbers::parse_int;
use super::strings::{python_class, to_num};
use crate::value::yaml::yamlify_arg;

/// Text as bytes, all the way down.
fn encoded(val: &Val, depth: u32) -> Res<Val> {
    if depth > super::super::print::MAX_NESTING {
        return Err(super::super::print::too_deep());
    }
    Ok(match val {
        Val::Str(text) | Val::Markup(text) => Val::Bytes(text.as_bytes().into()),
        Val::List(_) | Val::Tuple(_) => {
            fresh(items_of(val)?.iter().map(|item| encoded(item, depth + 1)).collect::<Res<_>>()?)
        }
        Val::Dict(dict) => {
            let mut out = Entries::new();
            for (key, val) in dict.entries.borrow().iter() {
                out.insert(Key(encoded(&key.0, depth + 1)?), encoded(val, depth + 1)?);
            }
            Val::dict(out)
        }
        other => other.clone(),
    })
}

pub(super) fn encode_list(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let Some(val) = args.pos.first() else {
        return Err(Fault::other("encode_list() missing 1 required positional argument: 'data'"));
    };
    Ok(fresh(items_of(val)?.iter().map(|item| encoded(item, 1)).collect::<Res<_>>()?))
}

pub(super) fn encode_dict(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let Some(val) = args.pos.first() else {
        return Err(Fault::other("encode_dict() missing 1 required positional argument: 'data'"));
    };
    match val {
        Val::Dict(_) => encoded(val, 0),
        Val::Undefined(undefined) => Err(undefined.fault()),
        other => Err(Fault::other(format!("'{}' object has no attribute 'items'", other.type_name()))),
    }
}

/// Salt 3007: `{key: …, value: …}` for each entry.
pub(super) fn to_entries(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("to_entries", ["data"], 1)?;
    let pairs: Vec<(Val, Val)> = match given(val) {
        Val::Dict(dict) => dict.pairs(),
        Val::List(list) => {
            list.0.borrow().iter().enumerate().map(|(at, val)| (Val::len_of(at), val.clone())).collect()
        }
        _ => return Err(Fault::other("Input data must be a dict or list")),
    };
    let mut made = Vec::new();
    for (key, val) in pairs {
        run.charge(256)?;
        let mut entry = Entries::new();
        entry.insert(Key(Val::str("key")), key);
        entry.insert(Key(Val::str("value")), val);
        made.push(Val::dict(entry));
    }
    Ok(fresh(made))
}

/// Salt 3007: the other way round; the key may also be called `name`, in letters of either case.
pub(super) fn from_entries(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("from_entries", ["entries"], 1)?;
    let mut made = Entries::new();
    for entry in counted_items(run, &given(val))? {
        let mut found = [Val::None, Val::None, Val::None];
        for (name, val) in pairs(&entry)? {
            let name = name.0.as_str().map(|name| name.to_lowercase()).unwrap_or_default();
            if let Some(at) = ["key", "name", "value"].iter().position(|known| *known == name) {
                found[at] = val;
            }
        }
        let [key, name, val] = found;
        let key = if key.truthy()? { key } else { name };
        if key.truthy()? {
            run.charge(64)?;
            made.insert(key.key()?, val);
        }
    }
    Ok(Val::dict(made))
}

fn entries(val: &Val) -> Res<Entries> {
    match val {
        Val::None => Ok(Entries::new()),
        Val::Dict(dict) => Ok(dict.entries.borrow().clone()),
        other => pairs(other),
    }
}

fn pair(old: Val, new: Val, new_first: bool) -> Val {
    let old = (Key(Val::str("old")), old);
    let new = (Key(Val::str("new")), new);
    Val::dict(Entries::from_iter(if new_first { [new, old] } else { [old, new] }))
}

pub(super) fn compare_dicts(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [old, new] = args.bind("compare_dicts", ["old", "new"], 0)?;
    let (old, new) = (entries(&given(old))?, entries(&given(new))?);
    let mut out = Entries::new();
    for key in new.keys().chain(old.keys().filter(|key| !new.contains_key(*key))) {
        match (old.get(key), new.get(key)) {
            (None, Some(new)) => {
                out.insert(key.clone(), pair(Val::str(""), new.clone(), false));
            }
            (Some(old), None) => {
                out.insert(key.clone(), pair(old.clone(), Val::str(""), true));
            }
            (Some(old), Some(new)) if !equal(old, new)? => {
                out.insert(key.clone(), pair(old.clone(), new.clone(), false));
            }
            _ => {}
        }
    }
    Ok(Val::dict(out))
}

pub(super) fn compare_lists(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [old, new] = args.bind("compare_lists", ["old", "new"], 0)?;
    let (old, new) = (given(old), given(new));
    let mut out = Entries::new();
    for (name, from, other) in [("new", &new, &old), ("old", &old, &new)] {
        let mut found = Vec::new();
        for item in counted_items(run, from)? {
            if !run.contains(other, &item)? {
                found.push(item);
            }
        }
        if !found.is_empty() {
            out.insert(Key(Val::str(name)), fresh(found));
        }
    }
    Ok(Val::dict(out))
}

pub(super) fn mysql_to_dict(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [data, key] = args.bind("mysql_to_dict", ["data", "key"], 2)?;
    let key = given(key);
    let mut out = Entries::new();
    let mut headers: Vec<String> = vec![String::new()];
    for line in counted_items(run, &given(data))? {
        let line = run.text_of(&line)?;
        if line.is_empty() || line.starts_with('+') {
            continue;
        }
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        if headers.len() <= 1 {
            headers = cells;
            continue;
        }
        let mut row = Entries::new();
        // The first and the last cell stand outside of the table's bars.
        for (at, header) in headers.iter().enumerate().take(headers.len() - 1).skip(1) {
            let Some(cell) = cells.get(at) else { return Err(Fault::other("list index out of range")) };
            let cell = to_num(run, Args::of(vec![Val::str(cell)]))?;
            row.insert(Key(Val::str(header)), cell);
        }
        let Some(name) = row.get(&key.key()?).cloned() else {
            return Err(Fault::other(super::super::print::repr(&key)?));
        };
        out.insert(name.key()?, Val::dict(row));
    }
    Ok(Val::dict(out))
}

pub(super) fn traverse(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [data, key, default, delimiter] =
        args.bind("traverse_dict_and_list", ["data", "key", "default", "delimiter"], 2)?;
    let default = given(default);
    let delimiter = delimiter.unwrap_or_else(|| Val::str(":"));
    let delimiter = run.text_of(&delimiter)?;
    let key = given(key);
    let path: Vec<Val> = match &key {
        Val::Str(text) | Val::Markup(text) if delimiter.is_empty() => {
            let _ = text;
            return Err(Fault::other("empty separator"));
        }
        Val::Str(text) | Val::Markup(text) => text.split(&*delimiter).map(Val::str).collect(),
        Val::Int(_) | Val::Bool(_) => vec![key.clone()],
        other => counted_items(run, other)?,
    };
    let mut at = given(data);
    for part in path {
        if let Val::List(list) = &at {
            let items = list.0.borrow().clone();
            let index = match &part {
                Val::Str(text) | Val::Markup(text) => parse_int(text, 10).map(Val::from_big),
                Val::Int(_) | Val::Bool(_) => Some(part.clone()),
                _ => None,
            };
            let wanted = index.clone().unwrap_or_else(|| part.clone()).key()?;
            let inside = items.iter().find_map(|item| match item {
                Val::Dict(dict) => dict.entries.borrow().get(&wanted).cloned(),
                _ => None,
            });
            let found = match (inside, index) {
                (Some(found), _) => Some(found),
                (None, Some(index)) => run.index(&at, &index)?,
                (None, None) => None,
            };
            match found {
                Some(found) => at = found,
                None => return Ok(default),
            }
            continue;
        }
        match &at {
            Val::Undefined(undefined) => return Err(undefined.fault()),
            Val::Dict(dict) => {
                let found = dict.entries.borrow().get(&part.key()?).cloned();
                let found = match (found, part.as_str()) {
                    (None, Some(text)) => {
                        let loaded = super::super::convert::from_value(&yamlify_arg(text));
                        match loaded.key() {
                            Ok(loaded) => dict.entries.borrow().get(&loaded).cloned(),
                            Err(_) => None,
                        }
                    }
                    (found, _) => found,
                };
                match found {
                    Some(found) => at = found,
                    None => return Ok(default),
                }
            }
            _ => match run.index(&at, &part)? {
                Some(found) if part.as_index().is_some() => at = found,
                _ => return Ok(default),
            },
        }
    }
    Ok(at)
}

/// What one of the four `*_dict_key_value` filters works on: the dict above the last key, and that key.
struct Target {
    whole: Val,
    dict: Rc<Dict>,
    last: Key,
    value: Val,
    ordered: bool,
}

fn new_dict(ordered: bool) -> Val {
    Val::Dict(Rc::new(Dict { entries: RefCell::default(), ordered }))
}

fn target(run: &mut Run<'_>, args: Args, name: &str) -> Res<Target> {
    let [whole, keys, value, delimiter, ordered] =
        args.bind(name, ["in_dict", "keys", "value", "delimiter", "ordered_dict"], 3)?;
    let (whole, keys) = (given(whole), given(keys));
    let ordered = flag(ordered, false)?;
    let delimiter = delimiter.unwrap_or_else(|| Val::str(":"));
    let delimiter = run.text_of(&delimiter)?;
    let Some(keys) = keys.as_str().cloned() else {
        return Err(Fault::other(format!("argument of type '{}' is not iterable", keys.type_name())));
    };
    let Val::Dict(start) = &whole else {
        return Err(match &whole {
            Val::Undefined(undefined) => undefined.fault(),
            other => Fault::other(format!("'{}' object does not support item assignment", other.type_name())),
        });
    };
    let mut dict = Rc::clone(start);
    let mut parts: Vec<&str> = keys.split(&*delimiter).collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        run.charge(64)?;
        let next = {
            let mut entries = dict.entries.borrow_mut();
            let slot = entries.entry(Key(Val::str(part))).or_insert(Val::None);
            if !matches!(slot, Val::Dict(_)) {
                *slot = new_dict(ordered);
            }
            slot.clone()
        };
        let Val::Dict(next) = next else {
            return Err(Fault::other(format!(
                "'{}' object does not support item assignment",
                next.type_name()
            )));
        };
        dict = next;
    }
    Ok(Target { whole, dict, last: Key(Val::str(last)), value: given(value), ordered })
}

impl Target {
    /// What is there, made first where it is missing.
    fn current(&self, new: impl FnOnce() -> Val) -> Val {
        let mut entries = self.dict.entries.borrow_mut();
        let slot = entries.entry(self.last.clone()).or_insert(Val::None);
        if matches!(slot, Val::None) {
            *slot = new();
        }
        slot.clone()
    }
}

fn refused(text: String) -> Fault {
    Fault::new(Kind::Call, text)
}

pub(super) fn set(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let target = target(run, args, "set_dict_key_value")?;
    target.dict.entries.borrow_mut().insert(target.last, target.value);
    Ok(target.whole)
}

pub(super) fn update(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let target = target(run, args, "update_dict_key_value")?;
    let current = target.current(|| new_dict(target.ordered));
    match &current {
        Val::Dict(dict) => {
            let more = pairs(&target.value).map_err(|_| {
                refused(format!(
                    "Cannot update <class '{}'> with a <class '{}'>.",
                    python_class(&current),
                    python_class(&target.value)
                ))
            })?;
            run.charge(more.len() * 64)?;
            dict.entries.borrow_mut().extend(more);
        }
        Val::Set(set) => set.0.borrow_mut().extend(super::super::methods::set::keys(&target.value)?),
        other => {
            return Err(refused(format!(
                "The last key contains a <class '{}'>, which cannot update.",
                python_class(other)
            )));
        }
    }
    Ok(target.whole)
}

pub(super) fn append(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let target = target(run, args, "append_dict_key_value")?;
    let current = target.current(|| fresh(Vec::new()));
    let Val::List(list) = &current else {
        return Err(refused(format!(
            "The last key contains a <class '{}'>, which cannot append.",
            python_class(&current)
        )));
    };
    run.charge(24)?;
    list.0.borrow_mut().push(target.value);
    Ok(target.whole)
}

pub(super) fn extend(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let target = target(run, args, "extend_dict_key_value")?;
    let current = target.current(|| fresh(Vec::new()));
    let Val::List(list) = &current else {
        return Err(refused(format!(
            "The last key contains a <class '{}'>, which cannot extend.",
            python_class(&current)
        )));
    };
    let more = items_of(&target.value).map_err(|fault| match &target.value {
        Val::Undefined(_) => fault,
        other => refused(format!("Cannot extend <class 'list'> with a <class '{}'>.", python_class(other))),
    })?;
    run.charge(more.len() * 24)?;
    list.0.borrow_mut().extend(more);
    Ok(target.whole)
}
