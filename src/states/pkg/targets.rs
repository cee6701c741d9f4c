//! What is to be installed: what is asked for beside what is there. Salt: states/pkg.py (`_find_install_targets`).

use std::path::Path;

use super::compare::fulfills;
use super::{list_pkgs, names, repack};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::states::failure;
use crate::value::{Map, Value, sort, str_of};

/// What a run has to do.
#[derive(Default)]
pub(super) struct Targets {
    /// Everything that was asked for: `{name: version or path or none}`.
    pub desired: Map,
    pub install: Map,
    pub unpurge: Vec<String>,
    pub reinstall: Map,
    pub warnings: Vec<String>,
    /// The lists have been read already.
    pub was_refreshed: bool,
}

/// What was asked for, as text: none for any version.
pub(super) fn version_text(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| str_of(value))
}

/// `Err` is the state's answer: nothing to do, or it cannot be done.
pub(super) fn find(
    running: &Running,
    args: &Args,
    pkgs: &Value,
    refresh: bool,
) -> Result<Result<Targets, StateReturn>, Fault> {
    let sources = args.get("sources");
    let name = args.get("name");
    let answer =
        |result: bool, comment: String| Ok(Err(StateReturn::new(name.clone(), Some(result), comment)));
    if pkgs.truthy() && sources.truthy() {
        return answer(false, "Only one of \"pkgs\" and \"sources\" is permitted.".to_owned());
    }
    let now = match list_pkgs(running, &[]) {
        Ok(now) => now,
        Err(fault @ Fault::Execution { .. }) => return answer(false, failure::text(&fault)),
        Err(fault) => return Err(fault),
    };
    let normalize = args.truthy("normalize");
    let (desired, which) = if pkgs.truthy() {
        (repack(running, pkgs, normalize)?, "pkgs")
    } else {
        let packed = running.ask("pkg_resource.pack_sources", &[sources.clone(), normalize.into()])?;
        (packed.as_map().cloned().unwrap_or_default(), "sources")
    };
    if desired.is_empty() {
        return answer(false, format!("Invalidly formatted '{which}' parameter. See minion log."));
    }
    let marked = list_pkgs(running, &[("purge_desired", true)])?;
    let mut targets = Targets {
        unpurge: desired.keys().map(str_of).filter(|name| marked.contains(name)).collect(),
        desired,
        ..Default::default()
    };
    let is_file = sources.truthy();
    let ignore_epoch = args.get("ignore_epoch");
    if !is_file && !args.truthy("skip_suggestions") {
        let missing = missing(running, &targets.desired, &now, ignore_epoch)?;
        if let Some(comment) = suggestions(running, args, &missing)? {
            return answer(false, comment);
        }
    }
    if !is_file {
        resolve_latest(running, args, &mut targets, &now, refresh)?;
    }
    let mut problems = Vec::new();
    let mut compared = false;
    for (name, wanted) in &targets.desired {
        let name = str_of(name);
        let installed = now.get(&name).map(names).unwrap_or_default();
        if installed.is_empty() {
            targets.install.insert(name, wanted.clone());
            continue;
        }
        if args.truthy("reinstall") {
            targets.reinstall.insert(name, wanted.clone());
            continue;
        }
        let version = if is_file {
            match source_version(running, args, &str_of(wanted))? {
                Source::Version(version) => version,
                Source::Unknown => continue,
                Source::Problem(problem) => {
                    problems.push(problem);
                    continue;
                }
                Source::Warning(warning) => {
                    targets.warnings.push(warning);
                    continue;
                }
            }
        } else {
            if !running
                .ask("pkg_resource.check_extra_requirements", &[name.as_str().into(), wanted.clone()])?
                .truthy()
            {
                targets.install.insert(name, wanted.clone());
                continue;
            }
            match version_text(&running.ask("pkg_resource.version_clean", std::slice::from_ref(wanted))?) {
                Some(_) => str_of(wanted),
                None => continue,
            }
        };
        let updates = !is_file && args.truthy("allow_updates");
        match fulfills(running, &installed, &version, ignore_epoch, updates) {
            Ok(true) => compared = true,
            Ok(false) => {
                compared = true;
                targets.install.insert(name, wanted.clone());
            }
            Err(fault @ Fault::Execution { .. }) => problems.push(failure::text(&fault)),
            Err(fault) => return Err(fault),
        }
    }
    if !problems.is_empty() {
        return answer(false, problems.join(" "));
    }
    if targets.install.is_empty() && targets.unpurge.is_empty() && targets.reinstall.is_empty() {
        let more = if compared && !is_file { " and are at the desired version" } else { "" };
        let comment = format!("All specified packages are already installed{more}");
        let mut outcome = StateReturn::new(name.clone(), Some(true), comment);
        warn(&mut outcome, &targets.warnings);
        return Ok(Err(outcome));
    }
    Ok(Ok(targets))
}

/// Puts warnings into a state's answer.
pub(super) fn warn(outcome: &mut StateReturn, warnings: &[String]) {
    if !warnings.is_empty() {
        outcome.extra.insert("warnings", Value::list(warnings));
    }
}

/// What is not there, or not in a version that is asked for.
fn missing(running: &Running, desired: &Map, now: &Map, ignore_epoch: &Value) -> Result<Vec<String>, Fault> {
    let mut missing = Vec::new();
    for (name, wanted) in desired {
        let name = str_of(name);
        let there = match (now.get(&name), version_text(wanted)) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(installed), Some(wanted)) => {
                fulfills(running, &names(installed), &wanted, ignore_epoch, false)?
            }
        };
        if !there {
            missing.push(name);
        }
    }
    Ok(missing)
}

/// Why packages cannot be found, where the provider can tell.
pub(super) fn suggestions(
    running: &Running,
    args: &Args,
    missing: &[String],
) -> Result<Option<String>, Fault> {
    if missing.is_empty() || !running.offers("pkg.check_db") {
        return Ok(None);
    }
    let asked: Vec<Value> = missing.iter().map(Value::from).collect();
    let options: Map = [("fromrepo", args.get("fromrepo").clone())].into_iter().collect();
    let found = match running.ask_with("pkg.check_db", &asked, options) {
        Ok(found) => found,
        Err(Fault::Execution { .. }) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let (mut unknown, mut comments) = (Vec::new(), Vec::new());
    for (name, info) in found.as_map().into_iter().flatten() {
        if info.get("found").and_then(Value::as_bool) != Some(false) {
            continue;
        }
        let possible = info.get("suggestions").map(names).unwrap_or_default();
        if possible.is_empty() {
            unknown.push(str_of(name));
        } else {
            let name = str_of(name);
            comments.push(format!("Package '{name}' not found (possible matches: {})", possible.join(", ")));
        }
    }
    if !unknown.is_empty() {
        sort::all(&mut unknown);
        let comment = format!(
            "The following package(s) were not found, and no possible matches were found in the package db: {}",
            unknown.join(", ")
        );
        comments.insert(0, comment);
    }
    let end = if comments.len() > 1 { "." } else { "" };
    Ok(Some(comments.join(". ") + end).filter(|comment| !comment.is_empty()))
}

/// Gives `latest` its version.
fn resolve_latest(
    running: &Running,
    args: &Args,
    targets: &mut Targets,
    now: &Map,
    refresh: bool,
) -> Result<(), Fault> {
    let asked: Vec<String> = targets
        .desired
        .iter()
        .filter(|(_, wanted)| wanted.as_str() == Some("latest"))
        .map(|(name, _)| str_of(name))
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let mut options = super::handed_on(running, args);
    options.insert("refresh", refresh);
    let words: Vec<Value> = asked.iter().map(Value::from).collect();
    let found = running.ask_with("pkg.latest_version", &words, options)?;
    targets.was_refreshed = refresh;
    for name in asked {
        let newest = match &found {
            Value::Map(map) => map.get(&name).cloned().unwrap_or_default(),
            one => one.clone(),
        };
        let newest = if newest.truthy() {
            newest
        } else {
            now.get(&name).and_then(|versions| versions.as_list()?.last().cloned()).unwrap_or_default()
        };
        targets.desired.insert(name, newest);
    }
    Ok(())
}

enum Source {
    Version(String),
    Unknown,
    Problem(String),
    Warning(String),
}

/// The version of a package file.
fn source_version(running: &Running, args: &Args, path: &str) -> Result<Source, Fault> {
    if !running.offers("lowpkg.bin_pkg_info") {
        return Ok(Source::Unknown);
    }
    let mut options: Map = Map::new();
    options.insert("saltenv", super::handed_on(running, args).get("saltenv").cloned().unwrap_or_default());
    options.insert("verify_ssl", args.keywords.get("verify_ssl").cloned().unwrap_or(Value::Bool(true)));
    let cached = match running.ask_with("cp.cache_file", &[path.into()], options) {
        Ok(cached) => cached,
        Err(fault @ Fault::Execution { .. }) => {
            return Ok(Source::Problem(format!("Unable to cache {path}: {}", failure::text(&fault))));
        }
        Err(fault) => return Err(fault),
    };
    if !cached.truthy() {
        return Ok(Source::Problem(format!("Unable to cache {path}: file not found")));
    }
    if !Path::new(&str_of(&cached)).exists() {
        return Ok(Source::Problem(format!("{path} does not exist on minion")));
    }
    let info = running.ask("lowpkg.bin_pkg_info", &[cached])?;
    Ok(match info.get("version") {
        Some(version) => Source::Version(str_of(version)),
        None => Source::Warning(format!("Failed to parse metadata for {path}")),
    })
}
