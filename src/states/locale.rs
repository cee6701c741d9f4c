//! `locale`: languages of the system as they should be. Salt: states/locale.py.

use super::failure;
use crate::loader::{Args, Fault, Running, State, StateReturn, States, always, req};
use crate::map;

pub(super) static STATES: States = States {
    file: "locale",
    provides: "locale",
    available: always,
    functions: &[
        State::new("present", &[req("name")], "The locale has been made.", |running, args| {
            let name = args.str("name")?;
            let is_done = running.ask("locale.avail", &[name.as_str().into()])?.truthy();
            let texts = [
                format!("Locale {name} is already present"),
                format!("Locale {name} needs to be generated"),
                format!("Generated locale {name}"),
                format!("Failed to generate locale {name}"),
            ];
            settle(running, args, is_done, "locale.gen_locale", texts)
        }),
        State::new("system", &[req("name")], "It is the locale of the system.", |running, args| {
            let name = args.str("name")?;
            let set = || {
                let is_done = running.ask("locale.get_locale", &[])?.as_str() == Some(name.as_str());
                let texts = [
                    format!("System locale {name} already set"),
                    format!("System locale {name} needs to be set"),
                    format!("Set system locale {name}"),
                    format!("Failed to set system locale to {name}"),
                ];
                settle(running, args, is_done, "locale.set_locale", texts)
            };
            set().or_else(|fault| match fault {
                Fault::Execution { .. } => {
                    let text = format!("Failed to set system locale: {}", failure::text(&fault));
                    Ok(StateReturn::new(name.as_str(), Some(false), text))
                }
                fault => Err(fault),
            })
        }),
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
    [nothing, planned, done, failed]: [String; 4],
) -> Result<StateReturn, Fault> {
    let name = args.get("name").clone();
    Ok(if is_done {
        StateReturn::new(name, Some(true), nothing)
    } else if running.test() {
        StateReturn::new(name, None, planned)
    } else if running.ask(fun, std::slice::from_ref(&name))?.truthy() {
        StateReturn::new(name.clone(), Some(true), done).with(map! { "locale" => name })
    } else {
        StateReturn::new(name, Some(false), failed)
    })
}
