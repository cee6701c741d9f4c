//! `decrypt_pillar`: values at some paths of the pillar are secrets to be opened. Salt: pillar/__init__.py
//! (`decrypt_pillar`), utils/crypt.py (`decrypt`).

use crate::log::{debug, error};

use crate::loader::Context;
use crate::render;
use crate::value::{Map, Value, str_of};

/// Opens what the option names, in place; what fails is told in `_errors`.
pub(super) fn decrypt(cx: &Context, pillar: &mut Map) {
    let Some(option) = cx.opts.get("decrypt_pillar").filter(|option| option.truthy()) else { return };
    let mut wanted: Vec<(String, Value)> = Vec::new();
    match option {
        Value::Map(map) => wanted.extend(map.iter().map(|(key, how)| (str_of(key), how.clone()))),
        Value::List(items) => {
            for item in items {
                match item {
                    Value::Map(map) => wanted.extend(map.iter().map(|(key, how)| (str_of(key), how.clone()))),
                    key => wanted.push((str_of(key), Value::Null)),
                }
            }
        }
        _ => {}
    }
    let mut errors = Vec::new();
    if wanted.is_empty() {
        errors.push("decrypt_pillar config option is malformed".to_owned());
    }
    let delimiter = cx.opts.str("decrypt_pillar_delimiter").filter(|text| !text.is_empty()).unwrap_or(":");
    for (path, how) in wanted {
        let how = if how.truthy() {
            str_of(&how)
        } else {
            cx.opts.str("decrypt_pillar_default").unwrap_or("gpg").to_owned()
        };
        let Some(place) = at(pillar, &path, delimiter) else {
            debug!("Pillar key {path} not present");
            continue;
        };
        let allowed = cx.opts.get("decrypt_pillar_renderers").and_then(Value::as_list);
        if allowed.is_some_and(|allowed| !allowed.iter().any(|name| name.as_str() == Some(&how))) {
            errors.push(format!(
                "Failed to decrypt pillar key '{path}': '{how}' is not a valid decryption renderer"
            ));
            continue;
        }
        if how != "gpg" {
            errors.push(format!(
                "Failed to decrypt pillar key '{path}': the renderer '{how}' is not supported by Halite"
            ));
            continue;
        }
        match render::decrypt(cx, place.clone()) {
            Ok(opened) => *place = opened,
            Err(problem) => errors.push(format!("Failed to decrypt pillar key '{path}': {problem}")),
        }
    }
    if errors.is_empty() {
        return;
    }
    errors.iter().for_each(|text| error!("{text}"));
    if let Value::List(all) = pillar.entry("_errors", || Value::List(Vec::new())) {
        all.extend(errors.into_iter().map(Value::from));
    }
}

fn at<'a>(pillar: &'a mut Map, path: &str, delimiter: &str) -> Option<&'a mut Value> {
    let mut names = path.split(delimiter);
    let mut place = pillar.get_mut(names.next()?)?;
    for name in names {
        place = match place {
            Value::Map(map) => map.get_mut(name)?,
            Value::List(items) => items.get_mut(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(place)
}
