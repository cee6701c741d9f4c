//! The top file: found in every environment, merged, and asked which SLS files this minion is to have. Salt: state.py
//! (`get_tops`, `merge_tops`, `verify_tops`, `top_matches`), matchers/confirm_top.py.

use std::collections::HashSet;
use std::time::Duration;

use indexmap::IndexMap;
use thiserror::Error;

use super::Available;
use crate::loader::{Context, Fault};
use crate::log::{debug, error, warn};
use crate::matchers::{MinionView, ParseOptions, Target, TargetType};
use crate::render::{file_through_pipe, find_sls};
use crate::value::{Map, Value, repr, str_of};

/// Why there is no top file to go by.
#[derive(Debug, Error)]
pub enum TopError {
    /// A mistake of the user's; goes into the comment of the run.
    #[error("{0}")]
    Render(String),
    #[error("{0}")]
    Fault(#[from] Fault),
}

const NO_TARGETS: &str = "Unable to render top file. No targets found.";

type Tops = IndexMap<String, Vec<Map>>;

/// The merged top file: `{saltenv: {target: [sls]}}`. A top file that does not render counts as none, and the reason
/// is logged, as in Salt.
///
/// # Errors
/// When it has sections without targets, or the file server cannot be asked.
pub fn merged_top(cx: &Context, available: &Available<'_, '_>) -> Result<Map, TopError> {
    let strategy = cx.opt_str("top_file_merging_strategy");
    let tops = match tops(cx, available, strategy) {
        Ok(tops) => tops,
        Err(TopError::Render(why)) => {
            error!("Unable to render top file: {why}");
            return Ok(Map::new());
        }
        Err(fault) => return Err(fault),
    };
    match strategy {
        "same" => same(tops, cx.opt_str("default_top")),
        "merge_all" => merge_all(&tops),
        "merge" => merge(tops),
        other => {
            warn!("Invalid top_file_merging_strategy '{other}', falling back to 'merge'");
            merge(tops)
        }
    }
}

/// The option `state_top` as a URL.
fn url_of_top(cx: &Context) -> String {
    let top = cx.opt_str("state_top");
    if top.starts_with("salt://") {
        top.to_owned()
    } else {
        format!("salt://{}", top.trim_start_matches('/'))
    }
}

fn saltenv(cx: &Context) -> Option<String> {
    cx.opts.get("saltenv").filter(|env| env.truthy()).map(str_of)
}

fn tops(cx: &Context, available: &Available<'_, '_>, strategy: &str) -> Result<Tops, TopError> {
    let chosen = saltenv(cx);
    if strategy == "same" && chosen.is_none() && !cx.opts.get("default_top").is_some_and(Value::truthy) {
        return Err(TopError::Render(
            "top_file_merging_strategy set to 'same', but no default_top configuration option was set"
                .to_owned(),
        ));
    }
    let top_env = cx.opts.get("state_top_saltenv").filter(|env| env.truthy()).map(str_of);
    let envs = match (chosen, top_env) {
        (Some(env), _) | (None, Some(env)) => vec![env],
        (None, None) => available.envs()?.to_vec(),
    };
    let url = url_of_top(cx);
    let mut tops = Tops::new();
    for env in envs {
        let top = match cx.minion.files().get_url(&url, &env, None, true)? {
            Some(path) => rendered(cx, &path, "", &env)?,
            None => Map::new(),
        };
        tops.insert(env, vec![top]);
    }
    include(cx, available, &mut tops)?;
    Ok(tops)
}

fn rendered(cx: &Context, path: &std::path::Path, sls: &str, saltenv: &str) -> Result<Map, TopError> {
    let data = file_through_pipe(cx, path, sls, saltenv, &Map::new()).map_err(|error| {
        TopError::Render(format!("{error}{}", error.told_place(&path.display().to_string())))
    })?;
    match data {
        Value::Map(top) => Ok(top),
        other => Err(TopError::Render(format!(
            "{} does not render to a dictionary, but to a {}",
            path.display(),
            other.type_name()
        ))),
    }
}

/// Top files may include others; those may not.
fn include(cx: &Context, available: &Available<'_, '_>, tops: &mut Tops) -> Result<(), TopError> {
    for (env, tops) in tops.iter_mut() {
        let mut wanted = Vec::new();
        for top in tops.iter_mut() {
            if let Some(Value::List(names)) = top.remove("include") {
                wanted.extend(names.iter().map(str_of));
            }
        }
        let mut done = HashSet::new();
        for pattern in wanted {
            for sls in available.matching(env, &pattern)? {
                if !done.insert(sls.clone()) {
                    continue;
                }
                if let Some(file) = find_sls(cx, &sls, env)? {
                    tops.push(rendered(cx, &file.path, "", env)?);
                }
            }
        }
    }
    Ok(())
}

fn add(top: &mut Map, saltenv: &Value, targets: &Value) -> Result<(), TopError> {
    let Value::Map(targets) = targets else { return Err(TopError::Render(NO_TARGETS.to_owned())) };
    if targets.is_empty() {
        return Ok(());
    }
    if let Value::Map(section) = top.entry(saltenv.clone(), || Map::new().into()) {
        for (target, states) in targets {
            section.insert(target.clone(), states.clone());
        }
    }
    Ok(())
}

/// `base` says it all; other environments only speak for themselves, and only where `base` is silent.
fn merge(mut tops: Tops) -> Result<Map, TopError> {
    let mut top = Map::new();
    for base in tops.shift_remove("base").unwrap_or_default() {
        for (saltenv, targets) in &base {
            if saltenv.as_str() != Some("include") {
                add(&mut top, saltenv, targets)?;
            }
        }
    }
    for (env, tops) in &tops {
        for (saltenv, targets) in tops.iter().flat_map(Map::iter) {
            if saltenv.as_str() != Some(env) || top.get_value(saltenv).is_some() {
                debug!(
                    "Section for saltenv '{}' in the '{env}' saltenv's top file is ignored",
                    str_of(saltenv)
                );
                continue;
            }
            add(&mut top, saltenv, targets)?;
        }
    }
    Ok(top)
}

/// Each environment speaks for itself only; `default_top` speaks for those without a top file.
fn same(tops: Tops, default_top: &str) -> Result<Map, TopError> {
    let mut top = Map::new();
    for (env, own) in &tops {
        let empty = |tops: &[Map]| tops.iter().all(Map::is_empty);
        let speaking = if empty(own) {
            let fallback = tops.get(default_top).map(Vec::as_slice).unwrap_or_default();
            if empty(fallback) {
                error!(
                    "The '{env}' saltenv has no top file, and the fallback saltenv specified by default_top \
                     ({default_top}) also has no top file"
                );
            }
            fallback
        } else {
            own
        };
        for (saltenv, targets) in speaking.iter().flat_map(Map::iter) {
            if saltenv.as_str() == Some(env) {
                add(&mut top, saltenv, targets)?;
            }
        }
    }
    Ok(top)
}

/// Everybody speaks for everybody.
fn merge_all(tops: &Tops) -> Result<Map, TopError> {
    let mut top = Map::new();
    for (saltenv, targets) in tops.values().flatten().flat_map(Map::iter) {
        if saltenv.as_str() == Some("include") {
            continue;
        }
        let Value::Map(targets) = targets else { return Err(TopError::Render(NO_TARGETS.to_owned())) };
        for (target, states) in targets {
            let Value::Map(section) = top.entry(saltenv.clone(), || Map::new().into()) else { continue };
            let merged = match section.get_value(target) {
                None => states.clone(),
                Some(present) => merged_states(present, states),
            };
            section.insert(target.clone(), merged);
        }
    }
    Ok(top)
}

fn merged_states(first: &Value, second: &Value) -> Value {
    let read = |states: &Value| {
        let items = states.as_list().unwrap_or_default();
        let matcher = items.iter().rfind(|item| matches!(item, Value::Map(_))).cloned();
        (matcher, items.iter().filter(|item| matches!(item, Value::Text(_))).cloned().collect::<Vec<_>>())
    };
    let ((matcher1, names1), (matcher2, names2)) = (read(first), read(second));
    let mut merged: Vec<Value> = matcher2.or(matcher1).into_iter().collect();
    merged.extend(names1);
    for name in names2 {
        if !merged.contains(&name) {
            merged.push(name);
        }
    }
    merged.into()
}

/// What is wrong with a merged top file, in Salt's words.
pub fn verify_top(top: &Map) -> Vec<String> {
    let mut errors = Vec::new();
    for (saltenv, matches) in top {
        let shown = str_of(saltenv);
        match saltenv {
            Value::Text(name) if name == "include" => continue,
            Value::Text(name) if name.is_empty() => {
                errors.push("Empty saltenv statement in top file".to_owned());
            }
            Value::Text(_) => {}
            _ => errors.push(format!("Environment {shown} in top file is not formed as a string")),
        }
        for states in matches.as_map().into_iter().flat_map(Map::values) {
            let Value::List(states) = states else {
                errors.push("Malformed topfile (state declarations not formed as a list)".to_owned());
                continue;
            };
            for state in states {
                match state {
                    Value::Map(options) => {
                        for value in options.values().filter(|value| !value.truthy()) {
                            errors.push(format!(
                                "Improperly formatted top file matcher in saltenv {}: {} file",
                                repr(state),
                                str_of(value)
                            ));
                        }
                    }
                    Value::Text(name) if name.is_empty() => {
                        errors.push(format!("Environment {shown} contains an empty sls index"));
                    }
                    _ => {}
                }
            }
        }
    }
    errors
}

/// `{saltenv: [sls]}` of this minion.
///
/// # Errors
/// When a target cannot be understood, or the file server cannot be asked.
pub fn matches(cx: &Context, available: &Available<'_, '_>, top: &Map) -> Result<Map, Fault> {
    let chosen = saltenv(cx);
    let mut found = Map::new();
    for (env, targets) in top {
        let env = str_of(env);
        if chosen.as_ref().is_some_and(|chosen| *chosen != env) {
            continue;
        }
        for (target, states) in targets.as_map().into_iter().flatten() {
            collect(cx, available, &env, target, states, &mut found)?;
        }
    }
    for (env, states) in master_tops(cx) {
        let Value::List(states) = states else { continue };
        let own = match found.get_value(&env) {
            Some(Value::List(own)) => own.clone(),
            _ => Vec::new(),
        };
        let (mut first, second) = if cx.opts.get("master_tops_first").is_some_and(Value::truthy) {
            (states, own)
        } else {
            (own, states)
        };
        for state in second {
            if !first.contains(&state) {
                first.push(state);
            }
        }
        found.insert(env, first);
    }
    Ok(found)
}

fn collect(
    cx: &Context,
    available: &Available<'_, '_>,
    env: &str,
    target: &Value,
    states: &Value,
    found: &mut Map,
) -> Result<(), Fault> {
    let items: Vec<Value> = match states {
        Value::List(items) => items.clone(),
        Value::Text(_) => vec![states.clone()],
        Value::Map(map) => map.keys().cloned().collect(),
        other => {
            return Err(Fault::exception(
                "TypeError",
                format!("'{}' object is not iterable", other.type_name()),
            ));
        }
    };
    if !is_meant(cx, target, &items)? {
        return Ok(());
    }
    found.entry(env, || Value::List(Vec::new()));
    let add = |found: &mut Map, env: &str, sls: Value| {
        if let Value::List(list) = found.entry(env, || Value::List(Vec::new())) {
            list.push(sls);
        }
    };
    for item in items {
        match item {
            Value::Text(_) => add(found, env, item),
            Value::Map(mut options) => {
                if let Some(Value::Map(filter)) = options.remove("subfilter") {
                    for (target, states) in &filter {
                        collect(cx, available, env, target, states, found)?;
                    }
                }
                let Some((other_env, sls)) = options.iter().next_back() else { continue };
                let other_env = str_of(other_env);
                if available.has(&other_env)? {
                    add(found, &other_env, sls.clone());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_meant(cx: &Context, target: &Value, items: &[Value]) -> Result<bool, Fault> {
    let matcher = items.iter().filter_map(|item| item.get("match")).next_back().map(str_of);
    let matcher = matcher.as_deref().unwrap_or("compound");
    let kind: TargetType =
        matcher.parse().map_err(|_| Fault::exception("KeyError", format!("'{matcher}_match.match'")))?;
    let none = Map::new();
    let nodegroups = cx.opts.get("nodegroups").and_then(Value::as_map).unwrap_or(&none);
    let options = ParseOptions { nodegroups, ..ParseOptions::default() };
    let target = match target {
        Value::Text(_) | Value::List(_) => target.clone(),
        other => str_of(other).into(),
    };
    let target = match Target::parse(&target, kind, &options) {
        Ok(target) => target,
        Err(problem) => {
            error!("a target of the top file cannot be understood: {problem}");
            return Ok(false);
        }
    };
    let view = MinionView { id: cx.opt_str("id"), grains: cx.grains.map(), pillar: cx.pillar.map() };
    Ok(target.matches(&view))
}

/// What the master's `master_tops` say; nothing where there is no master.
fn master_tops(cx: &Context) -> Map {
    if is_local(cx) {
        return Map::new();
    }
    let mut opts = cx.opts.clone();
    opts.insert("grains", cx.grains.map().clone());
    let load = crate::map! { "cmd" => "_master_tops", "id" => cx.opt_str("id"), "opts" => opts };
    match cx.minion.request(load, Duration::from_secs(60)) {
        Ok(Value::Map(tops)) => tops,
        Ok(_) => Map::new(),
        Err(problem) => {
            error!("the master's tops cannot be asked for: {problem}");
            Map::new()
        }
    }
}

/// No master takes part.
pub(super) fn is_local(cx: &Context) -> bool {
    cx.opt_str("file_client") == "local" || cx.opts.get("local").is_some_and(Value::truthy)
}
