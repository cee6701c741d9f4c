//! SLS files of a pillar and what they include. Salt: pillar/__init__.py (`render_pstate`, `render_pillar`).

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;

use super::top::Top;
use super::{Compiler, names};
use crate::log::{debug, error};
use crate::patterns::fnmatch;
use crate::render::{SlsFile, did_you_mean, file_from, find_sls_in};
use crate::value::{Map, Value, nearest, str_of};

/// Includes within includes.
const MAX_DEPTH: usize = 100;

/// The SLS files of one environment while they are rendered.
struct Tree<'a> {
    saltenv: &'a str,
    top: &'a Top,
    /// Names of all SLS files; `None` where there is no such environment.
    known: Option<Vec<String>>,
    /// What each file said by itself, without its includes.
    rendered: RefCell<HashMap<String, Option<Rc<Map>>>>,
    /// Who includes the file that is being rendered, outermost first.
    chain: RefCell<Vec<String>>,
}

impl Compiler<'_> {
    /// The pillar of all files that match, on top of the overrides.
    pub(super) fn render(
        &self,
        top: &Top,
        matches: &IndexMap<String, Vec<String>>,
        errors: &mut Vec<String>,
    ) -> Map {
        let mut pillar = self.request.overrides.clone();
        for (saltenv, wanted) in matches {
            let known = self
                .envs
                .contains(saltenv)
                .then(|| names::sls_names(&self.files.file_list(saltenv, "").unwrap_or_default()));
            let tree = Tree { saltenv, top, known, rendered: RefCell::default(), chain: RefCell::default() };
            let mut files = Vec::new();
            for pattern in wanted {
                let found = tree.matching(pattern, errors);
                if found.is_empty() {
                    files.push(pattern.clone());
                } else {
                    files.extend(found);
                }
            }
            for sls in files {
                if let Some(data) = self.file(&tree, &sls, &Map::new(), errors, 0) {
                    pillar = self.merged(pillar, data);
                }
            }
        }
        pillar
    }

    /// One file with its includes.
    fn file(
        &self,
        tree: &Tree<'_>,
        sls: &str,
        defaults: &Map,
        errors: &mut Vec<String>,
        depth: usize,
    ) -> Option<Map> {
        let file = match find_sls_in(self.files, sls, tree.saltenv) {
            Ok(Some(file)) => file,
            Ok(None) => return self.missing(tree, sls, errors),
            Err(fault) => {
                errors.push(format!("Rendering SLS '{sls}' failed, render error:\n{fault}"));
                return None;
            }
        };
        let rendered = file_from(self.cx, self.files, &file.path, sls, tree.saltenv, defaults);
        let remember = |own: Option<Rc<Map>>| tree.rendered.borrow_mut().insert(sls.to_owned(), own);
        let mut own = match rendered {
            Ok(Value::Map(own)) => own,
            Ok(other) => {
                remember(None);
                if other.truthy() {
                    error!("SLS '{sls}' does not render to a dictionary");
                    errors.push(format!("SLS '{sls}' does not render to a dictionary"));
                }
                return None;
            }
            Err(problem) => {
                remember(None);
                let text = format!("Rendering SLS '{sls}' failed, render error:\n{problem}");
                let place = problem.told_place(&file.path.display().to_string());
                let chain = tree.chain.borrow();
                let chain: String =
                    chain.iter().rev().map(|by| format!("\nincluded by SLS '{by}'")).collect();
                let near = problem.told_near();
                error!("{text}{place}{chain}{near}");
                let safe = self.cx.opts.get("pillar_safe_render_error").is_none_or(Value::truthy);
                errors.push(if safe {
                    format!("Rendering SLS '{sls}' failed. Please see master log for details.")
                } else {
                    text + &near
                });
                return None;
            }
        };
        let includes = match own.get("include") {
            None => None,
            Some(Value::List(_)) => match own.remove("include") {
                Some(Value::List(includes)) => Some(includes),
                _ => None,
            },
            Some(_) => {
                let text = format!("Include Declaration in SLS '{sls}' is not formed as a list");
                error!("{text}");
                errors.push(text);
                None
            }
        };
        let own = Rc::new(own);
        remember(Some(Rc::clone(&own)));
        let Some(includes) = includes else { return Some(unshared(own)) };
        if depth >= MAX_DEPTH {
            errors.push(format!(
                "SLS '{sls}' is included {MAX_DEPTH} levels deep: what it includes is left out"
            ));
            return Some(unshared(own));
        }
        let stands = Standing { sls, file: &file, own };
        Some(self.with_includes(tree, &stands, includes, defaults, errors, depth))
    }

    fn missing(&self, tree: &Tree<'_>, sls: &str, errors: &mut Vec<String>) -> Option<Map> {
        let saltenv = tree.saltenv;
        if tree.top.may_miss(sls, saltenv) {
            debug!("Skipping ignored and missing SLS '{sls}' in environment '{saltenv}'");
            return None;
        }
        let roots = self.cx.opts.get("pillar_roots").and_then(Value::as_map);
        let has_root = roots.is_some_and(|roots| {
            roots.get(saltenv).is_some_and(Value::truthy)
                || (roots.contains("__env__") && self.envs.iter().any(|env| env == saltenv))
        });
        if !has_root {
            debug!(
                "Specified SLS '{sls}' in environment '{saltenv}' was not found. The environment is not one of \
                 'pillar_roots'."
            );
            return None;
        }
        let mut known = tree.known.iter().flatten().map(String::as_str);
        let near = nearest(sls, &mut known).map(did_you_mean).unwrap_or_default();
        let text = format!(
            "Specified SLS '{sls}' in environment '{saltenv}' is not available on the salt master{near}"
        );
        error!("{text}");
        errors.push(text);
        tree.rendered.borrow_mut().insert(sls.to_owned(), None);
        None
    }

    fn with_includes(
        &self,
        tree: &Tree<'_>,
        stands: &Standing<'_>,
        includes: Vec<Value>,
        defaults: &Map,
        errors: &mut Vec<String>,
        depth: usize,
    ) -> Map {
        let after = self.cx.opts.get("pillar_includes_override_sls").is_some_and(Value::truthy);
        // Salt quirk: `defaults` of one include hold for those after it that name none, and the errors of one file are
        // told again with each file after it that was rendered before.
        let mut defaults = defaults.clone();
        let mut said: Vec<String> = Vec::new();
        let mut parts: Vec<Map> = Vec::new();
        let mut all: Option<Map> = None;
        for include in includes {
            let (name, key) = match &include {
                Value::Map(named) => {
                    let Some((name, how)) = named.at(0) else { continue };
                    let how = |what: &str| how.as_map().and_then(|how| how.get(what));
                    defaults = how("defaults").and_then(Value::as_map).cloned().unwrap_or_default();
                    (str_of(name), how("key").filter(|key| key.truthy()).map(str_of))
                }
                name => (str_of(name), None),
            };
            for sls in tree.included(&name, stands, errors) {
                let known = tree.rendered.borrow().get(&sls).cloned();
                let data = match known {
                    Some(known) => known.map(unshared),
                    None => {
                        said.clear();
                        tree.chain.borrow_mut().push(stands.sls.to_owned());
                        let data = self.file(tree, &sls, &defaults, &mut said, depth + 1);
                        tree.chain.borrow_mut().pop();
                        data
                    }
                };
                if let Some(data) = data.filter(|data| !data.is_empty()) {
                    let data = below(data, key.as_deref());
                    if after {
                        let base = all.take().unwrap_or_else(|| (*stands.own).clone());
                        all = Some(self.merged(base, data));
                    } else {
                        parts.push(data);
                    }
                }
                errors.extend(said.iter().cloned());
            }
        }
        if after {
            return all.unwrap_or_else(|| (*stands.own).clone());
        }
        parts.push((*stands.own).clone());
        parts.into_iter().reduce(|base, part| self.merged(base, part)).unwrap_or_default()
    }
}

/// A file that includes others.
struct Standing<'a> {
    sls: &'a str,
    file: &'a SlsFile,
    own: Rc<Map>,
}

impl Tree<'_> {
    fn matching(&self, pattern: &str, errors: &mut Vec<String>) -> Vec<String> {
        match &self.known {
            Some(known) => known.iter().filter(|name| fnmatch(pattern, name)).cloned().collect(),
            None => {
                errors
                    .push(format!("No matching pillar environment for environment '{}' found", self.saltenv));
                Vec::new()
            }
        }
    }

    /// The files that an include means.
    fn included(&self, name: &str, stands: &Standing<'_>, errors: &mut Vec<String>) -> Vec<String> {
        if self.known.is_none() {
            errors.push(format!("No matching pillar environment for environment '{}' found", self.saltenv));
            return vec![name.to_owned()];
        }
        let mut files = self.matching(&name.trim_start_matches('.').replace('/', "."), errors);
        let mut full = name.to_owned();
        if let Some(relative) = name.strip_prefix('.') {
            let mut parts: Vec<&str> = stands.sls.split('.').collect();
            if !stands.file.url.ends_with("/init.sls") {
                parts.pop();
            }
            parts.push(relative);
            full = parts.join(".");
        }
        // Salt quirk: what is found both ways is merged twice.
        files.extend(self.matching(&full, errors));
        if files.is_empty() {
            files.push(full);
        }
        files
    }
}

fn unshared(map: Rc<Map>) -> Map {
    Rc::try_unwrap(map).unwrap_or_else(|shared| (*shared).clone())
}

/// `{x: {y: data}}` for the key `x:y`.
fn below(data: Map, key: Option<&str>) -> Map {
    let Some(key) = key else { return data };
    key.split(':').rev().fold(data, |data, name| {
        let mut outer = Map::new();
        outer.insert(name, data);
        outer
    })
}
