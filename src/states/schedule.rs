//! `schedule`: jobs that the minion runs by itself, as they should be. Salt: states/schedule.py.

use crate::loader::{Args, Fault, Param, Running, State, StateReturn, States, always, keywords, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const NAME: &[Param] = &[req("name"), keywords("kwargs")];

pub(super) static STATES: States = States {
    file: "schedule",
    provides: "schedule",
    available: always,
    functions: &[
        State::new("absent", NAME, "There is no such job.", |running, args| {
            if_there(running, args, "delete", "Removed")
        }),
        State::new("disabled", NAME, "The job is not run.", |running, args| {
            if_there(running, args, "disable_job", "Disabled")
        }),
        State::new("enabled", NAME, "The job is run.", |running, args| {
            if_there(running, args, "enable_job", "Enabled")
        }),
        State::new("present", NAME, "There is such a job, with the arguments of `schedule.add`.", present),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// The job of this name that there is.
fn current(running: &Running, name: &str, args: &Args) -> Result<Option<Value>, Fault> {
    let offline = args.keywords.get("offline").cloned().unwrap_or_default();
    let asked = map! { "show_all" => true, "return_yaml" => false, "offline" => offline };
    Ok(running.ask_with("schedule.list", &[], asked)?.get(name).cloned())
}

/// Calls a function of `schedule` with the arguments of the state; `done` is said where it worked.
fn call(running: &Running, name: &str, args: &Args, fun: &str, done: String) -> Result<StateReturn, Fault> {
    let mut kwargs = args.keywords.clone();
    if running.test() {
        kwargs.insert("test", true);
    }
    let told = running.ask_with(&format!("schedule.{fun}"), &[name.into()], kwargs)?;
    let changes = told.get("changes").and_then(Value::as_map).cloned().unwrap_or_default();
    let worked = running.test() || told.get("result").is_some_and(Value::truthy);
    let comment =
        if worked && !running.test() { done } else { told.get("comment").map(str_of).unwrap_or_default() };
    // Salt tells the changes of jobs that are added, changed and deleted, and those of a failed `enable_job`.
    let tells = match fun {
        "add" | "delete" => worked && !running.test(),
        "modify" => worked,
        "enable_job" => !worked,
        _ => false,
    };
    let changes = if tells { changes } else { Map::new() };
    Ok(StateReturn::new(name, Some(worked), comment).with(changes))
}

fn if_there(running: &Running, args: &Args, fun: &str, done: &str) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    if current(running, &name, args)?.is_none() {
        return Ok(StateReturn::new(
            name.as_str(),
            Some(true),
            format!("Job {name} not present in schedule"),
        ));
    }
    call(running, &name, args, fun, format!("{done} job {name} from schedule"))
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let Some(there) = current(running, &name, args)? else {
        return call(running, &name, args, "add", format!("Adding new job {name} to schedule"));
    };
    let mut wanted =
        running.ask_with("schedule.build_schedule_item", &[name.as_str().into()], args.keywords.clone())?;
    if let Value::Map(wanted) = &mut wanted {
        if wanted.get("result").is_some_and(|result| !result.truthy()) {
            let comment = wanted.get("comment").map(str_of).unwrap_or_default();
            return Ok(StateReturn::new(name, Some(false), comment));
        }
        wanted.entry("enabled", || true.into());
    }
    if wanted == there {
        return Ok(StateReturn::new(name.as_str(), Some(true), format!("Job {name} in correct state")));
    }
    call(running, &name, args, "modify", format!("Modifying job {name} in schedule"))
}
