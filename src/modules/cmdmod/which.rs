//! Finding programs. Salt: utils/path.py (`which`, `which_bin`).

use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, access};

use crate::loader::{Args, Context, Fault};
use crate::value::Value;

/// Looked at after `PATH`.
const ALWAYS: &[&str] = &["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/// The path of a program, or none.
pub(super) fn which(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(named(cx, args.get("cmd"))?.into())
}

/// The path of the first of some programs that is there, or none.
pub(super) fn which_bin(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let cmds = match args.get("cmds") {
        Value::List(cmds) => cmds.clone(),
        Value::Map(map) => map.keys().cloned().collect(),
        text @ Value::Text(_) => vec![text.clone()],
        _ => return Ok(Value::Null),
    };
    for cmd in &cmds {
        if let Some(path) = named(cx, cmd)? {
            return Ok(path.into());
        }
    }
    Ok(Value::Null)
}

/// Whether a program is there.
pub(super) fn has_exec(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(named(cx, args.get("cmd"))?.is_some().into())
}

fn named(cx: &Context, cmd: &Value) -> Result<Option<String>, Fault> {
    match cmd {
        Value::Text(name) => Ok(find(cx, name)),
        value if !value.truthy() => Ok(None),
        value => Err(Fault::Type(format!(
            "stat: path should be string, bytes, os.PathLike or integer, not {}",
            value.type_name()
        ))),
    }
}

/// The path of a program by its name, or the name itself where it is the path of a program.
pub(super) fn find(cx: &Context, name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    if is_executable(Path::new(name)) {
        return Some(name.to_owned());
    }
    let path = cx.host.env("PATH").unwrap_or_default();
    let folders: Vec<&str> = path.split(':').collect();
    let more = ALWAYS.iter().copied().filter(|folder| !folders.contains(folder));
    folders
        .iter()
        .copied()
        .chain(more)
        .map(|folder| joined(folder, name))
        .find(|path| is_executable(path))
        .map(|path| path.to_string_lossy().into_owned())
}

/// A regular file that this process may execute.
pub(super) fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// The two joined, `.` and `..` taken out by name, as `os.path.normpath` does.
fn joined(folder: &str, name: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for component in Path::new(folder).join(name.trim_start_matches('/')).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if path.parent().is_some() => {
                path.pop();
            }
            component => path.push(component),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_cleaned() {
        assert_eq!(joined("/usr/bin/", "./ls"), Path::new("/usr/bin/ls"));
        assert_eq!(joined("/usr/bin", "../sbin/x"), Path::new("/usr/sbin/x"));
        assert_eq!(joined("/sbin", "/bin/ls"), Path::new("/sbin/bin/ls"));
        assert_eq!(joined("/", "../x"), Path::new("/x"));
    }
}
