//! `pkg.latest`. Salt: states/pkg.py.

use super::{handed_on, has_to_refresh, is_empty_list, names, repack, resolved};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::states::failure;
use crate::value::{Map, Value, sort, str_of};

pub(super) fn latest(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let answer = |result: Option<bool>, comment: String| Ok(StateReturn::new(name.clone(), result, comment));
    let refresh = has_to_refresh(running, args.get("refresh"));
    if args.keywords.get("sources").is_some_and(Value::truthy) {
        return answer(Some(false), "The \"sources\" parameter is not supported.".to_owned());
    }
    if is_empty_list(args.get("pkgs")) {
        return answer(Some(true), "No packages to install provided".to_owned());
    }
    let asked = if args.truthy("pkgs") {
        names(&repack(running, args.get("pkgs"), true)?.into())
    } else {
        vec![str_of(name)]
    };
    if asked.is_empty() {
        return answer(Some(false), "Invalidly formatted \"pkgs\" parameter. See minion log.".to_owned());
    }
    let (asked, refresh) = resolved(running, Value::list(asked), refresh)?;
    let asked = names(&asked);
    let words: Vec<Value> = asked.iter().map(Value::from).collect();
    let mut options = handed_on(running, args);
    options.insert("fromrepo", args.get("fromrepo").clone());
    options.insert("refresh", refresh);
    let by_name = |found: Value| match found {
        Value::Map(map) => map,
        one => asked.first().map(|name| (name.as_str(), one)).into_iter().collect(),
    };
    let available = match running.ask_with("pkg.latest_version", &words, options) {
        Ok(found) => by_name(found),
        Err(fault @ Fault::Execution { .. }) => {
            let text = failure::text(&fault);
            let what = "An error was encountered while checking the newest available version of package(s)";
            return answer(Some(false), format!("{what}: {text}"));
        }
        Err(fault) => return Err(fault),
    };
    let now = match running.ask_with("pkg.version", &words, Map::new()) {
        Ok(found) => by_name(found),
        Err(fault @ Fault::Execution { .. }) => return answer(Some(false), failure::text(&fault)),
        Err(fault) => return Err(fault),
    };
    let (mut targets, mut problems) = (Map::new(), Vec::new());
    for pkg in &asked {
        match available.get(pkg).filter(|version| version.truthy()) {
            Some(version) => {
                targets.insert(pkg, version.clone());
            }
            None if !now.get(pkg).is_some_and(Value::truthy) => {
                problems.push(format!("No information found for '{pkg}'."));
            }
            None => {}
        }
    }
    if !problems.is_empty() {
        return answer(Some(false), problems.join(" "));
    }
    if targets.is_empty() {
        return answer(Some(true), up_to_date(asked));
    }
    let mut current: Vec<String> =
        names(args.get("pkgs")).into_iter().filter(|name| !targets.contains(name)).collect();
    sort::all(&mut current);
    if running.test() {
        return answer(None, announce(&targets, &current, &now));
    }
    let mut options = handed_on(running, args);
    options.insert("name", Value::Null);
    options.insert("refresh", false);
    options.insert("fromrepo", args.get("fromrepo").clone());
    options.insert("skip_verify", args.get("skip_verify").clone());
    options.insert("pkgs", Value::list(targets.keys().cloned()));
    match running.ask_with("pkg.install", &[], options) {
        Ok(changes) => Ok(report(name, &targets, &current, changes)),
        Err(fault @ Fault::Execution { .. }) => {
            let text = failure::text(&fault);
            answer(Some(false), format!("An error was encountered while installing package(s): {text}"))
        }
        Err(fault) => Err(fault),
    }
}

fn sorted(map: &Map) -> Vec<String> {
    let mut all: Vec<String> = map.keys().map(str_of).collect();
    sort::all(&mut all);
    all
}

fn up_to_date(mut asked: Vec<String>) -> String {
    sort::all(&mut asked);
    match asked.as_slice() {
        [one] => format!("Package {one} is already up-to-date"),
        many if many.len() > 10 => format!("All {} packages are up-to-date.", many.len()),
        many => format!("All packages are up-to-date ({}).", many.join(", ")),
    }
}

fn announce(targets: &Map, current: &[String], now: &Map) -> String {
    let mut lines =
        vec![format!("The following packages would be installed/upgraded: {}", sorted(targets).join(", "))];
    if current.len() > 10 {
        lines.push(format!("{} packages are already up-to-date", current.len()));
    } else if !current.is_empty() {
        let version = |name: &String| now.get(name).map(str_of).unwrap_or_default();
        let all: Vec<String> = current.iter().map(|name| format!("{name} ({})", version(name))).collect();
        lines.push(format!("The following packages are already up-to-date: {}", all.join(", ")));
    }
    lines.join("\n")
}

fn report(name: &Value, targets: &Map, current: &[String], changes: Value) -> StateReturn {
    if !changes.truthy() {
        let all = sorted(targets);
        let mut comment = match all.as_slice() {
            [one] => format!("Package {one} failed to update."),
            many if many.len() > 10 => {
                format!("{} targeted packages failed to update. See debug log for details.", many.len())
            }
            many => format!(
                "The following targeted packages failed to update. See debug log for details: ({}).",
                many.join(", ")
            ),
        };
        if current.len() > 10 {
            comment += &format!("{} packages were already up-to-date", current.len());
        } else if !current.is_empty() {
            comment += &format!(" The following packages were already up-to-date: {}", current.join(", "));
        }
        return StateReturn::new(name.clone(), Some(false), comment).with(changes);
    }
    let has_failed = |pkg: &String| match changes.get(pkg).filter(|change| change.truthy()) {
        None => true,
        Some(change) => match change.get("new").filter(|new| !new.is_null()).map(str_of) {
            None => false,
            Some(new) => {
                let wanted = targets.get(pkg).map(str_of).unwrap_or_default();
                wanted != "latest" && !new.split(',').any(|version| version == wanted)
            }
        },
    };
    let (failed, successful): (Vec<String>, Vec<String>) = sorted(targets).into_iter().partition(has_failed);
    let mut comments = Vec::new();
    if !failed.is_empty() {
        comments.push(format!("The following packages failed to update: {}", failed.join(", ")));
    }
    if !successful.is_empty() {
        comments.push(format!(
            "The following packages were successfully installed/upgraded: {}",
            successful.join(", ")
        ));
    }
    if current.len() > 10 {
        comments.push(format!("{} packages were already up-to-date ", current.len()));
    } else if !current.is_empty() {
        comments.push(format!("The following packages were already up-to-date: {}", current.join(", ")));
    }
    StateReturn::new(name.clone(), Some(failed.is_empty()), comments.join(" ")).with(changes)
}
