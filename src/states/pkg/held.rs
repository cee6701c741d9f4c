//! `pkg.held` and `pkg.unheld`. Salt: states/pkg.py.

use super::{asked, is_empty_list};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Packages that are held: `{name: {version?, type?}}`, and whether versions count.
fn locks(running: &Running) -> Result<Option<(Map, bool)>, Fault> {
    if running.offers("pkg.list_locks") {
        let locks = running.ask("pkg.list_locks", &[])?;
        return Ok(Some((locks.as_map().cloned().unwrap_or_default(), true)));
    }
    if running.offers("pkg.list_holds") {
        let holds = running.ask_with("pkg.list_holds", &[], map! { "full" => true })?;
        return Ok(Some((
            holds.as_list().unwrap_or_default().iter().map(|hold| lock(&str_of(hold))).collect(),
            false,
        )));
    }
    if running.offers("pkg.get_selections") {
        let held = running.ask_with("pkg.get_selections", &[], map! { "state" => "hold" })?;
        let names = held.get("hold").and_then(Value::as_list).unwrap_or_default();
        return Ok(Some((names.iter().map(|name| (name.clone(), Map::new())).collect(), false)));
    }
    Ok(None)
}

/// `vim-2:9.0-1.el9.*` as `vim` and its version; other texts as names.
fn lock(hold: &str) -> (String, Map) {
    let parts = hold.strip_suffix(".*").and_then(|rest| {
        let (before, version) = rest.split_once(':')?;
        let (name, epoch) = before.rsplit_once('-')?;
        epoch.parse::<u64>().ok()?;
        Some((name, epoch, version))
    });
    match parts {
        Some((name, "0", version)) => (name.to_owned(), map! { "version" => version }),
        Some((name, epoch, version)) => (name.to_owned(), map! { "version" => format!("{epoch}:{version}") }),
        None => (hold.to_owned(), Map::new()),
    }
}

const NO_LIST: &str = "No any function to get the list of held packages available.\nCheck if the package manager \
                       supports package locking.";

fn version_of(lock: Option<&Value>) -> Option<String> {
    let version = lock?.get("version").map(str_of)?;
    Some(version.trim_start_matches(['=', ' ']).to_owned())
}

fn is_package(lock: &Value) -> bool {
    lock.get("type").is_none_or(|kind| kind.as_str() == Some("package"))
}

fn succeeded(outcome: &Value, name: &str) -> bool {
    outcome.get(name).and_then(|entry| entry.get("result")).is_some_and(Value::truthy)
}

fn with_version(version: Option<&String>) -> String {
    version.map(|version| format!(" (version = {version})")).unwrap_or_default()
}

/// What a run leaves behind.
struct Report {
    result: bool,
    changes: Map,
    comments: Vec<String>,
}

impl Report {
    fn new() -> Self {
        Report { result: true, changes: Map::new(), comments: Vec::new() }
    }

    /// Lets one package go, and keeps what that gave.
    fn release(&mut self, running: &Running, state: &Value, name: &str) -> Result<(), Fault> {
        let options = map! { "name" => state.clone(), "pkgs" => Value::list([name]) };
        let outcome = running.ask_with("pkg.unhold", &[], options)?;
        self.result &= succeeded(&outcome, name);
        if let Some(comment) =
            outcome.get(name).and_then(|entry| entry.get("comment")).filter(|text| text.truthy())
        {
            self.comments.push(str_of(comment));
        }
        self.changes.extend(outcome.as_map().cloned().unwrap_or_default());
        Ok(())
    }

    fn finish(self, name: &Value) -> StateReturn {
        let comment = self.comments.join("\n");
        let idle = self.changes.is_empty() && comment.is_empty();
        let comment = if idle { "No changes made".to_owned() } else { comment };
        StateReturn::new(name.clone(), Some(self.result), comment).with(self.changes)
    }
}

/// A package of a list with its version.
fn package(item: &Value) -> (String, Option<String>) {
    match item.as_map().and_then(|map| map.at(0)) {
        Some((name, version)) => {
            (str_of(name), Some(version).filter(|version| !version.is_null()).map(str_of))
        }
        None => (str_of(item), None),
    }
}

pub(super) fn held(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let answer = |result: bool, comment: &str| Ok(StateReturn::new(name.clone(), Some(result), comment));
    let replace = args.truthy("replace");
    if is_empty_list(args.get("pkgs")) && !replace {
        return answer(true, "No packages to be held provided");
    }
    let pkgs = if args.get("pkgs").is_null() { asked(args) } else { args.get("pkgs").clone() };
    let Some((locks, versions_count)) = locks(running)? else { return answer(false, NO_LIST) };
    if !running.offers("pkg.hold") {
        return answer(false, "`hold` function is not implemented for the package manager.");
    }
    let mut report = Report::new();
    let mut kept = Vec::new();
    for item in pkgs.as_list().unwrap_or_default() {
        let (pkg, version) = package(item);
        let known = locks.get(&pkg);
        kept.push(pkg.clone());
        if known.is_some() && !(versions_count && version_of(known) != version) {
            continue;
        }
        if running.test() {
            let shown = with_version(version.as_ref().filter(|version| !version.is_empty()));
            report.comments.push(match known {
                Some(_) => format!("The following package's hold rule would be updated: {pkg}{shown}"),
                None => format!("The following package would be held: {pkg}{shown}"),
            });
            continue;
        }
        let options = |pkgs: Value| map! { "name" => name.clone(), "pkgs" => Value::list([pkgs]) };
        let mut updated = false;
        if known.is_some() {
            let outcome = running.ask_with("pkg.unhold", &[], options(pkg.as_str().into()))?;
            updated = succeeded(&outcome, &pkg);
        }
        let outcome = running.ask_with("pkg.hold", &[], options(item.clone()))?;
        let fine = succeeded(&outcome, &pkg);
        report.result &= fine;
        report.comments.push(match (updated, fine) {
            (true, true) => format!("Package {pkg} was updated with hold rule"),
            (false, true) => format!("Package {pkg} is now being held"),
            (_, false) => format!("Package {pkg} was not held"),
        });
        report.changes.extend(outcome.as_map().cloned().unwrap_or_default());
    }
    if replace {
        let others = locks.iter().filter(|(pkg, lock)| is_package(lock) && !kept.contains(&str_of(pkg)));
        for pkg in others.map(|(pkg, _)| str_of(pkg)) {
            if running.test() {
                report.comments.push(format!("The following package would be unheld: {pkg}"));
            } else {
                report.release(running, name, &pkg)?;
            }
        }
    }
    Ok(report.finish(name))
}

pub(super) fn unheld(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let answer = |result: bool, comment: &str| Ok(StateReturn::new(name.clone(), Some(result), comment));
    let all = args.truthy("all");
    if is_empty_list(args.get("pkgs")) && !all {
        return answer(true, "No packages to be unheld provided");
    }
    let pkgs = if args.get("pkgs").is_null() { asked(args) } else { args.get("pkgs").clone() };
    let Some((locks, versions_count)) = locks(running)? else { return answer(false, NO_LIST) };
    let wanted: Vec<(String, Option<String>)> =
        pkgs.as_list().unwrap_or_default().iter().map(package).collect();
    let mut report = Report::new();
    for (pkg, lock) in locks.iter().filter(|(_, lock)| is_package(lock)) {
        let pkg = str_of(pkg);
        let version = if versions_count { version_of(Some(lock)) } else { None };
        let asked = wanted.iter().find(|(name, _)| *name == pkg);
        let fits = asked.is_some_and(|(_, own)| {
            version.as_ref().is_none_or(|version| version.is_empty()) || *own == version
        });
        if !all && !fits {
            continue;
        }
        if running.test() {
            let shown = asked.and_then(|(_, own)| own.as_ref()).filter(|own| !own.is_empty());
            let version = version.unwrap_or_else(|| "None".to_owned());
            let shown = shown.map(|_| format!(" (version = {version})")).unwrap_or_default();
            report.comments.push(format!("The following package would be unheld: {pkg}{shown}"));
        } else {
            report.release(running, name, &pkg)?;
        }
    }
    Ok(report.finish(name))
}
