//! `fileserver`: what the master's file server has. Salt: runners/fileserver.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, keywords, opt};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

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
                roots(args)?;
                Ok("No cache was cleared".into())
            },
        ),
        Function::new(
            "clear_file_list_cache",
            &[opt("saltenv", Default::None), BACKEND],
            "Forgets lists of files. `{backend: [saltenv]}`; a master that runs forgets them by itself after \
             `fileserver_list_cache_time`.",
            |cx, args| {
                let meant = args.list("saltenv")?;
                let mut envs = envs_of(cx, args)?;
                envs.retain(|env| meant.is_empty() || meant.iter().any(|one| str_of(one).trim() == env));
                Ok(if envs.is_empty() {
                    Map::new()
                } else {
                    map! { "roots" => Value::list(envs) }
                }
                .into())
            },
        ),
        Function::new(
            "clear_lock",
            LOCK,
            "Takes locks of file server backends away; `roots` has none.",
            |_, args| {
                roots(args)?;
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
                roots(args)?;
                Ok("No locks were set".into())
            },
        ),
        Function::new("symlink_list", LIST, "Links of an environment. `{link: target}`.", |cx, args| {
            let links = roots(args)?.then(|| cx.master.files().symlink_list(&args.str("saltenv")?, ""));
            Ok(links.transpose()?.unwrap_or_default().into())
        }),
        Function::new(
            "update",
            &[BACKEND, keywords("kwargs")],
            "Has the backends fetch what is new; `roots` reads its files anew each time, and tells what has changed \
             where `fileserver_events` is set.",
            |cx, args| {
                roots(args)?;
                cx.master.update_files()?;
                Ok(true.into())
            },
        ),
    ],
};

/// Whether `roots` is meant, the only one that is there: by its name, or by that of none but those to leave out.
fn roots(args: &Args) -> Result<bool, Fault> {
    let backends = args.list("backend")?;
    let mut names = backends.iter().map(|backend| backend.as_str().unwrap_or_default());
    for name in names.clone() {
        let name = name.trim_start_matches('-');
        if !matches!(name, "roots" | "") {
            return Err(Fault::NotSupported(format!("the file server backend {name}")));
        }
    }
    Ok(backends.is_empty() || names.any(|name| !name.starts_with('-')))
}

fn list(args: &Args, paths: impl Fn(&str) -> Result<Vec<String>, Fault>) -> Result<Value, Fault> {
    Ok(Value::list(if roots(args)? { paths(&args.str("saltenv")?)? } else { Vec::new() }))
}

fn envs_of(cx: &Context, args: &Args) -> Result<Vec<String>, Fault> {
    let mut envs = if roots(args)? { cx.master.files().envs()? } else { Vec::new() };
    sort::all(&mut envs);
    Ok(envs)
}

/// With `sources` Salt sorts what it has found by source, which leaves the names of the sources.
fn envs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.truthy("sources") {
        return Ok(Value::list(roots(args)?.then_some("roots")));
    }
    Ok(Value::list(envs_of(cx, args)?))
}
