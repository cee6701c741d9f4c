//! `alias`: mail aliases as they should be. Salt: states/alias.py.

use crate::loader::{Args, Fault, Running, State, StateReturn, States, always, req};
use crate::map;
use crate::value::{Value, str_of};

pub(super) static STATES: States = States {
    file: "alias",
    provides: "alias",
    available: always,
    functions: &[
        State::new("absent", &[req("name")], "There is no such alias.", |running, args| {
            let name = args.str("name")?;
            let is_done = !running.ask("aliases.get_target", &[name.as_str().into()])?.truthy();
            let texts = [
                format!("Alias {name} already absent"),
                format!("Alias {name} is set to be removed"),
                format!("Removed alias {name}"),
                format!("Failed to remove alias {name}"),
            ];
            settle(running, args, is_done, "aliases.rm_alias", &[name.into()], texts)
        }),
        State::new(
            "present",
            &[req("name"), req("target")],
            "The alias goes to `target`.",
            |running, args| {
                let (name, target) = (args.str("name")?, args.get("target").clone());
                let asked = [name.as_str().into(), target.clone()];
                let is_done = running.ask("aliases.has_target", &asked)?.truthy();
                let arrow = format!("{name} -> {}", str_of(&target));
                let texts = [
                    format!("Alias {name} already present"),
                    format!("Alias {arrow} is set to be added"),
                    format!("Set email alias {arrow}"),
                    format!("Failed to set alias {arrow}"),
                ];
                settle(running, args, is_done, "aliases.set_target", &asked, texts)
            },
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// Calls `fun` where something is to be done; the texts are those of nothing to do, `test=True`, done and failed.
fn settle(
    running: &Running,
    args: &Args,
    is_done: bool,
    fun: &str,
    asked: &[Value],
    [nothing, planned, done, failed]: [String; 4],
) -> Result<StateReturn, Fault> {
    let name = args.get("name").clone();
    Ok(if is_done {
        StateReturn::new(name, Some(true), nothing)
    } else if running.test() {
        StateReturn::new(name, None, planned)
    } else if running.ask(fun, asked)?.truthy() {
        StateReturn::new(name.clone(), Some(true), done).with(map! { "alias" => name })
    } else {
        StateReturn::new(name, Some(false), failed)
    })
}
