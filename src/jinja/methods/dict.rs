//! Methods of `dict`. Python: "Mapping Types".

use std::cell::RefCell;
use std::rc::Rc;

use super::super::call::Args;
use super::super::fault::{Fault, Res};
use super::super::iterate::{Source, items_of, length_of};
use super::super::print::repr;
use super::super::val::{Dict, Entries, Key, Val, ViewKind};
use super::{Table, between, none};

pub(super) static METHODS: Table = &[
    ("clear", |_, of, args| {
        none(&args, "dict.clear")?;
        drop(of_dict(of)?.entries.take());
        Ok(Val::None)
    }),
    ("copy", |run, of, args| {
        none(&args, "dict.copy")?;
        let dict = of_dict(of)?;
        let entries = dict.entries.borrow().clone();
        run.charge(entries.len() * 64)?;
        Ok(Val::Dict(Rc::new(Dict { entries: RefCell::new(entries), ordered: dict.ordered })))
    }),
    ("fromkeys", |_, _, args| from_keys(args)),
    ("get", |_, of, args| {
        let args = between(args, "get", 1, 2)?;
        let found = match args.first() {
            Some(Val::Str(name)) => of_dict(of)?.entries.borrow().get(&**name).cloned(),
            Some(key) => {
                let key = key.key()?;
                of_dict(of)?.entries.borrow().get(&key).cloned()
            }
            None => None,
        };
        Ok(found.or_else(|| args.get(1).cloned()).unwrap_or(Val::None))
    }),
    ("items", |_, of, args| view(of, &args, "dict.items", ViewKind::Items)),
    ("keys", |_, of, args| view(of, &args, "dict.keys", ViewKind::Keys)),
    ("pop", |_, of, args| {
        let args = between(args, "pop", 1, 2)?;
        let Some(key) = args.first() else { return Ok(Val::None) };
        let taken = of_dict(of)?.entries.borrow_mut().shift_remove(&key.key()?);
        match taken.or_else(|| args.get(1).cloned()) {
            Some(val) => Ok(val),
            None => Err(Fault::other(repr(key)?)),
        }
    }),
    ("popitem", |_, of, args| {
        none(&args, "dict.popitem")?;
        match of_dict(of)?.entries.borrow_mut().pop() {
            Some((key, val)) => Ok(Val::tuple(vec![key.0, val])),
            None => Err(Fault::other("'popitem(): dictionary is empty'")),
        }
    }),
    ("setdefault", |run, of, args| {
        let args = between(args, "setdefault", 1, 2)?;
        let Some(key) = args.first() else { return Ok(Val::None) };
        run.charge(64)?;
        let mut entries = of_dict(of)?.entries.borrow_mut();
        let default = args.get(1).cloned().unwrap_or(Val::None);
        Ok(entries.entry(key.key()?).or_insert(default).clone())
    }),
    ("update", |run, of, args| {
        let Args { pos, kw } = args;
        if pos.len() > 1 {
            return Err(Fault::other(format!("update expected at most 1 argument, got {}", pos.len())));
        }
        let mut more = match pos.first() {
            Some(val) => pairs(val)?,
            None => Entries::new(),
        };
        more.extend(kw.into_iter().map(|(name, val)| (Key(Val::Str(name)), val)));
        run.charge(more.len() * 64)?;
        of_dict(of)?.entries.borrow_mut().extend(more);
        Ok(Val::None)
    }),
    ("values", |_, of, args| view(of, &args, "dict.values", ViewKind::Values)),
];

fn of_dict(of: &Val) -> Res<&Rc<Dict>> {
    match of {
        Val::Dict(dict) => Ok(dict),
        other => Err(Fault::other(format!("'{}' object is no dict", other.type_name()))),
    }
}

fn view(of: &Val, args: &Args, name: &str, kind: ViewKind) -> Res<Val> {
    none(args, name)?;
    Ok(Val::View(kind, Rc::clone(of_dict(of)?)))
}

/// What `dict(val)` holds: the entries of a dict, or pairs.
pub(in super::super) fn pairs(val: &Val) -> Res<Entries> {
    if let Val::Dict(dict) = val {
        return Ok(dict.entries.borrow().clone());
    }
    let mut entries = Entries::new();
    let mut source = Source::of(val)?;
    let mut index = 0;
    while let Some(item) = source.next()? {
        let pair = items_of(&item).map_err(|_| {
            Fault::other(format!("cannot convert dictionary update sequence element #{index} to a sequence"))
        })?;
        match <[Val; 2]>::try_from(pair) {
            Ok([key, val]) => {
                entries.insert(key.key()?, val);
            }
            Err(_) => {
                return Err(Fault::other(format!(
                    "dictionary update sequence element #{index} has length {}; 2 is required",
                    length_of(&item).unwrap_or_default()
                )));
            }
        }
        index += 1;
    }
    Ok(entries)
}

/// `dict.fromkeys(keys, value)`
pub(in super::super) fn from_keys(args: Args) -> Res<Val> {
    let args = between(args, "fromkeys", 1, 2)?;
    let Some(keys) = args.first() else { return Ok(Val::None) };
    let val = args.get(1).cloned().unwrap_or(Val::None);
    let mut entries = Entries::new();
    for key in items_of(keys)? {
        entries.insert(key.key()?, val.clone());
    }
    Ok(Val::dict(entries))
}
