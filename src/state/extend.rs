//! `extend`: what one state says of another is put where it belongs. Salt: state.py (`reconcile_extend`).

use super::exclude::excluded_sls;
use super::index::Index;
use super::keywords::REQUISITES;
use super::tag::first;
use crate::value::{Map, Value, str_of};

/// Applies `__extend__`; the texts of what could not be. With `strict` a state has to have the module, not only the id.
pub(super) fn reconcile_extend(high: &mut Map, strict: bool) -> Vec<String> {
    let mut errors = Vec::new();
    let Some(Value::List(extends)) = high.remove("__extend__") else { return errors };
    let excluded = excluded_sls(high);
    // Where each goes is looked up first: an index borrows the data that is about to change.
    let mut placed = Vec::new();
    let mut index = Index::new(high);
    for (name, body) in extends.into_iter().filter_map(map_of).flatten() {
        let Value::Map(body) = body else { continue };
        let Some(module) = body.keys().filter_map(Value::as_str).find(|key| !key.starts_with("__")) else {
            continue;
        };
        let known = high.get_value(&name).is_some_and(|own| own.get(module).is_some());
        let target = if known {
            name
        } else {
            let found = index.find(&name, module, strict);
            match found.as_slice() {
                [(id, _)] => id.clone(),
                _ => {
                    errors.push(cannot_extend(&name, &body));
                    continue;
                }
            }
        };
        if !body.str("__sls__").is_some_and(|sls| excluded.iter().any(|excluded| excluded == sls)) {
            placed.push((target, body));
        }
    }
    drop(index);
    for (target, body) in placed {
        if let Some(Value::Map(own)) = high.get_value_mut(&target) {
            extend_state(own, body);
        }
    }
    errors
}

fn map_of(value: Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

fn cannot_extend(name: &Value, body: &Map) -> String {
    let name = str_of(name);
    let of = |key: &str| body.get(key).map_or_else(|| "base".to_owned(), str_of);
    let (env, sls) = (of("__env__"), of("__sls__"));
    format!(
        "Cannot extend ID '{name}' in '{env}:{sls}'. It is not part of the high state.\nThis is likely due to a missing \
         include statement or an incorrectly typed ID.\nEnsure that a state with an ID of '{name}' is available\nin \
         environment '{env}' and to SLS '{sls}'"
    )
}

fn extend_state(own: &mut Map, body: Map) {
    for (module, args) in body {
        if module.as_str().is_some_and(|module| module.starts_with("__")) {
            continue;
        }
        match own.get_value_mut(&module) {
            Some(Value::List(present)) => {
                let Value::List(args) = args else { continue };
                for arg in args {
                    extend_arguments(present, arg);
                }
            }
            Some(_) => {}
            None => {
                own.insert(module, args);
            }
        }
    }
}

/// A function replaces the function, an option the option of that name; requisites are added to those that are there.
fn extend_arguments(present: &mut Vec<Value>, arg: Value) {
    let key = arg.as_map().and_then(first).map(|(key, _)| key.clone());
    let mut updated = false;
    for old in present.iter_mut() {
        match (&arg, &mut *old) {
            (Value::Text(_), Value::Text(_)) => {
                *old = arg.clone();
                updated = true;
            }
            (Value::Map(new), Value::Map(old_map)) => {
                let Some((old_key, _)) = first(old_map) else { continue };
                let same = Some(old_key) == key.as_ref();
                let name_for_names =
                    key.as_ref().and_then(Value::as_str) == Some("name") && old_key.as_str() == Some("names");
                if same {
                    let is_requisite =
                        key.as_ref().and_then(Value::as_str).is_some_and(|key| REQUISITES.contains(&key));
                    let (Some(key), true) = (&key, is_requisite) else {
                        *old = arg.clone();
                        updated = true;
                        continue;
                    };
                    if let (Some(Value::List(all)), Some(Value::List(more))) =
                        (old_map.get_value_mut(key), new.get_value(key))
                    {
                        all.extend(more.iter().cloned());
                    }
                    updated = true;
                } else if name_for_names {
                    *old = arg.clone();
                }
            }
            _ => {}
        }
    }
    if !updated {
        present.push(arg);
    }
}
