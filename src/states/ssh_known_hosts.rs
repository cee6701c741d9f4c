//! `ssh_known_hosts`: keys of hosts as users should know them. Salt: states/ssh_known_hosts.py.

use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static STATES: States = States {
    file: "ssh_known_hosts",
    provides: "ssh_known_hosts",
    available: always,
    functions: &[
        State::new(
            "absent",
            &[req("name"), opt("user", Default::None), opt("config", Default::None)],
            "The host is not known.",
            absent,
        ),
        State::new(
            "present",
            &[
                req("name"),
                opt("user", Default::None),
                opt("fingerprint", Default::None),
                opt("key", Default::None),
                opt("port", Default::None),
                opt("enc", Default::None),
                opt("config", Default::None),
                opt("hash_known_hosts", Default::True),
                opt("timeout", Default::Int(5)),
                opt("fingerprint_hash_type", Default::None),
            ],
            "The host is known by `key`, or by the key that it shows (with this `fingerprint`).",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// The file of known hosts; the comment where it cannot be said which.
fn config(args: &Args) -> Result<Result<String, &'static str>, Fault> {
    let has_user = args.truthy("user");
    let default = if has_user { ".ssh/known_hosts" } else { "/etc/ssh/ssh_known_hosts" };
    let config = if args.truthy("config") { args.str("config")? } else { default.to_owned() };
    Ok(if has_user || config.starts_with('/') {
        Ok(config)
    } else {
        Err("If not specifying a \"user\", specify an absolute \"config\".")
    })
}

fn picked(args: &Args, names: &[&str]) -> Map {
    names.iter().map(|name| (*name, args.get(name).clone())).collect()
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let answer = |result, comment: String| Ok(StateReturn::new(name.as_str(), result, comment));
    let config = match config(args)? {
        Ok(config) => config,
        Err(comment) => return answer(Some(false), comment.to_owned()),
    };
    let given = |key: &str| args.truthy(key);
    if running.test() {
        if given("key") && given("fingerprint") {
            return answer(Some(false), "Specify either \"key\" or \"fingerprint\", not both.".to_owned());
        }
        if given("key") && !given("enc") {
            return answer(Some(false), "Required argument \"enc\" if using \"key\" argument.".to_owned());
        }
        let mut asked = picked(args, &["key", "fingerprint"]);
        asked.insert("config", config.as_str());
        asked.extend(picked(args, &["port", "fingerprint_hash_type"]));
        let known = match running.ask_with(
            "ssh.check_known_host",
            &[args.get("user").clone(), name.as_str().into()],
            asked,
        ) {
            Ok(known) => known,
            Err(Fault::NotFound(text)) => {
                return answer(Some(false), format!("ssh.check_known_host error: {text}"));
            }
            Err(fault) => return Err(fault),
        };
        if let Some(error) = known.get("error") {
            return answer(Some(false), str_of(error));
        }
        return match known.as_str() {
            Some("exists") => answer(Some(true), format!("Host {name} is already in {config}")),
            Some("add") => answer(None, format!("Key for {name} is set to be added to {config}")),
            _ => answer(None, format!("Key for {name} is set to be updated in {config}")),
        };
    }
    let mut asked = picked(args, &["user"]);
    asked.insert("hostname", name.as_str());
    asked.extend(picked(args, &["fingerprint", "key", "port", "enc"]));
    asked.insert("config", config.as_str());
    asked.extend(picked(args, &["hash_known_hosts", "timeout", "fingerprint_hash_type"]));
    let done = running.ask_with("ssh.set_known_host", &[], asked)?;
    let part = |key: &str| done.get(key).cloned().unwrap_or_default();
    match part("status").as_str() {
        Some("exists") => return answer(Some(true), format!("{name} already exists in {config}")),
        Some("error") => return answer(Some(false), str_of(&part("error"))),
        _ => {}
    }
    let new = part("new");
    let first = |key: &str| {
        let row = new.as_list().and_then(|rows| rows.first());
        row.and_then(|row| row.get(key)).map(str_of).unwrap_or_default()
    };
    let comment = if given("key") {
        format!("{name}'s key saved to {config} (key: {})", first("key"))
    } else if given("fingerprint") {
        format!("{name}'s key saved to {config} (fingerprint: {})", first("fingerprint"))
    } else if given("enc") {
        format!("{name}'s {} key saved to {config} (key: {})", args.str("enc")?, first("key"))
    } else {
        format!("{name}'s key(s) saved to {config}")
    };
    Ok(StateReturn::new(name.as_str(), Some(true), comment)
        .with(map! { "old" => part("old"), "new" => new.clone() }))
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let answer = |result, comment: String| Ok(StateReturn::new(name.as_str(), result, comment));
    let config = match config(args)? {
        Ok(config) => config,
        Err(comment) => return answer(Some(false), comment.to_owned()),
    };
    let mut asked = picked(args, &["user"]);
    asked.insert("hostname", name.as_str());
    asked.insert("config", config.as_str());
    let known = running.ask_with("ssh.get_known_host_entries", &[], asked.clone())?;
    if !known.truthy() {
        return answer(Some(true), "Host is already absent".to_owned());
    }
    if running.test() {
        return answer(None, format!("Key for {name} is set to be removed from {config}"));
    }
    let done = running.ask_with("ssh.rm_known_host", &[], asked)?;
    let part = |key: &str| done.get(key).map(str_of).unwrap_or_default();
    if part("status") == "error" {
        return answer(Some(false), part("error"));
    }
    Ok(StateReturn::new(name.as_str(), Some(true), part("comment"))
        .with(map! { "old" => known, "new" => Value::Null }))
}
