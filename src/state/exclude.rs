//! `exclude`: states that are not to be, by their id or by their SLS. Salt: state.py (`apply_exclude`).

use std::collections::HashSet;

use crate::patterns::Glob;
use crate::value::{Map, Value, str_of};

/// Takes what `__exclude__` names out of high data.
pub(super) fn apply_exclude(high: &mut Map) {
    let Some(Value::List(excluded)) = high.remove("__exclude__") else { return };
    let (mut sls, mut ids) = (Vec::new(), HashSet::new());
    for item in &excluded {
        match item {
            Value::Text(name) => sls.push(Glob::new(name)),
            Value::Map(map) if map.len() == 1 => {
                if let Some(name) = map.get("sls") {
                    sls.push(Glob::new(&str_of(name)));
                } else if let Some(id) = map.get("id") {
                    ids.insert(id.clone());
                }
            }
            _ => {}
        }
    }
    high.retain(|id, body| {
        let reserved = id.as_str().is_some_and(|id| id.starts_with("__"));
        let of = body.get("__sls__").and_then(Value::as_str).filter(|_| !reserved).unwrap_or_default();
        !ids.contains(id) && (of.is_empty() || !sls.iter().any(|glob| glob.matches(of)))
    });
}

/// The SLS files that are excluded by name, for extensions.
pub(super) fn excluded_sls(high: &Map) -> Vec<String> {
    let items = high.get("__exclude__").and_then(Value::as_list).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| match item {
            Value::Text(name) => Some(name.clone()),
            other => other.get("sls").filter(|name| name.truthy()).map(str_of),
        })
        .collect()
}
