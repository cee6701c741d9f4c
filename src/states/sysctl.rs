//! `sysctl`: parameters of the kernel as they should be. Salt: states/sysctl.py.

use super::failure;
use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, opt, req};
use crate::value::{Map, Value, str_of};

pub(super) static STATES: States = States {
    file: "sysctl",
    provides: "sysctl",
    available: |cx| {
        if cx.offers("sysctl.show") { Ok(()) } else { Err("sysctl module could not be loaded".to_owned()) }
    },
    functions: &[State::new(
        "present",
        &[req("name"), req("value"), opt("config", Default::None)],
        "The parameter has this value, now and after the next start.",
        present,
    )],
    mod_watch: None,
    mod_aggregate: None,
};

/// What `test=True` says; `configured` is the content of the file, `current` the kernel's value. Pure.
fn plan(name: &str, value: &str, config: &str, configured: &Value, current: &str) -> (Option<bool>, String) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_configured = configured.get(name).is_some();
    let text = if configured.is_null() {
        format!(
            "Sysctl option {name} might be changed, we failed to check config file at {config}. The file is either \
             unreadable, or missing."
        )
    } else if !current.is_empty() && is_configured {
        if words(value) == words(current) {
            return (Some(true), format!("Sysctl value {name} = {value} is already set"));
        }
        format!("Sysctl option {name} would be changed to {value}")
    } else if !current.is_empty() && words(value) != words(current) {
        format!("Sysctl option {name} set to be changed to {value}")
    } else if !current.is_empty() {
        format!(
            "Sysctl value is currently set on the running system but not in a config file. Sysctl option {name} set to be \
             changed to {value} in config file."
        )
    } else if is_configured {
        format!(
            "Sysctl value {name} is present in configuration file but is not present in the running config. The value \
             {name} is set to be changed to {value}"
        )
    } else {
        format!("Sysctl option {name} would be changed to {value}")
    };
    (None, text)
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, value) = (args.str("name")?, str_of(args.get("value")));
    let config = match args.opt_str("config")? {
        Some(config) => config,
        None if running.offers("sysctl.default_config") => {
            str_of(&running.ask("sysctl.default_config", &[])?)
        }
        None => "/etc/sysctl.conf".to_owned(),
    };
    let answer = |result: Option<bool>, comment: String| StateReturn::new(name.as_str(), result, comment);
    if running.test() {
        let options: Map = [("config_file", config.as_str())].into_iter().collect();
        let configured = running.ask_with("sysctl.show", &[], options)?;
        let current = if configured.is_null() {
            String::new()
        } else {
            str_of(&running.ask("sysctl.get", &[name.as_str().into()])?)
        };
        let (result, comment) = plan(&name, &value, &config, &configured, &current);
        return Ok(answer(result, comment));
    }
    let asked = [name.as_str().into(), args.get("value").clone(), config.into()];
    match running.ask("sysctl.persist", &asked) {
        Ok(said) if said.as_str() == Some("Updated") => {
            let changes: Map = [(name.as_str(), args.get("value").clone())].into_iter().collect();
            Ok(answer(Some(true), format!("Updated sysctl value {name} = {value}")).with(changes))
        }
        Ok(said) if said.as_str() == Some("Already set") => {
            Ok(answer(Some(true), format!("Sysctl value {name} = {value} is already set")))
        }
        Ok(_) => Ok(answer(Some(true), String::new())),
        Err(fault @ Fault::Execution { .. }) => {
            Ok(answer(Some(false), format!("Failed to set {name} to {value}: {}", failure::text(&fault))))
        }
        Err(fault) => Err(fault),
    }
}
