//! `saltutil`: the minion itself: its jobs, caches, keys, and what it is to read anew. Salt: modules/saltutil.py.

mod cache;
mod jobs;
mod keys;
mod on_master;
mod refresh;
mod sync;

use crate::loader::{Call, Default, Fault, Function, Module, Param, always, keywords, only, opt, req, rest};
use crate::map;
use crate::value::{Map, Value, str_of};

const JID: &[Param] = &[req("jid")];

const CMD: &[Param] = &[
    req("tgt"),
    req("fun"),
    opt("arg", Default::EmptyList),
    opt("timeout", Default::None),
    opt("tgt_type", Default::Str("glob")),
    opt("ret", Default::Str("")),
    opt("kwarg", Default::None),
    opt("ssh", Default::False),
    keywords("kwargs"),
];

pub(super) static MODULE: Module = Module {
    file: "saltutil",
    provides: "saltutil",
    available: always,
    functions: &[
        Function::new("clear_cache", &[], "Removes every file in the minion's cache.", cache::clear_cache),
        Function::new(
            "clear_job_cache",
            &[opt("hours", Default::Int(24))],
            "Removes jobs older than some hours from the minion's job cache.",
            cache::clear_job_cache,
        ),
        Function::new(
            "cmd",
            CMD,
            "Runs a function on other minions, from a minion that is on the master: `{id: {ret, …}}`.",
            on_master::cmd,
        ),
        Function::new(
            "cmd_iter",
            CMD,
            "As `saltutil.cmd`, a list with one map for each return.",
            on_master::cmd_iter,
        ),
        Function::new(
            "find_cached_job",
            JID,
            "What a job returned, from the minion's job cache (`cache_jobs`).",
            jobs::find_cached_job,
        ),
        Function::new("find_job", JID, "A running job, or an empty map.", jobs::find_job).cheap(),
        Function::new("is_running", &[req("fun")], "Running jobs whose function matches.", jobs::is_running)
            .cheap(),
        Function::new("kill_all_jobs", &[], "Kills all running jobs (signal 9).", |cx, _| {
            jobs::signal_all(cx, jobs::KILL)
        })
        .cheap(),
        Function::new(
            "kill_job",
            JID,
            "Kills a running job and all that it started (signal 9).",
            |cx, args| Ok(jobs::signal(cx, &str_of(args.get("jid")), jobs::KILL).into()),
        )
        .cheap(),
        Function::new(
            "list_extmods",
            &[],
            "Files that `saltutil.sync_*` has fetched: `{kind: [name]}`.",
            sync::list_extmods,
        ),
        Function::new(
            "mmodule",
            &[req("saltenv"), req("fun"), rest("args"), keywords("kwargs")],
            "Calls a function by its name.",
            |cx, args| {
                let mut kwargs = args.keywords.clone();
                kwargs.retain(|key, _| !str_of(key).starts_with("__pub_"));
                cx.call(&args.str("fun")?, Call { args: args.rest.clone(), kwargs })
            },
        ),
        Function::new("pillar_refresh", refresh::PILLAR, "As `saltutil.refresh_pillar`.", refresh::pillar),
        Function::new(
            "refresh_beacons",
            &[],
            "Has the minion read its beacons anew. True when it was told.",
            |cx, _| refresh::tell(cx, "beacons_refresh", Map::new()),
        )
        .cheap(),
        Function::new(
            "refresh_grains",
            &[only(&["clean_pillar_cache", "refresh_pillar"])],
            "Has the minion read its grains anew, and its pillar unless `refresh_pillar=False`.",
            refresh::grains,
        )
        .cheap(),
        Function::new(
            "refresh_matchers",
            &[],
            "Has the minion read its matchers anew. True when it was told.",
            |cx, _| refresh::tell(cx, "matchers_refresh", Map::new()),
        )
        .cheap(),
        Function::new(
            "refresh_modules",
            &[keywords("kwargs")],
            "Has the minion read its modules and grains anew. `async=False` waits until it has.",
            refresh::modules,
        ),
        Function::new(
            "refresh_pillar",
            refresh::PILLAR,
            "Has the minion ask for its pillar anew. `wait=True` waits until it has it, at most `timeout` seconds.",
            refresh::pillar,
        ),
        Function::new(
            "regen_keys",
            &[],
            "Replaces the minion's keys by new ones. The master has to accept them.",
            keys::regen_keys,
        ),
        Function::new(
            "revoke_auth",
            &[opt("preserve_minion_cache", Default::False)],
            "Has the master forget this minion's key. True when it did.",
            keys::revoke_auth,
        ),
        Function::new(
            "runner",
            &[
                req("name"),
                opt("arg", Default::None),
                opt("kwarg", Default::None),
                opt("full_return", Default::False),
                opt("saltenv", Default::Str("base")),
                opt("jid", Default::None),
                keywords("kwargs"),
            ],
            "Runs a runner of the master on the same host, and gives what it returns. `publish.runner` asks any master.",
            on_master::runner,
        ),
        Function::new("running", &[], "The jobs that run now.", |cx, _| {
            Ok(Value::list(jobs::running(cx).into_iter().map(Value::Map)))
        })
        .cheap(),
        Function::new(
            "signal_job",
            &[req("jid"), req("sig")],
            "Sends a signal to a running job and all that it started.",
            |cx, args| {
                let signal = i32::try_from(args.int("sig")?)
                    .map_err(|_| Fault::invocation("'sig' is not the number of a signal"))?;
                Ok(jobs::signal(cx, &str_of(args.get("jid")), signal).into())
            },
        )
        .cheap(),
        Function::new("sync_all", sync::ALL, "Runs every `saltutil.sync_*`: `{kind: [name]}`.", sync::all),
        Function::new("sync_beacons", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "beacons")),
        Function::new("sync_clouds", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "clouds")),
        Function::new("sync_engines", sync::QUIET, SYNC, |cx, args| sync::one(cx, args, "engines")),
        Function::new("sync_executors", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "executors")),
        Function::new("sync_grains", sync::ALL, SYNC, |cx, args| sync::one(cx, args, "grains")),
        Function::new("sync_log_handlers", sync::REFRESH, SYNC, |cx, args| {
            sync::one(cx, args, "log_handlers")
        }),
        Function::new("sync_matchers", sync::QUIET, SYNC, |cx, args| sync::one(cx, args, "matchers")),
        Function::new("sync_modules", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "modules")),
        Function::new("sync_output", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "output")),
        Function::new("sync_outputters", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "output")),
        Function::new("sync_pillar", sync::ALL, SYNC, |cx, args| sync::one(cx, args, "pillar")),
        Function::new("sync_proxymodules", sync::QUIET, SYNC, |cx, args| sync::one(cx, args, "proxy")),
        Function::new("sync_renderers", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "renderers")),
        Function::new("sync_returners", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "returners")),
        Function::new("sync_sdb", sync::SDB, SYNC, |cx, args| sync::one(cx, args, "sdb")),
        Function::new("sync_serializers", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "serializers")),
        Function::new("sync_states", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "states")),
        Function::new("sync_thorium", sync::QUIET, SYNC, |cx, args| sync::one(cx, args, "thorium")),
        Function::new("sync_utils", sync::REFRESH, SYNC, |cx, args| sync::one(cx, args, "utils")),
        Function::new("term_all_jobs", &[], "Ends all running jobs (signal 15).", |cx, _| {
            jobs::signal_all(cx, jobs::TERM)
        })
        .cheap(),
        Function::new(
            "term_job",
            JID,
            "Ends a running job and all that it started (signal 15).",
            |cx, args| Ok(jobs::signal(cx, &str_of(args.get("jid")), jobs::TERM).into()),
        )
        .cheap(),
        Function::new(
            "update",
            &[opt("version", Default::None)],
            "Not offered: the minion does not replace itself.",
            |_, _| Ok(map! { "_error" => "Esky not available as import" }.into()),
        ),
        Function::new(
            "wheel",
            &[req("name"), rest("args"), keywords("kwargs")],
            "Runs a wheel function of the master on the same host: `{fun, jid, return, success, …}`.",
            on_master::wheel,
        ),
    ],
};

const SYNC: &str = "Fetches Python files of one kind (`_modules`, `_states` …) from the file server: `[kind.name]` of \
                    those that changed. Halite keeps them for Salt's tools and does not run them.";
