//! `pkg.downloaded`. Salt: states/pkg.py.

use super::compare::fulfills;
use super::installed::shown;
use super::targets::{suggestions, version_text};
use super::{asked, is_empty_list, names, own_words, repack, resolved};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::states::failure;
use crate::value::{Map, Value, str_of};

/// What lies in the cache of the package manager: `{name: {version: {path …}}}`.
fn list(running: &Running, args: &Args) -> Result<Map, Fault> {
    let listed = running.ask_with("pkg.list_downloaded", &[], own_words(args))?;
    Ok(listed.as_map().cloned().unwrap_or_default())
}

/// What is wanted and not there yet; `Err` is the state's answer.
fn find(running: &Running, args: &Args, pkgs: &Value) -> Result<Result<Map, StateReturn>, Fault> {
    let name = args.get("name");
    let answer =
        |result: bool, comment: String| Ok(Err(StateReturn::new(name.clone(), Some(result), comment)));
    let here = list(running, args)?;
    let wanted = repack(running, pkgs, true)?;
    if wanted.is_empty() {
        return answer(false, "Invalidly formatted pkgs parameter. See minion log.".to_owned());
    }
    let all: Vec<String> = wanted.keys().map(str_of).collect();
    if let Some(comment) = suggestions(running, args, &all)? {
        return answer(false, comment);
    }
    let (mut targets, mut problems, mut compared) = (Map::new(), Vec::new(), false);
    for (pkg, version) in &wanted {
        let versions = here.get_value(pkg).map(names).unwrap_or_default();
        let Some(text) = version_text(version).filter(|_| version.truthy() || versions.is_empty()) else {
            if versions.is_empty() {
                targets.insert(pkg.clone(), version.clone());
            }
            continue;
        };
        if versions.is_empty() {
            targets.insert(pkg.clone(), version.clone());
            continue;
        }
        compared = true;
        match fulfills(running, &versions, &text, args.get("ignore_epoch"), false) {
            Ok(true) => {}
            Ok(false) => {
                targets.insert(pkg.clone(), version.clone());
            }
            Err(fault @ Fault::Execution { .. }) => problems.push(failure::text(&fault)),
            Err(fault) => return Err(fault),
        }
    }
    if !problems.is_empty() {
        return answer(false, problems.join(" "));
    }
    if targets.is_empty() {
        let which = if compared { " (matching specified versions)" } else { "" };
        return answer(true, format!("All specified packages{which} are already downloaded"));
    }
    Ok(Ok(targets))
}

pub(super) fn downloaded(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let answer = |result: Option<bool>, comment: String| Ok(StateReturn::new(name.clone(), result, comment));
    if !running.offers("pkg.list_downloaded") {
        let comment = "The pkg.downloaded state is not available on this platform";
        return answer(Some(false), comment.to_owned());
    }
    if is_empty_list(args.get("pkgs")) {
        return answer(Some(true), "No packages to download provided".to_owned());
    }
    let pkgs = if args.truthy("pkgs") { args.get("pkgs").clone() } else { asked(args) };
    let (pkgs, _) = resolved(running, pkgs, false)?;
    let targets = match find(running, args, &pkgs)? {
        Ok(targets) => targets,
        Err(answer) => return Ok(answer),
    };
    let listed = names(&Value::Map(targets.clone())).join(", ");
    if running.test() {
        return answer(None, format!("The following packages would be downloaded: {listed}"));
    }
    let mut options = own_words(args);
    options.extend(map! {
        "name" => name.clone(),
        "pkgs" => pkgs,
        "version" => if args.truthy("pkgs") { args.get("version").clone() } else { Value::Null },
        "downloadonly" => true,
        "fromrepo" => args.get("fromrepo").clone(),
        "ignore_epoch" => args.get("ignore_epoch").clone(),
    });
    let changes = match running.ask_with("pkg.install", &[], options) {
        Ok(changes) => changes,
        Err(fault @ Fault::Execution { .. }) => {
            let doing = "An error was encountered while downloading package(s): ";
            return Ok(failure::failed(name, &fault, doing));
        }
        Err(fault) => return Err(fault),
    };
    let here = list(running, args)?;
    let mut failed = Vec::new();
    for (pkg, version) in &targets {
        let pkg = str_of(pkg);
        let versions = here.get(&pkg).map(names).unwrap_or_default();
        let text = version_text(version).unwrap_or_default();
        let any = text == "latest"
            || !running.ask("pkg_resource.version_clean", std::slice::from_ref(version))?.truthy();
        let fine = !versions.is_empty()
            && (any || fulfills(running, &versions, &text, args.get("ignore_epoch"), false)?);
        if !fine {
            failed.push(shown(&pkg, &targets));
        }
    }
    let comment = if !failed.is_empty() {
        format!("The following packages failed to download: {}", failed.join(", "))
    } else if changes.truthy() {
        String::new()
    } else {
        format!("Packages downloaded: {listed}")
    };
    Ok(StateReturn::new(name.clone(), Some(failed.is_empty()), comment).with(changes))
}
