//! `ssh_auth`: keys that let users in as they should be. Salt: states/ssh_auth.py.

use crate::loader::{
    Args, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const ENC: Param = opt("enc", Default::Str("ssh-rsa"));
const COMMENT: Param = opt("comment", Default::Str(""));
const SOURCE: Param = opt("source", Default::Str(""));
const OPTIONS: Param = opt("options", Default::None);
const CONFIG: Param = opt("config", Default::Str(".ssh/authorized_keys"));
const HASH: Param = opt("fingerprint_hash_type", Default::None);

pub(super) static STATES: States = States {
    file: "ssh_auth",
    provides: "ssh_auth",
    available: always,
    functions: &[
        State::new(
            "absent",
            &[req("name"), req("user"), ENC, COMMENT, SOURCE, OPTIONS, CONFIG, HASH],
            "The key does not let in as `user`; with `source`, none of a file.",
            absent,
        ),
        State::new(
            "manage",
            &[
                req("name"),
                req("ssh_keys"),
                req("user"),
                ENC,
                COMMENT,
                SOURCE,
                OPTIONS,
                CONFIG,
                HASH,
                keywords("kwargs"),
            ],
            "These keys and no others let in as `user`.",
            manage,
        ),
        State::new(
            "present",
            &[req("name"), req("user"), ENC, COMMENT, SOURCE, OPTIONS, CONFIG, HASH, keywords("kwargs")],
            "The key lets in as `user`; with `source`, those of a file.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// The key that a state is about.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    key: String,
    enc: String,
    comment: String,
    options: Value,
}

impl Wanted {
    /// Takes a key apart that may come with options, kind and comment around it.
    fn of(name: &str, args: &Args) -> Result<Wanted, Fault> {
        let text = |key: &str| Ok::<_, Fault>(args.opt_str(key)?.unwrap_or_default());
        let options =
            if args.truthy("options") { args.get("options").clone() } else { Value::List(Vec::new()) };
        let mut wanted =
            Wanted { key: name.to_owned(), enc: text("enc")?, comment: text("comment")?, options };
        if args.truthy("source") {
            return Ok(wanted);
        }
        let Some((before, enc, key, comment)) = split(name) else {
            let mut words = name.trim_start().splitn(2, char::is_whitespace);
            wanted.key = words.next().unwrap_or_default().to_owned();
            if let Some(comment) = words.next().map(str::trim_start).filter(|comment| !comment.is_empty()) {
                wanted.comment = comment.to_owned();
            }
            return Ok(wanted);
        };
        if !before.is_empty() {
            wanted.options = Value::list(before.split(','));
        }
        (wanted.enc, wanted.key) = (enc, key);
        if !comment.is_empty() {
            wanted.comment = comment;
        }
        Ok(wanted)
    }
}

/// Options, kind, key and comment of a whole line.
fn split(line: &str) -> Option<(String, String, String, String)> {
    let is_kind = |word: &str| {
        let word = word.strip_prefix("sk-").unwrap_or(word);
        word.starts_with("ssh-") || word.starts_with("ecds")
    };
    let starts = line.char_indices().map(|(at, _)| at).filter_map(|at| line.split_at_checked(at));
    let (before, rest) = starts.into_iter().find(|(_, rest)| {
        is_kind(rest) && rest.split_once(char::is_whitespace).is_some_and(|(_, key)| !key.trim().is_empty())
    })?;
    let (enc, rest) = rest.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let (key, comment) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let before = before.strip_suffix(char::is_whitespace).unwrap_or(before);
    Some((before.to_owned(), enc.to_owned(), key.to_owned(), comment.trim_start().to_owned()))
}

fn options(args: &Args) -> Map {
    map! {
        "config" => args.get("config").clone(),
        "fingerprint_hash_type" => args.get("fingerprint_hash_type").clone(),
    }
}

/// What would be done with a key: `add`, `update`, `exists`.
fn check(running: &Running, args: &Args, wanted: &Wanted) -> Result<String, Fault> {
    let asked = [
        args.get("user").clone(),
        wanted.key.as_str().into(),
        wanted.enc.as_str().into(),
        wanted.comment.as_str().into(),
        wanted.options.clone(),
    ];
    Ok(str_of(&running.ask_with("ssh.check_key", &asked, options(args))?))
}

/// What a function noted of the file that it could not use.
fn noted(running: &Running) -> Option<String> {
    running.memory.borrow_mut().remove("ssh_auth.error").map(|error| str_of(&error))
}

/// `test=True` about a file: the lines about its keys, or what is wrong, or that all is well.
fn check_source(
    running: &Running,
    args: &Args,
    skipped: &str,
    line: impl Fn(&str, &str) -> String,
    end: &str,
) -> Result<(Option<bool>, String), Fault> {
    let mut asked = options(args);
    asked.insert("saltenv", running.low.str("__env__").unwrap_or("base"));
    let keys = running.ask_with(
        "ssh.check_key_file",
        &[args.get("user").clone(), args.get("source").clone()],
        asked,
    )?;
    let lines: String = keys
        .as_map()
        .into_iter()
        .flatten()
        .map(|(key, status)| (str_of(key), str_of(status)))
        .filter(|(_, status)| status != skipped)
        .map(|(key, status)| line(&key, &status))
        .collect();
    if !lines.is_empty() {
        return Ok((None, lines));
    }
    Ok(match noted(running) {
        Some(error) => (Some(false), error),
        None => {
            (Some(true), format!("All host keys in file {} are already {end}", str_of(args.get("source"))))
        }
    })
}

/// Fetches the file; `None` where there is none.
fn by_source(running: &Running, args: &Args, fun: &str, more: Map) -> Result<Option<String>, Fault> {
    let source = args.get("source").clone();
    let env = running.low.str("__env__").unwrap_or("base");
    let fetched =
        running.ask_with("cp.get_url", &[source.clone(), Value::Null], map! { "saltenv" => env })?;
    if !fetched.truthy() {
        return Ok(None);
    }
    let mut asked = options(args);
    asked.insert("saltenv", env);
    asked.extend(more);
    running.ask_with(fun, &[args.get("user").clone(), source], asked).map(|done| Some(str_of(&done)))
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    put(running, args, &args.str("name")?)
}

fn put(running: &Running, args: &Args, name: &str) -> Result<StateReturn, Fault> {
    let wanted = Wanted::of(name, args)?;
    let (key, user) = (wanted.key.as_str(), str_of(args.get("user")));
    let answer = |result, comment: String| Ok(StateReturn::new(name, result, comment));
    let has_source = args.truthy("source");
    if running.test() {
        if has_source {
            let line = |key: &str, status: &str| format!("Set to {status}: {key}\n");
            let (result, comment) = check_source(running, args, "exists", line, "present")?;
            return answer(result, comment);
        }
        return match check(running, args, &wanted)?.as_str() {
            "update" => answer(None, format!("Key {key} for user {user} is set to be updated")),
            "add" => answer(None, format!("Key {key} for user {user} is set to be added")),
            "exists" => answer(
                Some(true),
                format!("The authorized host key {key} is already present for user {user}"),
            ),
            _ => answer(None, wanted.comment),
        };
    }
    let done = if has_source {
        let more = map! { "options" => args.get("options").clone() };
        by_source(running, args, "ssh.set_auth_key_from_file", more)?
    } else {
        let mut asked = options(args);
        asked.insert("enc", wanted.enc.as_str());
        asked.insert("comment", wanted.comment.as_str());
        asked.insert("options", wanted.options.clone());
        Some(str_of(&running.ask_with("ssh.set_auth_key", &[args.get("user").clone(), key.into()], asked)?))
    };
    let changed = |how: &str| -> Map { [(key, how)].into_iter().collect() };
    let says = |text: &str| format!("The authorized host key {key} {text} user {user}");
    match done.as_deref() {
        Some("replace") => {
            let comment = format!("The authorized host key {key} for user {user} was updated");
            Ok(StateReturn::new(name, Some(true), comment).with(changed("Updated")))
        }
        Some("new") => {
            let comment = format!("The authorized host key {key} for user {user} was added");
            Ok(StateReturn::new(name, Some(true), comment).with(changed("New")))
        }
        Some("no change") => answer(Some(true), says("is already present for")),
        None => {
            let source = str_of(args.get("source"));
            answer(Some(false), format!("Failed to add the ssh key. Source file {source} is missing"))
        }
        Some("fail") => {
            let text =
                "Failed to add the ssh key. Is the home directory available, and/or does the key file exist?";
            answer(Some(false), noted(running).unwrap_or_else(|| text.to_owned()))
        }
        Some(_) => {
            answer(Some(false), "Invalid public ssh key, most likely has spaces or invalid syntax".to_owned())
        }
    }
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    take(running, args, &args.str("name")?)
}

fn take(running: &Running, args: &Args, name: &str) -> Result<StateReturn, Fault> {
    let wanted = Wanted::of(name, args)?;
    let (key, user) = (wanted.key.as_str(), str_of(args.get("user")));
    let answer = |result, comment: String| Ok(StateReturn::new(name, result, comment));
    if running.test() {
        if args.truthy("source") {
            let line = |key: &str, _: &str| format!("Set to remove: {key}\n");
            let (result, comment) = check_source(running, args, "add", line, "absent")?;
            return answer(result, comment);
        }
        return match check(running, args, &wanted)?.as_str() {
            "update" | "exists" => answer(None, format!("Key {key} for user {user} is set for removal")),
            _ => answer(Some(true), "Key is already absent".to_owned()),
        };
    }
    let comment = if args.truthy("source") {
        by_source(running, args, "ssh.rm_auth_key_from_file", Map::new())?.unwrap_or_default()
    } else {
        str_of(&running.ask_with(
            "ssh.rm_auth_key",
            &[args.get("user").clone(), key.into()],
            options(args),
        )?)
    };
    let ret = StateReturn::new(name, Some(true), comment.as_str());
    Ok(match comment.as_str() {
        "Key removed" => ret.with([(key, "Removed")].into_iter().collect::<Map>()),
        _ => ret,
    })
}

fn manage(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let keys: Vec<String> = args.list("ssh_keys")?.iter().map(str_of).collect();
    let known = running.ask_with(
        "ssh.auth_keys",
        &[],
        map! {
            "user" => args.get("user").clone(),
            "config" => args.get("config").clone(),
            "fingerprint_hash_type" => args.get("fingerprint_hash_type").clone(),
        },
    )?;
    let wanted: Vec<&str> = keys.iter().flat_map(|key| key.split(' ')).collect();
    let extra: Vec<String> = known
        .as_map()
        .into_iter()
        .flatten()
        .map(|(key, _)| str_of(key))
        .filter(|key| !wanted.contains(&key.as_str()))
        .collect();
    let mut ret = StateReturn::new("", Some(true), "");
    let mut changes = Map::new();
    for key in extra {
        if running.test() {
            ret.comment = format!("{key} Key set for removal");
            ret.result = None;
        } else {
            let done = take(running, args, &key)?;
            changes.insert(key, done.comment);
        }
    }
    for key in keys {
        let done = put(running, args, &key)?;
        match done.changes.as_map().filter(|changes| !changes.is_empty()) {
            Some(made) => changes.extend(made.clone()),
            None => ret.comment = format!("{}\n{}", ret.comment, done.comment).trim().to_owned(),
        }
        match done.result {
            Some(true) => {}
            other => ret.result = other,
        }
    }
    Ok(ret.with(changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_line_is_options_kind_key_and_comment() {
        let parts = |line: &str| split(line).map(|(a, b, c, d)| [a, b, c, d].join("|"));
        assert_eq!(
            parts("no-pty,x ssh-rsa AAAA me and you").as_deref(),
            Some("no-pty,x|ssh-rsa|AAAA|me and you")
        );
        assert_eq!(parts("ecdsa-sha2-nistp256 BBBB").as_deref(), Some("|ecdsa-sha2-nistp256|BBBB|"));
        assert_eq!(parts("AAAA me@here"), None);
    }
}
