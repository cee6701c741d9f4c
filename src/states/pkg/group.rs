//! `pkg.group_installed`. Salt: states/pkg.py.

use super::{list_pkgs, names, own_words};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::states::failure;
use crate::value::{Value, str_of};

pub(super) fn installed(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let group = str_of(name);
    let answer = |result: Option<bool>, comment: String| Ok(StateReturn::new(name.clone(), result, comment));
    if !running.offers("pkg.group_diff") {
        return answer(Some(false), "pkg.group_install not available for this platform".to_owned());
    }
    for word in ["skip", "include"] {
        if !matches!(args.get(word), Value::Null | Value::List(_)) {
            return answer(Some(false), format!("{word} must be formatted as a list"));
        }
    }
    let (skip, include) = (names(args.get("skip")), names(args.get("include")));
    let diff = match running.ask_with("pkg.group_diff", std::slice::from_ref(name), own_words(args)) {
        Ok(diff) => diff,
        Err(Fault::Invocation(_)) => {
            return answer(Some(false), "Repo options are not supported on this platform".to_owned());
        }
        Err(fault @ (Fault::Execution { .. } | Fault::Type(_))) => {
            let text = failure::text(&fault);
            let doing =
                format!("An error was encountered while installing/updating group '{group}': {text}.");
            return answer(Some(false), doing);
        }
        Err(fault) => return Err(fault),
    };
    let part =
        |kind: &str, is: &str| diff.get(kind).and_then(|kind| kind.get(is)).map(names).unwrap_or_default();
    let mut targets = part("mandatory", "not installed");
    let mandatory = [part("mandatory", "installed"), targets.clone()].concat();
    let kept: Vec<String> = mandatory.into_iter().filter(|pkg| skip.contains(pkg)).collect();
    if !kept.is_empty() {
        let comment = format!("The following mandatory packages cannot be skipped: {}", kept.join(", "));
        return answer(Some(false), comment);
    }
    targets.extend(part("default", "not installed").into_iter().filter(|pkg| !skip.contains(pkg)));
    targets.extend(include);
    if targets.is_empty() {
        return answer(Some(true), format!("Group '{group}' is already installed"));
    }
    let begun = ["mandatory", "default", "optional"].iter().any(|kind| !part(kind, "installed").is_empty());
    if running.test() {
        let what = if begun { "is partially installed and will be updated" } else { "will be installed" };
        return answer(None, format!("Group '{group}' {what}"));
    }
    let mut options = own_words(args);
    options.extend(map! { "pkgs" => Value::list(&targets) });
    let changes = match running.ask_with("pkg.install", &[], options) {
        Ok(changes) => changes,
        Err(fault @ Fault::Execution { .. }) => {
            let doing = format!("An error was encountered while installing/updating group '{group}': ");
            return Ok(failure::failed(name, &fault, &doing));
        }
        Err(fault) => return Err(fault),
    };
    let now = list_pkgs(running, &[])?;
    let failed: Vec<String> = targets.into_iter().filter(|pkg| !now.contains(pkg)).collect();
    let (result, comment) = if failed.is_empty() {
        (true, format!("Group '{group}' was {}", if begun { "updated" } else { "installed" }))
    } else {
        (false, format!("Failed to install the following packages: {}", failed.join(", ")))
    };
    Ok(StateReturn::new(name.clone(), Some(result), comment).with(changes))
}
