//! What an SLS file says besides its states (`extend`, `exclude`), states in their short and dotted forms, and the
//! order in which they stand. Salt: state.py (`_handle_extend`, `_handle_exclude`, `_handle_state_decls`,
//! `_handle_iorder`, `render_template`).

use std::collections::HashSet;

use crate::map;
use crate::value::{Map, Value, str_of};

/// Takes `extend` out and puts it, completed, below `__extend__`.
pub(super) fn extend(state: &mut Map, sls: &str, saltenv: &str, errors: &mut Vec<String>) {
    let Some(extend) = state.remove("extend") else { return };
    let Value::Map(mut extend) = extend else {
        errors.push(format!("Extension value in SLS '{sls}' is not a dictionary"));
        return;
    };
    for (name, body) in extend.iter_mut() {
        let Value::Map(body) = body else {
            errors.push(format!("Extension name '{}' in SLS '{sls}' is not a dictionary", str_of(name)));
            continue;
        };
        place(body, sls, saltenv);
        for (key, module, function) in dotted(body) {
            rename(body, &key, &module, function);
        }
    }
    if let Value::List(all) = state.entry("__extend__", || Value::List(Vec::new())) {
        all.push(extend.into());
    }
}

/// Takes `exclude` out and puts it below `__exclude__`.
pub(super) fn exclude(state: &mut Map, sls: &str, errors: &mut Vec<String>) {
    let Some(exclude) = state.remove("exclude") else { return };
    let Value::List(exclude) = exclude else {
        errors.push(format!("Exclude Declaration in SLS {sls} is not formed as a list"));
        return;
    };
    if let Value::List(all) = state.entry("__exclude__", || Value::List(Vec::new())) {
        all.extend(exclude);
    }
}

/// Completes every state: `id: test.nop` and `id: {test.nop: []}` become `id: {test: [nop], __sls__, __env__}`.
pub(super) fn states(state: &mut Map, sls: &str, saltenv: &str, errors: &mut Vec<String>) {
    for (name, body) in state.iter_mut() {
        if matches!(name.as_str(), Some("__extend__" | "__exclude__")) && !matches!(body, Value::Map(_)) {
            continue;
        }
        if let Some((module, function)) = short(body) {
            let mut padded = Map::new();
            place(&mut padded, sls, saltenv);
            padded.insert(module, Value::List(vec![function]));
            *body = padded.into();
            continue;
        }
        let Value::Map(body) = body else {
            errors.push(format!("ID {} in SLS {sls} is not a dictionary", str_of(name)));
            continue;
        };
        if !split_dots(body, |_| true) {
            errors.push(format!(
                "ID '{}' in SLS '{sls}' contains multiple state declarations of the same type",
                str_of(name)
            ));
        }
        place(body, sls, saltenv);
    }
}

/// The same for a text of its own, which is no SLS file; `template` is what its errors call it.
pub fn template_declarations(high: &mut Map, template: &str) -> Vec<String> {
    for item in ["include", "exclude", "extends"] {
        if high.contains(item) {
            return vec![format!(
                "The '{item}' declaration found on '{template}' is invalid when rendering single templates"
            )];
        }
    }
    let mut errors = Vec::new();
    for (name, body) in high.iter_mut() {
        let shown = str_of(name);
        if let Some((module, function)) = short(body) {
            *body = map! { module => Value::List(vec![function]) }.into();
            continue;
        }
        let Value::Map(body) = body else {
            errors.push(format!("ID {shown} in template {template} is not a dictionary"));
            continue;
        };
        for key in body.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| str_of(key)) {
            errors.push(format!(
                "ID '{shown}' in template {template} contains a short declaration ({key}) with a trailing colon. When \
                 not passing any arguments to a state, the colon must be omitted."
            ));
        }
        if !split_dots(body, |_| true) {
            errors.push(format!(
                "ID '{shown}' in template '{template}' contains multiple state declarations of the same type"
            ));
        }
    }
    errors
}

/// Gives every state that has none the next order.
pub(super) fn order(state: &mut Map, next: &mut i64) {
    for (_, body) in state.iter_mut() {
        let Value::Map(body) = body else { continue };
        for (module, args) in body.iter_mut() {
            let Value::List(args) = args else { continue };
            if module.as_str().is_none_or(|module| module.starts_with('_')) {
                continue;
            }
            let has = args.iter().any(|arg| {
                arg.as_map().and_then(|arg| arg.at(0)).is_some_and(|(key, _)| key.as_str() == Some("order"))
            });
            if !has {
                args.push(map! { "order" => *next }.into());
                *next += 1;
            }
        }
    }
}

fn place(body: &mut Map, sls: &str, saltenv: &str) {
    body.entry("__sls__", || sls.into());
    body.entry("__env__", || saltenv.into());
}

/// Module and function of `test.nop`.
fn short(body: &Value) -> Option<(String, Value)> {
    let mut parts = body.as_str()?.split('.');
    let module = parts.next()?.to_owned();
    // Salt quirk: state.py: what stands behind a second dot is dropped.
    Some((module, parts.next()?.into()))
}

/// `{file.managed: […]}` becomes `{file: […, managed]}`. False where one module is named twice; the second stays.
fn split_dots(body: &mut Map, wanted: impl Fn(&str) -> bool) -> bool {
    let mut seen = HashSet::new();
    let mut good = true;
    let keys: Vec<Value> = body.keys().cloned().collect();
    for key in keys {
        let Some(name) = key.as_str().filter(|name| !name.starts_with('_') && wanted(name)) else { continue };
        if !matches!(body.get(name), Some(Value::List(_))) {
            continue;
        }
        let mut parts = name.split('.');
        let (module, function) = (parts.next().unwrap_or_default(), parts.next());
        match function {
            Some(function) => {
                if seen.insert(module.to_owned()) {
                    rename(body, name, module, function.into());
                } else {
                    good = false;
                }
            }
            None => {
                seen.insert(module.to_owned());
            }
        }
    }
    good
}

fn dotted(body: &Map) -> Vec<(String, String, Value)> {
    body.iter()
        .filter(|(_, args)| matches!(args, Value::List(_)))
        .filter_map(|(key, _)| {
            let key = key.as_str().filter(|key| !key.starts_with('_'))?;
            let mut parts = key.split('.');
            Some((key.to_owned(), parts.next()?.to_owned(), parts.next()?.into()))
        })
        .collect()
}

fn rename(body: &mut Map, key: &str, module: &str, function: Value) {
    if let Some(Value::List(mut args)) = body.remove(key) {
        args.push(function);
        body.insert(module, args);
    }
}
