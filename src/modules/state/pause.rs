//! Runs that are to wait or to end: a file for each. Salt: modules/state.py (`pause`, `resume`, `soft_kill`,
//! `get_pauses`).

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::write_cache_file;
use crate::loader::{Args, Call, Context, Fault};
use crate::state::{pause_dir, pause_path};
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::{Map, Value, str_of};

const ALL: &str = "__all__";

fn path_of(cx: &Context, jid: &str) -> Result<PathBuf, Fault> {
    if !is_name(jid) {
        return Err(Fault::invocation(format!("'{jid}' is no name of a file")));
    }
    fs::create_dir_all(pause_dir(cx))?;
    Ok(pause_path(cx, jid))
}

/// Salt takes what is no jid, too; ours only as long as the file stays where it belongs.
fn is_name(jid: &str) -> bool {
    Path::new(jid).file_name().is_some_and(|name| name == jid)
}

fn read(path: &PathBuf) -> Map {
    match fs::read(path).ok().and_then(|octets| decode(&octets, Reading::Wire).ok()) {
        Some(Value::Map(map)) => map,
        _ => Map::new(),
    }
}

fn change(cx: &Context, args: &Args, change: impl FnOnce(&mut Map, &str)) -> Result<Value, Fault> {
    let jid = str_of(args.get("jid"));
    let id = args.opt_str("state_id")?.unwrap_or_else(|| ALL.to_owned());
    let path = path_of(cx, &jid)?;
    let mut said = read(&path);
    change(&mut said, &id);
    write_cache_file(&path, &encode_map(&said, Dialect::Wire), 0o600)?;
    Ok(Value::Null)
}

fn of<'m>(said: &'m mut Map, id: &str) -> Option<&'m mut Map> {
    let own = said.entry(id, || Map::new().into());
    own.as_map_mut()
}

pub(super) fn pause(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let duration = if args.truthy("duration") { Some(args.int("duration")?) } else { None };
    change(cx, args, |said, id| {
        if let (Some(own), Some(duration)) = (of(said, id), duration) {
            own.insert("duration", duration);
        }
    })
}

pub(super) fn soft_kill(cx: &Context, args: &Args) -> Result<Value, Fault> {
    change(cx, args, |said, id| {
        if let Some(own) = of(said, id) {
            own.insert("kill", true);
        }
    })
}

pub(super) fn resume(cx: &Context, args: &Args) -> Result<Value, Fault> {
    change(cx, args, |said, id| {
        said.remove(id);
        if id == ALL {
            *said = Map::new();
        }
    })
}

pub(super) fn pauses(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut jids: Vec<String> = match args.get("jid") {
        Value::Null => match fs::read_dir(pause_dir(cx)) {
            Ok(entries) => {
                entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
            }
            Err(_) => return Ok(Map::new().into()),
        },
        Value::List(jids) => jids.iter().map(str_of).collect(),
        jid => vec![str_of(jid)],
    };
    jids.retain(|jid| is_name(jid));
    let active = cx.call("saltutil.is_running", Call::positional(["state.*".into()]))?;
    let active: Vec<String> =
        active.as_list().unwrap_or_default().iter().filter_map(|job| job.get("jid").map(str_of)).collect();
    let mut found = Map::new();
    for jid in jids {
        let path = pause_path(cx, &jid);
        if active.contains(&jid) {
            found.insert(jid, read(&path));
        } else {
            let _ = fs::remove_file(path);
        }
    }
    Ok(found.into())
}
