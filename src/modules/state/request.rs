//! `state.request`: a run that is first looked at, then done. Salt: modules/state.py (`request`, `run_request`).

use std::fs;
use std::path::PathBuf;

use super::apply;
use crate::host::write_cache_file;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::{Map, Value, str_of};

fn path(cx: &Context) -> PathBuf {
    PathBuf::from(cx.opt_str("cachedir")).join("req_state.p")
}

fn read(cx: &Context) -> Map {
    match fs::read(path(cx)).ok().and_then(|octets| decode(&octets, Reading::Wire).ok()) {
        Some(Value::Map(requests)) => requests,
        _ => Map::new(),
    }
}

fn write(cx: &Context, requests: &Map) {
    if let Err(error) = write_cache_file(&path(cx), &encode_map(requests, Dialect::Wire), 0o600) {
        crate::log::error!("Unable to write state request file {}: {error}", path(cx).display());
    }
}

/// Tells what would change, and notes it down.
pub(super) fn request(cx: &Context, mut kwargs: Map) -> Result<Value, Fault> {
    kwargs.insert("test", true);
    let mods = kwargs.get("mods").cloned().unwrap_or_default();
    let mut kept = kwargs.clone();
    kept.remove("mods");
    let ret = apply::apply(cx, kwargs)?;
    let name = kept.get("name").map_or_else(|| "default".to_owned(), str_of);
    let mut requests = read(cx);
    requests.insert(name, map! { "test_run" => ret.clone(), "mods" => mods, "kwargs" => kept });
    write(cx, &requests);
    Ok(ret)
}

pub(super) fn check(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let requests = read(cx);
    match args.opt_str("name")?.filter(|name| !name.is_empty() && !requests.is_empty()) {
        None => Ok(requests.into()),
        Some(name) => {
            requests.get(&name).cloned().ok_or_else(|| Fault::exception("KeyError", format!("'{name}'")))
        }
    }
}

pub(super) fn clear(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if !path(cx).is_file() {
        return Ok(true.into());
    }
    match args.opt_str("name")?.filter(|name| !name.is_empty()) {
        None => {
            let _ = fs::remove_file(path(cx));
        }
        Some(name) => {
            let mut requests = read(cx);
            if requests.remove(&name).is_none() {
                return Ok(false.into());
            }
            write(cx, &requests);
        }
    }
    Ok(true.into())
}

/// Does what was noted down.
pub(super) fn run(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = str_of(args.get("name"));
    let requests = read(cx);
    let request = requests.get(&name).and_then(Value::as_map);
    let Some((mods, Some(Value::Map(kept)))) =
        request.and_then(|own| Some((own.get("mods")?, own.get("kwargs"))))
    else {
        return Ok(Map::new().into());
    };
    let mut kwargs = kept.clone();
    kwargs.extend(args.keywords.clone());
    kwargs.remove("test");
    if mods.truthy() {
        kwargs.insert("mods", mods.clone());
    }
    let ret = apply::apply(cx, kwargs)?;
    let _ = fs::remove_file(path(cx));
    Ok(ret)
}
