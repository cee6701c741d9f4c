//! `match`: whether a minion is one of a target, as the master sees it. Salt (3007): runners/match.py.

use crate::loader::{Args, Context, Fault, Function, Module, always, req};
use crate::map;
use crate::names::MinionId;
use crate::value::Value;

pub(super) static MODULE: Module = Module {
    file: "match",
    provides: "match",
    available: always,
    functions: &[Function::new(
        "compound_matches",
        &[req("expr"), req("minion_id")],
        "Whether a compound target names a minion, by what the master has cached of it: `{res: id}` or `{res: False}`. \
         Pillar is compared exactly, and a minion of which nothing is cached is not named. For modules that ask through \
         `peer_run`.",
        compound_matches,
    )],
};

fn compound_matches(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(map! { "res" => named(cx, args).map_or(Value::Bool(false), Value::from) }.into())
}

/// The minion if it is named. Whatever stands against it is a no: the question may come from a minion.
fn named(cx: &Context, args: &Args) -> Option<String> {
    if cx.opts.get("minion_data_cache").is_some_and(|wanted| !wanted.truthy()) {
        crate::log::warn!("Minion data cache is disabled. Cannot evaluate compound matcher expression.");
        return None;
    }
    let Ok(id) = MinionId::parse(&args.str("minion_id").ok()?) else {
        crate::log::warn!("Got invalid minion ID.");
        return None;
    };
    let ids = cx.master.match_surely(args.get("expr"), "compound_pillar_exact").ok()?;
    ids.into_iter().find(|named| named == id.as_str())
}
