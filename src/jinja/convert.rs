//! From and to plain data, at the border of a render.

use std::cell::RefCell;
use std::rc::Rc;

use super::fault::{Fault, Res};
use super::iterate::items_of;
use super::print::str_of;
use super::val::{Dict, Entries, Key, Val};
use super::walk::{Walk, walk};
use crate::value::{Map, Value};

/// Plain data as a template sees it.
pub(super) fn from_value(value: &Value) -> Val {
    match value {
        Value::Null => Val::None,
        Value::Bool(bool) => Val::Bool(*bool),
        Value::Int(int) => Val::Int(*int),
        Value::Big(big) => Val::from_big((**big).clone()),
        Value::Float(float) => Val::Float(*float),
        Value::Text(text) => Val::str(text),
        Value::Bytes(bytes) => Val::Bytes(Rc::from(&bytes[..])),
        Value::List(items) => Val::list(items.iter().map(from_value).collect()),
        Value::Map(map) => from_map(map),
        Value::Time(time) => Val::Time(Rc::new(**time)),
    }
}

/// A map as a dict. Keys that Python could not hash become tuples or text.
pub(super) fn from_map(map: &Map) -> Val {
    let mut entries = Entries::with_capacity(map.len());
    for (key, value) in map {
        entries.insert(key_of(key), from_value(value));
    }
    Val::Dict(Rc::new(Dict { entries: RefCell::new(entries), ordered: map.is_ordered() }))
}

fn key_of(key: &Value) -> Key {
    match key {
        Value::List(items) => Key(Val::tuple(items.iter().map(|item| key_of(item).0).collect())),
        Value::Map(map) => Key(Val::str(crate::value::repr(&Value::Map(map.clone())))),
        other => Key(from_value(other)),
    }
}

/// A value of a template as plain data: tuples, sets, ranges and generators become lists.
///
/// # Errors
/// When the value is undefined, holds itself, or is nested too deep.
pub(super) fn to_value(val: &Val) -> Res<Value> {
    walk(|walk| to_value_at(val, walk))
}

fn to_value_at(val: &Val, walk: Walk<'_>) -> Res<Value> {
    let walk = walk.enter()?;
    Ok(match val {
        Val::Undefined(undefined) if undefined.strict => return Err(undefined.fault()),
        Val::Undefined(_) => Value::text(""),
        Val::None => Value::Null,
        Val::Bool(bool) => Value::Bool(*bool),
        Val::Int(int) => Value::Int(*int),
        Val::Big(big) => Value::from_bigint((**big).clone()),
        Val::Float(float) => Value::Float(*float),
        Val::Str(text) | Val::Markup(text) => Value::text(&**text),
        Val::Bytes(bytes) => Value::Bytes(bytes.to_vec().into()),
        Val::List(list) => list_of(&list.0.borrow(), walk)?,
        Val::Tuple(tuple) => list_of(&tuple.items, walk)?,
        Val::Dict(dict) => {
            let entries = dict.entries.borrow();
            let mut map = Map::with_capacity(entries.len());
            if dict.ordered {
                map.keep_order();
            }
            for (key, value) in entries.iter() {
                map.insert(to_value_at(&key.0, walk)?, to_value_at(value, walk)?);
            }
            Value::Map(map)
        }
        Val::Time(time) => Value::Time(Box::new(**time)),
        Val::Set(_) | Val::Range(_) | Val::View(..) | Val::Gen(_) => list_of(&items_of(val)?, walk)?,
        Val::Obj(_) => Value::text(&*str_of(val)?),
    })
}

fn list_of(items: &[Val], walk: Walk<'_>) -> Res<Value> {
    Ok(Value::List(items.iter().map(|item| to_value_at(item, walk)).collect::<Res<_>>()?))
}

/// What a template may not do to a value of this type.
pub(super) fn not_iterable(val: &Val) -> Fault {
    match val {
        Val::Undefined(undefined) => undefined.fault(),
        other => Fault::other(format!("'{}' object is not iterable", other.type_name())),
    }
}
