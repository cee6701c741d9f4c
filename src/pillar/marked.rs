//! `pillar_secrets`: keys of the pillar whose values are secrets, as colon paths in which `*` stands for one key or part of
//! it (`db:password`, `users:*:hash`). Not in Salt.

use crate::loader::Context;
use crate::patterns::Glob;
use crate::value::{Map, Value, str_of};

/// Notes every value at or below a marked key.
pub(super) fn note(cx: &Context, pillar: &Map) {
    let paths = match cx.opts.get("pillar_secrets") {
        Some(Value::List(paths)) => paths.as_slice(),
        Some(path @ Value::Text(_)) => std::slice::from_ref(path),
        _ => return,
    };
    for path in paths {
        let path = str_of(path);
        let names: Vec<&str> = path.split(':').collect();
        pillar.iter().for_each(|(key, value)| below(cx, &names, key, value));
    }
}

fn below(cx: &Context, names: &[&str], key: &Value, value: &Value) {
    let [name, rest @ ..] = names else { return };
    if !Glob::new(name).matches(&str_of(key)) {
        return;
    }
    match value {
        _ if rest.is_empty() => leaves(cx, value),
        Value::Map(map) => map.iter().for_each(|(key, value)| below(cx, rest, key, value)),
        Value::List(items) => {
            items.iter().zip(0_i64..).for_each(|(value, at)| below(cx, rest, &Value::Int(at), value));
        }
        _ => {}
    }
}

fn leaves(cx: &Context, value: &Value) {
    match value {
        Value::Map(map) => map.values().for_each(|value| leaves(cx, value)),
        Value::List(items) => items.iter().for_each(|value| leaves(cx, value)),
        Value::Null | Value::Bool(_) => {}
        other => cx.note_secret(&str_of(other)),
    }
}
