//! Owner, mode, times and kind of files. Salt: modules/file.py (`stats`, `get_*`, `set_mode`, `chown` …).

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown as change, lchown as change_link};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, access as may, statvfs as file_system};

use super::content::hash_of;
use super::paths::{absolute, path};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Follows a link unless `follow_symlinks` is false or it leads nowhere.
pub(super) fn metadata(path: &str, follow: bool) -> Result<Metadata, Fault> {
    let found = if follow {
        fs::metadata(path).or_else(|_| fs::symlink_metadata(path))
    } else {
        fs::symlink_metadata(path)
    };
    found.map_err(|_| Fault::execution(format!("Path not found: {path}")))
}

pub(super) fn stats(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let found = metadata(&path, args.truthy("follow_symlinks"))?;
    let seconds = |whole: i64, nanos: i64| Value::Float(whole as f64 + nanos as f64 / 1e9);
    let mut stats = map! {
        "inode" => found.ino(),
        "uid" => found.uid(),
        "gid" => found.gid(),
        "group" => group_name(cx, found.gid()),
        "user" => user_name(cx, found.uid()),
        "atime" => seconds(found.atime(), found.atime_nsec()),
        "mtime" => seconds(found.mtime(), found.mtime_nsec()),
        "ctime" => seconds(found.ctime(), found.ctime_nsec()),
        "size" => found.size(),
        "mode" => mode_text(found.mode()),
    };
    if args.truthy("hash_type") {
        stats.insert("sum", hash_of(&path, &args.str("hash_type")?)?);
    }
    let kind = found.file_type();
    let kinds = [
        (kind.is_dir(), "dir"),
        (kind.is_char_device(), "char"),
        (kind.is_block_device(), "block"),
        (kind.is_symlink(), "link"),
        (kind.is_fifo(), "pipe"),
        (kind.is_socket(), "socket"),
    ];
    stats.insert("type", kinds.iter().find(|(is, _)| *is).map_or("file", |(_, name)| *name));
    stats.insert("target", real_path(&path));
    Ok(stats.into())
}

/// `os.path.realpath`: as far as it exists, then as written.
pub(super) fn real_path(path: &str) -> String {
    let mut rest: Vec<std::ffi::OsString> = Vec::new();
    let mut at = std::path::absolute(path).unwrap_or_else(|_| Path::new(path).to_owned());
    loop {
        if let Ok(real) = fs::canonicalize(&at) {
            let parts = rest.iter().rev().filter(|part| !part.is_empty());
            let whole = parts.fold(real, |real, part| real.join(part));
            return whole.to_string_lossy().into_owned();
        }
        if let Ok(target) = fs::read_link(&at) {
            let base = at.parent().unwrap_or(Path::new("/")).join(target);
            at = Path::new(&super::paths::normpath(&base.to_string_lossy())).to_owned();
            if rest.len() > 64 {
                return at.to_string_lossy().into_owned();
            }
            rest.push(std::ffi::OsString::new());
            continue;
        }
        let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else {
            return at.to_string_lossy().into_owned();
        };
        rest.push(name.to_owned());
        at = parent.to_owned();
    }
}

/// Four octal digits at least.
pub(super) fn mode_text(mode: u32) -> String {
    format!("{:04o}", mode & 0o7777)
}

pub(super) fn user_name(cx: &Context, uid: u32) -> Value {
    cx.host.user_by_uid(uid).map_or_else(|| Value::Int(uid.into()), |user| user.name.into())
}

pub(super) fn group_name(cx: &Context, gid: u32) -> Value {
    cx.host.group_by_gid(gid).map_or_else(|| Value::Int(gid.into()), |group| group.name.into())
}

/// One of the values of [`stats`].
pub(super) fn one(cx: &Context, args: &Args, name: &str) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let found = metadata(&path, args.truthy("follow_symlinks"))?;
    Ok(match name {
        "uid" => found.uid().into(),
        "gid" => found.gid().into(),
        "user" => user_name(cx, found.uid()),
        "group" => group_name(cx, found.gid()),
        _ => mode_text(found.mode()).into(),
    })
}

pub(super) fn lstat(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = absolute(cx, args, "path", "Path to file must be absolute.")?;
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(Map::new().into()) };
    let seconds = |whole: i64, nanos: i64| Value::Float(whole as f64 + nanos as f64 / 1e9);
    Ok(map! {
        "st_atime" => seconds(found.atime(), found.atime_nsec()),
        "st_ctime" => seconds(found.ctime(), found.ctime_nsec()),
        "st_gid" => found.gid(),
        "st_mode" => found.mode(),
        "st_mtime" => seconds(found.mtime(), found.mtime_nsec()),
        "st_nlink" => found.nlink(),
        "st_size" => found.size(),
        "st_uid" => found.uid(),
    }
    .into())
}

pub(super) fn set_mode(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let given = str_of(args.get("mode"));
    let digits = match given.trim_start_matches(['0', 'O', 'o']) {
        "" => "0",
        digits => digits,
    };
    if !Path::new(&path).exists() {
        return Err(Fault::execution(format!("{path}: File not found")));
    }
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777);
    let set = mode.map(|mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)));
    match set {
        Some(Ok(())) => Ok(mode_text(metadata(&path, true)?.mode()).into()),
        _ => Ok(format!("Invalid Mode {digits}").into()),
    }
}

/// An account that is given by name or number. `Err`: there is none.
fn account(value: &Value, find: impl Fn(&str) -> Option<u32>) -> Result<Option<u32>, ()> {
    match value {
        Value::Int(number) => Ok(u32::try_from(*number).ok()),
        Value::Null => Ok(None),
        other => match str_of(other).as_str() {
            "" => Ok(None),
            name => find(name).map(Some).ok_or(()),
        },
    }
}

pub(super) fn uid(cx: &Context, user: &Value) -> Result<Option<u32>, ()> {
    account(user, |name| cx.host.user(name).map(|user| user.uid))
}

pub(super) fn gid(cx: &Context, group: &Value) -> Result<Option<u32>, ()> {
    account(group, |name| cx.host.group(name).map(|group| group.gid))
}

pub(super) fn user_to_uid(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.get("user").is_null() {
        return Ok(rustix::process::geteuid().as_raw().into());
    }
    Ok(uid(cx, args.get("user")).ok().flatten().map_or_else(|| "".into(), Value::from))
}

pub(super) fn group_to_gid(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(gid(cx, args.get("group")).ok().flatten().map_or_else(|| "".into(), Value::from))
}

pub(super) fn uid_to_user(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let given = args.get("uid");
    match given {
        Value::Int(number) => Ok(u32::try_from(*number).map_or(given.clone(), |uid| user_name(cx, uid))),
        other => {
            Err(Fault::Type(format!("'{}' object cannot be interpreted as an integer", other.type_name())))
        }
    }
}

pub(super) fn gid_to_group(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let number = match args.get("gid") {
        Value::Int(number) => u32::try_from(*number).ok(),
        other => match str_of(other).trim().parse() {
            Ok(number) => Some(number),
            Err(_) => gid(cx, other).ok().flatten(),
        },
    };
    Ok(number.map_or_else(|| "".into(), |gid| group_name(cx, gid)))
}

/// `None`, or what was wrong.
pub(super) fn change_owner(
    cx: &Context,
    path: &str,
    user: &Value,
    group: &Value,
    link: bool,
) -> Result<Value, Fault> {
    let mut wrong = String::new();
    let uid = uid(cx, user).unwrap_or_else(|()| {
        wrong.push_str("User does not exist\n");
        None
    });
    let gid = gid(cx, group).unwrap_or_else(|()| {
        wrong.push_str("Group does not exist\n");
        None
    });
    if !link && !Path::new(path).exists() {
        if wrong.is_empty() && change_link(path, uid, gid).is_ok() {
            return Ok(Value::Null);
        }
        wrong.push_str("File not found");
    }
    if !wrong.is_empty() {
        return Ok(wrong.into());
    }
    let changed = if link { change_link(path, uid, gid) } else { change(path, uid, gid) };
    changed.map(|()| Value::Null).map_err(|error| Fault::os(&error, path))
}

pub(super) fn chown(cx: &Context, args: &Args, link: bool) -> Result<Value, Fault> {
    change_owner(cx, &path(cx, args, "path")?, args.get("user"), args.get("group"), link)
}

pub(super) fn chgrp(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    metadata(&path, true)?;
    change_owner(cx, &path, &Value::Null, args.get("group"), false)
}

pub(super) fn access(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = absolute(cx, args, "path", "Path to link must be absolute.")?;
    let mode = match args.get("mode") {
        Value::Text(mode) => match mode.as_str() {
            "f" => Some(Access::EXISTS),
            "r" => Some(Access::READ_OK),
            "w" => Some(Access::WRITE_OK),
            "x" => Some(Access::EXEC_OK),
            _ => None,
        },
        Value::Int(0) => Some(Access::EXISTS),
        Value::Int(4) => Some(Access::READ_OK),
        Value::Int(2) => Some(Access::WRITE_OK),
        Value::Int(1) => Some(Access::EXEC_OK),
        _ => None,
    };
    let mode = mode.ok_or_else(|| Fault::invocation("Invalid mode specified."))?;
    Ok(may(&path, mode).is_ok().into())
}

pub(super) fn is_kind(cx: &Context, args: &Args, is: fn(&fs::FileType) -> bool) -> Result<Value, Fault> {
    let path = path(cx, args, "name")?;
    match fs::metadata(&path) {
        Ok(found) => Ok(is(&found.file_type()).into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false.into()),
        Err(error) => Err(Fault::os(&error, &path)),
    }
}

pub(super) fn is_hardlink(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = absolute(cx, args, "path", "Path to file must be absolute.")?;
    Ok(fs::symlink_metadata(path).map_or_else(|_| Map::new().into(), |found| (found.nlink() > 1).into()))
}

pub(super) fn statvfs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = absolute(cx, args, "path", "File path must be absolute.")?;
    let found = file_system(&path).map_err(|_| Fault::execution(format!("Could not statvfs '{path}'")))?;
    Ok(map! {
        "f_bavail" => found.f_bavail,
        "f_bfree" => found.f_bfree,
        "f_blocks" => found.f_blocks,
        "f_bsize" => found.f_bsize,
        "f_favail" => found.f_favail,
        "f_ffree" => found.f_ffree,
        "f_files" => found.f_files,
        "f_flag" => found.f_flag.bits(),
        "f_frsize" => found.f_frsize,
        "f_namemax" => found.f_namemax,
    }
    .into())
}

pub(super) fn touch(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "name")?;
    let time = |name: &str| match args.get(name) {
        Value::Null => Ok(None),
        given => match str_of(given).parse::<f64>() {
            Ok(seconds) if seconds >= 0.0 => {
                Ok(Duration::try_from_secs_f64(seconds).ok().map(|since| SystemTime::UNIX_EPOCH + since))
            }
            _ => Err(Fault::invocation("atime and mtime must be integers")),
        },
    };
    let (atime, mtime) = (time("atime")?, time("mtime")?);
    let failed = |error: std::io::Error| {
        Fault::execution(error.to_string().split(" (os error").next().unwrap_or_default())
    };
    if !Path::new(&path).exists() {
        fs::OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
    }
    let now = SystemTime::now();
    let times = fs::FileTimes::new().set_accessed(atime.unwrap_or(now)).set_modified(mtime.unwrap_or(now));
    fs::File::open(&path).and_then(|file| file.set_times(times)).map_err(failed)?;
    Ok(Path::new(&path).exists().into())
}
