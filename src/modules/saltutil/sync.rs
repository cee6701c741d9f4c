//! Fetching Python files of the file server (`salt://_modules` …) into `extension_modules`. They are kept there for
//! Salt's own tools; Halite does not run Python and says so. Salt: utils/extmods.py (`sync`), modules/saltutil.py.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::refresh;
use crate::host::FileOwner;
use crate::loader::{Args, Context, Default, Fault, Param, opt};
use crate::map;
use crate::value::{Map, Value, str_of};

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
    refresh::tell(cx, "pillar_refresh", map! { "clean_cache" => args.get("clean_pillar_cache").clone() })
}

fn fetch(cx: &Context, args: &Args, kind: &str) -> Result<Value, Fault> {
    if kind == "pillar" && cx.opt_str("file_client") != "local" {
        return Err(Fault::execution("Pillar modules can only be synced to masterless minions"));
    }
    let folder = Path::new(cx.opt_str("extension_modules")).join(kind);
    let mut changed = Vec::new();
    // Salt: what goes wrong is logged, and what was fetched until then counts.
    let outcome = update(cx, args, kind, &folder, &mut changed);
    if let Err(error) = outcome {
        tracing::error!(kind, %error, "Failed to sync");
    }
    if !changed.is_empty() {
        tracing::error!(kind, ?changed, "these are Python files, which Halite keeps and does not run");
        let sign = Path::new(cx.opt_str("cachedir")).join("module_refresh");
        let _ = fs::OpenOptions::new().append(true).create(true).open(sign);
    }
    if kind == "grains" && cx.opts.get("grains_cache").is_some_and(Value::truthy) {
        let _ = fs::remove_file(Path::new(cx.opt_str("cachedir")).join("grains.cache.p"));
    }
    Ok(Value::list(changed))
}

fn update(
    cx: &Context,
    args: &Args,
    kind: &str,
    folder: &Path,
    changed: &mut Vec<String>,
) -> Result<(), Fault> {
    let envs = match args.get("saltenv") {
        Value::Null => vec!["base".to_owned()],
        Value::List(envs) => envs.iter().map(str_of).collect(),
        other => str_of(other).split(',').map(str::to_owned).collect(),
    };
    let whitelist = names(cx, args, "extmod_whitelist", kind);
    let blacklist = names(cx, args, "extmod_blacklist", kind);
    let mut remote = BTreeSet::new();
    let prefix = format!("_{kind}/");
    for saltenv in &envs {
        for path in cx.minion.files().file_list(saltenv, &prefix)? {
            let Some(relative) = path.strip_prefix(&prefix).filter(|path| is_safe(path)) else { continue };
            let Some((stem, "py" | "pyx" | "so" | "zip")) = relative.rsplit_once('.') else { continue };
            let name = stem.replace('/', ".");
            let is_listed = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.contains(&name));
            if is_listed(&whitelist) == Some(false) || is_listed(&blacklist) == Some(true) {
                continue;
            }
            remote.insert(PathBuf::from(relative));
            let url = format!("salt://{path}");
            let Some(cached) = cx.minion.files().get_url(&url, saltenv, None, false)? else { continue };
            let content = fs::read(cached)?;
            let target = folder.join(relative);
            if fs::read(&target).is_ok_and(|present| present == content) {
                continue;
            }
            fs::create_dir_all(target.parent().unwrap_or(folder))?;
            cx.host.write_atomic(&target, &content, 0o600, FileOwner::default())?;
            changed.push(format!("{kind}.{name}"));
        }
    }
    if cx.opts.get("clean_dynamic_modules") == Some(&Value::Bool(true)) {
        clean(folder, folder, &remote, 0);
    }
    Ok(())
}

/// Names on the white or black list for one kind; none where there is no such list.
fn names(cx: &Context, args: &Args, list: &str, kind: &str) -> Option<Vec<String>> {
    match args.get(list) {
        Value::Text(text) => Some(text.split(',').map(str::to_owned).collect()),
        given => {
            let lists = if given.is_null() { cx.opts.get(list)? } else { given };
            Some(lists.get(kind)?.as_list()?.iter().map(str_of).collect())
        }
    }
}

/// A path that stays below its folder.
fn is_safe(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

const DEEPEST: usize = 32;

/// Removes files that are not `wanted`, and folders that are then empty.
fn clean(root: &Path, folder: &Path, wanted: &BTreeSet<PathBuf>, depth: usize) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && depth < DEEPEST {
            clean(root, &path, wanted, depth + 1);
        } else if path.strip_prefix(root).is_ok_and(|path| !wanted.contains(path)) {
            let _ = fs::remove_file(&path);
        }
    }
    // Fails where something is left, as it should.
    let _ = fs::remove_dir(folder);
}

/// Files in `extension_modules`: `{kind: [name]}`.
pub(super) fn list_extmods(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let root = Path::new(cx.opt_str("cachedir")).join("extmods");
    let entries = fs::read_dir(&root).map_err(|error| {
        let text = format!("[Errno {}] {}", error.raw_os_error().unwrap_or_default(), root.display());
        Fault::exception("FileNotFoundError", text)
    })?;
    let mut found = Map::new();
    for entry in entries.flatten() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_not_fetched() {
        for path in ["", "/x.py", "../x.py", "a/../../x.py", "a//x.py", "./x.py"] {
            assert!(!is_safe(path), "{path}");
        }
        assert!(is_safe("a/b.py"));
    }
}
