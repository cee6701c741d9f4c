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
                    Value::Map(map) if map.len() == 1 => {
                        wanted.extend(map.iter().map(|(key, how)| (str_of(key), how.clone())));
                    }
                    // One that cannot be read spoils the list.
                    Value::Map(_) | Value::List(_) => {
                        wanted.clear();
                        break;
                    }
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
        let allowed: Option<Vec<String>> = allowed.map(|allowed| allowed.iter().map(str_of).collect());
        if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&how)) {
            errors.push(format!(
                "Failed to decrypt pillar key '{path}': '{how}' is not a valid decryption renderer. Valid choices are: \
                 {}",
                allowed.join(", ")
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
        let Value::Map(map) = place else { return None };
        place = map.get_mut(name)?;
    }
    Some(place)
}
