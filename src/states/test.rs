//! `test`: states that change nothing on the host. Salt: states/test.py.

use crate::loader::{Args, Fault, Running, State, StateReturn, States, always, keywords, req};
use crate::map;

pub(super) static STATES: States = States {
    file: "test",
    provides: "test",
    available: always,
    functions: &[
        State::new("fail_with_changes", NAME, "Fails, with changes.", fail_with_changes),
        State::new("fail_without_changes", NAME, "Fails, without changes.", fail_without_changes),
        State::new("nop", NAME, "Does nothing: a place for requisites.", succeed_without_changes),
        State::new("succeed_with_changes", NAME, "Succeeds, with changes.", succeed_with_changes),
        State::new("succeed_without_changes", NAME, "Succeeds, without changes.", succeed_without_changes),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

const NAME: &[crate::loader::Param] = &[req("name"), keywords("kwargs")];

fn succeed_without_changes(_: &Running, args: &Args) -> Result<StateReturn, Fault> {
    Ok(outcome(args, true))
}

fn fail_without_changes(_: &Running, args: &Args) -> Result<StateReturn, Fault> {
    Ok(outcome(args, false))
}

fn succeed_with_changes(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    Ok(changed(running, args, true))
}

fn fail_with_changes(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    Ok(changed(running, args, false))
}

fn outcome(args: &Args, success: bool) -> StateReturn {
    let comment = args.keywords.str("comment").unwrap_or(if success { "Success!" } else { "Failure!" });
    StateReturn::new(args.get("name").clone(), Some(success), comment)
}

fn changed(running: &Running, args: &Args, success: bool) -> StateReturn {
    let mut outcome = outcome(args, success);
    if running.test() {
        outcome.result = if success { None } else { Some(false) };
    }
    outcome.with(map! {
        "testing" => map! { "old" => "Unchanged", "new" => "Something pretended to change" },
    })
}
