//! `json`: one JSON text per return. Salt: output/json_out.py.

use std::borrow::Cow;

use super::nested::sort_as_python;
use super::{Indent, OutputOptions, Outputter, Unfit};
use crate::value::{JsonStyle, Map, Value, repr};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "json", render };

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    let (indent, sort_keys) = match options.indent {
        Indent::Unset => (Some(4), false),
        Indent::Pretty => (Some(4), true),
        Indent::Spaces(spaces) => (usize::try_from(spaces).ok(), false),
        Indent::Null | Indent::Other => (None, false),
    };
    let style = JsonStyle { indent, sort_keys: false, ensure_ascii: false, compact: false };
    // What Python cannot write as JSON becomes the empty object, so that the output can be parsed all the same.
    if !sort_keys && is_plain(value) {
        return Ok(value.to_json(style));
    }
    Ok(plain(value, sort_keys).map_or_else(|| "{}".to_owned(), |value| value.to_json(style)))
}

/// Whether there are neither bytes nor times in it: it needs no copy then.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Bytes(_) | Value::Time(_) => false,
        Value::List(items) => items.iter().all(is_plain),
        Value::Map(map) => map.iter().all(|(key, value)| is_plain(key) && is_plain(value)),
        _ => true,
    }
}

/// The value with bytes and times as Python prints them and, if wanted, keys in Python's order. `None` where Python
/// finds a key that it cannot write or cannot sort.
fn plain(value: &Value, sort_keys: bool) -> Option<Cow<'_, Value>> {
    match value {
        Value::Bytes(_) | Value::Time(_) => Some(Cow::Owned(Value::Text(repr(value)))),
        Value::List(items) => {
            let items = items
                .iter()
                .map(|item| plain(item, sort_keys).map(Cow::into_owned))
                .collect::<Option<_>>()?;
            Some(Cow::Owned(Value::List(items)))
        }
        Value::Map(map) => {
            let mut entries: Vec<(&Value, &Value)> = map.iter().collect();
            let writable = !map.keys().any(|key| matches!(key, Value::Bytes(_) | Value::Time(_)));
            if !writable || (sort_keys && !sort_as_python(&mut entries)) {
                return None;
            }
            let mut plain_map = Map::with_capacity(map.len());
            for (key, value) in entries {
                plain_map.insert(key.clone(), plain(value, sort_keys)?.into_owned());
            }
            Some(Cow::Owned(Value::Map(plain_map)))
        }
        other => Some(Cow::Borrowed(other)),
    }
}
