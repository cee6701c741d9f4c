//! Walking a value by a path such as `os:family:0`. Salt: utils/data.py, `traverse_dict_and_list`.

use super::Value;

/// The delimiter of a path unless another one is given.
pub const DEFAULT_DELIMITER: &str = ":";

/// The value at `path`, or `None` where a step is missing. Integers index lists; a key of a map may itself hold the
/// delimiter only if it is the whole path. A list of maps is searched for the step.
pub fn traverse<'a>(data: &'a Value, path: &str, delimiter: &str) -> Option<&'a Value> {
    if let Some(found) = data.get(path) {
        return Some(found);
    }
    let mut at = data;
    for step in path.split(delimiter) {
        at = match at {
            Value::Map(map) => map.get(step).or_else(|| {
                let int = step.parse::<i64>().ok()?;
                map.get_value(&Value::Int(int))
            })?,
            Value::List(items) => {
                by_index(items, step).or_else(|| items.iter().find_map(|item| item.get(step)))?
            }
            _ => return None,
        };
    }
    Some(at)
}

fn by_index<'a>(items: &'a [Value], step: &str) -> Option<&'a Value> {
    let index = step.parse::<i64>().ok()?;
    let index = if index < 0 { i64::try_from(items.len()).ok()?.checked_add(index)? } else { index };
    items.get(usize::try_from(index).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn paths_walk_maps_and_lists() {
        let data: Value = map! {
            "a" => map! { "b" => Value::list(["x", "y"]), "1" => "one" },
            "c:d" => 5,
            "l" => Value::List(vec![map! { "k" => 1 }.into(), map! { "m" => 2 }.into()]),
        }
        .into();
        let check = |path, expected: Option<Value>| {
            assert_eq!(traverse(&data, path, ":"), expected.as_ref(), "{path}")
        };
        check("a:b:1", Some("y".into()));
        check("a:b:-1", Some("y".into()));
        check("a:b:2", None);
        check("a:1", Some("one".into()));
        check("c:d", Some(5.into()));
        check("l:m", Some(2.into()));
        check("a:b:x:y", None);
        check("nope", None);
    }
}
