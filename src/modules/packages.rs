//! What the providers of `pkg` share. Salt: utils/data.py, utils/pkg.

use crate::loader::{Args, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Salt's idea of a true option: also the word and numbers above zero.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Int(int) => *int > 0,
        Value::Text(text) => {
            text.eq_ignore_ascii_case("true") || text.parse::<f64>().is_ok_and(|number| number > 0.0)
        }
        other => other.truthy(),
    }
}

/// What differs between two lists of packages: `{name: {old, new}}`.
pub(super) fn difference(old: &Map, new: &Map) -> Map {
    let empty = Value::from("");
    let mut changes = Map::new();
    for key in old.keys().chain(new.keys()) {
        let (was, is) = (old.get_value(key), new.get_value(key));
        if was != is {
            changes.insert(
                key.clone(),
                map! { "old" => was.unwrap_or(&empty).clone(), "new" => is.unwrap_or(&empty).clone() },
            );
        }
    }
    changes
}

/// A keyword that was given, unless it is `None`.
pub(super) fn keyword<'a>(args: &'a Args, name: &str) -> Option<&'a Value> {
    args.keywords.get(name).filter(|value| !value.is_null())
}

pub(super) fn flag(args: &Args, name: &str) -> bool {
    keyword(args, name).is_some_and(Value::truthy)
}

/// Words as owned text.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

pub(super) fn names(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        Value::Map(map) => map.keys().map(str_of).collect(),
        Value::Null => Vec::new(),
        other => vec![str_of(other)],
    }
}

/// The changes, or a failure that holds them.
pub(super) fn finish(text: &str, errors: &[String], changes: Map) -> Result<Value, Fault> {
    if errors.is_empty() {
        return Ok(changes.into());
    }
    let info = map! { "errors" => Value::list(errors), "changes" => changes };
    Err(Fault::Execution { text: text.to_owned(), info: Some(info.into()) })
}
