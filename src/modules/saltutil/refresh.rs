//! Telling the minion, over its own bus, to read something anew. Salt: modules/saltutil.py (`refresh_*`);
//! salt-wire.md §14.6.

use std::time::Duration;

use crate::loader::{Args, Call, Context, Default, Fault, Param, opt};
use crate::map;
use crate::value::{Map, Value};

pub(super) const PILLAR: &[Param] =
    &[opt("wait", Default::False), opt("timeout", Default::Int(30)), opt("clean_cache", Default::True)];

const PILLAR_DONE: &str = "/salt/minion/minion_pillar_refresh_complete";
const MODULES_DONE: &str = "/salt/minion/minion_mod_refresh_complete";

/// Fires an event on the minion's bus: whether it was sent.
pub(super) fn tell(cx: &Context, tag: &str, data: Map) -> Result<Value, Fault> {
    cx.call("event.fire", Call::positional([data.into(), tag.into()]))
}

pub(super) fn pillar(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let clean_cache = args.get("clean_cache").clone();
    let data = map! { "clean_cache" => clean_cache };
    if !args.truthy("wait") {
        return tell(cx, "pillar_refresh", data);
    }
    let seconds = args.get("timeout").as_float().unwrap_or(30.0).max(0.0);
    let timeout = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(30));
    let done = match cx.minion.fire_and_wait("pillar_refresh", data, PILLAR_DONE, timeout) {
        // Salt: without a daemon nobody is told.
        Err(Fault::Unreachable(_)) => return Ok(Value::Bool(false)),
        done => done?,
    };
    if !done.is_some_and(|done| done.get("complete") != Some(&Value::Bool(false))) {
        crate::log::warn!(seconds, "Pillar refresh did not complete within timeout");
    }
    Ok(Value::Bool(true))
}

/// Has the daemon refresh grains and pillar, and waits until it has; not where there is no daemon.
pub(super) fn pillar_and_wait(cx: &Context, data: Map) -> Result<(), Fault> {
    match cx.minion.fire_and_wait("pillar_refresh", data, PILLAR_DONE, Duration::from_secs(30)) {
        Ok(_) | Err(Fault::Unreachable(_) | Fault::NotSupported(_)) => Ok(()),
        Err(fault) => Err(fault),
    }
}

pub(super) fn modules(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.keywords.get("async").is_none_or(Value::truthy) {
        return tell(cx, "module_refresh", Map::new());
    }
    let data = map! { "notify" => true };
    match cx.minion.fire_and_wait("module_refresh", data, MODULES_DONE, Duration::from_secs(30)) {
        Err(Fault::Unreachable(_)) => Ok(Value::Bool(false)),
        done => done.map(|_| Value::Bool(true)),
    }
}

pub(super) fn grains(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let with_pillar = args.keywords.get("refresh_pillar").is_none_or(Value::truthy);
    let clean_cache = args.keyword("clean_pillar_cache").truthy();
    if with_pillar {
        tell(cx, "pillar_refresh", map! { "clean_cache" => clean_cache })?;
    } else {
        tell(cx, "module_refresh", Map::new())?;
    }
    Ok(Value::Bool(true))
}
