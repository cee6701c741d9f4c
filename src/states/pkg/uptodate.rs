//! `pkg.uptodate`. Salt: states/pkg.py.

use super::{handed_on, names, resolved};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::states::failure;
use crate::value::{Map, Value, str_of};

pub(super) fn uptodate(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let answer = |result: Option<bool>, comment: String| Ok(StateReturn::new(name.clone(), result, comment));
    if !running.offers("pkg.list_upgrades") {
        return answer(Some(false), "State pkg.uptodate is not available".to_owned());
    }
    let Some(refresh) = args.get("refresh").as_bool() else {
        return answer(Some(false), "refresh must be either True or False".to_owned());
    };
    let (pkgs, refresh) = resolved(running, args.get("pkgs").clone(), refresh)?;
    let expected = match expected(running, args, &pkgs, refresh) {
        Ok(expected) => expected,
        Err(fault) => return answer(Some(false), failure::text(&fault)),
    };
    if expected.is_empty() {
        return answer(Some(true), "System is already up-to-date".to_owned());
    }
    if running.test() {
        return Ok(answer(None, "System update will be performed".to_owned())?.with(expected));
    }
    let mut options = handed_on(running, args);
    options.remove("saltenv");
    options.insert("refresh", refresh);
    options.insert("pkgs", pkgs.clone());
    let changes = match running.ask_with("pkg.upgrade", &[], options) {
        Ok(changes) => changes,
        Err(fault @ Fault::Execution { .. }) => {
            return Ok(failure::failed(name, &fault, "An error was encountered while updating packages: "));
        }
        Err(fault) => return Err(fault),
    };
    let missing: Vec<String> = match &pkgs {
        Value::List(_) => expected.keys().map(str_of).filter(|name| changes.get(name).is_none()).collect(),
        _ => Vec::new(),
    };
    let outcome = if missing.is_empty() {
        answer(Some(true), "Upgrade ran successfully".to_owned())
    } else {
        answer(Some(false), format!("The following package(s) failed to update: {}", missing.join(", ")))
    };
    Ok(outcome?.with(changes))
}

/// What an upgrade would change: `{name: {new, old}}`.
fn expected(running: &Running, args: &Args, pkgs: &Value, refresh: bool) -> Result<Map, Fault> {
    let mut options = handed_on(running, args);
    options.remove("saltenv");
    options.insert("refresh", refresh);
    let upgrades = running.ask_with("pkg.list_upgrades", &[], options)?;
    let wanted = names(pkgs);
    let mut expected = Map::new();
    for (name, version) in upgrades.as_map().into_iter().flatten() {
        if pkgs.as_list().is_none() || wanted.contains(&str_of(name)) {
            let old = running.ask("pkg.version", std::slice::from_ref(name))?;
            expected.insert(name.clone(), map! { "new" => version.clone(), "old" => old });
        }
    }
    Ok(expected)
}
