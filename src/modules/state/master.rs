//! What the runner `state` does, on a minion: events as they come, and an orchestration without a master. Salt:
//! modules/state.py (`event`, `orchestrate`), runners/state.py.

use std::io::Write;

use super::{HIGHSTATE, apply, arguments};
use crate::event::line;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::names::Jid;
use crate::patterns::expr_match;
use crate::state::all_succeeded;
use crate::value::{Map, Value};

pub(super) fn event(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (tagmatch, node) = (args.str("tagmatch")?, args.str("node")?);
    let (quiet, pretty) = (args.truthy("quiet"), args.truthy("pretty"));
    let mut left = args.int("count")?;
    let sock_dir = args.opt_str("sock_dir")?.unwrap_or_else(|| cx.opt_str("sock_dir").to_owned());
    let mut opts: Map =
        ["id", "hash_type"].iter().filter_map(|name| Some((*name, cx.opts.get(name)?.clone()))).collect();
    opts.insert("sock_dir", sock_dir);
    cx.minion.watch(&opts, &node, &mut |tag, data| {
        if !expr_match(tag, &tagmatch) {
            crate::log::debug!("Skipping event tag: {tag}");
            return true;
        }
        let mut out = std::io::stdout();
        let printed =
            quiet || out.write_all(line(tag, data, pretty).as_bytes()).and_then(|()| out.flush()).is_ok();
        if left > 0 {
            left -= 1;
            crate::log::debug!("Remaining event matches: {left}");
        }
        printed && left != 0
    })?;
    Ok(Value::Null)
}

/// `{data: {id: returns}, outputter: highstate, retcode: 0 or 1}`; the return code of the job stays 0, as in Salt.
pub(super) fn orchestrate(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.given("pillar").is_some_and(|pillar| pillar.as_map().is_none()) {
        return Err(Fault::invocation("Pillar data must be formatted as a dictionary"));
    }
    if cx.opt_str("file_client") != "local" {
        return Err(Fault::NotSupported("state.orchestrate on a minion that has a master".to_owned()));
    }
    let jid = Jid::of(cx.host.now());
    let mut kwargs = arguments(args, &["mods", "test", "exclude", "pillar", "saltenv", "pillarenv"]);
    kwargs.insert("__pub_jid", jid.as_str());
    kwargs.insert("orchestration_jid", jid.as_str());
    let before = cx.retcode();
    let running = apply::sls(cx, kwargs)?;
    cx.set_retcode(before);
    let data = map! { cx.opt_str("id") => running }.into();
    let retcode = i64::from(!all_succeeded(&data, None));
    Ok(map! { "data" => data, "outputter" => HIGHSTATE, "retcode" => retcode }.into())
}
