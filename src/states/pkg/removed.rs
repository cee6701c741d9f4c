//! `pkg.removed` and `pkg.purged`. Salt: states/pkg.py.

use super::compare::fulfills;
use super::{handed_on, list_pkgs, names, repack};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::states::failure;
use crate::value::{Map, Value, sort, str_of};

/// `action` is `remove` or `purge`.
pub(super) fn state(running: &Running, args: &Args, action: &str) -> Result<StateReturn, Fault> {
    match uninstall(running, args, action) {
        Err(fault @ Fault::Execution { .. }) => {
            let doing = if action == "purge" { "purging" } else { "removing" };
            let doing = format!("An error was encountered while {doing} package(s): ");
            Ok(failure::failed(args.get("name"), &fault, &doing))
        }
        other => other,
    }
}

/// What is installed of what is asked for, or the state's answer.
fn targets(running: &Running, args: &Args) -> Result<Result<Vec<String>, StateReturn>, Fault> {
    let name = args.get("name");
    let answer =
        |result: bool, comment: String| Ok(Err(StateReturn::new(name.clone(), Some(result), comment)));
    let now = list_pkgs(running, &[])?;
    let asked: Map = if args.truthy("pkgs") {
        repack(running, args.get("pkgs"), args.truthy("normalize"))?
    } else {
        let normal = match running.offers("pkg.normalize_name") {
            true => running.ask("pkg.normalize_name", std::slice::from_ref(name))?,
            false => name.clone(),
        };
        [(normal, args.get("version").clone())].into_iter().collect()
    };
    if asked.is_empty() {
        return answer(false, "Invalidly formatted pkgs parameter. See minion log.".to_owned());
    }
    let (mut targets, mut problems, mut compared) = (Vec::new(), Vec::new(), false);
    for (pkg, wanted) in &asked {
        let pkg = str_of(pkg);
        let installed = now.get(&pkg).map(names).unwrap_or_default();
        if installed.is_empty() {
            continue;
        }
        if running.ask("pkg_resource.version_clean", std::slice::from_ref(wanted))?.is_null() {
            targets.push(pkg);
            continue;
        }
        compared = true;
        match fulfills(running, &installed, &str_of(wanted), args.get("ignore_epoch"), false) {
            Ok(true) => targets.push(pkg),
            Ok(false) => {}
            Err(fault @ Fault::Execution { .. }) => problems.push(failure::text(&fault)),
            Err(fault) => return Err(fault),
        }
    }
    if !problems.is_empty() {
        return answer(false, problems.join(" "));
    }
    if targets.is_empty() {
        let matching = if compared { " (matching specified versions)" } else { "" };
        return answer(true, format!("All specified packages{matching} are already absent"));
    }
    Ok(Ok(targets))
}

fn uninstall(running: &Running, args: &Args, action: &str) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let purge = action == "purge";
    let mut options = handed_on(running, args);
    options.insert("normalize", args.get("normalize").clone());
    options.insert("version", args.get("version").clone());
    let parsed =
        running.ask_with("pkg_resource.parse_targets", &[name.clone(), args.get("pkgs").clone()], options)?;
    let params = parsed.as_list().and_then(|parts| parts.first()?.as_map()).cloned().unwrap_or_default();
    let asked: Vec<String> = params.keys().map(str_of).collect();
    let mut targets = match self::targets(running, args)? {
        Ok(targets) => targets,
        Err(_) if purge => Vec::new(),
        Err(outcome) => return Ok(outcome),
    };
    if purge {
        let left = list_pkgs(running, &[("removed", true)])?;
        targets.extend(asked.iter().filter(|name| left.contains(name)).cloned());
    }
    sort::all(&mut targets);
    if targets.is_empty() {
        let partially = if purge { " or partially installed" } else { "" };
        let comment = format!("None of the targeted packages are installed{partially}");
        return Ok(StateReturn::new(name.clone(), Some(true), comment));
    }
    if running.test() {
        let change = || map! { "new" => format!("{action}d"), "old" => "" };
        let changes: Map = targets.iter().map(|name| (name.as_str(), change())).collect();
        let comment = format!("The following packages will be {action}d: {}.", targets.join(", "));
        return Ok(StateReturn::new(name.clone(), None, comment).with(changes));
    }
    let mut options = handed_on(running, args);
    options.insert("pkgs", args.get("pkgs").clone());
    options.insert("version", args.get("version").clone());
    options.insert("split_arch", false);
    let changes = running.ask_with(&format!("pkg.{action}"), std::slice::from_ref(name), options)?;
    let now = list_pkgs(running, &[])?;
    let by_version = ["Suse", "RedHat"].contains(&running.grain("os_family"));
    let mut failed = Vec::new();
    for (pkg, wanted) in &params {
        let pkg = str_of(pkg);
        let Some(versions) = now.get(&pkg) else { continue };
        if !by_version || !wanted.truthy() {
            failed.push(pkg);
        } else if names(versions).contains(&str_of(wanted)) {
            failed.push(format!("{pkg}-{}", str_of(wanted)));
        }
    }
    if purge {
        let left = list_pkgs(running, &[("removed", true)])?;
        failed.extend(asked.iter().filter(|name| left.contains(name)).cloned());
    }
    sort::all(&mut failed);
    let done = |result: bool, comment: String, changes: Value| {
        Ok(StateReturn::new(name.clone(), Some(result), comment).with(changes))
    };
    if !failed.is_empty() {
        let comment = format!("The following packages failed to {action}: {}.", failed.join(", "));
        return done(false, comment, changes);
    }
    let mut others: Vec<String> = asked.into_iter().filter(|name| !targets.contains(name)).collect();
    sort::all(&mut others);
    let comment = if others.is_empty() {
        format!("All targeted packages were {action}d.")
    } else {
        format!(
            "The following packages were not installed: {} The following packages were {action}d: {}.",
            others.join(", "),
            targets.join(", ")
        )
    };
    done(true, comment, changes)
}
