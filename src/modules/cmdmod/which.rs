//! Finding programs. Salt: modules/cmdmod.py (`which`, `which_bin`, `has_exec`).

use crate::host;
use crate::loader::{Args, Context, Fault};
use crate::value::Value;

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
    let path = cx.host.env("PATH").unwrap_or_default();
    host::which(name, &path).map(|path| path.to_string_lossy().into_owned())
}
