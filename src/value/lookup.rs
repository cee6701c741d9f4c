//! Walking a value by a path such as `os:family:0`. Salt: utils/data.py, `traverse_dict_and_list`.

use super::{Value, yaml};

/// The delimiter of a path unless another one is given.
pub const DEFAULT_DELIMITER: &str = ":";

/// The value at `path`, or `None` where a step is missing. Integers index lists; a list of maps is searched for the
/// step; a step that is no key of a map is tried once more as YAML reads it (`1` as a number).
pub fn traverse<'a>(data: &'a Value, path: &str, delimiter: &str) -> Option<&'a Value> {
    let mut at = data;
    for step in path.split(delimiter) {
        at = match at {
            Value::Map(map) => map.get(step).or_else(|| match yaml::yamlify_arg(step) {
                Value::Text(_) => None,
                key => map.get_value(&key),
            })?,
            Value::List(items) => match step.trim().parse::<i64>() {
                Ok(index) => {
                    let key = Value::Int(index);
                    let embedded = items.iter().find_map(|item| item.as_map()?.get_value(&key));
                    embedded.or_else(|| by_index(items, step))?
                }
                Err(_) => items.iter().find_map(|item| item.get(step))?,
            },
            _ => return None,
        };
    }
    Some(at)
}

fn by_index<'a>(items: &'a [Value], step: &str) -> Option<&'a Value> {
    let index = step.trim().parse::<i64>().ok()?;
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
            "n" => map! { Value::Int(5) => "five", Value::Bool(true) => "yes" },
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
        check("c:d", None);
        check("l:m", Some(2.into()));
        check("n:5", Some("five".into()));
        check("n:True", Some("yes".into()));
        check("a:b:x:y", None);
        check("nope", None);
    }
}
