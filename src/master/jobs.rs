//! Publishing a job: who is meant, which jid, what is remembered, what goes out. Salt: master.py
//! `ClearFuncs.publish`; salt-wire.md §9.2, §10, §12.1.

use std::sync::Arc;

use super::Master;
use super::pool::Kind;
use super::publisher::Audience;
use crate::channel::commands::PublishCommand;
use crate::event::tags;
use crate::map;
use crate::matchers::Selection;
use crate::names::Jid;
use crate::value::{DEFAULT_DELIMITER, Map, Value, str_of};

/// How the answer begins when a target means nobody.
pub(super) const NOBODY: &str = "Master could not resolve minions for target";

/// Publishes a job of a caller who may, and answers as Salt does.
pub(super) async fn publish(master: &Arc<Master>, command: PublishCommand, to: Selection) -> Value {
    let Selection { minions, missing } = to;
    if minions.is_empty() && !master.options.order_masters {
        let error = format!("{NOBODY} {}", str_of(&command.tgt));
        return clear(map! { "jid" => Value::Null, "minions" => Value::List(Vec::new()), "error" => error });
    }
    let jid = match &command.jid {
        Some(jid) => jid.clone(),
        None => master.new_jid(),
    };
    announce(master, &jid, &command, &minions, &missing);
    if let Err(error) = remember(master, &jid, &command, &minions).await {
        return clear(map! { "error" => format!("Master failed to assign jid: {error}") });
    }
    let load = publish_load(master, &jid, &command);
    master.fire(&tags::job_publish(jid.as_str()), load.clone());
    crate::log::info!(
        jid = jid.as_str(),
        user = command.caller.user,
        fun = str_of(&command.fun),
        tgt = str_of(&command.tgt),
        minions = minions.len(),
        "published"
    );
    let audience = match command.tgt_type.as_str() {
        "glob" | "pcre" | "list" => Audience::These(minions.clone()),
        _ => Audience::Everybody,
    };
    if let Err(error) = master.publisher.publish(load, audience).await {
        crate::log::error!(jid = jid.as_str(), error, "a job could not be published");
        return clear(map! { "error" => format!("Master could not publish the job: {error}") });
    }
    clear(map! {
        "jid" => jid.as_str(),
        "minions" => Value::list(minions),
        "missing" => Value::list(missing),
    })
}

pub(super) fn clear(load: Map) -> Value {
    map! { "enc" => "clear", "load" => load }.into()
}

fn announce(master: &Master, jid: &Jid, command: &PublishCommand, minions: &[String], missing: &[String]) {
    let minions = Value::list(minions.to_vec());
    master.fire(&tags::job(jid.as_str()), map! { "minions" => minions.clone() });
    let new = map! {
        "jid" => jid.as_str(),
        "tgt_type" => command.tgt_type.clone(),
        "tgt" => command.tgt.clone(),
        "user" => command.caller.user.clone(),
        "fun" => command.fun.clone(),
        "arg" => Value::List(command.arg.clone()),
        "minions" => minions,
        "missing" => Value::list(missing.to_vec()),
    };
    master.fire(&tags::job_new(jid.as_str()), new);
}

/// Keeps the load in the store and, for Python's command line, as a file: both before the reply.
async fn remember(
    master: &Arc<Master>,
    jid: &Jid,
    command: &PublishCommand,
    minions: &[String],
) -> Result<(), String> {
    if command.kwargs.get("nocache").is_some_and(Value::truthy) {
        return Ok(());
    }
    if command.files {
        master.readers.add(jid);
    }
    let load = map! {
        "cmd" => "publish",
        "tgt" => command.tgt.clone(),
        "fun" => command.fun.clone(),
        "arg" => Value::List(command.arg.clone()),
        "tgt_type" => command.tgt_type.clone(),
        "ret" => command.ret.clone(),
        "jid" => jid.as_str(),
        "kwargs" => command.kwargs.clone(),
        "user" => command.caller.user.clone(),
    };
    let on_disk = {
        let (master, jid, load, minions) = (master.clone(), jid.clone(), load.clone(), minions.to_vec());
        let (worker, followed) = (master.clone(), command.files);
        async move {
            let written = worker
                .pool
                .run(Kind::Disk, move || master.disk_cache.write_load(&jid, &load, &minions, followed))
                .await;
            match written {
                Some(Ok(())) => Ok(()),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("the job cache failed".to_owned()),
            }
        }
    };
    let in_store =
        async { master.store.save_load(jid, &load, minions).await.map_err(|error| error.to_string()) };
    let (on_disk, in_store) = tokio::join!(on_disk, in_store);
    let outcome = on_disk.and(in_store);
    if let Err(error) = &outcome {
        crate::log::error!(jid = jid.as_str(), error, "a job could not be remembered and was not published");
    }
    outcome
}

/// Keys of `kwargs` that minions get to see.
const FORWARDED: &[&str] = &["ret_config", "metadata", "module_executors", "executor_opts", "ret_kwargs"];

/// The load of the publish, in Salt's order. Nothing else may be in it: old minions hand unknown keys on.
fn publish_load(master: &Master, jid: &Jid, command: &PublishCommand) -> Map {
    let mut load = map! {
        "fun" => command.fun.clone(),
        "arg" => Value::List(command.arg.clone()),
        "tgt" => command.tgt.clone(),
        "jid" => jid.as_str(),
        "ret" => command.ret.clone(),
    };
    let master_id = command.kwargs.get("master_id").or_else(|| master.opts.get("master_id")).cloned();
    if let Some(master_id) = master_id.filter(|id| !id.is_null()) {
        load.insert("master_id", master_id);
    }
    if command.delimiter() != DEFAULT_DELIMITER {
        load.insert("delimiter", command.delimiter());
    }
    if let Some(id) = command.kwargs.get("id") {
        load.insert("id", id.clone());
    }
    load.insert("tgt_type", command.tgt_type.as_str());
    if let Some(to) = command.to {
        load.insert("to", to);
    }
    for &key in FORWARDED {
        if let Some(value) = command.kwargs.get(key) {
            load.insert(key, value.clone());
        }
    }
    if !command.caller.user.is_empty() {
        load.insert("user", command.caller.user.as_str());
    }
    load
}
