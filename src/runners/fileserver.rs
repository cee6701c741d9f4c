//! `fileserver`: what the master's file server has. Salt: runners/fileserver.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, keywords, opt};
use crate::map;
use crate::value::{Map, Value, sort};

const BACKEND: Param = opt("backend", Default::None);
const LOCK: &[Param] = &[BACKEND, opt("remote", Default::None)];
const LIST: &[Param] = &[opt("saltenv", Default::Str("base")), BACKEND];

pub(super) static MODULE: Module = Module {
    file: "fileserver",
    provides: "fileserver",
    available: always,
    functions: &[
        Function::new(
            "clear_cache",
            &[BACKEND],
            "Empties caches of file server backends; `roots` has none.",
            |_, args| {
                refuse_other(args)?;
                Ok("No cache was cleared".into())
            },
        ),
        Function::new(
            "clear_file_list_cache",
            &[opt("saltenv", Default::None), BACKEND],
            "Forgets lists of files. `{backend: [saltenv]}`; a master that runs forgets them by itself after \
             `fileserver_list_cache_time`.",
            |_, args| {
                refuse_other(args)?;
                Ok(Map::new().into())
            },
        ),
        Function::new(
            "clear_lock",
            LOCK,
            "Takes locks of file server backends away; `roots` has none.",
            |_, args| {
                refuse_other(args)?;
                Ok("No locks were removed".into())
            },
        ),
        Function::new("dir_list", LIST, "Directories of an environment. `[path]`.", |cx, args| {
            list(args, |saltenv| cx.master.files().dir_list(saltenv, ""))
        }),
        Function::new(
            "empty_dir_list",
            LIST,
            "Empty directories of an environment. `[path]`.",
            |cx, args| list(args, |saltenv| cx.master.files().file_list_emptydirs(saltenv, "")),
        ),
        Function::new(
            "envs",
            &[BACKEND, opt("sources", Default::False)],
            "Environments that the file server has. `[saltenv]`.",
            envs,
        ),
        Function::new("file_list", LIST, "Files of an environment. `[path]`.", |cx, args| {
            list(args, |saltenv| cx.master.files().file_list(saltenv, ""))
        }),
        Function::new(
            "lock",
            LOCK,
            "Keeps backends from fetching what is new; `roots` has no lock.",
            |_, args| {
                refuse_other(args)?;
                Ok("No locks were set".into())
            },
        ),
        Function::new("symlink_list", LIST, "Links of an environment. `{link: target}`.", |cx, args| {
            refuse_other(args)?;
            Ok(cx.master.files().symlink_list(&args.str("saltenv")?, "")?.into())
        }),
        Function::new(
            "update",
            &[BACKEND, keywords("kwargs")],
            "Has the backends fetch what is new; `roots` reads its files anew each time, and tells what has changed \
             where `fileserver_events` is set.",
            |cx, args| {
                refuse_other(args)?;
                cx.master.update_files()?;
                Ok(true.into())
            },
        ),
    ],
};

/// Only `roots` is there.
fn refuse_other(args: &Args) -> Result<(), Fault> {
    for backend in args.list("backend")? {
        let name = backend.as_str().unwrap_or_default().trim_start_matches('-');
        if !matches!(name, "roots" | "") {
            return Err(Fault::NotSupported(format!("the file server backend {name}")));
        }
    }
    Ok(())
}

fn list(args: &Args, paths: impl Fn(&str) -> Result<Vec<String>, Fault>) -> Result<Value, Fault> {
    refuse_other(args)?;
    Ok(Value::list(paths(&args.str("saltenv")?)?))
}

fn envs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    refuse_other(args)?;
    let mut envs = cx.master.files().envs()?;
    sort::all(&mut envs);
    if args.truthy("sources") {
        return Ok(map! { "roots" => Value::list(envs) }.into());
    }
    Ok(Value::list(envs))
}
