//! `state`: states applied, shown, tested, queued, paused. Salt: modules/state.py.

mod apply;
mod disabled;
mod lint;
mod master;
mod packed;
mod pause;
mod queue;
mod request;
mod settings;
mod show;
mod single;

use crate::loader::{Args, Context, Default, Function, Module, Param, always, keywords, opt, req, rest};
use crate::value::{Map, Value};

const HIGHSTATE: &str = "highstate";

const MODS: Param = req("mods");
const TEST: Param = opt("test", Default::None);
const QUEUE: Param = opt("queue", Default::None);
const EXCLUDE: Param = opt("exclude", Default::None);
const SYNC_MODS: Param = opt("sync_mods", Default::None);
const STATE_EVENTS: Param = opt("state_events", Default::None);
const MORE: Param = keywords("kwargs");

pub(super) static MODULE: Module = Module {
    file: "state",
    provides: "state",
    available: always,
    functions: &[
        Function::new(
            "apply",
            &[opt("mods", Default::None), MORE],
            "Applies SLS files (`state.apply web,db`), or without names the highstate. `test=True` only tells what \
             would change; `pillar='{a: 1}'` lays values over the pillar; `saltenv`, `exclude`, `queue`, `concurrent`.",
            |cx, args| apply::apply(cx, arguments(args, &["mods"])),
        )
        .output(HIGHSTATE),
        Function::new(
            "check_request",
            &[opt("name", Default::None)],
            "What `state.request` has noted: `{name: {test_run, mods, kwargs}}`.",
            request::check,
        )
        .output(HIGHSTATE),
        Function::new("clear_cache", &[], "Removes cached highstates; their names.", show::clear_cache),
        Function::new(
            "clear_request",
            &[opt("name", Default::None)],
            "Forgets what `state.request` has noted. False where there is no such name.",
            request::clear,
        ),
        Function::new(
            "disable",
            &[req("states")],
            "Forbids states by a grain: `state.disable highstate`, `state.disable web.nginx`. `{res, msg}`.",
            disabled::disable,
        ),
        Function::new("enable", &[req("states")], "Allows states that were disabled. `{res, msg}`.", disabled::enable),
        Function::new(
            "event",
            &[
                opt("tagmatch", Default::Str("*")),
                opt("count", Default::Int(-1)),
                opt("quiet", Default::False),
                opt("sock_dir", Default::None),
                opt("pretty", Default::False),
                opt("node", Default::Str("minion")),
            ],
            "Prints the events of the minion's bus as they come, or with `node=master` of the master's: `count` of them whose \
             tag is like `tagmatch`.",
            master::event,
        ),
        Function::new(
            "get_pauses",
            &[opt("jid", Default::None)],
            "Runs that are paused: `{jid: {id: {duration?, kill?}}}`.",
            pause::pauses,
        ),
        Function::new(
            "high",
            &[req("data"), TEST, QUEUE, MORE],
            "Applies high data: `state.high '{vim: {pkg: [installed]}}'`.",
            |cx, args| single::high(cx, arguments(args, &["data", "test", "queue"])),
        ),
        Function::new(
            "highstate",
            &[TEST, QUEUE, STATE_EVENTS, MORE],
            "Applies what the top file has for this minion.",
            |cx, args| apply::highstate(cx, arguments(args, &["test", "queue", "state_events"])),
        )
        .output(HIGHSTATE),
        Function::new(
            "id_exists",
            &[req("ids"), MODS, TEST, QUEUE, MORE],
            "Whether SLS files have states with all these ids.",
            |cx, args| show::id_exists(cx, args.get("ids"), arguments(args, &["mods", "test", "queue"])),
        ),
        Function::new(
            "lint",
            &[opt("mods", Default::None), opt("saltenv", Default::None), opt("format", Default::Str("text"))],
            "Mistakes in SLS files, or in all of an environment, found without running them: a line for each, or with \
             `format=json` a map. Not in Salt.",
            lint::run,
        ),
        Function::new("list_disabled", &[], "States that are disabled.", |cx, _| {
            Ok(cx.grains.get("state_runs_disabled").cloned().unwrap_or_else(|| "".into()))
        }),
        Function::new(
            "low",
            &[req("data"), QUEUE, MORE],
            "Calls one low chunk: `state.low '{state: test, fun: nop, name: x}'`.",
            |cx, args| single::low(cx, arguments(args, &["data", "queue"])),
        ),
        Function::new(
            "orchestrate",
            &[
                MODS,
                opt("saltenv", Default::Str("base")),
                TEST,
                EXCLUDE,
                opt("pillar", Default::None),
                opt("pillarenv", Default::None),
            ],
            "An orchestration without a master: `salt-call --local state.orchestrate webserver`.",
            master::orchestrate,
        ),
        Function::new(
            "pause",
            &[req("jid"), opt("state_id", Default::None), opt("duration", Default::None)],
            "Lets a run wait before a state, or before its next one, for `duration` seconds or until `state.resume`.",
            pause::pause,
        ),
        Function::new(
            "pkg",
            &[req("pkg_path"), req("pkg_sum"), req("hash_type"), TEST, MORE],
            "Applies states that `salt-ssh` has packed: `state.pkg /tmp/salt_state.tgz <hash> sha256`.",
            |cx, args| {
                packed::pkg(cx, arguments(args, &["pkg_path", "pkg_sum", "hash_type", "test"]))
            },
        )
        .output(HIGHSTATE),
        Function::new(
            "request",
            &[opt("mods", Default::None), MORE],
            "As `state.apply` with `test=True`, and notes it down for `state.run_request`.",
            |cx, args| request::request(cx, arguments(args, &["mods"])),
        )
        .output(HIGHSTATE),
        Function::new(
            "resume",
            &[req("jid"), opt("state_id", Default::None)],
            "Lets a paused run go on.",
            pause::resume,
        ),
        Function::new(
            "run_request",
            &[opt("name", Default::Str("default")), MORE],
            "Applies what `state.request` has noted.",
            request::run,
        )
        .output(HIGHSTATE),
        Function::new(
            "running",
            &[opt("concurrent", Default::False)],
            "A text for each other state run that is under way.",
            |cx, args| {
                Ok(if args.truthy("concurrent") { Value::List(Vec::new()) } else { Value::list(queue::conflicts(cx)) })
            },
        ),
        Function::new(
            "show_highstate",
            &[QUEUE, MORE],
            "The high data of the highstate.",
            |cx, args| show::highstate(cx, arguments(args, &["queue"])),
        ),
        Function::new(
            "show_low_sls",
            &[MODS, TEST, QUEUE, MORE],
            "The low chunks of SLS files.",
            |cx, args| show::low_sls(cx, arguments(args, &["mods", "test", "queue"])),
        ),
        Function::new(
            "show_lowstate",
            &[QUEUE, MORE],
            "The low chunks of the highstate, in order.",
            |cx, args| show::lowstate(cx, arguments(args, &["queue"])),
        ),
        Function::new(
            "show_sls",
            &[MODS, TEST, QUEUE, MORE],
            "The high data of SLS files.",
            |cx, args| show::sls(cx, arguments(args, &["mods", "test", "queue"])),
        ),
        Function::new(
            "show_state_usage",
            &[QUEUE, MORE],
            "Which SLS files the highstate uses: `{saltenv: {used, unused, count_all, count_used, count_unused}}`.",
            |cx, args| show::usage(cx, arguments(args, &["queue"])),
        ),
        Function::new(
            "show_states",
            &[QUEUE, MORE],
            "The SLS files of the highstate.",
            |cx, args| show::states(cx, arguments(args, &["queue"])),
        ),
        Function::new(
            "show_top",
            &[QUEUE, MORE],
            "What the top file has for this minion: `{saltenv: [sls]}`.",
            |cx, args| show::top(cx, arguments(args, &["queue"])),
        ),
        Function::new(
            "single",
            &[req("fun"), req("name"), TEST, QUEUE, MORE],
            "Applies one state: `state.single pkg.installed name=vim`.",
            |cx, args| single::single(cx, arguments(args, &["fun", "name", "test", "queue"])),
        )
        .output(HIGHSTATE),
        Function::new(
            "sls",
            &[MODS, TEST, EXCLUDE, QUEUE, SYNC_MODS, STATE_EVENTS, MORE],
            "Applies SLS files.",
            |cx, args| {
                let names = &["mods", "test", "exclude", "queue", "sync_mods", "state_events"];
                apply::sls(cx, arguments(args, names))
            },
        )
        .output(HIGHSTATE),
        Function::new(
            "sls_exists",
            &[MODS, TEST, QUEUE, MORE],
            "Whether SLS files are there and can be rendered.",
            |cx, args| show::sls_exists(cx, arguments(args, &["mods", "test", "queue"])),
        ),
        Function::new(
            "sls_id",
            &[req("id_"), MODS, TEST, QUEUE, STATE_EVENTS, MORE],
            "Applies the state with one id of SLS files, and what it waits for.",
            |cx, args| {
                let names = &["mods", "test", "queue", "state_events"];
                apply::sls_id(cx, args.get("id_"), arguments(args, names))
            },
        )
        .output(HIGHSTATE),
        Function::new(
            "soft_kill",
            &[req("jid"), opt("state_id", Default::None)],
            "Ends a run before a state, or before its next one.",
            pause::soft_kill,
        ),
        Function::new(
            "template",
            &[req("tem"), QUEUE, MORE],
            "Applies a file of this machine as an SLS file.",
            |cx, args| single::template(cx, arguments(args, &["tem", "queue"])),
        )
        .output(HIGHSTATE),
        Function::new(
            "template_str",
            &[req("tem"), QUEUE, MORE],
            "Applies a text as an SLS file.",
            |cx, args| single::template_str(cx, arguments(args, &["tem", "queue"])),
        )
        .output(HIGHSTATE),
        Function::new(
            "test",
            &[rest("args"), MORE],
            "As `state.apply` with `test=True`.",
            |cx, args| {
                let mut kwargs = arguments(args, &[]);
                if let Some(mods) = args.rest.first() {
                    kwargs.insert("mods", mods.clone());
                }
                kwargs.insert("test", true);
                apply::apply(cx, kwargs)
            },
        )
        .output(HIGHSTATE),
        Function::new(
            "top",
            &[req("topfn"), TEST, QUEUE, MORE],
            "Applies what another top file has for this minion.",
            |cx, args| apply::top(cx, arguments(args, &["topfn", "test", "queue"])),
        )
        .output(HIGHSTATE),
    ],
};

/// The named arguments that were given, and the others, in one map.
fn arguments(args: &Args, names: &[&'static str]) -> Map {
    let mut all = args.keywords.clone();
    for name in names {
        if let Some(value) = args.given(name) {
            all.insert(*name, value.clone());
        }
    }
    all
}

/// A list, or the comma-separated parts of a text or number. Salt: utils/args.py (`split_input`).
fn split_input(value: &Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.clone(),
        other => crate::value::str_of(other).split(',').map(|part| part.trim().into()).collect(),
    }
}

fn set_retcode(cx: &Context, ret: &Value, high: Option<&Map>) {
    const COMPILER_ERROR: i64 = 1;
    const FAILURE: i64 = 2;
    cx.set_retcode(match ret {
        Value::List(_) => COMPILER_ERROR,
        ret if crate::state::all_succeeded(ret, high) => 0,
        _ => FAILURE,
    });
}

/// The retcode of a run that could not be compiled.
fn compiler_error(cx: &Context, errors: Vec<String>) -> Value {
    cx.set_retcode(1);
    Value::list(errors)
}
