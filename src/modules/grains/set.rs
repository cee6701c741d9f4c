//! Changing a grain at a path: what the change of one leaf makes of the grain at the root. Salt: modules/grains.py
//! (`append`, `remove`, `set`).

use super::{at, outcome, value, write};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{DEFAULT_DELIMITER, Map, Value, str_of};

/// Adds a value, or the values of a list, to a list.
pub(super) fn append(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (key, delimiter) = path(args);
    let added = args.get("val");
    let mut items = match value(cx, args, Value::List(Vec::new())) {
        Value::List(items) => items,
        Value::Null if args.truthy("convert") => Vec::new(),
        other if args.truthy("convert") => vec![other],
        _ => return Ok(format!("The key {key} is not a valid list").into()),
    };
    if items.iter().any(|item| item.loosely_equals(added)) {
        return Ok(format!("The val {} was already in the list {key}", str_of(added)).into());
    }
    match added {
        Value::List(more) => items.extend(more.iter().cloned()),
        one => items.push(one.clone()),
    }
    store_list(cx, &key, &delimiter, items, || Map::new().into())
}

/// Takes a value out of a list.
pub(super) fn remove(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (key, delimiter) = path(args);
    let removed = args.get("val");
    let Value::List(mut items) = value(cx, args, Value::List(Vec::new())) else {
        return Ok(format!("The key {key} is not a valid list").into());
    };
    let Some(place) = items.iter().position(|item| item.loosely_equals(removed)) else {
        return Ok(format!("The val {} was not in the list {key}", str_of(removed)).into());
    };
    items.remove(place);
    store_list(cx, &key, &delimiter, items, || Value::Null)
}

fn path(args: &Args) -> (String, String) {
    let delimiter = args.given("delimiter").map_or_else(|| DEFAULT_DELIMITER.to_owned(), str_of);
    (str_of(args.get("key")), delimiter)
}

/// Puts a list back at its path. A step that is no map loses the change, as in Salt.
fn store_list(
    cx: &Context,
    key: &str,
    delimiter: &str,
    items: Vec<Value>,
    missing: impl Fn() -> Value,
) -> Result<Value, Fault> {
    let (mut key, mut changed) = (key.to_owned(), Value::List(items));
    while let Some((parent, leaf)) = key.clone().rsplit_once(delimiter) {
        let mut grain = at(cx, parent, delimiter).unwrap_or_else(&missing);
        if let Value::Map(map) = &mut grain {
            map.insert(leaf, changed);
        }
        changed = grain;
        key = parent.to_owned();
    }
    let mut grains = Map::new();
    grains.insert(key, changed);
    write::store(cx, &grains, false, true)
}

/// Sets a grain at a path: `{comment, changes, result}`.
pub(super) fn set_to(cx: &Context, args: &Args, new: Value, destructive: bool) -> Result<Value, Fault> {
    let (key, delimiter) = path(args);
    let force = args.truthy("force");
    let existing = at(cx, &key, &delimiter);
    if existing.as_ref().is_some_and(|existing| existing.loosely_equals(&new))
        && !(new.is_null() && destructive)
    {
        return Ok(outcome("Grain is already set", map! {}.into(), true));
    }
    if let Some(existing) = existing.filter(|existing| !existing.is_null() && !force) {
        let refused = |what: &str| {
            let comment = format!("The key '{key}' exists {what}. Use 'force=True' to overwrite.");
            Ok(outcome(comment, map! {}.into(), false))
        };
        if is_complex(&existing) {
            return refused("but is a dict or a list");
        }
        if is_complex(&new) {
            return refused("and the given value is a dict or a list");
        }
    }
    match rooted(cx, &key, &delimiter, new, destructive, force) {
        Ok((root, value)) => {
            let mut grains = Map::new();
            grains.insert(root, value);
            Ok(match write::store(cx, &grains, destructive, true)? {
                Value::Map(changes) => outcome("", changes.into(), true),
                problem => map! { "comment" => problem, "changes" => map! {}, "result" => false }.into(),
            })
        }
        Err(comment) => Ok(outcome(comment, map! {}.into(), false)),
    }
}

fn is_complex(value: &Value) -> bool {
    matches!(value, Value::Map(_) | Value::List(_))
}

/// The grain at the root of a path, and what it becomes when its leaf is changed.
fn rooted(
    cx: &Context,
    key: &str,
    delimiter: &str,
    mut value: Value,
    destructive: bool,
    force: bool,
) -> Result<(String, Value), String> {
    let mut key = key.to_owned();
    while let Some((parent, leaf)) = key.clone().rsplit_once(delimiter) {
        let one = |value: Value| -> Value { map! { leaf => value }.into() };
        value = match at(cx, parent, delimiter).unwrap_or_else(|| Map::new().into()) {
            Value::Map(mut map) => {
                if value.is_null() && destructive {
                    map.remove(leaf);
                } else {
                    map.insert(leaf, value);
                }
                map.into()
            }
            Value::List(mut items) => {
                let mut changed = false;
                for item in &mut items {
                    match item {
                        Value::Map(map) if map.contains(leaf) => {
                            map.insert(leaf, value.clone());
                            changed = true;
                        }
                        Value::Text(text) if text == leaf => {
                            *item = one(value.clone());
                            changed = true;
                        }
                        _ => {}
                    }
                }
                if !changed {
                    items.push(one(value));
                }
                items.into()
            }
            Value::Text(text) if text == leaf => one(value),
            _ if force => one(value),
            other => {
                return Err(format!(
                    "The key '{parent}' value is '{}', which is different from the provided key '{leaf}'. Use \
                     'force=True' to overwrite.",
                    str_of(&other)
                ));
            }
        };
        key = parent.to_owned();
    }
    Ok((key, value))
}
