//! `manage`: which minions are there, and those that are to be. Salt: runners/manage.py.

mod bootstrap;
mod roster;
mod safe_accept;
mod ssh;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::say;
use crate::keys::KeyDirs;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::names::SALT_VERSION;
use crate::value::{Map, Value, sort};

const PINGED: &[Param] = &[
    opt("tgt", Default::Str("*")),
    opt("tgt_type", Default::Str("glob")),
    opt("timeout", Default::None),
    opt("gather_job_timeout", Default::None),
];

const PRESENCE: &[Param] = &[opt("subset", Default::None), opt("show_ip", Default::False)];

const CONNECTED: &str =
    "Minions with a connection to the master; none is asked. `[id]`, with `show_ip` `{id: address}`.";
const NOT_CONNECTED: &str =
    "Minions with an accepted key and no connection to the master; none is asked. `[id]`.";

pub(super) static MODULE: Module = Module {
    file: "manage",
    provides: "manage",
    available: always,
    functions: &[
        Function::new("alived", PRESENCE, CONNECTED, connected),
        Function::new("allowed", PRESENCE, CONNECTED, connected),
        Function::new(
            "bootstrap",
            &[
                opt("version", Default::Str("develop")),
                opt("script", Default::Str(bootstrap::SCRIPT)),
                opt("hosts", Default::Str("")),
                opt("script_args", Default::Str("")),
                opt("roster", Default::Str("flat")),
                opt("ssh_user", Default::None),
                opt("ssh_password", Default::None),
                opt("ssh_priv_key", Default::None),
                opt("tmp_dir", Default::Str("/tmp/.bootstrap")),
                opt("http_backend", Default::Str("tornado")),
            ],
            "Makes minions of hosts of the roster, by ssh: they fetch a script with `curl` or `wget` and run it, \
             `manage.bootstrap hosts=web1,web2 script_args='-A salt.example.com'`. As in Salt `version` decides nothing, \
             `script_args` does.",
            bootstrap::bootstrap,
        ),
        Function::new(
            "bootstrap_psexec",
            &[
                opt("hosts", Default::Str("")),
                opt("master", Default::None),
                opt("version", Default::None),
                opt("arch", Default::Str("win32")),
                opt("installer_url", Default::None),
                opt("username", Default::None),
                opt("password", Default::None),
            ],
            "Fails as Salt's does: that one cannot write the file that it would have `psexec` run, and its list of \
             installers is gone.",
            bootstrap::psexec,
        ),
        Function::new(
            "down",
            &[
                opt("removekeys", Default::False),
                opt("tgt", Default::Str("*")),
                opt("tgt_type", Default::Str("glob")),
                opt("timeout", Default::None),
                opt("gather_job_timeout", Default::None),
            ],
            "Minions of a target that do not answer a ping. `[id]`. With `removekeys` their keys are deleted.",
            down,
        ),
        Function::new("joined", PRESENCE, CONNECTED, connected),
        Function::new(
            "key_regen",
            &[],
            "Has all minions make new keys, and deletes all keys of the master, which then has to be restarted. Says \
             what has to be done next.",
            key_regen,
        ),
        Function::new("list_not_state", PRESENCE, NOT_CONNECTED, not_connected),
        Function::new("list_state", PRESENCE, CONNECTED, connected),
        Function::new("not_alived", PRESENCE, NOT_CONNECTED, not_connected),
        Function::new("not_allowed", PRESENCE, NOT_CONNECTED, not_connected),
        Function::new("not_joined", PRESENCE, NOT_CONNECTED, not_connected),
        Function::new("not_present", PRESENCE, NOT_CONNECTED, not_connected),
        Function::new("not_reaped", PRESENCE, NOT_CONNECTED, not_connected),
        Function::new("present", PRESENCE, CONNECTED, connected),
        Function::new("reaped", PRESENCE, CONNECTED, connected),
        Function::new(
            "safe_accept",
            &[req("target"), opt("tgt_type", Default::Str("glob"))],
            "Asks hosts of the roster by ssh for the fingerprints of their minions' keys, and accepts the pending keys \
             that have them: `[{id: fingerprint}, {id: why not}]`.",
            safe_accept::safe_accept,
        ),
        Function::new(
            "status",
            &[
                opt("output", Default::True),
                opt("tgt", Default::Str("*")),
                opt("tgt_type", Default::Str("glob")),
                opt("timeout", Default::None),
                opt("gather_job_timeout", Default::None),
            ],
            "Which minions of a target answer a ping: `{up: [id], down: [id]}`.",
            status,
        ),
        Function::new("up", PINGED, "Minions of a target that answer a ping. `[id]`.", up),
        Function::new(
            "versions",
            &[],
            "Versions of the minions, compared with the master's: `{Master: version, \"Up to date\": {id: version}, …}`.",
            versions,
        ),
    ],
};

/// Minions that answer, and those that do not.
struct Pinged {
    up: Vec<String>,
    down: Vec<String>,
}

fn ping(cx: &Context, args: &Args) -> Result<Pinged, Fault> {
    let seconds = |name: &str, default: u64| {
        let given = args.given(name).or_else(|| cx.opts.get(name)).and_then(Value::as_int);
        given
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0)
            .unwrap_or(default)
    };
    let tgt = args.get("tgt");
    let tgt_type = args.str("tgt_type")?;
    let asked = cx.master.match_minions(tgt, &tgt_type)?;
    if asked.is_empty() {
        say(cx, "No minions matched the target. No command was sent, no jid was assigned.")?;
        return Ok(Pinged { up: Vec::new(), down: Vec::new() });
    }
    let load = map! {
        "tgt" => tgt.clone(),
        "tgt_type" => tgt_type,
        "fun" => "test.ping",
        "arg" => Value::List(Vec::new()),
        "gather_job_timeout" => seconds("gather_job_timeout", 10),
    };
    let answers = cx.master.publish_and_wait(load, Duration::from_secs(seconds("timeout", 5)))?;
    let mut pinged = Pinged { up: Vec::new(), down: Vec::new() };
    for id in asked {
        if answers.contains(&id) { pinged.up.push(id) } else { pinged.down.push(id) }
    }
    sort::all(&mut pinged.up);
    sort::all(&mut pinged.down);
    Ok(pinged)
}

fn status(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let Pinged { up, down } = ping(cx, args)?;
    Ok(map! { "up" => Value::list(up), "down" => Value::list(down) }.into())
}

fn up(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(Value::list(ping(cx, args)?.up))
}

fn down(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let down = ping(cx, args)?.down;
    if args.truthy("removekeys") {
        let keys = KeyDirs::from_opts(cx.opts);
        let mut names = keys.list();
        for (_, names) in &mut names.0 {
            names.retain(|name| down.contains(name));
        }
        let deleted: Vec<String> = keys.delete(&names).into_iter().map(|change| change.id).collect();
        cx.master.keys_changed("delete", &deleted)?;
    }
    Ok(Value::list(down))
}

/// What is left to be done by hand.
const REGENERATED: &str = "\
The minion and master keys have been deleted.  Restart the Salt
Master within the next 60 seconds!!!

Wait for the minions to reconnect.  Once the minions reconnect
the new keys will appear in pending and will need to be re-
accepted by running:
    salt-key -A

Be advised that minions not currently connected to the master
will not be able to reconnect and may require manual
regeneration via a local call to
    salt-call saltutil.regen_keys";

fn key_regen(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let pki_dir = Path::new(cx.opt_str("pki_dir"));
    if !pki_dir.is_absolute() || pki_dir.parent().is_none() {
        return Err(Fault::execution("the option pki_dir names no directory"));
    }
    let seconds =
        cx.opts.get("timeout").and_then(Value::as_int).and_then(|seconds| u64::try_from(seconds).ok());
    let load = map! { "tgt" => "*", "tgt_type" => "glob", "fun" => "saltutil.regen_keys", "arg" => Value::List(Vec::new()) };
    cx.master.publish_and_wait(load, Duration::from_secs(seconds.unwrap_or(5)))?;
    remove_files(pki_dir, 0);
    Ok(REGENERATED.into())
}

/// Directories below each other that are looked into.
const MAX_DEPTH: usize = 8;

/// Removes every file below a directory. Links are removed, not followed.
fn remove_files(folder: &Path, depth: usize) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth < MAX_DEPTH {
                remove_files(&entry.path(), depth + 1);
            }
        } else if let Err(error) = fs::remove_file(entry.path()) {
            crate::log::error!("the key {} could not be deleted: {error}", entry.path().display());
        }
    }
}

fn present(cx: &Context, args: &Args) -> Vec<String> {
    let mut ids = cx.master.connected();
    if let Some(subset) = args.given("subset") {
        let subset: Vec<&str> =
            subset.as_list().unwrap_or_default().iter().filter_map(Value::as_str).collect();
        ids.retain(|id| subset.contains(&id.as_str()));
    }
    sort::all(&mut ids);
    ids
}

fn connected(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let ids = present(cx, args);
    if !args.truthy("show_ip") {
        return Ok(Value::list(ids));
    }
    Ok(Value::Map(ids.into_iter().filter_map(|id| Some((id.clone(), cx.master.address_of(&id)?))).collect()))
}

fn not_connected(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let connected: HashSet<String> = cx.master.connected().into_iter().collect();
    let subset = args.given("subset").map(|subset| subset.as_list().unwrap_or_default());
    let keys = cx.master.keys();
    let accepted = keys.get("accepted").and_then(Value::as_list).unwrap_or_default();
    let absent = accepted.iter().filter(|id| {
        let there = id.as_str().is_some_and(|id| connected.contains(id));
        !there && subset.is_none_or(|subset| subset.contains(id))
    });
    Ok(Value::List(absent.cloned().collect()))
}

fn versions(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let seconds =
        cx.opts.get("timeout").and_then(Value::as_int).and_then(|seconds| u64::try_from(seconds).ok());
    let load = map! { "tgt" => "*", "tgt_type" => "glob", "fun" => "test.version", "arg" => Value::List(Vec::new()) };
    let asked = cx.master.match_minions(&"*".into(), "glob")?;
    let answers = cx.master.publish_and_wait(load, Duration::from_secs(seconds.unwrap_or(5)))?;
    let mut labels: Vec<(&str, Map)> =
        ["Minion offline", "Minion requires update", "Up to date", "Minion newer than master"]
            .into_iter()
            .map(|label| (label, Map::new()))
            .collect();
    for id in asked {
        let version = answers.get(&id).filter(|answer| !answer.get("retcode").is_some_and(Value::truthy));
        let version = version.and_then(|answer| answer.get("ret")).and_then(Value::as_str);
        let label = match version {
            None => "Minion offline",
            Some(version) => match compare(version, SALT_VERSION) {
                Ordering::Less => "Minion requires update",
                Ordering::Equal => "Up to date",
                Ordering::Greater => "Minion newer than master",
            },
        };
        if let Some((_, ids)) = labels.iter_mut().find(|(own, _)| *own == label) {
            ids.insert(id, version.map_or(Value::Bool(false), Value::from));
        }
    }
    let mut all = Map::new();
    for (label, mut ids) in labels {
        if !ids.is_empty() {
            ids.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            all.insert(label, ids);
        }
    }
    all.insert("Master", SALT_VERSION);
    Ok(all.into())
}

/// Versions by their numbers: `3006.25` before `3007.1`, and before a later `rc`.
fn compare(a: &str, b: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> {
        let digits = version.split(|char: char| !char.is_ascii_digit()).filter(|part| !part.is_empty());
        digits.map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    };
    numbers(a).cmp(&numbers(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(compare("3006.9", "3006.25"), Ordering::Less);
        assert_eq!(compare("3006.25", "3006.25"), Ordering::Equal);
        assert_eq!(compare("3007.14", "3006.25"), Ordering::Greater);
        assert_eq!(compare("2019.2.8", "3006.25"), Ordering::Less);
    }
}
