//! Files that are copied, moved or touched: `copy`, `rename`, `touch`. Salt: states/file.py.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::ret::{
    Outcome, basename, changed, check_user, dirname, exists, expand_user, failed, first, fresh, from_value,
    is_dir, is_file, is_link, join, lexists, own_group, own_user, owner, path_in, to_map, walk,
};
use crate::host::directory_mode;
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) fn touch(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    touch_file(running, &name, args.get("atime"), args.get("mtime"), args.truthy("makedirs"))
}

/// `file.touch` for the states that need a file.
pub(super) fn touch_file(
    running: &Running,
    name: &str,
    atime: &Value,
    mtime: &Value,
    makedirs: bool,
) -> Outcome {
    let mut ret = fresh(name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.touch");
    }
    if !name.starts_with('/') {
        return failed(ret, format!("Specified file {name} is not an absolute path"));
    }
    if running.test() {
        return check_touch(running, name, atime, mtime, ret);
    }
    if makedirs {
        running.ask("file.makedirs", &[name.into()])?;
    }
    if !is_dir(dirname(name)) {
        return failed(ret, format!("Directory not present to touch file {name}"));
    }
    let there = exists(name);
    let done = running.ask("file.touch", &[name.into(), atime.clone(), mtime.clone()])?.truthy();
    ret.result = Some(done);
    if done && !there {
        ret.comment = format!("Created empty file {name}");
        changed(&mut ret, "new", name);
    } else if done {
        let what = if is_dir(name) { "directory" } else { "file" };
        ret.comment = format!("Updated times on {what} {name}");
        changed(&mut ret, "touched", name);
    }
    Ok(ret)
}

fn check_touch(running: &Running, name: &str, atime: &Value, mtime: &Value, mut ret: StateReturn) -> Outcome {
    ret.result = None;
    if !exists(name) {
        ret.comment = format!("File {name} is set to be created");
        changed(&mut ret, "new", name);
        return Ok(ret);
    }
    let stats = running.ask_with("file.stats", &[name.into()], map! { "follow_symlinks" => false })?;
    let differs =
        |wanted: &Value, key: &str| !wanted.is_null() && Some(str_of(wanted)) != stats.get(key).map(str_of);
    if differs(atime, "atime") || differs(mtime, "mtime") {
        ret.comment = format!("Times set to be updated on file {name}");
        changed(&mut ret, "touched", name);
    } else {
        ret.result = Some(true);
        ret.comment = format!("File {name} exists and has the correct times");
        changed(&mut ret, "new", name);
    }
    Ok(ret)
}

pub(super) fn copy(running: &Running, args: &Args) -> Outcome {
    let mut name = path_in(running, args, "name");
    let source = path_in(running, args, "source");
    let mut ret = fresh(&name);
    ret.comment = format!("Copied \"{source}\" to \"{name}\"");
    if name.is_empty() {
        return failed(ret, "Must provide name to file.copy");
    }
    if !name.starts_with('/') {
        return failed(ret, format!("Specified file {name} is not an absolute path"));
    }
    if !exists(&source) {
        return failed(ret, format!("Source file \"{source}\" is not present"));
    }
    let preserve = args.truthy("preserve");
    let of_source = |fun: &str| running.ask(fun, &[source.as_str().into()]);
    let (user, group, mut mode) = if preserve {
        (of_source("file.get_user")?, of_source("file.get_group")?, of_source("file.get_mode")?)
    } else {
        let user = own_user(running, owner(args));
        let group = own_group(running, &user, args.get("group"))?;
        if let Some(text) = check_user(running, &user, &group)? {
            return failed(ret, text);
        }
        (user, group, args.get("mode").clone())
    };
    if mode.is_null() {
        mode = of_source("file.get_mode")?;
    }
    if is_dir(&name) && args.truthy("subdir") {
        name = join(&name, basename(&source));
    }
    let force = args.truthy("force");
    let test = running.test();
    let mut writes = true;
    if lexists(&source) && lexists(&name) {
        if force && is_file(&name) {
            let hash = |path: &str| running.ask("file.get_hash", &[path.into()]);
            if hash(&name)? == hash(&source)? {
                ret.comment.push_str(" - files are identical but force flag is set");
            }
        }
        writes = force;
        // A file is replaced whole by another one; what cannot be replaced goes first.
        let in_the_way = is_dir(&source) || is_dir(&name);
        if force && !test && in_the_way {
            let removed = running.ask_with("file.remove", &[name.as_str().into()], map! { "force" => true });
            if let Err(Fault::Exception { .. }) = removed {
                return failed(ret, format!("Failed to delete \"{name}\" in preparation for forced move"));
            }
            removed?;
        }
    }
    if !writes {
        ret.comment = format!("The target file \"{name}\" exists and will not be overwritten");
        return Ok(ret);
    }
    if test {
        ret.comment = format!("File \"{source}\" is set to be copied to \"{name}\"");
        ret.result = None;
        return Ok(ret);
    }
    let parent = dirname(&name);
    if !is_dir(parent) {
        if !args.truthy("makedirs") {
            return failed(ret, format!("The target directory {parent} is not present"));
        }
        let dir_mode = match args.get("dir_mode") {
            Value::Null if !mode.is_null() => directory_mode(&str_of(&mode)).into(),
            given => given.clone(),
        };
        let owned = map! { "user" => user.clone(), "group" => group.clone(), "mode" => dir_mode };
        running.ask_with("file.makedirs", &[name.as_str().into()], owned)?;
    }
    let copied = if is_dir(&source) {
        copy_tree(Path::new(&source), Path::new(&name)).map(|()| {
            walk(&name, &mut |directory| {
                for entry in directory.dirs.iter().chain(&directory.files) {
                    let path = join(&directory.root, entry).into();
                    let _ = running.ask("file.lchown", &[path, user.clone(), group.clone()]);
                }
                true
            });
        })
    } else {
        copy_file(&source, &name)
    };
    if copied.is_err() {
        return failed(ret, format!("Failed to copy \"{source}\" to \"{name}\""));
    }
    ret.changes = map! { name.as_str() => source.as_str() }.into();
    if !preserve {
        let asked = [name.as_str().into(), to_map(&ret).into(), user, group, mode];
        let checked = from_value(first(running.ask("file.check_perms", &asked)?));
        ret.changes = checked.changes;
        ret.comment = checked.comment;
        if checked.result != Some(true) {
            ret.result = checked.result;
        }
    }
    Ok(ret)
}

/// A copy that is there whole or not at all.
fn copy_file(from: &str, to: &str) -> std::io::Result<()> {
    let beside = format!("{to}.{}", crate::crypt::digest::hex(&crate::crypt::random::bytes::<4>()));
    let to = if is_dir(to) { join(to, basename(from)) } else { to.to_owned() };
    let copied = fs::copy(from, &beside).and_then(|_| fs::rename(&beside, &to));
    if copied.is_err() {
        let _ = fs::remove_file(&beside);
    }
    copied
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if found.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if !found.is_dir() {
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    fs::set_permissions(to, found.permissions())
}

/// `os.path.expandvars`.
fn expand_variables(running: &Running, path: &str) -> String {
    let (mut out, mut rest) = (String::new(), path);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, tail) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, tail)) => (name, tail),
            None => after.split_at(
                after
                    .find(|char: char| !(char.is_ascii_alphanumeric() || char == '_'))
                    .unwrap_or(after.len()),
            ),
        };
        let taken = &rest[before.len()..rest.len() - tail.len()];
        match running.host.env(name).filter(|_| !name.is_empty()) {
            Some(value) => out.push_str(&value),
            None => out.push_str(taken),
        }
        rest = tail;
    }
    out + rest
}

pub(super) fn rename(running: &Running, args: &Args) -> Outcome {
    let expanded = |name: &str| {
        let path = expand_user(running, &str_of(args.get(name)));
        expand_variables(running, &path)
    };
    let (name, source) = (expanded("name"), expanded("source"));
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.rename");
    }
    if !name.starts_with('/') {
        return failed(ret, format!("Specified file {name} is not an absolute path"));
    }
    if !lexists(&source) {
        ret.comment = format!("Source file \"{source}\" has already been moved out of place");
        return Ok(ret);
    }
    let test = running.test();
    if lexists(&name) {
        if !args.truthy("force") {
            ret.comment = format!("The target file \"{name}\" exists and will not be overwritten");
            return Ok(ret);
        }
        if !test {
            running.ask("file.remove", &[name.as_str().into()])?;
        }
    }
    if test {
        ret.comment = format!("File \"{source}\" is set to be moved to \"{name}\"");
        ret.result = None;
        return Ok(ret);
    }
    let parent = dirname(&name);
    if !is_dir(parent) {
        if !args.truthy("makedirs") {
            return failed(ret, format!("The target directory {parent} is not present"));
        }
        running.ask("file.makedirs", &[name.as_str().into()])?;
    }
    if move_to(running, &source, &name).is_err() {
        return failed(ret, format!("Failed to move \"{source}\" to \"{name}\""));
    }
    ret.comment = format!("Moved \"{source}\" to \"{name}\"");
    ret.changes = map! { name.as_str() => source.as_str() }.into();
    Ok(ret)
}

fn move_to(running: &Running, source: &str, name: &str) -> Result<(), Fault> {
    if is_link(source) {
        let target = fs::read_link(source)?;
        symlink(target, name)?;
        return Ok(fs::remove_file(source)?);
    }
    running.ask_with("file.move", &[source.into(), name.into()], Map::new()).map(|_| ())
}
