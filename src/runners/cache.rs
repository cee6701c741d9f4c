//! `cache`: what the master has cached of minions. Salt: runners/cache.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt};
use crate::value::{Map, Value};

const TARGET: &[Param] = &[opt("tgt", Default::Str("*")), opt("tgt_type", Default::Str("glob"))];

pub(super) static MODULE: Module = Module {
    file: "cache",
    provides: "cache",
    available: always,
    functions: &[
        Function::new("grains", TARGET, "Cached grains of the minions of a target: `{id: grains}`.", grains),
        Function::new("mine", TARGET, "Cached mines of the minions of a target: `{id: mine}`.", mine),
        Function::new("pillar", TARGET, "Cached pillars of the minions of a target: `{id: pillar}`.", pillar),
    ],
};

fn grains(cx: &Context, args: &Args) -> Result<Value, Fault> {
    of_each(cx, args, |id| cx.master.minion_data(id)?.remove("grains"))
}

fn pillar(cx: &Context, args: &Args) -> Result<Value, Fault> {
    of_each(cx, args, |id| cx.master.minion_data(id)?.remove("pillar"))
}

fn mine(cx: &Context, args: &Args) -> Result<Value, Fault> {
    of_each(cx, args, |id| cx.master.mine(id).map(Value::from))
}

/// `{id: what is cached}`, an empty map where there is nothing.
fn of_each(cx: &Context, args: &Args, cached: impl Fn(&str) -> Option<Value>) -> Result<Value, Fault> {
    let ids = cx.master.match_minions(args.get("tgt"), &args.str("tgt_type")?)?;
    let entry = |id: String| (id.clone(), cached(&id).unwrap_or_else(|| Map::new().into()));
    Ok(ids.into_iter().map(entry).collect::<Map>().into())
}
