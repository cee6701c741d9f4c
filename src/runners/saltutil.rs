//! `saltutil`: Python files of the file server, fetched for the master. Salt: runners/saltutil.py.

use crate::extmods;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt};
use crate::value::{Map, Value};

const WHAT: &[Param] = &[
    opt("saltenv", Default::Str("base")),
    opt("extmod_whitelist", Default::None),
    opt("extmod_blacklist", Default::None),
];

const SYNC: &str = "Fetches Python files of one kind (`_modules`, `_states` …) from the file server for the master: \
                    `[kind.name]` of those that changed. Halite keeps them for Salt's tools and does not run them.";

/// What `sync_all` fetches, in its order: the name in its result, and the folder without `_`.
const KINDS: &[(&str, &str)] = &[
    ("clouds", "clouds"),
    ("modules", "modules"),
    ("states", "states"),
    ("grains", "grains"),
    ("renderers", "renderers"),
    ("returners", "returners"),
    ("output", "output"),
    ("proxymodules", "proxy"),
    ("runners", "runners"),
    ("wheel", "wheel"),
    ("engines", "engines"),
    ("thorium", "thorium"),
    ("queues", "queues"),
    ("pillar", "pillar"),
    ("utils", "utils"),
    ("sdb", "sdb"),
    ("cache", "cache"),
    ("fileserver", "fileserver"),
    ("tops", "tops"),
    ("tokens", "tokens"),
    ("serializers", "serializers"),
    ("executors", "executors"),
    ("wrapper", "wrapper"), // from 3007 on
    ("roster", "roster"),
];

pub(super) static MODULE: Module = Module {
    file: "saltutil",
    provides: "saltutil",
    available: always,
    functions: &[
        Function::new("sync_all", WHAT, "Runs every `saltutil.sync_*`: `{kind: [kind.name]}`.", all),
        Function::new("sync_cache", WHAT, SYNC, |cx, args| one(cx, args, "cache")),
        Function::new("sync_clouds", WHAT, SYNC, |cx, args| one(cx, args, "clouds")),
        Function::new("sync_eauth_tokens", WHAT, SYNC, |cx, args| one(cx, args, "tokens")),
        Function::new("sync_engines", WHAT, SYNC, |cx, args| one(cx, args, "engines")),
        Function::new("sync_executors", WHAT, SYNC, |cx, args| one(cx, args, "executors")),
        Function::new("sync_fileserver", WHAT, SYNC, |cx, args| one(cx, args, "fileserver")),
        Function::new("sync_grains", WHAT, SYNC, |cx, args| one(cx, args, "grains")),
        Function::new("sync_modules", WHAT, SYNC, |cx, args| one(cx, args, "modules")),
        Function::new("sync_output", WHAT, SYNC, |cx, args| one(cx, args, "output")),
        Function::new("sync_pillar", WHAT, SYNC, |cx, args| one(cx, args, "pillar")),
        Function::new("sync_proxymodules", WHAT, SYNC, |cx, args| one(cx, args, "proxy")),
        Function::new("sync_queues", WHAT, SYNC, |cx, args| one(cx, args, "queues")),
        Function::new("sync_renderers", WHAT, SYNC, |cx, args| one(cx, args, "renderers")),
        Function::new("sync_returners", WHAT, SYNC, |cx, args| one(cx, args, "returners")),
        Function::new("sync_roster", WHAT, SYNC, |cx, args| one(cx, args, "roster")),
        Function::new("sync_runners", WHAT, SYNC, |cx, args| one(cx, args, "runners")),
        Function::new("sync_sdb", WHAT, SYNC, |cx, args| one(cx, args, "sdb")),
        Function::new("sync_serializers", WHAT, SYNC, |cx, args| one(cx, args, "serializers")),
        Function::new("sync_states", WHAT, SYNC, |cx, args| one(cx, args, "states")),
        Function::new("sync_thorium", WHAT, SYNC, |cx, args| one(cx, args, "thorium")),
        Function::new("sync_tops", WHAT, SYNC, |cx, args| one(cx, args, "tops")),
        Function::new("sync_utils", WHAT, SYNC, |cx, args| one(cx, args, "utils")),
        Function::new("sync_wheel", WHAT, SYNC, |cx, args| one(cx, args, "wheel")),
        Function::new("sync_wrapper", WHAT, SYNC, |cx, args| one(cx, args, "wrapper")),
    ],
};

fn one(cx: &Context, args: &Args, kind: &str) -> Result<Value, Fault> {
    Ok(Value::list(extmods::fetch(cx, cx.master.files(), args, kind)))
}

fn all(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut changed = Map::new();
    for (name, kind) in KINDS {
        changed.insert(*name, one(cx, args, kind)?);
    }
    Ok(changed.into())
}
