//! SLS files to high data: rendered, with what they include, each state with its file and its order. Salt: state.py
//! (`render_state`, `render_highstate`, `merge_included_states`).

use std::collections::HashSet;
use std::path::Path;

use crate::log::error;

use super::chunks::INCLUDED_FROM;
use super::{Available, declarations};
use crate::loader::{Context, Fault};
use crate::render::{self, Place, RenderError, SlsFile, did_you_mean, find_sls};
use crate::value::{Map, Value, str_of};

/// Includes may be as deep as this.
const MAX_DEPTH: usize = 200;

/// Collects SLS files of one run.
pub struct Compiler<'r, 'c> {
    cx: &'r Context<'c>,
    available: &'r Available<'r, 'c>,
    /// The order that the next state gets.
    next_order: i64,
    auto_order: bool,
    /// `saltenv:sls` of what has been rendered.
    done: HashSet<String>,
    /// `saltenv:sls` of the files that include the one at work, outermost first.
    chain: Vec<String>,
    /// Where mistakes were found: text and place.
    places: Vec<(String, Place)>,
}

/// Where an SLS comes from.
struct Origin<'o> {
    sls: &'o str,
    saltenv: &'o str,
    is_init: bool,
}

impl<'r, 'c> Compiler<'r, 'c> {
    /// Nothing is rendered yet.
    pub fn new(cx: &'r Context<'c>, available: &'r Available<'r, 'c>) -> Self {
        Compiler {
            cx,
            available,
            next_order: 10_000,
            auto_order: cx.opts.get("state_auto_order").is_none_or(Value::truthy),
            done: HashSet::new(),
            chain: Vec::new(),
            places: Vec::new(),
        }
    }

    /// High data of `{saltenv: [sls or pattern]}`, and every mistake that was found.
    ///
    /// # Errors
    /// When the file server cannot be asked.
    pub fn highstate(&mut self, matches: &Map) -> Result<(Map, Vec<String>), Fault> {
        let (mut high, mut all_errors) = (Map::new(), Vec::new());
        high.keep_order();
        for (saltenv, states) in matches {
            let saltenv = str_of(saltenv);
            for pattern in states.as_list().unwrap_or_default().iter().map(str_of) {
                let mut names = if self.available.has(&saltenv)? {
                    self.available.matching(&saltenv, &pattern)?
                } else {
                    all_errors
                        .push(format!("No matching salt environment for environment '{saltenv}' found"));
                    Vec::new()
                };
                if names.is_empty() {
                    // What is not listed may be there all the same.
                    names.push(pattern.clone());
                }
                for sls in names {
                    if self.done.contains(&format!("{saltenv}:{sls}")) {
                        continue;
                    }
                    let (state, mut errors) = self.sls(&sls, &saltenv, Some(matches))?;
                    merge_included(&mut high, state, &mut errors);
                    let own = format!("SLS {pattern} in saltenv");
                    for error in &mut errors {
                        if error.contains("is not available") && error.contains(&own) {
                            *error = format!("No matching sls found for '{pattern}' in env '{saltenv}'");
                        }
                    }
                    for error in &mut errors {
                        if let Some(near) = self.available.near_missing(&saltenv, error)? {
                            error.push_str(&did_you_mean(&near));
                        }
                    }
                    all_errors.extend(errors);
                }
            }
        }
        unique_extends(&mut high);
        Ok((high, all_errors))
    }

    /// One SLS file and what it includes.
    ///
    /// # Errors
    /// When the file server cannot be asked.
    pub fn sls(
        &mut self,
        sls: &str,
        saltenv: &str,
        matches: Option<&Map>,
    ) -> Result<(Map, Vec<String>), Fault> {
        let file = find_sls(self.cx, sls, saltenv)?;
        let Some(SlsFile { url, path }) = file else {
            return Ok((
                Map::new(),
                vec![format!(
                    "Specified SLS {sls} in saltenv {saltenv} is not available on the salt master or through a \
                     configured fileserver"
                )],
            ));
        };
        let origin = Origin { sls, saltenv, is_init: url.ends_with("/init.sls") };
        self.rendered(&origin, &path, matches)
    }

    /// A file of this machine in the place of an SLS file.
    ///
    /// # Errors
    /// As [`Compiler::sls`].
    pub fn local_file(&mut self, path: &str, saltenv: &str) -> Result<(Map, Vec<String>), Fault> {
        if !Path::new(path).is_file() {
            return Ok((
                Map::new(),
                vec![format!("Specified SLS {path} on local filesystem cannot be found.")],
            ));
        }
        self.rendered(&Origin { sls: path, saltenv, is_init: false }, Path::new(path), None)
    }

    fn rendered(
        &mut self,
        origin: &Origin,
        path: &Path,
        matches: Option<&Map>,
    ) -> Result<(Map, Vec<String>), Fault> {
        let Origin { sls, saltenv, .. } = *origin;
        let mut errors = Vec::new();
        let data = render::file_through_pipe(self.cx, path, sls, saltenv, &Map::new());
        self.done.insert(format!("{saltenv}:{sls}"));
        let mut state = match data {
            Ok(Value::Map(state)) => state,
            Ok(other) => {
                if other.truthy() {
                    errors.push(format!("SLS {sls} does not render to a dictionary"));
                    if matches!(other, Value::List(_) | Value::Text(_)) {
                        errors.push(format!("Error when rendering state with contents: {}", str_of(&other)));
                    }
                }
                return Ok((Map::new(), errors));
            }
            Err(error) => {
                errors.push(self.render_error(sls, saltenv, path, &error));
                return Ok((Map::new(), errors));
            }
        };
        if state.is_empty() {
            return Ok((state, errors));
        }
        let include = match state.get("include") {
            None => Vec::new(),
            Some(Value::List(_)) => match state.remove("include") {
                Some(Value::List(include)) => include,
                _ => Vec::new(),
            },
            Some(_) => {
                errors.push(format!("Include Declaration in SLS {sls} is not formed as a list"));
                Vec::new()
            }
        };
        declarations::extend(&mut state, sls, saltenv, &mut errors);
        declarations::exclude(&mut state, sls, &mut errors);
        declarations::states(&mut state, sls, saltenv, &mut errors);
        if self.chain.len() >= MAX_DEPTH {
            errors.push(format!("SLS '{saltenv}:{sls}' is included more than {MAX_DEPTH} levels deep"));
        } else {
            self.chain.push(format!("{saltenv}:{sls}"));
            for item in include {
                self.include(origin, &item, matches, &mut state, &mut errors)?;
            }
            self.chain.pop();
        }
        if self.auto_order {
            declarations::order(&mut state, &mut self.next_order);
        }
        Ok((state, errors))
    }

    /// `web`, `.web`, `{dev: web}`, `{_xenv: web}`, with patterns.
    fn include(
        &mut self,
        origin: &Origin,
        item: &Value,
        matches: Option<&Map>,
        state: &mut Map,
        errors: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let Origin { sls, saltenv, .. } = *origin;
        let (env_key, wanted) = match item {
            Value::Map(map) => match map.iter().next_back() {
                Some((env, wanted)) => (str_of(env), str_of(wanted)),
                None => return Ok(()),
            },
            other => (saltenv.to_owned(), str_of(other)),
        };
        if !self.available.has(&env_key)? {
            let text = format!(
                "Nonexistent saltenv '{env_key}' found in include of '{wanted}' within SLS '{saltenv}:{sls}'"
            );
            error!("{text}");
            errors.push(text);
            return Ok(());
        }
        let Some(wanted) = absolute(origin, &wanted) else {
            let text = format!(
                "Attempted relative include of '{wanted}' within SLS '{saltenv}:{sls}' goes beyond top level package "
            );
            error!("{text}");
            errors.push(text);
            return Ok(());
        };
        let envs = self.envs_with(&env_key, &wanted, matches)?;
        let env = match envs.as_slice() {
            [one] => one.clone(),
            several if several.iter().any(|env| env == saltenv) => saltenv.to_owned(),
            [] => {
                let searched = match matches {
                    Some(matches) if env_key == "_xenv" => {
                        matches.keys().map(str_of).collect::<Vec<_>>().join(", ")
                    }
                    _ => env_key.clone(),
                };
                errors.push(format!(
                    "Unknown include: Specified SLS {env_key}: {wanted} is not available on the salt master in \
                     saltenv(s): {searched} "
                ));
                return Ok(());
            }
            several => {
                errors.push(format!(
                    "Ambiguous include: Specified SLS {env_key}: {wanted} is available on the salt master in multiple \
                     available saltenvs: {}",
                    several.join(", ")
                ));
                return Ok(());
            }
        };
        let mut targets = self.available.matching(saltenv, &wanted)?;
        if targets.is_empty() {
            targets.push(wanted);
        }
        for target in targets {
            if self.done.contains(&format!("{env}:{target}")) {
                continue;
            }
            let (mut included, more) = self.sls(&target, &env, matches)?;
            let own =
                included.iter_mut().filter(|(id, _)| !id.as_str().is_some_and(|id| id.starts_with("__")));
            for body in own.filter_map(|(_, body)| body.as_map_mut()) {
                if let Value::List(from) = body.entry(INCLUDED_FROM, || Value::List(Vec::new())) {
                    from.push(sls.into());
                }
            }
            merge_included(state, included, errors);
            errors.extend(more);
        }
        Ok(())
    }

    /// Salt's words, and after them what it does not tell: who includes the file, and the name that was meant.
    fn render_error(&mut self, sls: &str, saltenv: &str, path: &Path, error: &RenderError) -> String {
        let place = error.place().unwrap_or_default();
        let path = place.path.unwrap_or_else(|| path.display().to_string());
        let mut text = format!("Rendering SLS '{saltenv}:{sls}' failed: {error}");
        text.push_str(&error.told_place(&path));
        for includes in self.chain.iter().rev() {
            text.push_str(&format!("\nincluded by SLS '{includes}'"));
        }
        text.push_str(&error.told_near());
        error!("{text}");
        self.places.push((text.clone(), Place { path: Some(path), ..place }));
        text
    }

    /// `saltenv:sls` of what has been rendered; forgets them.
    pub(super) fn take_done(&mut self) -> HashSet<String> {
        std::mem::take(&mut self.done)
    }

    /// Where a file that could not be rendered is wrong, by the text of the mistake.
    pub(super) fn place(&self, text: &str) -> Option<&Place> {
        self.places.iter().find(|(known, _)| known == text).map(|(_, place)| place)
    }

    fn envs_with(&self, env_key: &str, wanted: &str, matches: Option<&Map>) -> Result<Vec<String>, Fault> {
        if env_key != "_xenv" {
            let matched = matches.is_some_and(|matches| matches.contains(env_key));
            let there = matched || !self.available.matching(env_key, wanted)?.is_empty();
            return Ok(if there { vec![env_key.to_owned()] } else { Vec::new() });
        }
        let mut envs = Vec::new();
        for env in matches.into_iter().flat_map(Map::keys).map(str_of) {
            if !self.available.matching(&env, wanted)?.is_empty() {
                envs.push(env);
            }
        }
        Ok(envs)
    }
}

/// `.x` and `..x` as seen from an SLS file; `None` above the top.
fn absolute(origin: &Origin, wanted: &str) -> Option<String> {
    let rest = wanted.trim_start_matches('.');
    let levels = wanted.len() - rest.len();
    if levels == 0 {
        return Some(wanted.to_owned());
    }
    let mut parts: Vec<&str> = origin.sls.split('.').collect();
    if origin.is_init {
        parts.push("init");
    }
    let kept = parts.len().checked_sub(levels)?;
    parts.truncate(kept);
    parts.push(rest);
    Some(parts.join("."))
}

/// Puts the states of one file beside those of others; ids that differ are a mistake.
fn merge_included(high: &mut Map, mut state: Map, errors: &mut Vec<String>) {
    for shared in ["__extend__", "__exclude__"] {
        if let Some(Value::List(more)) = state.remove(shared)
            && let Value::List(all) = high.entry(shared, || Value::List(Vec::new()))
        {
            all.extend(more);
        }
    }
    for (id, body) in state {
        if let Some(present) = high.get_value(&id)
            && *present != body
        {
            let of = |body: &Value, key: &str| body.get(key).map(str_of).unwrap_or_default();
            errors.push(format!(
                "Detected conflicting IDs, SLS IDs need to be globally unique.\n    The conflicting ID is '{}' and is \
                 found in SLS '{}:{}' and SLS '{}:{}'",
                str_of(&id),
                of(present, "__env__"),
                of(present, "__sls__"),
                of(&body, "__env__"),
                of(&body, "__sls__"),
            ));
        }
        high.insert(id, body);
    }
}

/// Each extension once, one id each.
fn unique_extends(high: &mut Map) {
    let Some(Value::List(extends)) = high.get_mut("__extend__") else { return };
    let mut unique: Vec<(Value, Value)> = Vec::new();
    let mut seen = HashSet::new();
    for extend in extends.iter().filter_map(Value::as_map) {
        for (id, body) in extend {
            if seen.insert(id.clone()) || !unique.iter().any(|(had, same)| had == id && same == body) {
                unique.push((id.clone(), body.clone()));
            }
        }
    }
    *extends = unique.into_iter().map(|(id, body)| Map::from_iter([(id, body)]).into()).collect();
}
