//! How a layer is laid on the stack: `__: strategy` in a map, or in the first item of a list. Salt: pillar/stack.py
//! (`_merge_dict`, `_merge_list`).

use crate::value::{Map, Value, str_of};

const STRATEGIES: [&str; 4] = ["overwrite", "merge-first", "merge-last", "remove"];

fn known(strategy: &Value) -> Result<String, String> {
    let name = str_of(strategy);
    if STRATEGIES.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(format!(
        "Unknown strategy \"{name}\", should be one of ('overwrite', 'merge-first', 'merge-last', 'remove')"
    ))
}

/// `stack` with the layer `data` on it.
///
/// # Errors
/// When a strategy is unknown.
pub(super) fn merge(mut stack: Map, mut data: Map) -> Result<Map, String> {
    let strategy = data.remove("__").map_or(Ok("merge-last".to_owned()), |name| known(&name))?;
    if strategy == "overwrite" {
        return Ok(match cleaned(data.into()) {
            Value::Map(data) => data,
            _ => Map::new(),
        });
    }
    for (key, mut new) in data {
        if strategy == "remove" {
            stack.remove_value(&key);
            continue;
        }
        let Some(place) = stack.get_value_mut(&key) else {
            stack.insert(key, cleaned(new));
            continue;
        };
        let mut old = std::mem::take(place);
        if strategy == "merge-first" {
            // The same the other way round.
            std::mem::swap(&mut old, &mut new);
            old = cleaned(old);
        }
        *place = match (old, new) {
            (Value::Map(old), Value::Map(new)) => merge(old, new)?.into(),
            (Value::List(old), Value::List(new)) => merge_lists(old, new)?.into(),
            (old, new) if old.type_name() == new.type_name() => new,
            (_, new) => cleaned(new),
        };
    }
    Ok(stack)
}

fn merge_lists(mut stack: Vec<Value>, mut data: Vec<Value>) -> Result<Vec<Value>, String> {
    let marked = data.first().and_then(|first| first.get("__")).cloned();
    let strategy = marked.as_ref().map_or(Ok("merge-last".to_owned()), known)?;
    if marked.is_some() {
        data.remove(0);
    }
    Ok(match strategy.as_str() {
        "overwrite" => data,
        "remove" => {
            stack.retain(|item| !data.contains(item));
            stack
        }
        "merge-first" => {
            data.append(&mut stack);
            data
        }
        _ => {
            stack.append(&mut data);
            stack
        }
    })
}

/// Without the marks of strategies.
fn cleaned(value: Value) -> Value {
    match value {
        Value::Map(map) => map
            .into_iter()
            .filter(|(key, _)| key.as_str() != Some("__"))
            .map(|(key, value)| (key, cleaned(value)))
            .collect::<Map>()
            .into(),
        Value::List(mut items) => {
            if items.first().is_some_and(|first| first.get("__").is_some()) {
                items.remove(0);
            }
            items.into()
        }
        other => other,
    }
}
