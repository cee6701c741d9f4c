//! The top file: which SLS files are for this minion. Salt: pillar/__init__.py (`get_tops`, `merge_tops`,
//! `top_matches`), matchers/confirm_top.py.

use indexmap::IndexMap;

use super::Compiler;
use crate::matchers::{MinionView, ParseOptions, Target, TargetType};
use crate::render::{file_from, find_sls_in};
use crate::value::{Map, Value, sort, str_of};

/// Targets by environment, in the order in which they count.
#[derive(Debug, Default)]
pub struct Top {
    targets: IndexMap<String, IndexMap<Value, Entry>>,
    /// SLS files that may be missing (`ignore_missing`), by environment.
    optional: Vec<(String, String)>,
}

#[derive(Debug, Default)]
struct Entry {
    /// The last `match` of it; `compound` without one.
    matcher: Option<String>,
    /// Everything that has a `match`, as it stands there.
    matches: Vec<Value>,
    order: i64,
    sls: Vec<String>,
}

/// The top file is not what a top file has to be.
struct Malformed;

impl Top {
    /// Whether an SLS file may be missing.
    pub(super) fn may_miss(&self, sls: &str, saltenv: &str) -> bool {
        self.optional.iter().any(|(env, name)| env == saltenv && name == sls)
    }

    /// `{saltenv: {target: [{match: type}, sls …]}}`.
    pub(super) fn to_map(&self) -> Map {
        let listed = |entry: &Entry| {
            let names = entry.sls.iter().map(|sls| Value::from(sls.as_str()));
            Value::List(entry.matches.iter().cloned().chain(names).collect())
        };
        let targets = |targets: &IndexMap<Value, Entry>| -> Map {
            targets.iter().map(|(target, entry)| (target.clone(), listed(entry))).collect()
        };
        self.targets.iter().map(|(env, all)| (env.as_str(), Value::Map(targets(all)))).collect()
    }

    fn add(&mut self, tops: &[Map]) -> Result<(), Malformed> {
        for (saltenv, targets) in tops.iter().flatten() {
            let saltenv = str_of(saltenv);
            if saltenv == "include" {
                continue;
            }
            let Value::Map(targets) = targets else {
                // An empty text or list has no targets to stumble over.
                if targets.truthy() || !matches!(targets, Value::Text(_) | Value::List(_)) {
                    return Err(Malformed);
                }
                continue;
            };
            for (target, items) in targets {
                let (entry, optional) = entry_of(items)?;
                if optional {
                    self.optional.extend(entry.sls.iter().map(|sls| (saltenv.clone(), sls.clone())));
                }
                self.targets.entry(saltenv.clone()).or_default().insert(target.clone(), entry);
            }
        }
        for targets in self.targets.values_mut() {
            let mut entries: Vec<_> = std::mem::take(targets).into_iter().collect();
            sort::by_key(&mut entries, |(_, entry)| entry.order);
            targets.extend(entries);
        }
        Ok(())
    }
}

fn entry_of(items: &Value) -> Result<(Entry, bool), Malformed> {
    let (mut entry, mut optional) = (Entry::default(), false);
    let name = |entry: &mut Entry, sls: &str| {
        if !entry.sls.iter().any(|known| known == sls) {
            entry.sls.push(sls.to_owned());
        }
    };
    match items {
        Value::List(items) => {
            for item in items {
                match item {
                    Value::Map(item) => {
                        if let Some(matcher) = item.get("match") {
                            entry.matcher = Some(str_of(matcher));
                            entry.matches.push(item.clone().into());
                        }
                        match item.get("order") {
                            None => {}
                            Some(Value::Text(order)) => entry.order = order.trim().parse().unwrap_or(0),
                            Some(order) => entry.order = order.as_int().ok_or(Malformed)?,
                        }
                        optional |= item.get("ignore_missing").is_some_and(Value::truthy);
                    }
                    Value::Text(sls) => name(&mut entry, sls),
                    _ => {}
                }
            }
        }
        // Salt quirk: a text is a list of its letters.
        Value::Text(letters) => letters.chars().for_each(|letter| name(&mut entry, &letter.to_string())),
        Value::Map(names) => names.keys().filter_map(Value::as_str).for_each(|sls| name(&mut entry, sls)),
        _ => return Err(Malformed),
    }
    Ok((entry, optional))
}

impl Compiler<'_> {
    /// The merged top files and what is wrong with them.
    pub(super) fn top(&self) -> (Top, Vec<String>) {
        let mut errors = Vec::new();
        let mut tops: Vec<(String, Vec<Map>)> = Vec::new();
        let mut malformed = false;
        for saltenv in self.top_environments() {
            match self.primary_top(&saltenv) {
                Ok(Some(Value::Map(top))) => tops.push((saltenv, vec![top])),
                Ok(Some(_)) => malformed = true,
                Ok(None) => {}
                Err(problem) => {
                    errors.push(format!("Rendering Primary Top file failed, render error:\n{problem}"));
                    // Salt reads no other after one that fails.
                    break;
                }
            }
        }
        for (saltenv, tops) in &mut tops {
            let Some(Value::List(included)) = tops.first_mut().and_then(|top| top.remove("include")) else {
                continue;
            };
            let mut done: Vec<String> = Vec::new();
            for sls in included.iter().map(str_of) {
                if done.contains(&sls) {
                    continue;
                }
                let file = find_sls_in(self.files, &sls, saltenv).map_err(|fault| fault.to_string());
                let top = match file {
                    Ok(Some(file)) => file_from(self.cx, self.files, &file.path, "", saltenv, &Map::new())
                        .map_err(|error| error.to_string()),
                    Ok(None) => Ok(Map::new().into()),
                    Err(problem) => Err(problem),
                };
                match top {
                    Ok(Value::Map(top)) => tops.push(top),
                    Ok(_) => malformed = true,
                    Err(problem) => {
                        errors.push(format!("Rendering Top file {sls} failed, render error:\n{problem}"));
                    }
                }
                done.push(sls);
            }
        }
        let mut top = Top::default();
        malformed |= tops.iter().any(|(_, tops)| top.add(tops).is_err());
        if malformed {
            top = Top::default();
            errors.push("Error encountered while rendering pillar top file.".to_owned());
        }
        (top, errors)
    }

    fn top_environments(&self) -> Vec<String> {
        let roots = self.cx.opts.get("pillar_roots").and_then(Value::as_map);
        let is_root = |env: &str| roots.is_some_and(|roots| roots.contains(env) || roots.contains("__env__"));
        match &self.pillarenv {
            Some(env) if is_root(env) => vec![env.clone()],
            Some(env) => {
                crate::log::debug!("pillarenv '{env}' not found in the configured pillar environments");
                Vec::new()
            }
            None => {
                let alone = self.cx.opts.str("pillar_source_merging_strategy") == Some("none");
                let own = self.saltenv.as_deref().filter(|env| !env.is_empty()).unwrap_or("base");
                self.envs.iter().filter(|env| !alone || *env == own).cloned().collect()
            }
        }
    }

    fn primary_top(&self, saltenv: &str) -> Result<Option<Value>, String> {
        let name = self.cx.opts.str("state_top").unwrap_or("top.sls");
        let path = name.strip_prefix("salt://").unwrap_or(name);
        let url = format!("salt://{}", path.trim_start_matches('/'));
        let file = self.files.get_url(&url, saltenv, None, true).map_err(|fault| fault.to_string())?;
        let Some(file) = file else { return Ok(None) };
        let top = file_from(self.cx, self.files, &file, "", saltenv, &Map::new());
        top.map(Some).map_err(|error| error.to_string())
    }

    /// The SLS files for this minion, by environment.
    pub(super) fn matches(&self, top: &Top, errors: &mut Vec<String>) -> IndexMap<String, Vec<String>> {
        let mut matches: IndexMap<String, Vec<String>> = IndexMap::new();
        for (saltenv, targets) in &top.targets {
            if self.pillarenv.as_ref().is_some_and(|env| env != saltenv) {
                continue;
            }
            for (target, entry) in targets {
                match self.is_for(target, entry.matcher.as_deref()) {
                    Ok(false) => continue,
                    Ok(true) => {}
                    Err(problem) => {
                        errors.push(format!(
                            "Pillar top file target {target:?} in '{saltenv}': {problem}",
                            target = str_of(target)
                        ));
                        continue;
                    }
                }
                let names = matches.entry(saltenv.clone()).or_default();
                for sls in &entry.sls {
                    if !names.contains(sls) {
                        names.push(sls.clone());
                    }
                }
            }
        }
        matches
    }

    fn is_for(&self, target: &Value, matcher: Option<&str>) -> Result<bool, String> {
        let kind: TargetType = matcher
            .unwrap_or("compound")
            .parse()
            .map_err(|error: crate::matchers::UnknownTargetType| error.to_string())?;
        let none = Map::new();
        let nodegroups = self.cx.opts.get("nodegroups").and_then(Value::as_map).unwrap_or(&none);
        let options = ParseOptions { nodegroups, ..ParseOptions::default() };
        let view = MinionView {
            id: self.cx.opts.str("id").unwrap_or_default(),
            grains: &self.cx.grains,
            pillar: self.cx.pillar.map(),
        };
        match Target::parse(target, kind, &options) {
            Ok(target) => Ok(target.matches(&view)),
            // A target that can be nobody's is told in the log, as in Salt.
            Err(problem) => {
                crate::log::error!(target = %str_of(target), "pillar top file: {problem}");
                Ok(false)
            }
        }
    }
}
