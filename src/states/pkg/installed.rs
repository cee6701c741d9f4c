//! `pkg.installed`. Salt: states/pkg.py.

use super::compare::fulfills;
use super::targets::{self, Targets, version_text, warn};
use super::{asked, handed_on, has_to_refresh, is_empty_list, list_pkgs, names, resolved};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::states::failure;
use crate::value::{Map, Value, str_of};

pub(super) fn installed(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let done = |result: bool, comment: &str| Ok(StateReturn::new(name.clone(), Some(result), comment));
    if is_empty_list(args.get("pkgs")) {
        return done(true, "No packages to install provided");
    }
    let sources = args.get("sources");
    let own = name.truthy() && !args.truthy("pkgs") && !sources.truthy();
    let pkgs = if own { asked(args) } else { args.get("pkgs").clone() };
    let refresh = has_to_refresh(running, args.get("refresh"));
    let (pkgs, refresh) = resolved(running, pkgs, refresh)?;
    let verify = args.get("pkg_verify");
    if verify.as_bool() == Some(true) || verify.as_list().is_some() {
        if !running.offers("pkg.verify") {
            return done(false, "pkg.verify not implemented");
        }
        return Err(Fault::NotSupported("pkg_verify of pkg.installed".to_owned()));
    }
    let targets = match targets::find(running, args, &pkgs, refresh)? {
        Ok(targets) => targets,
        Err(outcome) => return hold_what_is_there(running, args, &pkgs, outcome),
    };
    if !targets.unpurge.is_empty() && !running.offers("lowpkg.unpurge") {
        let mut outcome = StateReturn::new(name.clone(), Some(false), "lowpkg.unpurge not implemented");
        warn(&mut outcome, &targets.warnings);
        return Ok(outcome);
    }
    if running.test() {
        return Ok(announce(args, &targets));
    }
    apply(running, args, &targets, refresh && !targets.was_refreshed)
}

/// `name=version` of something that is asked for.
pub(super) fn shown(name: &str, packages: &Map) -> String {
    match packages.get(name).filter(|version| version.truthy()).map(str_of) {
        None => name.to_owned(),
        Some(version) if version.starts_with(['<', '>', '=']) => format!("{name}{version}"),
        Some(version) => format!("{name}={version}"),
    }
}

/// `test=True`: what would be done. Pure.
fn announce(args: &Args, targets: &Targets) -> StateReturn {
    let is_file = args.truthy("sources");
    let new = || map! { "new" => "installed", "old" => "" };
    let (mut changes, mut comment) = (Map::new(), Vec::new());
    if !targets.install.is_empty() {
        let summary: Vec<String> = targets.install.keys().map(str_of).collect();
        changes.extend(summary.iter().map(|name| (name.as_str(), new())));
        comment.push(format!("The following packages would be installed/updated: {}", summary.join(", ")));
    }
    if !targets.unpurge.is_empty() {
        comment.push(format!(
            "The following packages would have their selection status changed from 'purge' to 'install': {}",
            targets.unpurge.join(", ")
        ));
        changes.extend(targets.unpurge.iter().map(|name| (name.as_str(), new())));
    }
    if !targets.reinstall.is_empty() {
        let all: Vec<String> = targets
            .reinstall
            .keys()
            .map(str_of)
            .map(|name| if is_file { name } else { shown(&name, &targets.reinstall) })
            .collect();
        changes.extend(all.iter().map(|name| (name.as_str(), new())));
        comment.push(format!("The following packages would be reinstalled: {}", all.join(", ")));
    }
    let mut outcome = StateReturn::new(args.get("name").clone(), None, comment.join("\n")).with(changes);
    warn(&mut outcome, &targets.warnings);
    outcome
}

/// What holding or releasing packages gave.
enum Held {
    NotAsked,
    Failed(String),
    /// `{name, changes, result, comment}` of each package.
    Done(Vec<Map>),
}

fn hold(running: &Running, args: &Args, more: Map) -> Result<Held, Fault> {
    let Some(wanted) = args.keywords.get("hold").filter(|_| running.offers("pkg.hold")) else {
        return Ok(Held::NotAsked);
    };
    let fun = if wanted.truthy() { "pkg.hold" } else { "pkg.unhold" };
    let mut options = map! { "name" => args.get("name").clone() };
    options.extend(more);
    let held = match running.ask_with(fun, &[], options) {
        Ok(held) => held,
        Err(fault @ (Fault::Execution { .. } | Fault::Invocation(_))) => {
            return Ok(Held::Failed(failure::text(&fault)));
        }
        Err(fault) => return Err(fault),
    };
    if held.get("result").is_some_and(|result| !result.truthy()) {
        let said = held.get("comment").map(str_of).unwrap_or_default();
        return Ok(Held::Failed(format!(
            "An error was encountered while holding/unholding package(s): {said}"
        )));
    }
    let entries =
        held.as_map().map(|held| held.values().filter_map(|entry| entry.as_map().cloned()).collect());
    Ok(Held::Done(entries.unwrap_or_default()))
}

fn is(entry: &Map, key: &str) -> bool {
    entry.get(key).is_some_and(Value::truthy)
}

/// Changed, unchanged and failed ones.
fn by_outcome(entries: &[Map]) -> [Vec<&Map>; 3] {
    [
        entries.iter().filter(|entry| is(entry, "changes")).collect(),
        entries.iter().filter(|entry| !is(entry, "changes") && is(entry, "result")).collect(),
        entries.iter().filter(|entry| !is(entry, "result")).collect(),
    ]
}

fn comment_of(entry: &Map) -> String {
    entry.get("comment").map(str_of).unwrap_or_default()
}

/// Nothing is to be installed, but perhaps something to be held.
fn hold_what_is_there(
    running: &Running,
    args: &Args,
    pkgs: &Value,
    mut outcome: StateReturn,
) -> Result<StateReturn, Fault> {
    let options = map! { "pkgs" => pkgs.clone(), "sources" => args.get("sources").clone() };
    let entries = match hold(running, args, options)? {
        Held::NotAsked => return Ok(outcome),
        Held::Failed(text) => return Ok(StateReturn::new(args.get("name").clone(), Some(false), text)),
        Held::Done(entries) => entries,
    };
    let [changed, unchanged, failed] = by_outcome(&entries);
    let mut changes = outcome.changes.as_map().cloned().unwrap_or_default();
    for entry in &changed {
        changes.insert(
            entry.get("name").cloned().unwrap_or_default(),
            entry.get("changes").cloned().unwrap_or_default(),
        );
    }
    for entry in changed.iter().chain(&unchanged).chain(&failed) {
        outcome.comment += &format!(".\n{}", comment_of(entry));
        outcome.result = entry.get("result").and_then(Value::as_bool);
    }
    Ok(outcome.with(changes))
}

fn apply(running: &Running, args: &Args, targets: &Targets, refresh: bool) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let is_file = args.truthy("sources");
    let mut comment: Vec<String> = Vec::new();
    let mut changes = Map::new();
    let mut reported = Map::new();
    let finish = |result: bool, comment: &[String], changes: Map| {
        let mut outcome = StateReturn::new(name.clone(), Some(result), comment.join("\n")).with(changes);
        warn(&mut outcome, &targets.warnings);
        Ok(outcome)
    };
    if !targets.install.is_empty() || !targets.reinstall.is_empty() {
        match running.ask_with("pkg.install", &[], install_options(running, args, targets, refresh)) {
            Ok(Value::Map(map)) => {
                reported = map.clone();
                changes = map;
            }
            Ok(Value::Text(text)) => comment.push(text),
            Ok(_) => {}
            Err(fault @ Fault::Execution { .. }) => {
                let mut outcome =
                    failure::failed(name, &fault, "An error was encountered while installing package(s): ");
                warn(&mut outcome, &targets.warnings);
                return Ok(outcome);
            }
            Err(fault) => return Err(fault),
        }
    }
    let held = match hold(running, args, map! { "pkgs" => targets.desired.clone() })? {
        Held::NotAsked => Vec::new(),
        Held::Failed(text) => {
            comment.push(text);
            return finish(false, &comment, changes);
        }
        Held::Done(entries) => entries,
    };
    if !targets.unpurge.is_empty() {
        let all: Vec<Value> = targets.unpurge.iter().map(Value::from).collect();
        changes.insert("purge_desired", running.ask("lowpkg.unpurge", &all)?);
    }
    let (ok, bad) = verify(running, args, targets, &changes)?;
    let text = |name: &String| if is_file { name.clone() } else { shown(name, &targets.desired) };
    let listed = |all: &[String]| all.iter().map(text).collect::<Vec<_>>().join(", ");
    let counted = |count: usize, what: &str| {
        let (s, were) = if count > 1 { ("s", "were") } else { ("", "was") };
        format!("{count} targeted package{s} {were} {what}")
    };
    let is_target = |name: &&String| targets.install.contains(name);
    let modified: Vec<String> = ok.iter().filter(is_target).cloned().collect();
    let others = |name: &&String| !targets.install.contains(name) && !targets.reinstall.contains(name);
    let untouched: Vec<String> = ok.iter().filter(others).cloned().collect();
    let failed: Vec<String> = bad.iter().filter(is_target).cloned().collect();
    if !modified.is_empty() {
        let summary = listed(&modified);
        comment.push(if summary.chars().count() < 20 {
            format!("The following packages were installed/updated: {summary}")
        } else {
            counted(modified.len(), "installed/updated.")
        });
    }
    let [changed_hold, same_hold, failed_hold] = by_outcome(&held);
    for entry in changed_hold {
        comment.push(comment_of(entry));
        join_hold(&mut changes, entry);
    }
    if !untouched.is_empty() {
        comment.push(if untouched.len() <= 20 {
            format!("The following packages were already installed: {}", listed(&untouched))
        } else {
            counted(untouched.len(), "already installed")
        });
    }
    comment.extend(same_hold.into_iter().map(comment_of));
    let mut result = true;
    if !failed.is_empty() {
        comment.insert(0, format!("The following packages failed to install/update: {}", listed(&failed)));
        result = false;
    }
    for entry in failed_hold {
        comment.push(comment_of(entry));
        result = false;
    }
    for name in targets.reinstall.keys().map(str_of) {
        if reported.contains(&name) {
            comment.push(format!("Package {} was reinstalled.", text(&name)));
        } else {
            comment.push(format!("Reinstall was not successful for package {}.", text(&name)));
            result = false;
        }
    }
    finish(result, &comment, changes)
}

fn install_options(running: &Running, args: &Args, targets: &Targets, refresh: bool) -> Map {
    let mut options = handed_on(running, args);
    let both = || targets.install.iter().chain(&targets.reinstall);
    let (mut pkgs, mut sources) = (Value::Null, Value::Null);
    if args.truthy("sources") {
        let wanted = |source: &&Value| {
            let name = source.as_map().and_then(|map| map.keys().next()).map(str_of).unwrap_or_default();
            targets.install.contains(&name) || targets.reinstall.contains(&name)
        };
        sources =
            Value::list(args.get("sources").as_list().unwrap_or_default().iter().filter(wanted).cloned());
    } else {
        pkgs = Value::list(
            both().map(|(name, version)| [(name.clone(), version.clone())].into_iter().collect::<Map>()),
        );
    }
    let own_version =
        if args.truthy("pkgs") || args.truthy("sources") { args.get("version").clone() } else { Value::Null };
    options.extend(map! {
        "name" => Value::Null,
        "refresh" => refresh,
        "version" => own_version,
        "fromrepo" => args.get("fromrepo").clone(),
        "skip_verify" => args.get("skip_verify").clone(),
        "pkgs" => pkgs,
        "sources" => sources,
        "reinstall" => !targets.reinstall.is_empty(),
        "normalize" => args.get("normalize").clone(),
        "update_holds" => args.get("update_holds").clone(),
        "ignore_epoch" => args.get("ignore_epoch").clone(),
        "split_arch" => false,
        "allow_updates" => args.get("allow_updates").clone(),
    });
    options
}

/// Adds the change of a selection to that of the package.
fn join_hold(changes: &mut Map, entry: &Map) {
    let name = entry.get("name").map(str_of).unwrap_or_default();
    let of = |key: &str| entry.get("changes").and_then(|changes| changes.get(key)).map(str_of);
    match changes.get_mut(&name).and_then(Value::as_map_mut) {
        Some(own) => {
            for key in ["new", "old"] {
                let before = own.get(key).map(str_of).unwrap_or_default();
                let glue = if before.is_empty() { "" } else { "\n" };
                let more = of(key).unwrap_or_else(|| "None".to_owned());
                own.insert(key, format!("{before}{glue}{more}"));
            }
        }
        None => {
            changes.insert(name, map! { "new" => of("new").unwrap_or_else(|| "None".to_owned()) });
        }
    }
}

/// What is there afterwards as asked, and what is not.
fn verify(
    running: &Running,
    args: &Args,
    targets: &Targets,
    changes: &Map,
) -> Result<(Vec<String>, Vec<String>), Fault> {
    let (mut ok, mut bad) = (Vec::new(), Vec::new());
    if args.truthy("sources") {
        for name in targets.desired.keys().map(str_of) {
            let target = targets.install.contains(&name);
            if !target || changes.contains(&name) { ok.push(name) } else { bad.push(name) }
        }
        return Ok((ok, bad));
    }
    let now = list_pkgs(running, &[])?;
    let debian = running.grain("os_family") == "Debian";
    for (name, wanted) in &targets.desired {
        let name = str_of(name);
        let key = if debian { name.split('=').next().unwrap_or_default() } else { &name };
        let installed = now.get(key).map(names).unwrap_or_default();
        let wanted_text = version_text(wanted).unwrap_or_default();
        let prefix = wanted_text.strip_suffix('*');
        let begins_so =
            prefix.is_some_and(|prefix| installed.first().is_some_and(|first| first.starts_with(prefix)));
        let any_will_do = wanted_text == "latest"
            || begins_so
            || !running.ask("pkg_resource.version_clean", std::slice::from_ref(wanted))?.truthy();
        let fine = !installed.is_empty()
            && (any_will_do || fulfills(running, &installed, &wanted_text, args.get("ignore_epoch"), false)?);
        if fine { ok.push(name) } else { bad.push(name) }
    }
    Ok((ok, bad))
}
