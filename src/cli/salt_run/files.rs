//! The job cache on disk, as Salt's masters keep it. salt-wire.md §15.2; Salt: returners/local_cache.py.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Opts;
use crate::crypt::HashType;
use crate::map;
use crate::names::Jid;
use crate::value::msgpack::{Reading, decode};
use crate::value::{Map, Value, sort};

/// The most jobs that are read.
const MAX_JOBS: usize = 1_000_000;

/// The data of a runner's end, as its master kept it.
pub(super) fn runner_result(opts: &Opts, jid: &str) -> Option<Map> {
    let entries = returns(opts, jid);
    let data =
        entries.values().find_map(|entry| entry.get("return").filter(|data| data.get("fun").is_some()))?;
    data.as_map().cloned()
}

/// The load of a job, with `Minions`.
pub(super) fn load(opts: &Opts, jid: &str) -> Option<Map> {
    load_in(&job_dir(opts, jid)?)
}

fn load_in(dir: &Path) -> Option<Map> {
    let Value::Map(mut load) = read(&dir.join(".load.p"))? else { return None };
    let mut minions = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(".minions.")
            && name.ends_with("p")
            && let Some(Value::List(ids)) = read(&entry.path())
        {
            minions.extend(ids);
        }
    }
    sort::by(&mut minions, |a, b| a.as_str().cmp(&b.as_str()));
    minions.dedup();
    if !minions.is_empty() {
        load.insert("Minions", minions);
    }
    Some(load)
}

/// `{id: {"return": any, "retcode"?, "success"?, "out"?}}`.
pub(super) fn returns(opts: &Opts, jid: &str) -> Map {
    let Some(dir) = job_dir(opts, jid) else { return Map::new() };
    let mut found = Map::new();
    let mut entries: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    sort::all(&mut entries);
    for path in entries {
        let Some(value) = read(&path.join("return.p")) else { continue };
        // Old masters keep the bare return.
        let mut entry = match value {
            Value::Map(entry) if entry.contains("return") => entry,
            bare => map! { "return" => bare },
        };
        if let Some(out) = read(&path.join("out.p")) {
            entry.insert("out", out);
        }
        if let Some(id) = path.file_name().and_then(|name| name.to_str()) {
            found.insert(id, entry);
        }
    }
    found
}

/// `{jid: load}` of every job.
pub(super) fn jobs(opts: &Opts) -> Map {
    let mut found = Map::new();
    for shelf in subdirectories(&opts.path("cachedir").join("jobs")) {
        for dir in subdirectories(&shelf) {
            if found.len() >= MAX_JOBS {
                return found;
            }
            let Ok(jid) = fs::read_to_string(dir.join("jid")) else { continue };
            if let (Ok(jid), Some(load)) = (Jid::parse(jid.trim()), load_in(&dir)) {
                found.insert(jid.as_str(), load);
            }
        }
    }
    found
}

fn job_dir(opts: &Opts, jid: &str) -> Option<PathBuf> {
    let jid = Jid::parse(jid).ok()?;
    let hash = opts.str("hash_type").parse().unwrap_or(HashType::Sha256).hex(jid.as_str());
    let (shelf, rest) = hash.split_at_checked(2)?;
    Some(opts.path("cachedir").join("jobs").join(shelf).join(rest))
}

fn read(path: &Path) -> Option<Value> {
    decode(&fs::read(path).ok()?, Reading::Typed).ok()
}

fn subdirectories(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
