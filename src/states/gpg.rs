//! `gpg`: keys as they should be. Salt: states/gpg.py.

use crate::loader::{
    Args, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const KEYS: Param = opt("keys", Default::None);
const USER: Param = opt("user", Default::None);
const HOME: Param = opt("gnupghome", Default::None);
const RING: Param = opt("keyring", Default::None);

pub(super) static STATES: States = States {
    file: "gpg",
    provides: "gpg",
    available: always,
    functions: &[
        State::new(
            "absent",
            &[
                req("name"),
                KEYS,
                USER,
                HOME,
                RING,
                opt("keyring_absent_if_empty", Default::False),
                keywords("kwargs"),
            ],
            "The keys are not known.",
            absent,
        ),
        State::new(
            "present",
            &[
                req("name"),
                KEYS,
                USER,
                opt("keyserver", Default::None),
                HOME,
                opt("trust", Default::None),
                RING,
                keywords("kwargs"),
            ],
            "The keys are known, and trusted so far.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

const TRUST: [(&str, &str); 6] = [
    ("expired", "Expired"),
    ("unknown", "Unknown"),
    ("not_trusted", "Not Trusted"),
    ("marginally", "Marginally"),
    ("fully", "Fully Trusted"),
    ("ultimately", "Ultimately Trusted"),
];

fn place(args: &Args) -> Map {
    ["user", "gnupghome", "keyring"].iter().map(|name| (*name, args.get(name).clone())).collect()
}

fn wanted(args: &Args) -> Vec<String> {
    match args.get("keys") {
        Value::List(keys) if !keys.is_empty() => keys.iter().map(str_of).collect(),
        keys if keys.truthy() => vec![str_of(keys)],
        _ => vec![str_of(args.get("name"))],
    }
}

/// `{keyid: trust}`.
fn known(running: &Running, args: &Args) -> Result<Map, Fault> {
    let keys = running.ask_with("gpg.list_keys", &[], place(args))?;
    let part = |key: &Value, name: &str| key.get(name).map(str_of).unwrap_or_default();
    let rows = keys.as_list().unwrap_or_default().iter();
    Ok(rows.map(|key| (part(key, "keyid"), part(key, "trust"))).collect())
}

/// Calls a function about a key: whether it worked, and what it says.
fn call(running: &Running, args: &Args, fun: &str, more: Map) -> Result<(bool, Vec<String>), Fault> {
    let mut asked = more;
    asked.extend(place(args));
    let done = match running.ask_with(fun, &[], asked) {
        Ok(done) => done,
        Err(Fault::Invocation(text)) => return Ok((false, vec![text])),
        Err(fault) => return Err(fault),
    };
    let said = match done.get("message") {
        Some(Value::List(lines)) => lines.iter().map(str_of).collect(),
        Some(text) => vec![str_of(text)],
        None => Vec::new(),
    };
    Ok((done.get("res").is_some_and(Value::truthy), said))
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let known = known(running, args)?;
    let trust = args.opt_str("trust")?.filter(|trust| !trust.is_empty());
    let (mut result, mut comments, mut changes) = (Some(true), Vec::new(), Map::new());
    for key in wanted(args) {
        let is_known = known.contains(&key);
        let mut made = Map::new();
        if !is_known {
            if running.test() {
                result = None;
                comments.push(format!("Would have added {key} to GPG keychain"));
                changes.insert(key, map! { "added" => true });
                continue;
            }
            let more = map! { "keyserver" => args.get("keyserver").clone(), "keys" => key.as_str() };
            match call(running, args, "gpg.receive_keys", more)? {
                (true, _) => {
                    comments.push(format!("Added {key} to GPG keychain"));
                    made.insert("added", true);
                }
                (false, said) => {
                    result = Some(false);
                    comments.extend(said);
                }
            }
        }
        if let Some(trust) = &trust {
            let shown = TRUST.iter().find(|(name, _)| name == trust).map(|(_, shown)| *shown);
            match shown {
                None => comments.push(format!("Invalid trust level {trust}")),
                Some(shown) if is_known && known.str(&key) == Some(shown) => {
                    comments.push(format!("GPG Public Key {key} already in correct trust state"));
                }
                Some(_) if running.test() => {
                    result = None;
                    comments.push(format!("Would have set trust level for {key} to {trust}"));
                    changes.insert(key, map! { "trust" => trust.as_str() });
                    continue;
                }
                Some(_) => {
                    let more = map! { "keyid" => key.as_str(), "trust_level" => trust.as_str() };
                    match call(running, args, "gpg.trust_key", more)? {
                        (true, _) => {
                            if is_known {
                                made.insert("trust", trust.as_str());
                            }
                            comments.push(format!("Set trust level for {key} to {trust}"));
                        }
                        (false, said) => {
                            result = Some(false);
                            comments.extend(said);
                        }
                    }
                }
            }
        }
        if is_known {
            comments.push(format!("GPG Public Key {key} already in keychain"));
        }
        if !made.is_empty() {
            changes.insert(key, made);
        }
    }
    Ok(StateReturn::new(args.get("name").clone(), result, comments.join("\n")).with(changes))
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let before = known(running, args)?;
    let keys = wanted(args);
    let (mut result, mut comments, mut deleted) = (Some(true), Vec::new(), Vec::new());
    for key in &keys {
        if !before.contains(key) {
            comments.push(format!("{key} not found in GPG keychain"));
        } else if running.test() {
            result = None;
            comments.push(format!("Would have deleted {key} from GPG keychain"));
            deleted.push(key.clone());
        } else {
            match call(running, args, "gpg.delete_key", map! { "keyid" => key.as_str() })? {
                (true, _) => {
                    comments.push(format!("Deleted {key} from GPG keychain"));
                    deleted.push(key.clone());
                }
                (false, said) => {
                    result = Some(false);
                    comments.extend(said);
                }
            }
        }
    }
    let mut changes = Map::new();
    if !running.test() && result == Some(true) {
        let after = known(running, args)?;
        let left: Vec<&String> = keys.iter().filter(|key| after.contains(key)).collect();
        let ring = args.opt_str("keyring")?.filter(|ring| !ring.is_empty());
        if !left.is_empty() {
            result = Some(false);
            let names = left.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
            comments.push(format!("State check revealed the following keys could not be deleted: {names}"));
            deleted.retain(|key| !after.contains(key));
        } else if let Some(ring) = ring.filter(|_| after.is_empty() && args.truthy("keyring_absent_if_empty"))
            && running.ask("file.file_exists", &[ring.as_str().into()])?.truthy()
        {
            running.ask("file.remove", &[ring.as_str().into()])?;
            comments.push(format!("Removed empty keyring file {ring}"));
            changes.insert("removed", ring);
        }
    }
    if !deleted.is_empty() {
        changes.insert("deleted", Value::list(deleted));
    }
    Ok(StateReturn::new(args.get("name").clone(), result, comments.join("\n")).with(changes))
}
