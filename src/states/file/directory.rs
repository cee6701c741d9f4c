//! `file.directory`: a directory, its owner and mode, and those of what is in it; and what may stay in it. Salt:
//! states/file.py (`directory`, `_check_directory`, `_clean_dir`, `_gen_keep_files`).

use std::collections::HashSet;
use std::fs;

use super::recurse::kept_by_recurse;
use super::ret::{
    Outcome, Visited, changed, check_user, dirname, failed, first, fresh, from_value, is_dir, is_file,
    is_link, is_meant, join, lexists, limited_walk, owner, path_in, relative, text_of, to_map, walk,
};
use crate::host::normalize_mode;
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, str_of};

/// What `recurse` may name.
const KINDS: [&str; 6] = ["user", "group", "mode", "ignore_files", "ignore_dirs", "silent"];

/// What the state asks for, read from its arguments.
struct Wanted<'a> {
    args: &'a Args,
    name: String,
    user: Value,
    group: Value,
    dir_mode: Option<String>,
    file_mode: Option<String>,
    max_depth: Option<i64>,
    follow: bool,
}

/// The kinds that `recurse` names.
fn kinds(recurse: &Value) -> Result<Vec<String>, String> {
    let Value::List(items) = recurse else {
        return if recurse.truthy() {
            Err("\"recurse\" must be formed as a list of strings".to_owned())
        } else {
            Ok(Vec::new())
        };
    };
    let kinds: Vec<String> = items.iter().map(str_of).collect();
    if kinds.iter().any(|kind| !KINDS.contains(&kind.as_str())) {
        let all: Vec<String> = KINDS.iter().map(|kind| format!("\"{kind}\"")).collect();
        return Err(format!("Types for \"recurse\" limited to {}.", all.join(", ")));
    }
    let has = |kind: &str| kinds.iter().any(|own| own == kind);
    if has("ignore_files") && has("ignore_dirs") {
        return Err(
            "Must not specify \"recurse\" options \"ignore_files\" and \"ignore_dirs\" at the same time."
                .to_owned(),
        );
    }
    Ok(kinds)
}

/// What is wrong with owner and mode of one path.
fn metadata(
    running: &Running,
    path: &str,
    user: &Value,
    group: &Value,
    mode: Option<&str>,
    follow: bool,
) -> Result<Map, Fault> {
    let asked = [path.into(), Value::Null, follow.into()];
    let stats = match running.ask("file.stats", &asked) {
        Ok(stats) => stats,
        Err(Fault::Execution { .. }) => return Ok(map! { "directory" => "new" }),
        Err(other) => return Err(other),
    };
    let is = |wanted: &Value, names: [&str; 2]| {
        names.iter().any(|name| stats.get(name).is_some_and(|own| own.loosely_equals(wanted)))
    };
    let mut changes = Map::new();
    if !user.is_null() && !is(user, ["user", "uid"]) {
        changes.insert("user", user.clone());
    }
    if !group.is_null() && !is(group, ["group", "gid"]) {
        changes.insert("group", group.clone());
    }
    let own = stats.get("mode").and_then(normalize_mode);
    let is_link = stats.get("type").and_then(Value::as_str) == Some("link");
    if let Some(mode) = mode.filter(|mode| own.as_deref() != Some(*mode) && (follow || !is_link)) {
        changes.insert("mode", mode);
    }
    Ok(changes)
}

/// What a run would change: result, comment, changes by path.
fn check(
    running: &Running,
    wanted: &Wanted,
    visited: &[Visited],
) -> Result<(Option<bool>, String, Map), Fault> {
    let args = wanted.args;
    let mut changes = Map::new();
    let (mut user, mut group) = (&wanted.user, &wanted.group);
    let (mut dir_mode, mut file_mode) = (wanted.dir_mode.as_deref(), wanted.file_mode.as_deref());
    if args.truthy("recurse") {
        let kinds = match kinds(args.get("recurse")) {
            Ok(kinds) => kinds,
            Err(text) => return Ok((Some(false), text, changes)),
        };
        let has = |kind: &str| kinds.iter().any(|own| own == kind);
        if !has("user") {
            user = &Value::Null;
        }
        if !has("group") {
            group = &Value::Null;
        }
        if !has("mode") {
            (dir_mode, file_mode) = (None, None);
        }
        for directory in visited {
            for (names, mode) in [
                (Some(&directory.files).filter(|_| !has("ignore_files")), file_mode),
                (Some(&directory.dirs).filter(|_| !has("ignore_dirs")), dir_mode),
            ] {
                for name in names.into_iter().flatten() {
                    let path = join(&directory.root, name);
                    let change = metadata(running, &path, user, group, mode, wanted.follow)?;
                    if !change.is_empty() {
                        changes.insert(path, change);
                    }
                }
            }
        }
    }
    if !args.truthy("children_only") {
        let change = metadata(running, &wanted.name, user, group, dir_mode, wanted.follow)?;
        if !change.is_empty() {
            changes.insert(wanted.name.as_str(), change);
        }
    }
    if args.truthy("clean") {
        let keep = kept(running, &wanted.name, args.get("require"))?;
        for directory in visited {
            for name in directory.files.iter().chain(&directory.dirs) {
                let path = join(&directory.root, name);
                if !keep.contains(&path)
                    && is_meant(relative(&path, &wanted.name), &Value::Null, args.get("exclude_pat"))?
                {
                    changes.insert(path, map! { "removed" => "Removed due to clean" });
                }
            }
        }
    }
    if !is_dir(&wanted.name) {
        changes.insert(wanted.name.as_str(), map! { "directory" => "new" });
    }
    if changes.is_empty() {
        return Ok((Some(true), format!("The directory {} is in the correct state", wanted.name), changes));
    }
    let mut comment = "The following files will be changed:\n".to_owned();
    for (path, change) in &changes {
        for (key, value) in change.as_map().into_iter().flatten() {
            comment.push_str(&format!("{}: {} - {}\n", str_of(path), str_of(key), str_of(value)));
        }
    }
    Ok((None, comment, changes))
}

/// What required states of files below `name` put there.
pub(super) fn kept(running: &Running, name: &str, require: &Value) -> Result<HashSet<String>, Fault> {
    let mut keep = HashSet::new();
    for required in require.as_list().into_iter().flatten().filter_map(|item| item.get("file")) {
        for low in running.lowstate {
            let own = |key: &str| low.get(key).is_some_and(|value| value == required);
            let Some(path) = low.str("name").filter(|_| own("name") || own("__id__")) else { continue };
            if !is_dir(path) {
                keep.insert(path.to_owned());
                continue;
            }
            let below = format!("{}/", name.trim_end_matches('/'));
            if path != name && !path.starts_with(&below) {
                continue;
            }
            if low.str("fun") == Some("recurse") {
                keep.extend(kept_by_recurse(running, low)?);
                continue;
            }
            walk(path, &mut |directory| {
                keep.insert(directory.root.clone());
                let names = directory.files.iter().chain(&directory.dirs);
                keep.extend(names.map(|name| join(&directory.root, name)));
                true
            });
        }
    }
    Ok(keep)
}

/// Removes what is below `root` and not kept: the paths; with `test=True` those that would be.
pub(super) fn clean(
    running: &Running,
    root: &str,
    keep: impl IntoIterator<Item = String>,
    exclude: &Value,
) -> Result<Vec<String>, Fault> {
    let mut stays: HashSet<String> = HashSet::from([root.to_owned()]);
    for path in keep.into_iter().filter(|path| path.starts_with('/')) {
        let mut at = path.as_str();
        while at != "/" && !at.is_empty() && stays.insert(at.to_owned()) {
            at = dirname(at);
        }
    }
    let (mut removed, mut fault) = (Vec::new(), None);
    walk(root, &mut |directory| {
        for name in directory.dirs.iter().chain(&directory.files) {
            let path = join(&directory.root, name);
            if stays.contains(&path) {
                continue;
            }
            match is_meant(relative(&path, root), &Value::Null, exclude) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    fault = Some(error);
                    return false;
                }
            }
            if !running.test() && fs::remove_file(&path).is_err() {
                // A directory: with all in it.
                if let Err(error) = running.ask("file.remove", &[path.as_str().into()]) {
                    fault = Some(error);
                    return false;
                }
            }
            removed.push(path);
        }
        true
    });
    fault.map_or(Ok(removed), Err)
}

pub(super) fn directory(running: &Running, args: &Args) -> Outcome {
    let mut name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.directory");
    }
    if name.ends_with('/') && name != "/" {
        name.pop();
    }
    let max_depth = if args.get("max_depth").is_null() { None } else { Some(args.int("max_depth")?) };
    if max_depth.is_some() && args.truthy("clean") {
        return failed(ret, "Cannot specify both max_depth and clean");
    }
    let user = owner(args);
    let mut dir_mode = args.get("dir_mode");
    if !dir_mode.truthy() {
        dir_mode = args.keywords.get("mode").unwrap_or(dir_mode);
    }
    let file_mode = Some(args.get("file_mode")).filter(|mode| mode.truthy()).unwrap_or(dir_mode);
    let group = args.get("group").clone();
    if let Some(text) = check_user(running, &user, &group)? {
        return failed(ret, text);
    }
    if !name.starts_with('/') {
        return failed(ret, format!("Specified file {name} is not an absolute path"));
    }
    let wanted = Wanted {
        args,
        user,
        group,
        dir_mode: normalize_mode(dir_mode),
        file_mode: normalize_mode(file_mode),
        max_depth,
        follow: args.truthy("follow_symlinks"),
        name,
    };
    if let Some(refusal) = make_way(running, &wanted, &mut ret)? {
        return Ok(refusal);
    }
    let walks = args.truthy("recurse") || args.truthy("clean");
    let visited = || if walks { limited_walk(&wanted.name, wanted.max_depth) } else { Vec::new() };
    let (result, comment, changes) = check(running, &wanted, &visited())?;
    for (path, change) in changes {
        changed(&mut ret, path, change);
    }
    if running.test() || !ret.changes.truthy() {
        ret.result = result;
        ret.comment = comment;
        return Ok(ret);
    }
    if is_dir(&wanted.name) {
        update(running, &wanted, &visited(), ret)
    } else {
        create(running, &wanted, ret)
    }
}

/// What stands where the directory should be is moved away, removed, or complained about.
fn make_way(running: &Running, wanted: &Wanted, ret: &mut StateReturn) -> Result<Option<StateReturn>, Fault> {
    let args = wanted.args;
    let name = wanted.name.as_str();
    let force = args.truthy("force");
    let link = is_link(name);
    if !(is_file(name) || (!args.truthy("allow_symlink") && link) || (force && link)) {
        return Ok(None);
    }
    let refuse = |text: String| {
        let mut refusal = ret.clone();
        refusal.result = Some(false);
        refusal.comment = text;
        Ok(Some(refusal))
    };
    let test = running.test();
    if let Some(backup) = args.given("backupname").map(str_of) {
        if lexists(&backup) {
            if !force {
                return refuse(format!("File exists where the backup target {backup} should go"));
            }
            if test {
                changed(ret, "forced", format!("Existing file at backup path {backup} would be removed"));
            } else {
                running.ask("file.remove", &[backup.as_str().into()])?;
            }
        }
        if test {
            changed(ret, "backup", format!("{name} would be renamed to {backup}"));
            changed(ret, name, map! { "directory" => "new" });
            ret.comment = format!("{name} would be backed up and replaced with a new directory");
            ret.result = None;
            return Ok(Some(ret.clone()));
        }
        fs::rename(name, &backup).map_err(|error| Fault::os(&error, name))?;
        return Ok(None);
    }
    let what = if is_file(name) { "File" } else { "Symlink" };
    if force {
        if test {
            changed(ret, "forced", format!("{what} would be forcibly replaced"));
        } else {
            fs::remove_file(name).map_err(|error| Fault::os(&error, name))?;
            changed(ret, "forced", format!("{what} was forcibly replaced"));
        }
        return Ok(None);
    }
    refuse(format!(
        "Specified location {name} exists and is a {}",
        if is_file(name) { "file" } else { "symlink" }
    ))
}

fn create(running: &Running, wanted: &Wanted, mut ret: StateReturn) -> Outcome {
    let name = wanted.name.as_str();
    let owned = || {
        map! {
            "user" => wanted.user.clone(),
            "group" => wanted.group.clone(),
            "mode" => wanted.dir_mode.clone(),
        }
    };
    if !is_dir(dirname(name)) {
        if !wanted.args.truthy("makedirs") {
            return failed(ret, format!("No directory to create {name} in"));
        }
        running.ask_with("file.makedirs", &[name.into()], owned())?;
    }
    running.ask_with("file.mkdir", &[name.into()], owned())?;
    if !is_dir(name) {
        return failed(ret, format!("Failed to create directory {name}"));
    }
    changed(&mut ret, name, map! { "directory" => "new" });
    Ok(ret)
}

/// `file.check_perms`, whose changes go into `ret`.
fn perms(
    running: &Running,
    path: &str,
    ret: &StateReturn,
    owner: (&Value, &Value),
    mode: Option<&str>,
    follow: bool,
) -> Outcome {
    let checked = running.ask(
        "file.check_perms",
        &[
            path.into(),
            to_map(ret).into(),
            owner.0.clone(),
            owner.1.clone(),
            mode.into(),
            Value::Null,
            follow.into(),
        ],
    )?;
    Ok(from_value(first(checked)))
}

fn update(running: &Running, wanted: &Wanted, visited: &[Visited], mut ret: StateReturn) -> Outcome {
    let args = wanted.args;
    let name = wanted.name.as_str();
    let children_only = args.truthy("children_only");
    if !children_only {
        let owner = (&wanted.user, &wanted.group);
        ret = perms(running, name, &ret, owner, wanted.dir_mode.as_deref(), wanted.follow)?;
    }
    let mut errors = Vec::new();
    if args.truthy("recurse") {
        match kinds(args.get("recurse")) {
            Ok(kinds) => ret = recurse_into(running, wanted, visited, &kinds, ret, &mut errors)?,
            Err(text) => {
                ret.result = Some(false);
                ret.comment = text;
            }
        }
    }
    if args.truthy("clean") {
        let keep = kept(running, name, args.get("require"))?;
        let removed = clean(running, name, keep, args.get("exclude_pat"))?;
        if !removed.is_empty() {
            changed(&mut ret, "removed", Value::list(removed));
            ret.comment = format!("Files cleaned from directory {name}");
        }
    }
    if ret.comment.is_empty() {
        if children_only {
            ret.comment = format!("Directory {name}/* updated");
        } else if ret.changes.truthy() {
            ret.comment = format!("Directory {name} updated");
        }
    }
    if !ret.changes.truthy() && ret.result == Some(true) {
        let before = std::mem::take(&mut ret.comment);
        ret.comment = format!("Directory {name} is in the correct state");
        if !before.is_empty() {
            ret.comment = format!("{}\n{before}", ret.comment);
        }
    }
    if !errors.is_empty() {
        ret.result = Some(false);
        ret.comment.push_str("\n\nThe following errors were encountered:\n");
        for error in errors {
            ret.comment.push_str(&format!("\n- {error}"));
        }
    }
    Ok(ret)
}

fn recurse_into(
    running: &Running,
    wanted: &Wanted,
    visited: &[Visited],
    kinds: &[String],
    mut ret: StateReturn,
    errors: &mut Vec<String>,
) -> Outcome {
    let has = |kind: &str| kinds.iter().any(|own| own == kind);
    let (mut user, mut group) = (Value::Null, Value::Null);
    for (kind, value, fun, slot) in [
        ("user", &wanted.user, "file.user_to_uid", &mut user),
        ("group", &wanted.group, "file.group_to_gid", &mut group),
    ] {
        if !has(kind) {
            continue;
        }
        *slot = value.clone();
        if !value.truthy() && !matches!(value, Value::Int(_)) {
            ret.result = Some(false);
            ret.comment = format!(
                "{kind} not specified, but configured as a target for recursive ownership management"
            );
        } else if matches!(running.ask(fun, std::slice::from_ref(value))?, Value::Text(_)) {
            ret.result = Some(false);
            ret.comment = if kind == "user" {
                format!("Failed to enforce ownership for user {} (user does not exist)", str_of(value))
            } else {
                format!("Failed to enforce group ownership for group {}", str_of(value))
            };
        }
    }
    let with_mode = |mode: &Option<String>| mode.clone().filter(|_| has("mode"));
    let (file_mode, dir_mode) = (with_mode(&wanted.file_mode), with_mode(&wanted.dir_mode));
    if has("silent") {
        ret.changes = map! { "recursion" => "Changes silenced" }.into();
    }
    for directory in visited {
        for (names, mode) in [
            (Some(&directory.files).filter(|_| !has("ignore_files")), &file_mode),
            (Some(&directory.dirs).filter(|_| !has("ignore_dirs")), &dir_mode),
        ] {
            for name in names.into_iter().flatten() {
                let path = join(&directory.root, name);
                match perms(running, &path, &ret, (&user, &group), mode.as_deref(), wanted.follow) {
                    Ok(next) => ret = next,
                    // What went away meanwhile is no error.
                    Err(Fault::Execution { text, .. }) if text.starts_with("Path not found") => {}
                    Err(fault @ Fault::Execution { .. }) => errors.push(text_of(&fault)),
                    Err(other) => return Err(other),
                }
            }
        }
    }
    Ok(ret)
}
