//! What minions may have the master do for them: publish to other minions (`peer`), fetch what came back, and call
//! runners (`peer_run`). Salt: master.py (`AESFuncs.minion_pub`), daemons/masterapi.py (`minion_pub`, `pub_ret`,
//! `minion_runner`); salt-wire.md §12.2.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::clear::jobs_of;
use super::pool::Kind;
use super::{Master, jobs, runners, targets};
use crate::acl;
use crate::channel::commands::{Caller, MasterCall, PublishCommand};
use crate::host::write_cache_file;
use crate::loader;
use crate::map;
use crate::names::{Jid, MinionId};
use crate::value::yaml::{condition_input, parse_input};
use crate::value::{Map, Value};

/// Which minion published a job: a file for each jid, as Salt keeps them.
const PUBLISHED_BY: &str = "publish_auth";

/// Publishes for a minion: `{"jid": str, "minions": [id]}`; empty where it may not.
pub(super) async fn publish(master: &Arc<Master>, id: &MinionId, load: Map) -> Value {
    let nothing = || Value::Map(Map::new());
    let command = match command(master, id, load) {
        Ok(command) => command,
        Err(reason) => {
            crate::log::warn!(minion = id.as_str(), reason, "a minion's publish was refused");
            return nothing();
        }
    };
    let rules = acl::rules_of_peer(master.opts.get("peer"), id.as_str());
    let selected = targets::select(master, &command).await;
    if !allowed(master, &rules, &command, &selected.minions).await {
        let fun = command.funs().join(",");
        crate::log::warn!(
            minion = id.as_str(),
            fun,
            "a minion's publish was refused: the option peer does not allow it"
        );
        return nothing();
    }
    let minions = selected.minions.clone();
    let reply = jobs::publish(master, command, selected).await;
    let jid = reply.get("load").and_then(|load| load.get("jid")).and_then(Value::as_str);
    let Some(jid) = jid.and_then(|jid| Jid::parse(jid).ok()) else {
        // Nobody is meant: Salt answers with 0 for the jid.
        return map! { "jid" => 0, "minions" => Value::List(Vec::new()) }.into();
    };
    let (worker, publisher, key) = (master.clone(), id.clone(), jid.clone());
    let noted = master.pool.run(Kind::Disk, move || note(&worker.options.cachedir, &key, &publisher)).await;
    if let Some(Err(error)) = noted {
        crate::log::error!(jid = jid.as_str(), %error, "who published a job cannot be kept: its returns will be refused");
    }
    map! { "jid" => jid.as_str(), "minions" => Value::list(minions) }.into()
}

/// The job that a minion asks for.
fn command(master: &Master, id: &MinionId, mut load: Map) -> Result<PublishCommand, &'static str> {
    let fun = load.str("fun").ok_or("it has no fun")?.to_owned();
    if fun.split(',').any(|fun| fun.starts_with("publish.")) {
        return Err("it would publish again");
    }
    let no_parse: Vec<String> = match load.get("no_parse").and_then(Value::as_list) {
        Some(names) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        None => Vec::new(),
    };
    let no_parse: Vec<&str> = no_parse.iter().map(String::as_str).collect();
    let given = match load.remove("arg") {
        Some(Value::List(given)) => given,
        _ => return Err("it has no arg"),
    };
    let (fun, arg) = if fun.contains(',') {
        // A compound command: each argument is the words of one function.
        let words =
            |arg: &Value| arg.as_str().unwrap_or_default().split_whitespace().map(Value::from).collect();
        let args: Vec<Vec<Value>> = given.iter().map(words).collect();
        let args = args.into_iter().map(|words| Value::List(read(words, &no_parse))).collect();
        (Value::list(fun.split(',')), args)
    } else {
        (fun.into(), read(given, &no_parse))
    };
    let mut tgt = load.remove("tgt").ok_or("it has no tgt")?;
    let mut tgt_type = load.str("tgt_type").unwrap_or("glob").to_owned();
    if tgt_type.starts_with("node") {
        let groups = master.opts.get("nodegroups").and_then(Value::as_map);
        let group = groups.and_then(|groups| groups.get_value(&tgt)).ok_or("it names no nodegroup")?;
        (tgt, tgt_type) = (group.clone(), "compound".to_owned());
    }
    Ok(PublishCommand {
        tgt,
        tgt_type,
        fun,
        arg,
        ret: load.str("ret").unwrap_or_default().to_owned(),
        jid: None,
        kwargs: map! { "id" => id.as_str() },
        to: None,
        files: false,
        caller: Caller { user: master.options.user.clone(), ..Caller::default() },
    })
}

/// Arguments as a command line would give them: text is read as YAML, `name=value` becomes a keyword.
fn read(given: Vec<Value>, no_parse: &[&str]) -> Vec<Value> {
    let (mut args, mut kwargs) = (Vec::new(), Map::new());
    for one in given {
        match one {
            Value::Text(word) => {
                let (more, named) = parse_input(&[word], no_parse);
                args.extend(more);
                kwargs.extend(named);
            }
            Value::Map(map) if map.contains("__kwarg__") => {
                kwargs.extend(map.into_iter().filter(|(name, _)| name.as_str() != Some("__kwarg__")));
            }
            other => args.push(other),
        }
    }
    condition_input(args, kwargs)
}

async fn allowed(
    master: &Arc<Master>,
    rules: &[Value],
    command: &PublishCommand,
    minions: &[String],
) -> bool {
    let (worker, tgt, tgt_type) = (master.clone(), command.tgt.clone(), command.tgt_type.clone());
    let (rules, minions, command) = (rules.to_vec(), minions.to_vec(), command.clone());
    let ruled = master.pool.run(Kind::Disk, move || {
        !targets::guesses_pillar(&worker, &tgt, &tgt_type)
            && acl::may_publish(&rules, &jobs_of(&command), &mut |target| {
                targets::covers(&worker, target, &minions)
            })
    });
    ruled.await.unwrap_or(false)
}

fn note(cachedir: &Path, jid: &Jid, id: &MinionId) -> io::Result<()> {
    let dir = cachedir.join(PUBLISHED_BY);
    fs::create_dir_all(&dir)?;
    write_cache_file(&dir.join(jid.as_str()), id.as_str().as_bytes(), 0o600)
}

/// Forgets who published jobs that are older than `keep`. Blocks on the disk.
pub(super) fn clean(cachedir: &Path, keep: Duration) {
    let now = SystemTime::now();
    for entry in fs::read_dir(cachedir.join(PUBLISHED_BY)).into_iter().flatten().flatten() {
        let made = entry.metadata().and_then(|stat| stat.modified());
        if made.is_ok_and(|made| now.duration_since(made).is_ok_and(|age| age > keep)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// What came back of a job that this minion published: `{id: {"ret": any, "out"?}}`; empty for jobs of others.
pub(super) async fn returns(master: &Arc<Master>, id: &MinionId, jid: Jid) -> Value {
    let (worker, id) = (master.clone(), id.clone());
    let found = master.pool.run(Kind::Disk, move || {
        let path = worker.options.cachedir.join(PUBLISHED_BY).join(jid.as_str());
        if fs::read_to_string(path).ok().as_deref() != Some(id.as_str()) {
            crate::log::warn!(
                minion = id.as_str(),
                jid = jid.as_str(),
                "returns were refused: another one published the job"
            );
            return Map::new();
        }
        worker.store.returns(jid.as_str()).unwrap_or_else(|error| {
            crate::log::error!(jid = jid.as_str(), %error, "returns cannot be read");
            Map::new()
        })
    });
    let shown = |entry: &Value| {
        let mut shown = map! { "ret" => entry.get("return").cloned().unwrap_or_default() };
        if let Some(out) = entry.get("out") {
            shown.insert("out", out.clone());
        }
        Value::from(shown)
    };
    let found = found.await.unwrap_or_default();
    found.iter().map(|(id, entry)| (id.clone(), shown(entry))).collect::<Map>().into()
}

/// Calls a runner for a minion and answers with what it gives; empty where it may not.
pub(super) async fn run(master: &Arc<Master>, id: &MinionId, mut load: Map) -> Value {
    let (Some(fun), Some(Value::List(given))) = (load.str("fun").map(str::to_owned), load.remove("arg"))
    else {
        crate::log::warn!(minion = id.as_str(), "a minion's runner was refused: it has no fun or no arg");
        return Map::new().into();
    };
    let rules = acl::rules_of_peer(master.opts.get("peer_run"), id.as_str());
    if !acl::names_function(&rules, &fun) {
        crate::log::warn!(
            minion = id.as_str(),
            fun,
            "a minion's runner was refused: the option peer_run does not allow it"
        );
        return Map::new().into();
    }
    let mut arg = read(given, &[]);
    let kwarg = loader::Call::take_keywords(&mut arg);
    let caller = Caller { user: master.options.user.clone(), ..Caller::default() };
    runners::run_and_wait(
        master,
        MasterCall { fun, arg, kwarg, matching: None, jid: None, flat: false, as_client: false, caller },
    )
    .await
}
