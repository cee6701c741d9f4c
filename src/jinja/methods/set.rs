//! Methods of `set`, and of `dict.keys()`, which behaves like one.

use std::cell::RefCell;

use indexmap::IndexSet;

use super::super::call::Args;
use super::super::fault::{Fault, Res};
use super::super::iterate::items_of;
use super::super::print::repr;
use super::super::val::{Key, Val};
use super::{Table, none, one};

pub(super) static METHODS: Table = &[
    ("add", |run, of, args| {
        let key = one(args, "set.add")?.key()?;
        run.charge(32)?;
        of_set(of)?.borrow_mut().insert(key);
        Ok(Val::None)
    }),
    ("clear", |_, of, args| {
        none(&args, "set.clear")?;
        of_set(of)?.borrow_mut().clear();
        Ok(Val::None)
    }),
    ("copy", |_, of, args| {
        none(&args, "set.copy")?;
        Ok(Val::set(of_set(of)?.borrow().clone()))
    }),
    ("difference", |_, of, args| {
        let mut out = of_set(of)?.borrow().clone();
        for other in others(args)? {
            out.retain(|key| !other.contains(key));
        }
        Ok(Val::set(out))
    }),
    ("discard", |_, of, args| {
        let key = one(args, "set.discard")?.key()?;
        of_set(of)?.borrow_mut().shift_remove(&key);
        Ok(Val::None)
    }),
    ("intersection", |_, of, args| {
        let mut out = of_set(of)?.borrow().clone();
        for other in others(args)? {
            out.retain(|key| other.contains(key));
        }
        Ok(Val::set(out))
    }),
    ("isdisjoint", |_, of, args| {
        let other = keys(&one(args, "set.isdisjoint")?)?;
        Ok(Val::Bool(of_set(of)?.borrow().iter().all(|key| !other.contains(key))))
    }),
    ("issubset", |_, of, args| {
        let other = keys(&one(args, "set.issubset")?)?;
        Ok(Val::Bool(of_set(of)?.borrow().iter().all(|key| other.contains(key))))
    }),
    ("issuperset", |_, of, args| {
        let other = keys(&one(args, "set.issuperset")?)?;
        let set = of_set(of)?.borrow();
        Ok(Val::Bool(other.iter().all(|key| set.contains(key))))
    }),
    ("pop", |_, of, args| {
        none(&args, "set.pop")?;
        match of_set(of)?.borrow_mut().shift_remove_index(0) {
            Some(key) => Ok(key.0),
            None => Err(Fault::other("'pop from an empty set'")),
        }
    }),
    ("remove", |_, of, args| {
        let val = one(args, "set.remove")?;
        if of_set(of)?.borrow_mut().shift_remove(&val.key()?) {
            return Ok(Val::None);
        }
        Err(Fault::other(repr(&val)?))
    }),
    ("symmetric_difference", |_, of, args| {
        let other = keys(&one(args, "set.symmetric_difference")?)?;
        let set = of_set(of)?.borrow();
        let mut out: IndexSet<Key> = set.iter().filter(|key| !other.contains(*key)).cloned().collect();
        out.extend(other.iter().filter(|key| !set.contains(*key)).cloned());
        Ok(Val::set(out))
    }),
    ("union", |_, of, args| {
        let mut out = of_set(of)?.borrow().clone();
        for other in others(args)? {
            out.extend(other);
        }
        Ok(Val::set(out))
    }),
    ("update", |run, of, args| {
        for other in others(args)? {
            run.charge(other.len() * 32)?;
            of_set(of)?.borrow_mut().extend(other);
        }
        Ok(Val::None)
    }),
];

pub(super) static VIEW_METHODS: Table = &[("isdisjoint", |_, of, args| {
    let (mine, other) = (keys(of)?, keys(&one(args, "dict_keys.isdisjoint")?)?);
    Ok(Val::Bool(mine.iter().all(|key| !other.contains(key))))
})];

fn of_set(of: &Val) -> Res<&RefCell<IndexSet<Key>>> {
    match of {
        Val::Set(set) => Ok(&set.0),
        other => Err(Fault::other(format!("'{}' object is no set", other.type_name()))),
    }
}

/// The items of a value as a set.
pub(in super::super) fn keys(val: &Val) -> Res<IndexSet<Key>> {
    items_of(val)?.iter().map(Val::key).collect()
}

fn others(args: Args) -> Res<Vec<IndexSet<Key>>> {
    args.pos.iter().map(keys).collect()
}
