//! `_mine_get`: what minions lay out for each other, and who may see it. Salt: daemons/masterapi.py
//! `RemoteFuncs._mine_get`; salt-wire.md §12.2.

use crate::patterns::PyRegex;
use crate::value::{Map, Value, str_of};

/// Marks a value that says itself who may see it.
const ACL_MARK: &str = "__saltmine_acl__";

/// The target types of a mine, which are matched by exact pillar values.
pub fn exact_type(tgt_type: &str) -> &str {
    match tgt_type {
        "pillar" => "pillar_exact",
        "compound" => "compound_pillar_exact",
        other => other,
    }
}

/// Whether the option `mine_get` of the master (`{regex of ids: [regex of functions]}`) lets `id` see `fun`. Without
/// the option everybody sees everything.
pub fn allowed(mine_get: Option<&Value>, id: &str, fun: &str) -> bool {
    let Some(rules) = mine_get.filter(|rules| !rules.is_null()) else { return true };
    let Some(rules) = rules.as_map() else { return false };
    let begins = |pattern: &str, text: &str| PyRegex::new(pattern).is_ok_and(|regex| regex.matches(text));
    rules
        .iter()
        .filter(|(ids, _)| ids.as_str().is_some_and(|ids| begins(ids, id)))
        .flat_map(|(_, funs)| funs.as_list().unwrap_or_default())
        .any(|pattern| begins(&str_of(pattern), fun))
}

/// The functions that a request asks for, and whether the answer is by function.
pub fn functions(fun: &Value) -> (Vec<String>, bool) {
    match fun {
        Value::Text(text) => {
            let names = crate::value::sort::into_set(text.split(','));
            (names.iter().map(|&name| name.to_owned()).collect(), names.len() > 1)
        }
        Value::List(list) => (list.iter().map(str_of).collect(), true),
        _ => (Vec::new(), true),
    }
}

/// The answer: `{id: value}`, or `{function: {id: value}}` for several. `mines` are those of the minions that the
/// target names; `is_meant` tells whether the asking minion is in a target.
pub fn answer(
    fun: &Value,
    mines: &[(String, Map)],
    allowed: impl Fn(&str) -> bool,
    is_meant: &mut dyn FnMut(&Value, &str) -> bool,
) -> Value {
    let (names, by_function) = functions(fun);
    let mut all = Map::new();
    for name in names.iter().filter(|name| allowed(name)) {
        let mut values = Map::new();
        for (id, mine) in mines {
            if let Some(value) = mine.get(name).and_then(|entry| visible(entry, is_meant)) {
                values.insert(id.as_str(), value);
            }
        }
        if by_function {
            if !values.is_empty() {
                all.insert(name.as_str(), values);
            }
        } else {
            all = values;
        }
    }
    all.into()
}

fn visible(entry: &Value, is_meant: &mut dyn FnMut(&Value, &str) -> bool) -> Option<Value> {
    let Some(wrapped) = entry.as_map().filter(|map| map.contains(ACL_MARK)) else {
        return Some(entry.clone());
    };
    if let Some(tgt) = wrapped.get("allow_tgt").filter(|tgt| tgt.truthy()) {
        let tgt_type = wrapped.str("allow_tgt_type").unwrap_or("glob");
        if !is_meant(tgt, tgt_type) {
            return None;
        }
    }
    Some(wrapped.get("__data__").cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn the_master_and_the_owner_of_a_value_say_who_sees_it() {
        let rules: Value =
            map! { "web.*" => Value::list(["network\\..*"]), "db1" => Value::list(["test.ping"]) }.into();
        assert!(allowed(None, "x", "anything") && allowed(Some(&Value::Null), "x", "anything"));
        assert!(allowed(Some(&rules), "web1", "network.ip_addrs"));
        assert!(!allowed(Some(&rules), "web1", "test.ping") && !allowed(Some(&rules), "db2", "test.ping"));
        let closed =
            map! { ACL_MARK => 1, "__data__" => 7, "allow_tgt" => "db*", "allow_tgt_type" => "glob" };
        let mines = [
            ("a".to_owned(), map! { "open" => 1, "closed" => closed }),
            ("b".to_owned(), map! { "open" => 2 }),
        ];
        let ask = |fun: &str, meant: bool| answer(&fun.into(), &mines, |_| true, &mut |_, _| meant);
        assert_eq!(ask("open", false), map! { "a" => 1, "b" => 2 }.into());
        assert_eq!(ask("closed", false), Map::new().into());
        assert_eq!(ask("closed", true), map! { "a" => 7 }.into());
        let both = map! { "closed" => map! { "a" => 7 }, "open" => map! { "a" => 1, "b" => 2 } };
        assert_eq!(ask("open,closed", true), both.into());
        assert_eq!(ask("none", true), Map::new().into());
    }
}
