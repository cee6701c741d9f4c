//! `cache`: what the master has cached of minions. Salt: runners/cache.py.

mod banks;
mod cloud;

use crate::loader::{
    Args, Context, Default, Fault, Forget, Function, Module, Param, always, keywords, only, opt, req,
};
use crate::value::{Map, Value};

/// Of keyword arguments Salt takes any.
const TARGET: &[Param] =
    &[opt("tgt", Default::Str("*")), opt("tgt_type", Default::Str("glob")), keywords("kwargs")];

const CLEAR: &[Param] = &[opt("tgt", Default::None), opt("tgt_type", Default::Str("glob"))];

const CACHEDIR: Param = opt("cachedir", Default::None);

pub(super) static MODULE: Module = Module {
    file: "cache",
    provides: "cache",
    available: always,
    functions: &[
        Function::new(
            "clear_all",
            CLEAR,
            "Forgets what is cached of the minions of a target: grains, pillar and mine. True when it was done.",
            |cx, args| {
                clear(cx, args, &Forget { grains: true, pillar: true, mine: true, mine_function: None })
            },
        ),
        Function::new(
            "clear_git_lock",
            &[req("role"), opt("remote", Default::None), only(&["type"])],
            "Takes update locks of `gitfs`, `git_pillar` or `winrepo` away; here none of them has any.",
            clear_git_lock,
        ),
        Function::new("clear_grains", CLEAR, "Forgets cached grains. True when it was done.", |cx, args| {
            clear(cx, args, &Forget { grains: true, ..Forget::default() })
        }),
        Function::new("clear_mine", CLEAR, "Empties mines. True when it was done.", |cx, args| {
            clear(cx, args, &Forget { mine: true, ..Forget::default() })
        }),
        Function::new(
            "clear_mine_func",
            &[
                opt("tgt", Default::None),
                opt("tgt_type", Default::Str("glob")),
                opt("clear_mine_func_flag", Default::None),
            ],
            "Takes one function out of mines: `clear_mine_func_flag=network.interfaces`. True when it was done.",
            |cx, args| {
                let mine_function = args.opt_str("clear_mine_func_flag")?;
                clear(cx, args, &Forget { mine_function, ..Forget::default() })
            },
        ),
        Function::new("clear_pillar", CLEAR, "Forgets cached pillars. True when it was done.", |cx, args| {
            clear(cx, args, &Forget { pillar: true, ..Forget::default() })
        }),
        Function::new(
            "cloud",
            &[req("tgt"), opt("provider", Default::None)],
            "What Salt Cloud has cached of the machines that fit a glob: `{id: data}`.",
            cloud::cloud,
        ),
        Function::new(
            "fetch",
            &[req("bank"), req("key"), CACHEDIR],
            "What a bank of the cache holds under a key; an empty map where there is nothing.",
            banks::fetch,
        ),
        Function::new(
            "flush",
            &[req("bank"), opt("key", Default::None), CACHEDIR],
            "Removes a key from a bank, or the whole bank with those below it: whether there was one.",
            banks::flush,
        ),
        Function::new(
            "grains",
            &[req("tgt"), opt("tgt_type", Default::Str("glob")), keywords("kwargs")],
            "Cached grains of the minions of a target: `{id: grains}`.",
            grains,
        ),
        Function::new(
            "list",
            &[req("bank"), CACHEDIR],
            "The keys of a bank, and the banks below it.",
            banks::list,
        ),
        Function::new("mine", TARGET, "Cached mines of the minions of a target: `{id: mine}`.", mine),
        Function::new("pillar", TARGET, "Cached pillars of the minions of a target: `{id: pillar}`.", pillar),
        Function::new(
            "store",
            &[req("bank"), req("key"), req("data"), CACHEDIR],
            "Keeps a value in a bank of the cache: `cache.store mycache mykey 'a value'`.",
            banks::store,
        ),
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

fn clear_git_lock(_: &Context, args: &Args) -> Result<Value, Fault> {
    let role = args.str("role")?;
    match role.as_str() {
        "gitfs" | "git_pillar" | "winrepo" => Ok("No locks were removed".into()),
        _ => Err(Fault::invocation(format!("Invalid role '{role}'"))),
    }
}

/// Without a target nothing is forgotten, as in Salt.
fn clear(cx: &Context, args: &Args, what: &Forget) -> Result<Value, Fault> {
    if *what == Forget::default() || args.given("tgt").is_none() {
        return Ok(false.into());
    }
    for id in cx.master.match_minions(args.get("tgt"), &args.str("tgt_type")?)? {
        cx.master.forget(&id, what)?;
    }
    Ok(true.into())
}
