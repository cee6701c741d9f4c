//! `file.symlink` and `file.hardlink`. Salt: states/file.py.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::ret::{
    Outcome, basename, changed, dirname, exists, failed, fresh, is_dir, is_file, is_link, join, lexists,
    own_group, own_user, owner, path_in, text_of,
};
use crate::host::normalize_mode;
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Who owns a link itself.
fn link_owner(running: &Running, path: &str) -> Result<(String, String), Fault> {
    let ask = |fun: &str| running.ask(fun, &[path.into(), false.into()]).map(|name| str_of(&name));
    Ok((ask("file.get_user")?, ask("file.get_group")?))
}

/// What is wrong with users, groups and paths, in Salt's words.
fn preflight(
    running: &Running,
    user: &Value,
    group: &Value,
    paths: &[(&str, &str)],
) -> Result<Option<String>, Fault> {
    let mut wrong = Vec::new();
    let unknown = |fun: &str, name: &Value| {
        Ok::<bool, Fault>(running.ask(fun, std::slice::from_ref(name))? == Value::text(""))
    };
    if unknown("file.user_to_uid", user)? {
        wrong.push(format!("User {} does not exist", str_of(user)));
    }
    if unknown("file.group_to_gid", group)? {
        wrong.push(format!("Group {} does not exist", str_of(group)));
    }
    for (what, path) in paths {
        if !path.starts_with('/') {
            wrong.push(format!("Specified {what} {path} is not an absolute path"));
        }
    }
    let end = if wrong.len() > 1 { "." } else { "" };
    Ok((!wrong.is_empty()).then(|| format!("{}{end}", wrong.join(". "))))
}

/// What a link should be.
struct Wanted<'a> {
    args: &'a Args,
    name: &'a str,
    target: &'a str,
    user: String,
    group: String,
    force: bool,
}

/// What a run would do.
fn plan(running: &Running, wanted: &Wanted) -> Result<(Option<bool>, String, Map), Fault> {
    let Wanted { name, target, .. } = *wanted;
    if !is_link(name) {
        return Ok(if !exists(name) {
            (None, format!("Symlink {name} to {target} is set for creation"), map! { "new" => name })
        } else if wanted.force {
            let text = format!(
                "The file or directory {name} is set for removal to make way for a new symlink targeting {target}"
            );
            (None, text, Map::new())
        } else {
            let text = format!(
                "File or directory exists where the symlink {name} should be. Did you mean to use force?"
            );
            (Some(false), text, Map::new())
        });
    }
    if str_of(&running.ask("file.readlink", &[name.into()])?) != target {
        let text = format!("Link {name} target is set to be changed to {target}");
        return Ok((None, text, map! { "change" => name }));
    }
    let (user, group) = link_owner(running, name)?;
    if user == wanted.user && group == wanted.group {
        return Ok((Some(true), format!("The symlink {name} is present"), Map::new()));
    }
    let text = format!(
        "The symlink {name} is present, but the ownership of the symlink would be changed from {user}:{group} to {}:{}",
        wanted.user, wanted.group
    );
    Ok((None, text, map! { "ownership" => format!("{user}:{group}") }))
}

/// Gives a link to its owner: whether it is theirs then.
fn give(running: &Running, wanted: &Wanted) -> Result<bool, Fault> {
    let asked = [wanted.name.into(), wanted.user.as_str().into(), wanted.group.as_str().into()];
    if let Err(error @ (Fault::Type(_) | Fault::NotAvailable(_))) = running.ask("file.lchown", &asked) {
        return Err(error);
    }
    is_theirs(running, wanted)
}

fn is_theirs(running: &Running, wanted: &Wanted) -> Result<bool, Fault> {
    Ok(link_owner(running, wanted.name)? == (wanted.user.clone(), wanted.group.clone()))
}

fn normal(running: &Running, path: &str) -> Result<String, Fault> {
    running.ask("file.normpath", &[path.into()]).map(|path| str_of(&path))
}

pub(super) fn symlink(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let target = str_of(args.get("target"));
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.symlink");
    }
    let (mut user, mut group) = (owner(args), args.get("group").clone());
    if args.truthy("inherit_user_and_group") && (user.is_null() || group.is_null()) && is_link(&name) {
        let (own_user, own_group) = link_owner(running, &name)?;
        user = if user.is_null() { own_user.into() } else { user };
        group = if group.is_null() { own_group.into() } else { group };
    }
    let user = own_user(running, user);
    let group = own_group(running, &user, &group)?;
    if let Some(text) = preflight(running, &user, &group, &[("file", &name)])? {
        return failed(ret, text);
    }
    let wanted = Wanted {
        args,
        name: &name,
        target: &target,
        user: str_of(&user),
        group: str_of(&group),
        force: args.truthy("force"),
    };
    let (result, mut comment, changes) = plan(running, &wanted)?;
    let test = running.test();
    let parent = dirname(&name);
    if !is_dir(parent) {
        match (args.truthy("makedirs"), test) {
            (true, true) => comment.push_str(&format!("\n{parent} will be created")),
            (true, false) => {
                let owned = map! {
                    "user" => user.clone(),
                    "group" => group.clone(),
                    "mode" => normalize_mode(args.get("mode")),
                };
                running.ask_with("file.makedirs", &[name.as_str().into()], owned)?;
            }
            (false, true) => comment.push_str(&format!("\nDirectory {parent} for symlink is not present")),
            (false, false) => {
                return failed(ret, format!("Directory {parent} for symlink is not present"));
            }
        }
    }
    if test {
        ret.result = result;
        ret.comment = comment;
        ret.changes = changes.into();
        return Ok(ret);
    }
    apply(running, &wanted, ret)
}

fn apply(running: &Running, wanted: &Wanted, mut ret: StateReturn) -> Outcome {
    let Wanted { name, target, args, .. } = *wanted;
    let whom = format!("{}:{}", wanted.user, wanted.group);
    if is_link(name) {
        let leads = str_of(&running.ask("file.readlink", &[name.into()])?);
        if normal(running, &leads)? == normal(running, target)? {
            if is_theirs(running, wanted)? {
                ret.comment = format!("Symlink {name} is present and owned by {whom}");
            } else if give(running, wanted)? {
                ret.comment = format!("Set ownership of symlink {name} to {whom}");
                changed(&mut ret, "ownership", whom);
            } else {
                ret.result = Some(false);
                ret.comment = format!("Failed to set ownership of symlink {name} to {whom}");
            }
            return Ok(ret);
        }
        running.ask("file.remove", &[name.into()])?;
    } else if exists(name)
        && let Some(refusal) = make_way(running, wanted, &mut ret)?
    {
        return failed(ret, refusal);
    }
    let how = map! { "force" => args.get("force").clone(), "atomic" => args.get("atomic").clone() };
    match running.ask_with("file.symlink", &[target.into(), name.into()], how) {
        Ok(_) => {
            ret.comment = format!("Created new symlink {name} -> {target}");
            changed(&mut ret, "new", name);
        }
        Err(fault @ (Fault::Execution { .. } | Fault::Exception { .. })) => {
            return failed(
                ret,
                format!("Unable to create new symlink {name} -> {target}: {}", text_of(&fault)),
            );
        }
        Err(other) => return Err(other),
    }
    if !is_theirs(running, wanted)? && !give(running, wanted)? {
        ret.result = Some(false);
        ret.comment.push_str(&format!(", but was unable to set ownership to {whom}"));
    }
    Ok(ret)
}

/// Moves what stands there to the backup, or says why it stays.
fn make_way(running: &Running, wanted: &Wanted, ret: &mut StateReturn) -> Result<Option<String>, Fault> {
    let Wanted { name, target, args, .. } = *wanted;
    let Some(mut backup) = args.given("backupname").map(str_of) else {
        if wanted.force || args.truthy("atomic") {
            return Ok(None);
        }
        let kind = if is_file(name) {
            "File"
        } else if is_dir(name) {
            "Directory"
        } else {
            "File system entry"
        };
        return Ok(Some(format!("{kind} exists where the symlink {name} should be")));
    };
    if !backup.starts_with('/') {
        if backup != basename(&backup) {
            return Ok(Some(format!("Backupname must be an absolute path or a file name: {backup}")));
        }
        backup = join(dirname(&normal(running, name)?), &backup);
    }
    if lexists(&backup) {
        if !wanted.force {
            return Ok(Some(format!(
                "Symlink & backup dest exists and Force not set. {name} -> {target} - backup: {backup}"
            )));
        }
        running.ask("file.remove", &[backup.as_str().into()])?;
    }
    let how = map! { "disallow_copy_and_unlink" => args.get("disallow_copy_and_unlink").clone() };
    if let Err(fault) = running.ask_with("file.move", &[name.into(), backup.as_str().into()], how) {
        ret.changes = Map::new().into();
        return Ok(Some(format!("Unable to rename {name} to backup {backup} -> : {}", text_of(&fault))));
    }
    Ok(None)
}

fn same_file(a: &str, b: &str) -> bool {
    match (fs::symlink_metadata(a), fs::symlink_metadata(b)) {
        (Ok(a), Ok(b)) => a.ino() == b.ino(),
        _ => false,
    }
}

fn has_more_names(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.nlink() > 1)
}

fn hardlink_plan(name: &str, target: &str, force: bool) -> (Option<bool>, String, Map) {
    let none = Map::new;
    if !exists(target) {
        (Some(false), format!("Target {target} for hard link does not exist"), none())
    } else if is_dir(target) {
        (Some(false), format!("Unable to hard link from directory {target}"), none())
    } else if is_dir(name) {
        (Some(false), format!("Unable to hard link to directory {name}"), none())
    } else if !exists(name) {
        (None, format!("Hard link {name} to {target} is set for creation"), map! { "new" => name })
    } else if has_more_names(name) {
        if same_file(name, target) {
            (Some(true), format!("The hard link {name} is presently targetting {target}"), none())
        } else {
            (None, format!("Link {name} target is set to be changed to {target}"), map! { "change" => name })
        }
    } else if force {
        let text = format!(
            "The file or directory {name} is set for removal to make way for a new hard link targeting {target}"
        );
        (None, text, none())
    } else {
        let text = format!(
            "File or directory exists where the hard link {name} should be. Did you mean to use force?"
        );
        (Some(false), text, none())
    }
}

pub(super) fn hardlink(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let target = str_of(args.get("target"));
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.hardlink");
    }
    let user = own_user(running, owner(args));
    let group = own_group(running, &user, args.get("group"))?;
    if let Some(text) = preflight(running, &user, &group, &[("file", &name), ("target", &target)])? {
        return failed(ret, text);
    }
    let force = args.truthy("force");
    if running.test() {
        let (result, comment, changes) = hardlink_plan(&name, &target, force);
        return Ok(StateReturn { result, comment, changes: changes.into(), ..ret });
    }
    for (direction, item) in [("to", &name), ("from", &target)] {
        if is_dir(item) {
            return failed(ret, format!("Unable to hard link {direction} directory {item}"));
        }
    }
    if !exists(&target) {
        return failed(ret, format!("Target {target} for hard link does not exist"));
    }
    if !is_dir(dirname(&name)) {
        if !args.truthy("makedirs") {
            return failed(ret, format!("Directory {} for hard link is not present", dirname(&name)));
        }
        let owned = map! {
            "user" => user.clone(),
            "group" => group.clone(),
            "mode" => normalize_mode(args.get("dir_mode")),
        };
        running.ask_with("file.makedirs", &[name.as_str().into()], owned)?;
    }
    let remove = || fs::remove_file(&name).map_err(|error| Fault::os(&error, &name));
    if is_file(&name) && !has_more_names(&name) {
        if !force {
            return failed(ret, format!("File exists where the hard link {name} should be"));
        }
        remove()?;
        changed(&mut ret, "forced", "File for hard link was forcibly replaced");
    }
    let was_there = has_more_names(&name);
    if was_there {
        if same_file(&name, &target) {
            ret.comment = format!("Target of hard link {name} is already pointing to {target}");
            return Ok(ret);
        }
        remove()?;
    } else if exists(&name) {
        return Ok(ret);
    }
    let (done, trying) = if was_there {
        ("Set target of hard link", "set target of hard link")
    } else {
        ("Created new hard link", "create new hard link")
    };
    if let Err(fault) = running.ask("file.link", &[target.as_str().into(), name.as_str().into()]) {
        return failed(ret, format!("Unable to {trying} {name} -> {target}: {}", text_of(&fault)));
    }
    ret.comment = format!("{done} {name} -> {target}");
    changed(&mut ret, "new", name.as_str());
    Ok(ret)
}
