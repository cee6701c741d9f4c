//! Paths as Python's `os.path` treats them. Salt: modules/file.py; CPython: Lib/posixpath.py.

use crate::loader::{Args, Context, Fault};
use crate::value::{Value, str_of};

/// The path in a parameter, with `~` and `~user` resolved (`os.path.expanduser`); unknown users stay as they are.
pub(super) fn path(cx: &Context, args: &Args, name: &str) -> Result<String, Fault> {
    match args.get(name) {
        Value::Text(text) => Ok(expand_user(cx, text)),
        other => {
            Err(Fault::Type(format!("expected str, bytes or os.PathLike object, not {}", other.type_name())))
        }
    }
}

/// As [`path`], which has to be absolute: `complaint` is what Salt says otherwise.
pub(super) fn absolute(cx: &Context, args: &Args, name: &str, complaint: &str) -> Result<String, Fault> {
    let path = path(cx, args, name)?;
    if path.starts_with('/') { Ok(path) } else { Err(Fault::invocation(complaint)) }
}

fn expand_user(cx: &Context, path: &str) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = match user {
        "" => cx.host.env("HOME").or_else(|| cx.host.user_by_uid(0).map(|user| user.home)),
        name => cx.host.user(name).map(|user| user.home),
    };
    match home {
        Some(home) => {
            let joined = format!("{}{rest}", home.trim_end_matches('/'));
            if joined.is_empty() { "/".to_owned() } else { joined }
        }
        None => path.to_owned(),
    }
}

/// What stands behind the last slash.
pub(super) fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// What stands before the last slash, without slashes at its end unless it is nothing else.
pub(super) fn dirname(path: &str) -> &str {
    let head = path.get(..path.rfind('/').map_or(0, |at| at + 1)).unwrap_or_default();
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }
}

/// Without `.`, `..` and double slashes, as far as that goes without looking.
pub(super) fn normpath(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let slashes = match path.len() - path.trim_start_matches('/').len() {
        // POSIX: exactly two have a meaning of their own.
        2 => 2,
        0 => 0,
        _ => 1,
    };
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let goes_up = kept.last().is_none_or(|last| *last == "..");
        if part != ".." || (slashes == 0 && goes_up) {
            kept.push(part);
        } else {
            kept.pop();
        }
    }
    let normal = format!("{}{}", "/".repeat(slashes), kept.join("/"));
    if normal.is_empty() { ".".to_owned() } else { normal }
}

/// `os.path.join`.
pub(super) fn join(parts: &[Value]) -> Result<String, Fault> {
    let mut parts = parts.iter().map(str_of);
    let Some(mut joined) = parts.next() else {
        return Err(Fault::Type("join() missing 1 required positional argument: 'a'".to_owned()));
    };
    for part in parts {
        if part.starts_with('/') {
            joined = part;
        } else {
            if !joined.is_empty() && !joined.ends_with('/') {
                joined.push('/');
            }
            joined.push_str(&part);
        }
    }
    Ok(joined)
}
