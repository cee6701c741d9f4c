//! Methods of `list`, `tuple` and `range`. Python: "Sequence Types".

use std::cell::RefCell;
use std::rc::Rc;

use super::super::call::{Args, flag, int};
use super::super::compare::{Order, equal, identical, ordered, sort as sorted};
use super::super::fault::{Fault, Res};
use super::super::iterate::items_of;
use super::super::operate::place;
use super::super::print::repr;
use super::super::run::Run;
use super::super::val::Val;
use super::{Table, between, none, one};

pub(super) static METHODS: Table = &[
    ("append", |run, of, args| {
        let item = one(args, "list.append")?;
        run.charge(24)?;
        items(of)?.borrow_mut().push(item);
        Ok(Val::None)
    }),
    ("clear", |_, of, args| {
        none(&args, "list.clear")?;
        let old = items(of)?.take();
        drop(old);
        Ok(Val::None)
    }),
    ("copy", |run, of, args| {
        none(&args, "list.copy")?;
        let copy = items(of)?.borrow().clone();
        run.charge(copy.len() * 24)?;
        Ok(Val::list(copy))
    }),
    ("count", count),
    ("extend", |run, of, args| {
        let val = one(args, "list.extend")?;
        let more = items_of(&val)?;
        run.charge(more.len() * 24)?;
        items(of)?.borrow_mut().extend(more);
        Ok(Val::None)
    }),
    ("index", index),
    ("insert", |run, of, args| {
        let args = between(args, "insert", 2, 2)?;
        let at = int(args.first().cloned(), 0)?;
        run.charge(24)?;
        let mut list = items(of)?.borrow_mut();
        let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
        let at = if at < 0 { at.saturating_add(length).max(0) } else { at.min(length) };
        list.insert(usize::try_from(at).unwrap_or_default(), args.get(1).cloned().unwrap_or(Val::None));
        Ok(Val::None)
    }),
    ("pop", |_, of, args| {
        let args = between(args, "pop", 0, 1)?;
        let at = int(args.first().cloned(), -1)?;
        let mut list = items(of)?.borrow_mut();
        if list.is_empty() {
            return Err(Fault::other("pop from empty list"));
        }
        match place(&Val::Int(at), list.len()) {
            Some(at) => Ok(list.remove(at)),
            None => Err(Fault::other("pop index out of range")),
        }
    }),
    ("remove", |_, of, args| {
        let item = one(args, "list.remove")?;
        let list = items(of)?.borrow().clone();
        for (at, it) in list.iter().enumerate() {
            if identical(it, &item) || equal(it, &item)? {
                items(of)?.borrow_mut().remove(at);
                return Ok(Val::None);
            }
        }
        Err(Fault::other("list.remove(x): x not in list"))
    }),
    ("reverse", |_, of, args| {
        none(&args, "list.reverse")?;
        items(of)?.borrow_mut().reverse();
        Ok(Val::None)
    }),
    ("sort", sort),
];

pub(super) static TUPLE_METHODS: Table = &[("count", count), ("index", index)];

fn items(of: &Val) -> Res<&RefCell<Vec<Val>>> {
    match of {
        Val::List(list) => Ok(&list.0),
        other => Err(Fault::other(format!("'{}' object is no list", other.type_name()))),
    }
}

fn count(_: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let item = one(args, &format!("{}.count", of.type_name()))?;
    let mut found = 0;
    for it in items_of(of)? {
        if identical(&it, &item) || equal(&it, &item)? {
            found += 1;
        }
    }
    Ok(Val::Int(found))
}

fn index(_: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let args = between(args, "index", 1, 3)?;
    let list = items_of(of)?;
    let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let bound = |slot: Option<&Val>, default: i64| -> Res<i64> {
        let at = int(slot.cloned(), default)?;
        Ok(if at < 0 { (at + length).max(0) } else { at })
    };
    let (start, stop) = (bound(args.get(1), 0)?, bound(args.get(2), length)?);
    let Some(item) = args.first() else { return Ok(Val::None) };
    for (at, it) in list.iter().enumerate() {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        if at >= start && at < stop && (identical(it, item) || equal(it, item)?) {
            return Ok(Val::Int(at));
        }
    }
    Err(Fault::other(match of {
        Val::Tuple(_) => "tuple.index(x): x not in tuple".to_owned(),
        Val::Range(_) => format!("{} is not in range", repr(item)?),
        _ => format!("{} is not in list", repr(item)?),
    }))
}

fn sort(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    if !args.pos.is_empty() {
        return Err(Fault::other("sort() takes no positional arguments"));
    }
    let [key, reverse] = args.bind("sort", ["key", "reverse"], 0)?;
    let reverse = flag(reverse, false)?;
    let list = items(of)?.borrow().clone();
    run.ticks(list.len())?;
    let mut keyed: Vec<(Val, Val)> = Vec::with_capacity(list.len());
    for item in list {
        let by = match &key {
            None | Some(Val::None) => item.clone(),
            Some(function) => run.call_value(function, Args::of(vec![item.clone()]))?,
        };
        keyed.push((by, item));
    }
    sort_keyed(&mut keyed, reverse)?;
    items(of)?.replace(keyed.into_iter().map(|(_, item)| item).collect());
    Ok(Val::None)
}

/// Sorts by the first of each pair; equal ones keep their order, also when reversed.
pub(in super::super) fn sort_keyed(keyed: &mut Vec<(Val, Val)>, reverse: bool) -> Res<()> {
    if reverse {
        keyed.reverse();
    }
    sorted(keyed, &mut |a, b| ordered(Order::Lt, &a.0, &b.0))?;
    if reverse {
        keyed.reverse();
    }
    Ok(())
}

/// A list that shares nothing with `val`.
pub(in super::super) fn fresh(items: Vec<Val>) -> Val {
    Val::List(Rc::new(super::super::val::List(RefCell::new(items))))
}
