//! `timezone`: the zone of the host as it should be. Salt: states/timezone.py.

use super::failure;
use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, opt, req};
use crate::value::{Map, Value, str_of};

pub(super) static STATES: States = States {
    file: "timezone",
    provides: "timezone",
    available: |cx| {
        if cx.offers("timezone.get_zone") {
            Ok(())
        } else {
            Err("timezone module could not be loaded".to_owned())
        }
    },
    functions: &[State::new(
        "system",
        &[req("name"), opt("utc", Default::True)],
        "The host is in this zone; with `utc` its hardware clock shows UTC.",
        system,
    )],
    mod_watch: None,
    mod_aggregate: None,
};

fn system(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let answer = |result: Option<bool>, comment: String| StateReturn::new(name.as_str(), result, comment);
    let same = match running.ask("timezone.zone_compare", &[name.as_str().into()]) {
        Ok(same) => same.truthy(),
        Err(fault @ (Fault::Execution { .. } | Fault::Invocation(_))) => {
            let text = failure::text(&fault);
            let comment = format!("Unable to compare desired timezone '{name}' to system timezone: {text}");
            return Ok(answer(Some(false), comment));
        }
        Err(fault) => return Err(fault),
    };
    let utc = args.get("utc");
    let is_utc = running.ask("timezone.get_hwclock", &[])?.as_str() != Some("localtime");
    let set_utc = utc.truthy() && !is_utc;
    if same && !set_utc {
        let mut said = vec![format!("Timezone {name} already set")];
        if utc.truthy() {
            said.push(format!("UTC already set to {name}"));
        }
        return Ok(answer(Some(true), said.join(", ")));
    }
    let mut said = Vec::new();
    if running.test() {
        if !same {
            said.push(format!("Timezone {name} needs to be set"));
        }
        if set_utc {
            said.push(format!("UTC needs to be set to {}", str_of(utc)));
        }
        return Ok(answer(None, said.join(", ")));
    }
    let mut outcome = answer(None, String::new());
    let mut changes = Map::new();
    let mut note = |fine: bool, key: &str, value: Value, done: String, failed: String| {
        outcome.result = Some(fine);
        if fine {
            changes.insert(key, value);
        }
        said.push(if fine { done } else { failed });
    };
    if !same {
        let fine = running.ask("timezone.set_zone", &[name.as_str().into()])?.truthy();
        let failed = "Failed to set timezone".to_owned();
        note(fine, "timezone", name.as_str().into(), format!("Set timezone {name}"), failed);
    }
    if set_utc {
        let fine = running.ask("timezone.set_hwclock", &["UTC".into()])?.truthy();
        let shown = str_of(utc);
        note(
            fine,
            "utc",
            utc.clone(),
            format!("Set UTC to {shown}"),
            format!("Failed to set UTC to {shown}"),
        );
    }
    outcome.comment = said.join(", ");
    Ok(outcome.with(changes))
}
