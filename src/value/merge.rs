//! Merging of maps, as Salt merges configuration, grains and pillar. Salt: utils/dictupdate.py.

use super::{Map, Value};

/// How lists are treated when two maps are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeStrategy {
    /// The later value replaces the earlier one at the top level.
    Overwrite,
    /// Maps are merged all the way down, lists replaced.
    Recurse,
    /// As `Recurse`, with lists joined; items already there are not repeated.
    RecurseMergeLists,
}

/// `base` with `update` merged into it.
pub fn merge(base: Value, update: Value, strategy: MergeStrategy) -> Value {
    match (base, update) {
        (Value::Map(mut base), Value::Map(update)) => {
            merge_maps(&mut base, update, strategy);
            Value::Map(base)
        }
        (_, update) => update,
    }
}

/// Merges `update` into `base`, in place.
pub fn merge_maps(base: &mut Map, update: Map, strategy: MergeStrategy) {
    for (key, new) in update {
        if strategy == MergeStrategy::Overwrite {
            base.insert(key, new);
            continue;
        }
        match (base.get_value_mut(&key), new) {
            (Some(Value::Map(old)), Value::Map(new)) => merge_maps(old, new, strategy),
            (Some(Value::List(old)), Value::List(new)) if strategy == MergeStrategy::RecurseMergeLists => {
                // What the later list repeats within itself stays repeated.
                let known = old.len();
                for item in new {
                    if !old.iter().take(known).any(|old| *old == item) {
                        old.push(item);
                    }
                }
            }
            (_, new) => {
                base.insert(key, new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    fn check(strategy: MergeStrategy, expected: Map) {
        let mut base = map! { "a" => map! { "x" => 1, "y" => Value::list([1, 2]) }, "b" => 1 };
        let update = map! { "a" => map! { "y" => Value::list([2, 3]) }, "c" => 3 };
        merge_maps(&mut base, update, strategy);
        assert_eq!(base, expected);
    }

    #[test]
    fn strategies_differ_in_maps_and_lists() {
        check(
            MergeStrategy::Overwrite,
            map! { "a" => map! { "y" => Value::list([2, 3]) }, "b" => 1, "c" => 3 },
        );
        check(
            MergeStrategy::Recurse,
            map! { "a" => map! { "x" => 1, "y" => Value::list([2, 3]) }, "b" => 1, "c" => 3 },
        );
        check(
            MergeStrategy::RecurseMergeLists,
            map! { "a" => map! { "x" => 1, "y" => Value::list([1, 2, 3]) }, "b" => 1, "c" => 3 },
        );
    }
}
