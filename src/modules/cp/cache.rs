//! The file cache of the minion.

use crate::patterns::PySearch;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::fetch::{kept, local_path, path_value};
use super::{path_and_env, saltenv, url};
use crate::host::write_cache_file;
use crate::loader::{Args, Context, Fault};
use crate::patterns::fnmatch;
use crate::value::Value;

/// Caches one file: where it is, or `None` where there is no such file.
pub(super) fn one(cx: &Context, source: &str, saltenv: &str) -> Result<Option<PathBuf>, Fault> {
    match url::scheme(source).as_str() {
        // Files of the minion are where they are, even where they are not.
        "" | "file" => local_path(source),
        "salt" => match cx.minion.files().get_url(source, saltenv, None, true)? {
            Some(path) => into_cache(cx, source, saltenv, path).map(Some),
            None => Ok(None),
        },
        _ => cx.minion.files().get_url(source, saltenv, None, true),
    }
}

/// A file of this machine's own file server (`file_client: local`) lies elsewhere; it is copied into the cache where the
/// one there is not the same.
fn into_cache(cx: &Context, source: &str, saltenv: &str, path: PathBuf) -> Result<PathBuf, Fault> {
    let (relative, own) = url::parse(source).unwrap_or((source, None));
    let directory = cx.minion.files().cache_dir(own.unwrap_or(saltenv));
    let relative = relative.trim_start_matches(['|', '/']);
    if path.starts_with(&directory) || !plain(relative) {
        return Ok(path);
    }
    let place = directory.join(relative);
    let content = fs::read(&path).map_err(|error| Fault::os(&error, &path.display().to_string()))?;
    if fs::read(&place).is_ok_and(|there| there == content) {
        return Ok(place);
    }
    let failed = |error: &std::io::Error| Fault::os(error, &place.display().to_string());
    if let Some(directory) = place.parent() {
        if directory.is_file() {
            fs::remove_file(directory).map_err(|error| failed(&error))?;
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| failed(&error))?;
    }
    if place.is_dir() {
        fs::remove_dir_all(&place).map_err(|error| failed(&error))?;
    }
    write_cache_file(&place, &content, 0o600).map_err(|error| failed(&error))?;
    Ok(place)
}

pub(super) fn cache_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, saltenv) = path_and_env(cx, args)?;
    if args.truthy("use_etag") && matches!(url::scheme(&path).as_str(), "http" | "https") {
        let cached = cx.minion.files().cache_if_changed(&path, &saltenv)?;
        return Ok(cached.map_or(Value::Bool(false), path_value));
    }
    let hash = args.opt_str("source_hash")?;
    if let Some(kept) = hash.and_then(|hash| kept(cx, &path, &saltenv, &hash)) {
        return Ok(path_value(kept));
    }
    // Nothing is said where a function of `file` has no such argument.
    let unverified = !args.get("verify_ssl").is_null() && !args.truthy("verify_ssl");
    let cached = if url::scheme(&path) == "https" && unverified {
        cx.minion.files().cache_unverified(&path, &saltenv)?
    } else {
        one(cx, &path, &saltenv)?
    };
    Ok(cached.map_or(Value::Bool(false), path_value))
}

pub(super) fn cache_files(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let saltenv = saltenv(cx, args)?;
    let mut cached = Vec::new();
    for path in args.list("paths")? {
        let path =
            path.as_str().ok_or_else(|| Fault::invocation("'paths' must be text or a list of text"))?;
        let (path, own) = url::split_env(path);
        let path = one(cx, &path, own.as_deref().unwrap_or(&saltenv))?;
        cached.push(path.map_or(Value::Bool(false), path_value));
    }
    Ok(Value::List(cached))
}

pub(super) fn cache_master(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let saltenv = saltenv(cx, args)?;
    let mut cached = Vec::new();
    for file in cx.minion.files().file_list(&saltenv, "")? {
        cached.push(one(cx, &url::create(&file), &saltenv)?.map_or(Value::Bool(false), path_value));
    }
    Ok(Value::List(cached))
}

pub(super) fn cache_dir(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let saltenv = saltenv(cx, args)?;
    let given = args.str("path")?;
    let directory = format!("{}/", url::salt_path(&given)?.trim_end_matches('/'));
    let (include, exclude) = (patterns(args, "include_pat")?, patterns(args, "exclude_pat")?);
    let files = cx.minion.files();
    let mut cached = Vec::new();
    for file in files.file_list(&saltenv, "")? {
        let wanted = (include.is_empty() || include.iter().any(|pattern| pattern.matches(&file)))
            && !exclude.iter().any(|pattern| pattern.matches(&file));
        if file.starts_with(&directory) && wanted {
            cached.extend(one(cx, &url::create(&file), &saltenv)?.map(path_value));
        }
    }
    if args.truthy("include_empty") {
        for empty in files.file_list_emptydirs(&saltenv, "")? {
            if empty.starts_with(&directory) && plain(&empty) {
                let place = files.cache_dir(&saltenv).join(&empty);
                fs::create_dir_all(&place)?;
                cached.push(path_value(place));
            }
        }
    }
    Ok(Value::List(cached))
}

/// Whether a path of the master stays below the directory it is put in.
fn plain(path: &str) -> bool {
    !path.starts_with('/') && path.split('/').all(|part| part != "..")
}

enum Pattern {
    Glob(String),
    Regex(PySearch),
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        match self {
            Pattern::Glob(glob) => fnmatch(glob, path),
            Pattern::Regex(regex) => regex.is_in(path),
        }
    }
}

/// Salt: utils/stringutils.py (`check_include_exclude`).
fn patterns(args: &Args, name: &str) -> Result<Vec<Pattern>, Fault> {
    let texts: Vec<&str> = match args.get(name) {
        Value::Text(text) if !text.is_empty() => vec![text],
        Value::List(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let pattern = |text: &str| match text.strip_prefix("E@") {
        None => Ok(Pattern::Glob(text.to_owned())),
        Some(regex) => PySearch::new(regex, 0).map(Pattern::Regex).map_err(|error| {
            Fault::invocation(format!("{name} {regex:?} is no regular expression: {error}"))
        }),
    };
    texts.into_iter().map(pattern).collect()
}

pub(super) fn cache_local_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = args.str("path")?;
    if !Path::new(&path).exists() {
        return Ok(Value::text(""));
    }
    let files = cx.minion.files();
    let there = cached_path(cx, &path, &saltenv(cx, args)?);
    if let Some(there) = there.filter(|there| !there.starts_with('|'))
        && files.hash_file(&path, "base")? == files.hash_file(&there, "base")?
    {
        return Ok(Value::Text(there));
    }
    let place = Path::new(cx.opt_str("cachedir")).join("localfiles").join(path.trim_start_matches('/'));
    if let Some(directory) = place.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::copy(&path, &place)?;
    Ok(path_value(place))
}

pub(super) fn is_cached(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, saltenv) = path_and_env(cx, args)?;
    Ok(Value::Text(cached_path(cx, &path, &saltenv).unwrap_or_default()))
}

fn cached_path(cx: &Context, path: &str, saltenv: &str) -> Option<String> {
    let (path, own) = url::parse(path).unwrap_or((path, None));
    let saltenv = own.unwrap_or(saltenv);
    let escaped = path.starts_with('|');
    let relative = path.trim_start_matches(['|', '/']);
    let cachedir = Path::new(cx.opt_str("cachedir"));
    let places =
        [cx.minion.files().cache_dir(saltenv).join(relative), cachedir.join("localfiles").join(relative)];
    let mark = if escaped { "|" } else { "" };
    if let Some(place) = places.iter().find(|place| place.exists()) {
        return Some(format!("{mark}{}", place.display()));
    }
    let external = url::external_path(path, saltenv, cachedir);
    (external.is_absolute() && external.exists()).then(|| external.to_string_lossy().into_owned())
}

pub(super) fn cache_dest(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (source, saltenv) = (args.str("url")?, saltenv(cx, args)?);
    let cachedir = Path::new(cx.opt_str("cachedir"));
    Ok(match url::scheme(&source).as_str() {
        "" => Value::Text(source),
        "salt" => {
            let (path, own) = url::parse(&source).unwrap_or((&source, None));
            let directory = cx.minion.files().cache_dir(own.unwrap_or(&saltenv));
            path_value(directory.join(path.trim_start_matches(['|', '/'])))
        }
        _ => path_value(url::external_path(&source, &saltenv, cachedir)),
    })
}

pub(super) fn list_minion(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut files = BTreeSet::new();
    collect(&cx.minion.files().cache_dir(&saltenv(cx, args)?), 0, &mut files);
    collect(&Path::new(cx.opt_str("cachedir")).join("localfiles"), 0, &mut files);
    Ok(Value::list(files))
}

/// Every file below a directory. Links are followed, as in Salt, but not without end.
pub(super) fn collect(directory: &Path, depth: usize, files: &mut BTreeSet<String>) {
    const MAX_DEPTH: usize = 40;
    if depth > MAX_DEPTH {
        return;
    }
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, depth + 1, files);
        } else {
            files.insert(path.to_string_lossy().into_owned());
        }
    }
}
