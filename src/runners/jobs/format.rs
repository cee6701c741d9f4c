//! A job as runners show it. Salt: utils/jid.py (`format_jid_instance`), runners/jobs.py.

use crate::map;
use crate::names::Jid;
use crate::value::{Map, Value};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Short,
    /// With the jid among the entries.
    WithJid,
    /// With the list of the job's minions.
    WithMinions,
}

/// `{Function, Arguments, Target, Target-type, User, Metadata?, …, StartTime}`, or Salt's error where there is no load.
pub(super) fn job_map(jid: &str, load: Option<&Map>, detail: Detail) -> Map {
    let mut job = match load.filter(|load| !load.is_empty()) {
        None => map! { "Error" => "Cannot contact returner or no job with this jid" },
        Some(load) => of_load(load, detail),
    };
    if detail == Detail::WithJid {
        job.insert("JID", jid);
    }
    job.insert("StartTime", Jid::parse(jid).map(|jid| jid.start_time()).unwrap_or_default());
    job
}

fn of_load(load: &Map, detail: Detail) -> Map {
    let or = |key: &str, default: &str| load.get(key).cloned().unwrap_or_else(|| default.into());
    let arguments = load.get("arg").and_then(Value::as_list).unwrap_or_default().to_vec();
    let mut job = map! {
        "Function" => or("fun", "unknown-function"),
        "Arguments" => arguments,
        "Target" => or("tgt", "unknown-target"),
        "Target-type" => or("tgt_type", "list"),
        "User" => or("user", "root"),
    };
    let metadata = load.get("metadata").or_else(|| load.get("kwargs")?.get("metadata"));
    if let Some(metadata) = metadata {
        job.insert("Metadata", metadata.clone());
    }
    if let (Detail::WithMinions, Some(minions)) = (detail, load.get("Minions")) {
        job.insert("Minions", minions.clone());
    }
    job
}
