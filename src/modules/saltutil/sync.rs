//! `saltutil.sync_*`: Python files of the file server, kept by `extmods`. Salt: modules/saltutil.py.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::refresh;
use crate::extmods::{self, DEEPEST};
use crate::loader::{Args, Context, Default, Fault, Param, opt};
use crate::map;
use crate::value::{Map, Value};

const SALTENV: Param = opt("saltenv", Default::None);
const WHITELIST: Param = opt("extmod_whitelist", Default::None);
const BLACKLIST: Param = opt("extmod_blacklist", Default::None);

pub(super) const SDB: &[Param] = &[SALTENV, WHITELIST, BLACKLIST];
pub(super) const REFRESH: &[Param] = &[SALTENV, opt("refresh", Default::True), WHITELIST, BLACKLIST];
pub(super) const QUIET: &[Param] = &[SALTENV, opt("refresh", Default::False), WHITELIST, BLACKLIST];
pub(super) const ALL: &[Param] = &[
    SALTENV,
    opt("refresh", Default::True),
    WHITELIST,
    BLACKLIST,
    opt("clean_pillar_cache", Default::False),
];

/// What `sync_all` fetches, in its order: the name in its result, and the folder without `_`.
const KINDS: &[(&str, &str)] = &[
    ("clouds", "clouds"),
    ("beacons", "beacons"),
    ("modules", "modules"),
    ("states", "states"),
    ("sdb", "sdb"),
    ("grains", "grains"),
    ("renderers", "renderers"),
    ("returners", "returners"),
    ("output", "output"),
    ("utils", "utils"),
    ("log_handlers", "log_handlers"),
    ("executors", "executors"),
    ("proxymodules", "proxy"),
    ("engines", "engines"),
    ("thorium", "thorium"),
    ("serializers", "serializers"),
    ("matchers", "matchers"),
];

/// Fetches one kind: `[kind.name]` of the files that changed.
pub(super) fn one(cx: &Context, args: &Args, kind: &str) -> Result<Value, Fault> {
    let changed = fetch(cx, args, kind)?;
    if args.truthy("refresh") {
        match kind {
            "beacons" => refresh::tell(cx, "beacons_refresh", Map::new())?,
            // Python takes a while to collect them: whoever asks next is to see them.
            "grains" if changed.truthy() => {
                refresh::pillar_and_wait(cx, clean_cache(args))?;
                Value::Null
            }
            "grains" | "pillar" => refresh_pillar(cx, args)?,
            _ => refresh::tell(cx, "module_refresh", Map::new())?,
        };
    }
    Ok(changed)
}

/// Fetches every kind: `{kind: [kind.name]}`.
pub(super) fn all(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut changed = Map::new();
    for (name, kind) in KINDS {
        changed.insert(*name, fetch(cx, args, kind)?);
    }
    if cx.opt_str("file_client") == "local" {
        changed.insert("pillar", fetch(cx, args, "pillar")?);
    }
    if args.truthy("refresh") {
        refresh_pillar(cx, args)?;
    }
    Ok(changed.into())
}

fn refresh_pillar(cx: &Context, args: &Args) -> Result<Value, Fault> {
    refresh::tell(cx, "pillar_refresh", clean_cache(args))
}

fn clean_cache(args: &Args) -> Map {
    map! { "clean_cache" => args.get("clean_pillar_cache").clone() }
}

fn fetch(cx: &Context, args: &Args, kind: &str) -> Result<Value, Fault> {
    if kind == "pillar" && cx.opt_str("file_client") != "local" {
        return Err(Fault::execution("Pillar modules can only be synced to masterless minions"));
    }
    let changed = extmods::fetch(cx, cx.minion.files(), args, kind);
    if !changed.is_empty() {
        let sign = Path::new(cx.opt_str("cachedir")).join("module_refresh");
        let _ = fs::OpenOptions::new().append(true).create(true).open(sign);
    }
    if kind == "grains" && cx.opts.get("grains_cache").is_some_and(Value::truthy) {
        let _ = fs::remove_file(Path::new(cx.opt_str("cachedir")).join("grains.cache.p"));
    }
    Ok(Value::list(changed))
}

/// Files in `extension_modules`: `{kind: [name]}`.
pub(super) fn list_extmods(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let root = Path::new(cx.opt_str("cachedir")).join("extmods");
    let mut found = Map::new();
    // Salt's programs make the directory when they start.
    for entry in fs::read_dir(&root).into_iter().flatten().flatten() {
        let mut names = BTreeSet::new();
        list(&entry.path(), &mut names, 0);
        found.insert(entry.file_name().to_string_lossy().into_owned(), Value::list(names));
    }
    Ok(found.into())
}

fn list(folder: &Path, names: &mut BTreeSet<String>, depth: usize) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && depth < DEEPEST {
            list(&entry.path(), names, depth + 1);
        } else {
            let name = entry.file_name().to_string_lossy().into_owned();
            names.extend(name.split('.').next().map(str::to_owned));
        }
    }
}
