//! Python files of the file server (`salt://_modules` …) in `extmods`, for minions and for the master. They are kept
//! there for Salt's own tools; Halite runs grains alone (in a `python3`) and says so. Salt: utils/extmods.py (`sync`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::host::FileOwner;
use crate::loader::{Args, Context, Fault, FileClient};
use crate::value::{Value, str_of};

/// Fetches the files of one kind (`modules`, `states` …) into `<extension_modules>/<kind>`: `kind.name` of those that
/// changed. The arguments `saltenv`, `extmod_whitelist` and `extmod_blacklist` choose. What goes wrong is logged, and what
/// was fetched until then counts, as in Salt.
pub fn fetch(cx: &Context, files: &dyn FileClient, args: &Args, kind: &str) -> Vec<String> {
    let folder = Path::new(cx.opt_str("extension_modules")).join(kind);
    let mut changed = Vec::new();
    if let Err(error) = update(cx, files, args, kind, &folder, &mut changed) {
        crate::log::error!(kind, %error, "Failed to sync");
    }
    if !changed.is_empty() && kind != "grains" {
        crate::log::error!(kind, ?changed, "these are Python files, which Halite keeps and does not run");
    }
    changed
}

fn update(
    cx: &Context,
    files: &dyn FileClient,
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
        for path in files.file_list(saltenv, &prefix)? {
            let Some(relative) = path.strip_prefix(&prefix).filter(|path| is_safe(path)) else { continue };
            let Some((stem, "py" | "pyx" | "so" | "zip")) = relative.rsplit_once('.') else { continue };
            let name = stem.replace('/', ".");
            let is_listed = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.contains(&name));
            if is_listed(&whitelist) == Some(false) || is_listed(&blacklist) == Some(true) {
                continue;
            }
            remote.insert(PathBuf::from(relative));
            let url = format!("salt://{path}");
            let Some(cached) = files.get_url(&url, saltenv, None, false)? else { continue };
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

/// How deep folders are followed.
pub const DEEPEST: usize = 32;

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
