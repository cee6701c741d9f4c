//! `state`: what the master itself does with states (orchestration), and watching its events. Salt: runners/state.py.

use crate::loader::{
    Args, Call, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req,
};
use crate::map;
use crate::state::all_succeeded;
use crate::value::{Map, Value};

const ORCHESTRATE: &[Param] = &[
    req("mods"),
    opt("saltenv", Default::Str("base")),
    opt("test", Default::None),
    opt("exclude", Default::None),
    opt("pillar", Default::None),
    opt("pillarenv", Default::None),
    opt("pillar_enc", Default::None),
    opt("orchestration_jid", Default::None),
];

const ORCHESTRATED: &str = "Applies SLS files on the master's host, with states such as `salt.state` and `salt.function` that \
                            reach minions: `{data: {id of the master: states}, outputter: highstate, retcode}`.";

const SHOWN: &[Param] = &[
    req("mods"),
    opt("saltenv", Default::Str("base")),
    opt("test", Default::None),
    opt("queue", Default::False),
    opt("pillar", Default::None),
    opt("pillarenv", Default::None),
    opt("pillar_enc", Default::None),
];

const AS_RUN: &str = "The states of SLS files as an orchestration would run them.";

const PAUSE: &[Param] = &[req("jid"), opt("state_id", Default::None), opt("duration", Default::None)];

const STOPS: &str = "Has an orchestration stop before a state.";

const PAUSED: &[Param] = &[req("jid"), opt("state_id", Default::None)];

pub(super) static MODULE: Module = Module {
    file: "state",
    provides: "state",
    available: always,
    functions: &[
        Function::new(
            "event",
            &[
                opt("tagmatch", Default::Str("*")),
                opt("count", Default::Int(-1)),
                opt("quiet", Default::False),
                opt("sock_dir", Default::None),
                opt("pretty", Default::False),
                opt("node", Default::Str("master")),
            ],
            "Prints events as they come, a line with tag and JSON for each whose tag fits a glob or regular expression, \
             until `count` have come: `salt-run state.event 'salt/job/*' pretty=True`. `node=minion` watches a minion's \
             bus.",
            |_: &Context, _| {
                let text = "state.event from elsewhere than salt-run, which watches the bus by itself";
                Err(Fault::NotSupported(text.to_owned()))
            },
        ),
        Function::new("orch", ORCHESTRATE, ORCHESTRATED, orchestrate),
        Function::new("orch_show_sls", SHOWN, AS_RUN, show_sls),
        Function::new("orchestrate", ORCHESTRATE, ORCHESTRATED, orchestrate),
        Function::new(
            "orchestrate_high",
            &[
                req("data"),
                opt("test", Default::None),
                opt("queue", Default::False),
                opt("pillar", Default::None),
                keywords("kwargs"),
            ],
            "Applies high data on the master's host: `{id of the master: states}`.",
            |cx, args| match args.get("data") {
                Value::Map(_) => applied(cx, args, "state.high", &["data"]),
                other => Err(Fault::execution(format!("high data is a map, not {}", other.type_name()))),
            },
        ),
        Function::new("orchestrate_show_sls", SHOWN, AS_RUN, show_sls),
        Function::new(
            "orchestrate_single",
            &[
                req("fun"),
                req("name"),
                opt("test", Default::None),
                opt("queue", Default::False),
                opt("pillar", Default::None),
                keywords("kwargs"),
            ],
            "Applies one state on the master's host: `salt-run state.orchestrate_single fun=salt.wheel \
             name=key.list_all`.",
            |cx, args| applied(cx, args, "state.single", &["fun", "name"]),
        ),
        Function::new("pause", PAUSE, STOPS, pause),
        Function::new("resume", PAUSED, "Has an orchestration go on.", |cx, args| {
            on_host(cx, args, "state.resume", &["jid", "state_id"])
        }),
        Function::new("rm_pause", PAUSED, "Has an orchestration go on.", |cx, args| {
            on_host(cx, args, "state.resume", &["jid", "state_id"])
        }),
        Function::new("set_pause", PAUSE, STOPS, pause),
        Function::new("sls", ORCHESTRATE, ORCHESTRATED, orchestrate),
        Function::new("soft_kill", PAUSED, "Has an orchestration end before a state.", |cx, args| {
            on_host(cx, args, "state.soft_kill", &["jid", "state_id"])
        }),
    ],
};

fn pause(cx: &Context, args: &Args) -> Result<Value, Fault> {
    on_host(cx, args, "state.pause", &["jid", "state_id", "duration"])
}

fn on_host(cx: &Context, args: &Args, fun: &str, names: &[&str]) -> Result<Value, Fault> {
    let call = Call::positional(names.iter().map(|name| args.get(name).clone()));
    cx.master.execute(fun, call, false)?;
    Ok(Value::Null)
}

/// The call of `state.sls` or `state.show_sls` on the master's host.
fn call(cx: &Context, args: &Args) -> Result<Call, Fault> {
    if args.given("pillar").is_some_and(|pillar| pillar.as_map().is_none()) {
        return Err(Fault::invocation("Pillar data must be formatted as a dictionary"));
    }
    let mut kwargs = Map::new();
    for name in ["test", "exclude", "pillar", "pillar_enc"] {
        kwargs.extend(args.given(name).map(|value| (name, value.clone())));
    }
    for name in ["saltenv", "pillarenv"] {
        let value = args.given(name).or_else(|| cx.opts.get(name).filter(|value| !value.is_null()));
        kwargs.extend(value.map(|value| (name, value.clone())));
    }
    Ok(Call { args: vec![args.get("mods").clone()], kwargs })
}

/// Of `state.single` and `state.high`. Salt quirk: `test` does nothing (but as an option), and both the result and an
/// event for the outputter are given.
fn applied(cx: &Context, args: &Args, fun: &str, names: &[&str]) -> Result<Value, Fault> {
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__")));
    match args.given("pillar") {
        Some(pillar) if pillar.as_map().is_none() => {
            return Err(Fault::invocation("Pillar data must be formatted as a dictionary"));
        }
        pillar => kwargs.extend(pillar.map(|pillar| ("pillar", pillar.clone()))),
    }
    let call = Call { args: names.iter().map(|name| args.get(name).clone()).collect(), kwargs };
    let running = cx.master.execute(fun, call, true)?.value;
    let ret = map! { cx.opt_str("id") => running };
    super::progress(cx, "progress", map! { "data" => ret.clone(), "outputter" => "highstate" })?;
    Ok(ret.into())
}

fn orchestrate(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut call = call(cx, args)?;
    let own = || cx.published.get("jid").cloned().unwrap_or_default();
    let jid = args.given("orchestration_jid").cloned().unwrap_or_else(own);
    call.kwargs.insert("__pub_jid", jid.clone());
    call.kwargs.insert("orchestration_jid", jid);
    let running = cx.master.execute("state.sls", call, true)?.value;
    let good = all_succeeded(&map! { cx.opt_str("id") => running.clone() }.into(), None);
    Ok(map! {
        "data" => map! { cx.opt_str("id") => running },
        "outputter" => "highstate",
        "retcode" => i64::from(!good),
    }
    .into())
}

fn show_sls(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let shown = cx.master.execute("state.show_sls", call(cx, args)?, true)?.value;
    Ok(map! { cx.opt_str("id") => shown }.into())
}
