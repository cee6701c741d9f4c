//! `pkg.patch_installed` and `pkg.patch_downloaded`. Salt: states/pkg.py.

use super::{is_empty_list, names, own_words};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::states::failure;
use crate::value::{Value, str_of};

pub(super) fn installed(running: &Running, args: &Args, download: bool) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let answer = |result: Option<bool>, comment: String| Ok(StateReturn::new(name.clone(), result, comment));
    if !running.offers("pkg.list_patches") {
        let state = if download { "patch_downloaded" } else { "patch_installed" };
        return answer(Some(false), format!("The pkg.{state} state is not available on this platform"));
    }
    let ids = args.get("advisory_ids");
    if is_empty_list(ids) {
        return answer(Some(true), "No advisory ids provided".to_owned());
    }
    let here = running.ask_with("pkg.list_installed_patches", &[], own_words(args))?;
    let is_here = |id: &String| here.get(id).is_some_and(Value::truthy);
    let wanted = if ids.truthy() { names(ids) } else { vec![str_of(name)] };
    let targets: Vec<String> = wanted.into_iter().filter(|id| !is_here(id)).collect();
    if targets.is_empty() {
        return answer(
            Some(true),
            if ids.truthy() {
                "All specified advisory patches are already installed".to_owned()
            } else {
                format!("Advisory patch {} is already installed", str_of(name))
            },
        );
    }
    if running.test() {
        let listed = targets.join(", ");
        return answer(None, format!("The following advisory patches would be downloaded: {listed}"));
    }
    let mut options = own_words(args);
    let only = if download { true.into() } else { args.given("downloadonly").cloned().unwrap_or_default() };
    options.extend(map! {
        "name" => name.clone(),
        "advisory_ids" => ids.clone(),
        "downloadonly" => only.clone(),
    });
    let changes = match running.ask_with("pkg.install", &[], options) {
        Ok(changes) => changes,
        Err(fault @ Fault::Execution { .. }) => {
            let doing = "An error was encountered while downloading package(s): ";
            return Ok(failure::failed(name, &fault, doing));
        }
        Err(fault) => return Err(fault),
    };
    let comment = if changes.truthy() {
        String::new()
    } else {
        let done = if only.truthy() { "downloaded" } else { "installed" };
        format!("Advisory patch is not needed or related packages are already {done}")
    };
    Ok(StateReturn::new(name.clone(), Some(true), comment).with(changes))
}
