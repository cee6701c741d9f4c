//! `config`: the master's configuration, read and written. Salt: wheel/config.py.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::host::FileOwner;
use crate::loader::{Args, Context, Fault, Function, Module, always, req};
use crate::value::yaml::{self, Style};
use crate::value::{Map, Value};

pub(super) static MODULE: Module = Module {
    file: "config",
    provides: "config",
    available: always,
    functions: &[
        Function::new(
            "apply",
            &[req("key"), req("value")],
            "Writes the whole configuration with one option changed into the master's file. Wants a restart.",
            apply,
        ),
        Function::new(
            "update_config",
            &[req("file_name"), req("yaml_contents")],
            "Writes options into `<file_name>.conf` beside the master's other included files. Wants a restart.",
            update_config,
        ),
        Function::new("values", &[], "Every option of the master.", |cx, _| Ok(cx.opts.clone().into())),
    ],
};

fn apply(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut path = PathBuf::from(cx.opt_str("conf_file"));
    if path.is_dir() {
        path.push("master");
    }
    let mut values: Map = cx.opts.clone();
    values.insert(args.get("key").clone(), args.get("value").clone());
    let text = yaml::dump(&Value::from(values), Style::SALT);
    cx.host.write_atomic(&path, text.as_bytes(), 0o640, FileOwner::default())?;
    Ok(Value::Null)
}

fn update_config(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = format!("{}.conf", args.str("file_name")?);
    let include = Path::new(cx.opt_str("default_include"));
    let folder = Path::new(cx.opt_str("config_dir")).join(include.parent().unwrap_or(Path::new("")));
    if !is_one_name(&name) {
        return Ok("Invalid path".into());
    }
    let written = write(cx, &folder, &name, &yaml::dump(args.get("yaml_contents"), Style::SALT));
    Ok(match written {
        Ok(()) => format!("Wrote {name}"),
        Err(error) => crate::loader::os_error_text(&error, &folder.join(&name).display().to_string()),
    }
    .into())
}

/// A name of a file in a folder, not a path that leads elsewhere.
fn is_one_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !name.contains('\0')
}

fn write(cx: &Context, folder: &Path, name: &str, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    cx.host.write_atomic(&folder.join(name), text.as_bytes(), 0o640, FileOwner::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["../evil.conf", "/evil.conf", "a/../../evil.conf", "a/b.conf", "a\0.conf"] {
            assert!(!is_one_name(name), "{name:?}");
        }
        assert!(is_one_name("good.conf"));
    }
}
