//! `_return`: the event first, for those who wait; then the store; and only then the acknowledgement. A return that
//! cannot be kept is not acknowledged, so the minion sends it again. Salt: utils/job.py `store_job`; salt-wire.md §10.2.

use std::sync::Arc;

use super::Master;
use super::aes::Reply;
use super::minion_events::may_fire;
use super::pool::Kind;
use super::store::Saved;
use crate::channel::commands::ReturnLoad;
use crate::crypt::SigningAlgorithm;
use crate::event::tags;
use crate::map;
use crate::names::{Jid, MinionId};
use crate::value::msgpack::{Dialect, encode_map};
use crate::value::{Map, Value};

/// Takes in a return.
pub(super) async fn absorb(master: &Arc<Master>, id: &MinionId, mut ret: ReturnLoad) -> Reply {
    let unsigned = !ret.load.contains("sig");
    if (!unsigned || master.options.signatures_required)
        && !Box::pin(may_count(master, id, &ret.load, unsigned)).await
    {
        return Reply::Value(false.into());
    }
    let jid = match (&ret.jid, ret.nocache) {
        (Some(jid), _) => Some(jid.clone()),
        (None, true) => None,
        (None, false) => match Box::pin(unasked(master, id, &mut ret.load)).await {
            Ok(jid) => Some(jid),
            Err(error) => return kept_back(id, "req", &error),
        },
    };
    let shown = jid.as_ref().map_or("nocache", Jid::as_str);
    crate::log::info!(minion = id.as_str(), jid = shown, "got a return");
    let cached = ret.cached();
    state_events(master, id, shown, &ret.load);
    master.fire(&tags::job_ret(shown, id.as_str()), ret.load);
    let Some(jid) = jid.filter(|_| master.options.job_cache) else {
        return Reply::Value(Value::Null);
    };
    match master.store.save_return(&jid, id, &cached).await {
        Ok(saved) => {
            if saved == Saved::Duplicate {
                crate::log::info!(
                    minion = id.as_str(),
                    jid = jid.as_str(),
                    "this return is kept already: sent again after a lost answer, or replayed"
                );
            }
            let followed = if master.options.return_files { Some(true) } else { master.readers.has(&jid) };
            if followed != Some(false) {
                Box::pin(write_file(master, &jid, id, cached, followed.is_some())).await;
            }
            Reply::Value(Value::Null)
        }
        Err(error) => kept_back(id, jid.as_str(), &error.to_string()),
    }
}

/// Whether a return counts whose minion signs what it sends (`minion_sign_messages`), or should. Salt: master.py
/// (`AESFuncs._return`).
async fn may_count(master: &Arc<Master>, id: &MinionId, load: &Map, unsigned: bool) -> bool {
    let minion = id.as_str();
    if unsigned {
        crate::log::error!(
            minion,
            "_return: Master is requiring minions to sign their messages, but there is no signature in this payload"
        );
        return false;
    }
    let (worker, id, mut load) = (master.clone(), id.clone(), load.clone());
    let holds = master.pool.run(Kind::Crypto, move || {
        let sig = load.remove("sig");
        let (Some(sig), Some(key)) =
            (sig.as_ref().and_then(Value::as_octets), worker.key_store.accepted_key(&id))
        else {
            return false;
        };
        key.verify(SigningAlgorithm::Pkcs1v15Sha1, &encode_map(&load, Dialect::Bin), sig).is_ok()
    });
    if holds.await == Some(true) {
        return true;
    }
    let dropped = master.options.wrong_signatures_dropped;
    crate::log::warn!(minion, dropped, "Failed to verify event signature from minion");
    !dropped
}

/// For Python's tools, unless it is there. The return is safe already: that this fails loses nothing. Unless it is `sure`
/// that the job's returns are looked for, its directory tells.
async fn write_file(master: &Arc<Master>, jid: &Jid, id: &MinionId, cached: Map, sure: bool) {
    let (worker, key, minion) = (master.clone(), jid.clone(), id.clone());
    let write = move || {
        let cache = &worker.disk_cache;
        if (sure || cache.is_followed(&key)) && !cache.has_return(&key, &minion) {
            cache.write_return(&key, &minion, &cached)?;
        }
        Ok::<(), std::io::Error>(())
    };
    let written = master.pool.run(Kind::Disk, write).await;
    if let Some(Err(error)) = written {
        let jid = jid.as_str();
        crate::log::warn!(minion = id.as_str(), jid, %error, "a return could not be written for Python's tools");
    }
}

fn kept_back(id: &MinionId, jid: &str, error: &str) -> Reply {
    crate::log::error!(
        minion = id.as_str(),
        jid,
        error,
        "a return could not be kept and is not acknowledged: the \
        minion will send it again"
    );
    Reply::Silence
}

/// A return of `salt-call` or a schedule, that no job here asked for: it gets a jid and a load.
async fn unasked(master: &Arc<Master>, id: &MinionId, load: &mut Map) -> Result<Jid, String> {
    let arg =
        load.get("arg").or_else(|| load.get("fun_args")).cloned().unwrap_or_else(|| Value::List(Vec::new()));
    let jid = master.new_jid();
    for (key, value) in [("arg", arg), ("tgt_type", "glob".into()), ("tgt", id.as_str().into())] {
        load.insert(key, value);
    }
    load.insert("jid", jid.as_str());
    let minions = vec![id.as_str().to_owned()];
    master.store.save_load(&jid, load, &minions).await.map_err(|error| error.to_string())?;
    let (worker, key, kept) = (master.clone(), jid.clone(), load.clone());
    let written =
        master.pool.run(Kind::Disk, move || worker.disk_cache.write_load(&key, &kept, &minions, false)).await;
    if let Some(Err(error)) = written {
        crate::log::warn!(jid = jid.as_str(), %error, "a job could not be written for Python's tools");
    }
    Ok(jid)
}

/// What the events of failed states are made of. salt-wire.md §11.
const STATE_RUNS: &[&str] = &["state.highstate", "state.sls"];

fn state_events(master: &Master, id: &MinionId, jid: &str, load: &Map) {
    let Some(fun) = load.str("fun").filter(|fun| STATE_RUNS.contains(fun)) else { return };
    let retcode = load.get("retcode").cloned().unwrap_or_default();
    let Some(chunks) = load.get("return").and_then(Value::as_map).filter(|_| retcode.truthy()) else {
        return;
    };
    for (tag, chunk) in chunks {
        let (Some(tag), Some(chunk)) = (tag.as_str(), chunk.as_map()) else { continue };
        if chunk.get("result").is_none_or(Value::truthy) {
            continue;
        }
        // A chunk is named state_|-id_|-name_|-function.
        let parts: Vec<&str> = tag.split("_|-").collect();
        let (Some(state), Some(function)) = (parts.first(), parts.last()) else { continue };
        // The minion wrote both parts.
        let tag = format!("{state}.{function}");
        if !may_fire(id, &tag) {
            continue;
        }
        let mut event = chunk.clone();
        for (key, value) in map! {
            "jid" => jid, "id" => id.as_str(), "success" => false, "return" => format!("Error: {state}.{function}"),
            "fun" => fun, "retcode" => retcode.clone(), "user" => load.get("user").cloned().unwrap_or_default(),
        }
        .iter()
        {
            event.insert(key.clone(), value.clone());
        }
        master.fire(&tag, event.clone());
        master.fire(&tags::job_sub_error(jid, id.as_str(), fun), event);
    }
}
