//! `cp`: files of the master on the minion, and the other way round. Salt: modules/cp.py, fileclient.py.

mod cache;
mod fetch;
mod push;
mod receive;
mod url;

use crate::loader::Default::{False, None, Str, True};
use crate::loader::{Args, Context, Fault, Function, Module, always, keywords, opt, req};
use crate::map;
use crate::value::Value;

pub(super) static MODULE: Module = Module {
    file: "cp",
    provides: "cp",
    available: always,
    functions: &[
        Function::new(
            "cache_dest",
            &[req("url"), opt("saltenv", None)],
            "Where `cp.cache_file` puts the file of a URL, whether it is there or not.",
            cache::cache_dest,
        )
        .cheap(),
        Function::new(
            "cache_dir",
            &[
                req("path"),
                opt("saltenv", None),
                opt("include_empty", False),
                opt("include_pat", None),
                opt("exclude_pat", None),
            ],
            "Caches everything below a directory of the master: a list of paths. `include_pat` and `exclude_pat` are \
             globs, or regular expressions after `E@`.",
            cache::cache_dir,
        ),
        Function::new(
            "cache_file",
            &[
                req("path"),
                opt("saltenv", None),
                opt("source_hash", None),
                opt("verify_ssl", True),
                opt("use_etag", False),
            ],
            "Caches a file: where it is, or False where there is none. With `source_hash`, a cached file of a web \
             server is not fetched again if it has that hash.",
            cache::cache_file,
        ),
        Function::new(
            "cache_files",
            &[req("paths"), opt("saltenv", None)],
            "Caches several files, a list or text with commas: a list of what `cp.cache_file` says of each.",
            cache::cache_files,
        ),
        Function::new(
            "cache_local_file",
            &[req("path")],
            "Copies a file of the minion into its cache: where it is, or empty text where there is none.",
            cache::cache_local_file,
        ),
        Function::new(
            "cache_master",
            &[opt("saltenv", None)],
            "Caches every file of the master.",
            cache::cache_master,
        ),
        Function::new("envs", &[], "Environments of the file server.", envs),
        Function::new(
            "get_dir",
            &[
                req("path"),
                req("dest"),
                opt("saltenv", None),
                opt("template", None),
                opt("gzip", None),
                keywords("kwargs"),
            ],
            "Copies a directory of the master into `dest`: a list of what was written.",
            fetch::get_dir,
        ),
        Function::new(
            "get_file",
            &[
                req("path"),
                req("dest"),
                opt("saltenv", None),
                opt("makedirs", False),
                opt("template", None),
                opt("gzip", None),
                keywords("kwargs"),
            ],
            "Copies a file of the master to `dest` (a file or a directory): where it is, or empty text where there \
             is no such file.",
            fetch::get_file,
        ),
        Function::new(
            "get_file_str",
            &[req("path"), opt("saltenv", None)],
            "The content of a file, or False where there is none.",
            fetch::get_file_str,
        ),
        Function::new(
            "get_template",
            &[
                req("path"),
                req("dest"),
                opt("template", Str("jinja")),
                opt("saltenv", None),
                opt("makedirs", False),
                keywords("kwargs"),
            ],
            "Renders a template of the master to `dest`, or into the cache: where it is.",
            fetch::get_template,
        ),
        Function::new(
            "get_url",
            &[
                req("path"),
                opt("dest", Str("")),
                opt("saltenv", None),
                opt("makedirs", False),
                opt("source_hash", None),
            ],
            "Fetches `salt://`, `http://` or `file://`: where it is, or False. With `dest=None` its content.",
            fetch::get_url,
        ),
        Function::new(
            "hash_file",
            &[req("path"), opt("saltenv", None)],
            "`{hash_type, hsum}` of a file of the master (`salt://`) or of the minion.",
            hash_file,
        ),
        Function::new(
            "is_cached",
            &[req("path"), opt("saltenv", None)],
            "Where a file is cached, or empty text.",
            cache::is_cached,
        )
        .cheap(),
        Function::new(
            "list_master",
            &[opt("saltenv", None), opt("prefix", Str(""))],
            "Every file of the master.",
            list_master,
        ),
        Function::new(
            "list_master_dirs",
            &[opt("saltenv", None), opt("prefix", Str(""))],
            "Every directory of the master.",
            list_master_dirs,
        ),
        Function::new(
            "list_master_symlinks",
            &[opt("saltenv", None), opt("prefix", Str(""))],
            "Every link of the master: `{link: target}`.",
            list_master_symlinks,
        ),
        Function::new("list_minion", &[opt("saltenv", None)], "Every cached file.", cache::list_minion),
        Function::new(
            "list_states",
            &[opt("saltenv", None)],
            "Names of every sls file of the master.",
            list_states,
        ),
        Function::new(
            "push",
            &[
                req("path"),
                opt("keep_symlinks", False),
                opt("upload_path", None),
                opt("remove_source", False),
            ],
            "Sends a file of the minion to the master, which keeps it in its cache if `file_recv` allows it: True, \
             or False.",
            push::push,
        ),
        Function::new(
            "push_dir",
            &[req("path"), opt("glob", None), opt("upload_path", None)],
            "Sends every file of a directory to the master.",
            push::push_dir,
        ),
        Function::new(
            "recv",
            &[req("files"), req("dest")],
            "Takes small text files from `salt-cp`: `{path: text}`.",
            receive::recv,
        ),
        Function::new(
            "recv_chunked",
            &[req("dest"), req("chunk"), opt("append", False), opt("compressed", True), opt("mode", None)],
            "Takes one part of a file from `salt-cp`.",
            receive::recv_chunked,
        ),
        Function::new(
            "stat_file",
            &[req("path"), opt("saltenv", None), opt("octal", True)],
            "Mode bits of a file of the master or of the minion: four octal digits, or a number with `octal=False`.",
            stat_file,
        ),
    ],
};

/// The environment of a call: what it says, what the minion is set to, `base`.
fn saltenv(cx: &Context, args: &Args) -> Result<String, Fault> {
    let given = args.opt_str("saltenv")?.filter(|env| !env.is_empty());
    let set = || Some(cx.opt_str("saltenv").to_owned()).filter(|env| !env.is_empty());
    Ok(given.or_else(set).unwrap_or_else(|| "base".to_owned()))
}

/// The path of a call without its environment, and the environment: what the URL says counts more.
fn path_and_env(cx: &Context, args: &Args) -> Result<(String, String), Fault> {
    split_env(cx, args, &args.str("path")?)
}

fn split_env(cx: &Context, args: &Args, path: &str) -> Result<(String, String), Fault> {
    let (path, own) = url::split_env(path);
    Ok((path, own.map_or_else(|| saltenv(cx, args), Ok)?))
}

fn envs(cx: &Context, _: &Args) -> Result<Value, Fault> {
    Ok(Value::list(cx.minion.files().envs()?))
}

fn list_master(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(Value::list(cx.minion.files().file_list(&saltenv(cx, args)?, &args.str("prefix")?)?))
}

fn list_master_dirs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(Value::list(cx.minion.files().dir_list(&saltenv(cx, args)?, &args.str("prefix")?)?))
}

fn list_master_symlinks(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(cx.minion.files().symlink_list(&saltenv(cx, args)?, &args.str("prefix")?)?.into())
}

fn list_states(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let files = cx.minion.files().file_list(&saltenv(cx, args)?, "")?;
    let name = |file: &String| {
        let file = file.strip_suffix("/init.sls").or_else(|| file.strip_suffix(".sls"))?;
        Some(file.replace('/', "."))
    };
    let names = crate::value::sort::into_set(files.iter().filter_map(name));
    Ok(Value::list(names))
}

fn hash_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, saltenv) = path_and_env(cx, args)?;
    Ok(match cx.minion.files().hash_file(&path, &saltenv)? {
        Some(hash) if path.starts_with("salt://") => {
            map! { "hash_type" => hash.hash_type, "hsum" => hash.hsum }.into()
        }
        Some(hash) => map! { "hsum" => hash.hsum, "hash_type" => hash.hash_type }.into(),
        std::option::Option::None if path.starts_with("salt://") => Value::text(""),
        // Salt quirk (3006.25): a missing file of the minion is a pair of an empty map and None.
        std::option::Option::None => Value::List(vec![map! {}.into(), Value::Null]),
    })
}

fn stat_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, saltenv) = path_and_env(cx, args)?;
    let Some(mode) = cx.minion.files().mode_of(&path, &saltenv)? else { return Ok(Value::Null) };
    if args.get("octal") == &Value::Bool(true) {
        return Ok(Value::text(format!("{:04o}", mode & 0o7777)));
    }
    Ok(mode.into())
}

#[cfg(test)]
mod tests;
