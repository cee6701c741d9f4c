//! Methods of Python's own types.

pub(super) mod bytes;
pub(super) mod dict;
pub(super) mod list;
pub(super) mod number;
pub(super) mod path;
pub(super) mod set;
pub(super) mod text;
mod text_more;

use super::call::Args;
use super::fault::{Fault, Res};
use super::run::Run;
use super::val::Val;

/// A method: the value it belongs to, and the arguments.
pub(super) type Method = fn(&mut Run<'_>, &Val, Args) -> Res<Val>;

/// Methods by name, sorted.
pub(super) type Table = &'static [(&'static str, Method)];

fn table(val: &Val) -> Table {
    match val {
        Val::Str(_) | Val::Markup(_) => text::METHODS,
        Val::List(_) => list::METHODS,
        Val::Tuple(_) | Val::Range(_) => list::TUPLE_METHODS,
        Val::Dict(_) => dict::METHODS,
        Val::View(super::val::ViewKind::Keys | super::val::ViewKind::Items, _) => set::VIEW_METHODS,
        Val::Set(_) => set::METHODS,
        Val::Bool(_) | Val::Int(_) | Val::Big(_) => number::INT_METHODS,
        Val::Float(_) => number::FLOAT_METHODS,
        Val::Bytes(_) => bytes::METHODS,
        Val::Time(_) => number::TIME_METHODS,
        _ => &[],
    }
}

fn find(table: Table, name: &str) -> Option<Method> {
    let at = table.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(table[at].1)
}

/// Whether a value has a method of this name.
pub(super) fn has(val: &Val, name: &str) -> bool {
    find(table(val), name).is_some()
        || match val {
            Val::Markup(_) => find(text::MARKUP_METHODS, name).is_some(),
            Val::Bytes(_) => bytes::is_as_text(name),
            _ => false,
        }
}

/// Calls a method that [`has`] knows.
pub(super) fn call(run: &mut Run<'_>, of: &Val, name: &str, args: Args) -> Res<Val> {
    run.tick()?;
    let method = find(table(of), name)
        .or_else(|| if matches!(of, Val::Markup(_)) { find(text::MARKUP_METHODS, name) } else { None });
    match method {
        Some(method) => method(run, of, args),
        None if matches!(of, Val::Bytes(_)) && bytes::is_as_text(name) => {
            bytes::call_as_text(run, of, name, args)
        }
        None => Err(Fault::other(format!("'{}' object has no attribute '{name}'", of.type_name()))),
    }
}

/// An attribute that is no method.
pub(super) fn field(val: &Val, name: &str) -> Option<Val> {
    match (val, name) {
        (Val::Bool(bool), "real" | "numerator") => Some(Val::Int(i64::from(*bool))),
        (Val::Int(_) | Val::Big(_), "real" | "numerator") | (Val::Float(_), "real") => Some(val.clone()),
        (Val::Bool(_) | Val::Int(_) | Val::Big(_), "imag") => Some(Val::Int(0)),
        (Val::Bool(_) | Val::Int(_) | Val::Big(_), "denominator") => Some(Val::Int(1)),
        (Val::Float(_), "imag") => Some(Val::Float(0.0)),
        (Val::Range(range), "start") => Some(Val::Int(range.start)),
        (Val::Range(range), "stop") => Some(Val::Int(range.stop)),
        (Val::Range(range), "step") => Some(Val::Int(range.step)),
        (Val::Tuple(tuple), "grouper") if tuple.is_group => tuple.items.first().cloned(),
        (Val::Tuple(tuple), "list") if tuple.is_group => tuple.items.get(1).cloned(),
        (Val::Time(time), _) => {
            let int = |int: i64| Some(Val::Int(int));
            match name {
                "year" => int(i64::from(time.year())),
                "month" => int(i64::from(time.month())),
                "day" => int(i64::from(time.day())),
                "hour" => int(i64::from(time.hour())),
                "minute" => int(i64::from(time.minute())),
                "second" => int(i64::from(time.second())),
                "microsecond" => int(i64::from(time.subsec_nanosecond() / 1000)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Refuses arguments that a method does not take.
fn none(args: &Args, method: &str) -> Res<()> {
    if !args.kw.is_empty() {
        return Err(Fault::other(format!("{method}() takes no keyword arguments")));
    }
    if !args.pos.is_empty() {
        return Err(Fault::other(format!("{method}() takes no arguments ({} given)", args.pos.len())));
    }
    Ok(())
}

/// The one argument of a method.
fn one(args: Args, method: &str) -> Res<Val> {
    if !args.kw.is_empty() {
        return Err(Fault::other(format!("{method}() takes no keyword arguments")));
    }
    let given = args.pos.len();
    let mut pos = args.pos.into_iter();
    match pos.next() {
        Some(only) if given == 1 => Ok(only),
        _ => Err(Fault::other(format!("{method}() takes exactly one argument ({given} given)"))),
    }
}

/// Between `min` and `max` positional arguments, as C functions check them.
fn between(args: Args, name: &str, min: usize, max: usize) -> Res<Vec<Val>> {
    if !args.kw.is_empty() {
        return Err(Fault::other(format!("{name}() takes no keyword arguments")));
    }
    let given = args.pos.len();
    if given < min || given > max {
        let (bound, n) = if given < min { ("at least", min) } else { ("at most", max) };
        let bound = if min == max { "" } else { bound };
        let space = if bound.is_empty() { "" } else { " " };
        let plural = if n == 1 { "" } else { "s" };
        return Err(Fault::other(format!("{name} expected {bound}{space}{n} argument{plural}, got {given}")));
    }
    Ok(args.pos)
}
