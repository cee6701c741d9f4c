//! Making, moving, copying, linking and removing files and directories. Salt: modules/file.py.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink as make_link};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::attributes::real_path;
use super::paths::{absolute, basename, dirname, normpath, path};
use super::perms::{Perms, check};
use crate::loader::{Args, Context, Fault, os_error_text};
use crate::map;
use crate::value::{Value, str_of};

pub(super) fn readdir(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = absolute(cx, args, "path", "Dir path must be absolute.")?;
    if !Path::new(&path).is_dir() {
        return Err(Fault::invocation("A valid directory was not specified."));
    }
    let entries = fs::read_dir(&path).map_err(|error| Fault::os(&error, &path))?;
    let names = entries.flatten().map(|entry| Value::from(entry.file_name().to_string_lossy().as_ref()));
    Ok(Value::List([".".into(), "..".into()].into_iter().chain(names).collect()))
}

pub(super) fn readlink(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    if !path.starts_with('/') {
        return Err(Fault::invocation(format!("Path to link must be absolute: {path}")));
    }
    match fs::read_link(&path) {
        Err(_) => Err(Fault::invocation(format!("A valid link was not specified: {path}"))),
        Ok(_) if args.truthy("canonicalize") => Ok(real_path(&path).into()),
        Ok(target) => Ok(target.to_string_lossy().as_ref().into()),
    }
}

pub(super) fn link(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let src = absolute(cx, args, "src", "File path must be absolute.")?;
    let dst = args.str("path")?;
    fs::hard_link(&src, &dst).map_err(|error| {
        let text = os_error_text(&error, &src);
        Fault::execution(format!("Could not create '{dst}': {text} -> '{dst}'"))
    })?;
    Ok(true.into())
}

pub(super) fn symlink(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let src = args.str("src")?;
    let path = path(cx, args, "path")?;
    if !path.starts_with('/') {
        return Err(Fault::invocation(format!("Link path must be absolute: {path}")));
    }
    let (force, atomic) = (args.truthy("force"), args.truthy("atomic"));
    let there = fs::symlink_metadata(&path).ok();
    let is_link = there.as_ref().is_some_and(fs::Metadata::is_symlink);
    if is_link {
        let target = fs::read_link(&path).unwrap_or_default();
        if normpath(&target.to_string_lossy()) == normpath(&src) {
            return Ok(true.into());
        }
        if !force && !atomic {
            return Err(Fault::execution(format!("Found existing symlink: {path}")));
        }
    } else if there.is_some() && !force && !atomic {
        return Err(Fault::execution(format!("Existing path is not a symlink: {path}")));
    }
    let failed = |_| Fault::execution(format!("Could not create '{path}'"));
    if atomic {
        let beside = format!("{path}.{}", crate::crypt::digest::hex(&crate::crypt::random::bytes::<8>()));
        make_link(&src, &beside).map_err(failed)?;
        if fs::rename(&beside, &path).is_err() {
            let _ = fs::remove_file(&beside);
            return Err(Fault::execution(format!("Could not create '{path}'")));
        }
        return Ok(true.into());
    }
    if there.is_some() {
        fs::remove_file(&path).map_err(|error| Fault::os(&error, &path))?;
    }
    make_link(&src, &path).map_err(failed)?;
    Ok(true.into())
}

pub(super) fn rename(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let src = absolute(cx, args, "src", "File path must be absolute.")?;
    let dst = path(cx, args, "dst")?;
    fs::rename(&src, &dst).map_err(|_| Fault::execution(format!("Could not rename '{src}' to '{dst}'")))?;
    Ok(true.into())
}

pub(super) fn mv(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.truthy("disallow_copy_and_unlink") {
        return rename(cx, args);
    }
    let src = absolute(cx, args, "src", "Source path must be absolute.")?;
    let dst = absolute(cx, args, "dst", "Destination path must be absolute.")?;
    let unable = |text: String| Fault::execution(format!("Unable to move '{src}' to '{dst}': {text}"));
    let mut to = dst.clone();
    if Path::new(&dst).is_dir() {
        to = format!("{}/{}", dst.trim_end_matches('/'), basename(src.trim_end_matches('/')));
        if fs::symlink_metadata(&to).is_ok() {
            return Err(unable(format!("Destination path '{to}' already exists")));
        }
    }
    match fs::rename(&src, &to) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            let moved = copy_tree(Path::new(&src), Path::new(&to)).and_then(|()| remove_any(&src));
            moved.map_err(|error| unable(os_error_text(&error, &src)))?;
        }
        Err(error) => return Err(unable(os_error_text(&error, &src))),
    }
    Ok(map! { "result" => true, "comment" => format!("'{src}' moved to '{dst}'") }.into())
}

pub(super) fn copy(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let src = absolute(cx, args, "src", "File path must be absolute.")?;
    let dst = path(cx, args, "dst")?;
    let Ok(found) = fs::metadata(&src) else {
        return Err(Fault::execution(format!("No such file or directory '{src}'")));
    };
    let failed = |_| Fault::execution(format!("Could not copy '{src}' to '{dst}'"));
    if Path::new(&dst).is_dir() || found.is_dir() {
        if !args.truthy("recurse") {
            return Err(Fault::invocation(
                "Cannot copy overwriting a directory without recurse flag set to true!",
            ));
        }
        if args.truthy("remove_existing") && Path::new(&dst).exists() {
            remove_any(&dst).map_err(failed)?;
        }
        if found.is_dir() {
            copy_tree(Path::new(&src), Path::new(&dst)).map_err(failed)?;
        } else {
            fs::copy(&src, Path::new(&dst).join(basename(&src))).map_err(failed)?;
        }
    } else {
        let octets = fs::read(&src).map_err(failed)?;
        fs::write(&dst, octets).map_err(failed)?;
    }
    let owned = chown(&dst, Some(found.uid()), Some(found.gid()));
    let set = owned.and_then(|()| fs::set_permissions(&dst, found.permissions()));
    set.map_err(|error| Fault::os(&error, &dst))?;
    Ok(true.into())
}

/// Files, links and directories, with their modes.
fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if found.is_symlink() {
        let _ = fs::remove_file(to);
        return make_link(fs::read_link(from)?, to);
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

fn remove_any(path: &str) -> std::io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

pub(super) fn remove(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    if !path.starts_with('/') {
        return Err(Fault::invocation(format!("File path must be absolute: {path}")));
    }
    match remove_any(&path) {
        Ok(()) => Ok(true.into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false.into()),
        Err(error) => {
            Err(Fault::execution(format!("Could not remove '{path}': {}", os_error_text(&error, &path))))
        }
    }
}

pub(super) fn rmdir(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = absolute(cx, args, "path", "File path must be absolute.")?;
    if !Path::new(&path).is_dir() {
        return Err(Fault::invocation("A valid directory was not specified."));
    }
    let days = str_of(args.get("older_than")).parse::<u64>().ok().filter(|days| *days > 0);
    let before = days.and_then(|days| SystemTime::now().checked_sub(Duration::from_secs(days * 86_400)));
    let old_enough = |path: &str| {
        before.is_none_or(|before| {
            fs::metadata(path).and_then(|found| found.modified()).is_ok_and(|time| time < before)
        })
    };
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    let mut take = |path: &str| match fs::remove_dir(path) {
        Ok(()) => {
            deleted.push(Value::from(path));
            true
        }
        Err(error) => {
            let text = os_error_text(&error, path);
            crate::log::error!("Could not remove '{path}': {text}");
            errors.push(Value::list([path.to_owned(), text]));
            false
        }
    };
    let mut all = true;
    if args.truthy("recurse") {
        let mut below = Vec::new();
        directories_below(Path::new(&path), &mut below);
        for directory in below.iter().filter(|directory| old_enough(directory)) {
            all &= take(directory);
        }
    }
    let mut result = args.truthy("recurse") && all;
    if old_enough(&path) {
        result = take(&path) && all;
    }
    if !args.truthy("verbose") {
        return Ok(result.into());
    }
    Ok(map! { "deleted" => Value::List(deleted), "errors" => Value::List(errors), "result" => result }.into())
}

/// Deepest first.
fn directories_below(path: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            directories_below(&entry.path(), found);
            found.push(entry.path().to_string_lossy().into_owned());
        }
    }
}

/// Makes one directory, with those above it, and gives it owner and mode as far as that goes.
fn make(cx: &Context, directory: &str, user: &Value, group: &Value, mode: &Value) -> Result<(), Fault> {
    let parent = dirname(directory);
    if !parent.is_empty() && parent != directory && !Path::new(parent).exists() {
        make(cx, parent, user, group, mode)?;
        if directory.ends_with("/.") {
            return Ok(());
        }
    }
    fs::create_dir(directory).map_err(|error| Fault::os(&error, directory))?;
    // Salt: `int(mode)`.
    let mode = Some(mode).filter(|mode| mode.truthy()).unwrap_or(&Value::Null);
    let wanted = Perms { user, group, mode, attrs: &Value::Null, follow_symlinks: false };
    check(cx, directory, None, &wanted).map(|_| ())
}

pub(super) fn mkdir(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let directory = normpath(&path(cx, args, "dir_path")?);
    if !Path::new(&directory).is_dir() {
        make(cx, &directory, args.get("user"), args.get("group"), args.get("mode"))?;
    }
    Ok(true.into())
}

/// Makes the directories that a path needs; the text says that there was nothing to do.
pub(super) fn make_parents(
    cx: &Context,
    path: &str,
    user: &Value,
    group: &Value,
    mode: &Value,
) -> Result<Option<String>, Fault> {
    let directory = normpath(dirname(path));
    if Path::new(&directory).is_dir() {
        return Ok(Some(format!("Directory '{directory}' already exists")));
    }
    if Path::new(&directory).exists() {
        return Ok(Some(format!("The path '{directory}' already exists and is not a directory")));
    }
    if !directory.starts_with('/') {
        return Err(Fault::invocation(
            "Recursive creation for path '' would result in an infinite loop. Please use an absolute path.",
        ));
    }
    make(cx, &directory, user, group, mode)?;
    Ok(None)
}

pub(super) fn makedirs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    Ok(make_parents(cx, &path, args.get("user"), args.get("group"), args.get("mode"))?.into())
}

pub(super) fn makedirs_perms(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let directory = path(cx, args, "name")?;
    let directory = directory.trim_end_matches('/');
    make(cx, directory, args.get("user"), args.get("group"), args.get("mode"))?;
    Ok(Value::Null)
}
