//! Files of the master (or of a web server) put where the user wants them.

use std::fs;
use std::path::{Path, PathBuf};

use super::{path_and_env, saltenv, split_env, url};
use crate::crypt::HashType;
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::render;
use crate::value::{Value, sort, str_of};

pub(super) fn get_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let [path, dest] = names(cx, args)?;
    let (path, saltenv) = split_env(cx, args, &path)?;
    let files = cx.minion.files();
    if path.starts_with("salt://") && files.hash_file(&path, &saltenv)?.is_none() {
        return Ok(Value::text(""));
    }
    let makedirs = args.truthy("makedirs");
    if !path.starts_with("salt://") {
        return from_minion(cx, &path, &dest);
    }
    let written = files.get_zipped(&path, &saltenv, Path::new(&dest), makedirs, zipped(args)?)?;
    Ok(written.map_or(Value::Bool(false), path_value))
}

/// Salt quirk (3006.25): a path of the minion is accepted where `dest` already has the same content, and only there.
fn from_minion(cx: &Context, path: &str, dest: &str) -> Result<Value, Fault> {
    let files = cx.minion.files();
    let dest = into_directory(dest, path);
    let (wanted, there) = (files.hash_file(path, "base")?, files.hash_file(&dest.to_string_lossy(), "base")?);
    if wanted.is_some() && wanted == there {
        Ok(path_value(dest))
    } else {
        url::salt_path(path).map(Value::text)
    }
}

pub(super) fn get_file_str(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, saltenv) = path_and_env(cx, args)?;
    let cached = super::cache::one(cx, &path, &saltenv)?;
    let Some(octets) = cached.and_then(|path| fs::read(path).ok()) else { return Ok(Value::Bool(false)) };
    text(octets).map(Value::Text)
}

/// A template of the file server, rendered: where it is, or empty text where there is no such file.
pub(super) fn get_template(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, saltenv) = path_and_env(cx, args)?;
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|key, _| !matches!(key.as_str(), Some("context" | "name" | "source")));
    for name in ["user", "group", "mode", "attrs", "source_hash_name", "defaults"] {
        kwargs.entry(name, || Value::Null);
    }
    let context = args.keywords.get("context").cloned().unwrap_or_default();
    if url::scheme(&path).is_empty() && !path.starts_with('/') {
        return Err(Fault::execution(format!("Path '{path}' is not absolute")));
    }
    let mut dest = args.str("dest")?;
    let makedirs = args.truthy("makedirs") || dest.is_empty();
    if dest.is_empty() {
        let cached = url::external_path(&path, &saltenv, Path::new(&cx.opt_str("cachedir")));
        dest = cached.to_string_lossy().into_owned();
    }
    for (name, value) in [
        ("name", Value::text("")),
        ("template", args.get("template").clone()),
        ("source", path.into()),
        ("source_hash", "".into()),
        ("saltenv", saltenv.into()),
        ("context", context),
        ("skip_verify", true.into()),
    ] {
        kwargs.insert(name, value);
    }
    let got = cx.call("file.get_managed", Call { args: Vec::new(), kwargs })?;
    let part = |at: usize| got.as_list().and_then(|got| got.get(at)).map(str_of).unwrap_or_default();
    let (rendered, problem) = (part(0), part(2));
    if !problem.is_empty() {
        crate::log::error!("{problem}");
        return Ok("".into());
    }
    if makedirs {
        cx.call("file.makedirs", Call::positional([Value::text(dest.as_str())]))?;
    }
    let folder =
        Path::new(&dest).parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    let place =
        if Path::new(&dest).is_dir() { into_directory(&dest, &rendered) } else { PathBuf::from(&dest) };
    let placed = if folder { fs::copy(&rendered, place).map(|_| dest.as_str()) } else { Ok("") };
    let _ = fs::remove_file(&rendered);
    placed.map(Value::text).map_err(|error| Fault::os(&error, &dest))
}

/// The argument `gzip`: Python's `int()` of it, where it is true.
fn zipped(args: &Args) -> Result<Option<i64>, Fault> {
    let given = args.get("gzip");
    if !given.truthy() {
        return Ok(None);
    }
    let level = given.as_int().or_else(|| str_of(given).trim().parse().ok());
    let wrong = || format!("invalid literal for int() with base 10: '{}'", str_of(given));
    level.map(Some).ok_or_else(|| Fault::exception("ValueError", wrong()))
}

pub(super) fn get_dir(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let [path, dest] = names(cx, args)?;
    let (given, saltenv) = split_env(cx, args, &path)?;
    let path = url::salt_path(&given)?.trim_end_matches('/');
    let prefix = path.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    let inside = |file: &str| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let place = |file: &str| {
        let relative = file.strip_prefix(prefix).unwrap_or(file).trim_start_matches('/');
        format!("{dest}/{relative}")
    };
    let files = cx.minion.files();
    let level = zipped(args)?;
    let mut written = Vec::new();
    for file in files.file_list(&saltenv, path)?.iter().filter(|file| inside(file)) {
        let place = place(file);
        let got = files.get_zipped(&url::create(file), &saltenv, Path::new(&place), true, level)?;
        written.extend(got.map(|_| place));
    }
    for directory in files.file_list_emptydirs(&saltenv, path)?.iter().filter(|file| inside(file)) {
        let place = place(directory);
        fs::create_dir_all(&place)?;
        written.push(place);
    }
    sort::all(&mut written);
    Ok(Value::list(written))
}

pub(super) fn get_url(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let source = args.str("path")?;
    let saltenv = saltenv(cx, args)?;
    let Some(dest) = args.get("dest").as_str() else { return content(cx, &source, &saltenv) };
    if dest.is_empty() {
        let hash = args.opt_str("source_hash")?;
        if let Some(kept) = hash.and_then(|hash| kept(cx, &source, &saltenv, &hash)) {
            return Ok(path_value(kept));
        }
        return Ok(super::cache::one(cx, &source, &saltenv)?.map_or(Value::Bool(false), path_value));
    }
    if matches!(url::scheme(&source).as_str(), "" | "file") {
        return Ok(local_path(&source)?.map_or(Value::Bool(false), path_value));
    }
    let written =
        cx.minion.files().get_url(&source, &saltenv, Some(Path::new(dest)), args.truthy("makedirs"))?;
    Ok(match written {
        Some(path) => path_value(path),
        // Salt says False for its own files and empty text for those of web servers.
        None if source.starts_with("salt://") => Value::Bool(false),
        None => Value::text(""),
    })
}

/// The cached file of a web server, if it has the hash that the user wants. Salt tells the kind by its length.
pub(super) fn kept(cx: &Context, source: &str, saltenv: &str, hash: &str) -> Option<PathBuf> {
    if !matches!(url::scheme(source).as_str(), "http" | "https" | "ftp") {
        return None;
    }
    let wanted = hash.rsplit('=').next()?;
    let kind = match wanted.len() {
        32 => HashType::Md5,
        40 => HashType::Sha1,
        56 => HashType::Sha224,
        64 => HashType::Sha256,
        96 => HashType::Sha384,
        128 => HashType::Sha512,
        _ => return None,
    };
    let path = url::external_path(source, saltenv, Path::new(cx.opt_str("cachedir")));
    let octets = fs::read(&path).ok()?;
    (kind.hex(octets) == wanted).then_some(path)
}

/// The path of `file:///path` or of a bare path, whether there is such a file or not.
pub(super) fn local_path(source: &str) -> Result<Option<PathBuf>, Fault> {
    let path = match source.split_once("://") {
        Some((scheme, path)) if scheme.eq_ignore_ascii_case("file") => path,
        Some(_) => return Ok(None),
        None => source,
    };
    if !path.starts_with('/') {
        return Err(Fault::execution(format!("Path '{path}' is not absolute")));
    }
    let trimmed = path.trim_end_matches('/');
    Ok(Some(PathBuf::from(if trimmed.is_empty() { "/" } else { trimmed })))
}

fn content(cx: &Context, source: &str, saltenv: &str) -> Result<Value, Fault> {
    let octets = match url::scheme(source).as_str() {
        "" | "file" => match local_path(source)? {
            Some(path) => fs::read(&path).map_err(|error| Fault::os(&error, &path.to_string_lossy()))?,
            None => return Ok(Value::Bool(false)),
        },
        "salt" => match super::cache::one(cx, source, saltenv)? {
            Some(path) => fs::read(path)?,
            None => return Ok(Value::Bool(false)),
        },
        // Files of web servers are not kept when only their content is wanted.
        _ => {
            let name = format!(".get_url.{}.{}", std::process::id(), cx.host.now().subsec_nanosecond());
            let place = Path::new(cx.opt_str("cachedir")).join(name);
            let fetched = cx.minion.files().get_url(source, saltenv, Some(&place), true);
            let octets = fetched.and_then(|path| path.map(fs::read).transpose().map_err(Fault::from));
            let _ = fs::remove_file(&place);
            octets?.unwrap_or_default()
        }
    };
    if octets.is_empty() { Ok(Value::text("")) } else { text(octets).map(Value::Text) }
}

/// Text of octets.
///
/// # Errors
/// In Python's words where they are not UTF-8.
fn text(octets: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(octets).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let octet = error.as_bytes().get(at).copied().unwrap_or_default();
        let problem = match error.utf8_error().error_len() {
            Some(_) if (0xc2..0xf5).contains(&octet) => "invalid continuation byte",
            Some(_) => "invalid start byte",
            None => "unexpected end of data",
        };
        let text = format!("'utf-8' codec can't decode byte 0x{octet:02x} in position {at}: {problem}");
        Fault::exception("UnicodeDecodeError", text)
    })
}

/// `path` and `dest`; what they hold is rendered where `template` names an engine. Salt: modules/cp.py
/// (`_render_filenames`).
fn names(cx: &Context, args: &Args) -> Result<[String; 2], Fault> {
    let names = [args.str("path")?, args.str("dest")?];
    let engine = args.opt_str("template")?.filter(|template| !template.is_empty());
    let other_pillar = ["pillar", "pillarenv"].into_iter().any(|name| args.keywords.contains(name));
    match engine.as_deref() {
        None => Ok(names),
        Some("jinja") if !other_pillar => {
            let saltenv = saltenv(cx, args)?;
            let own = map! { "saltenv" => saltenv.as_str() };
            let [path, dest] = names.map(|name| {
                let rendered = render::jinja_text(cx, &name, &own, &saltenv);
                rendered.map_err(|error| {
                    Fault::execution(format!("Failed to render file path with error: {error}"))
                })
            });
            Ok([path?, dest?])
        }
        Some(engine) if TEMPLATE_ENGINES.contains(&engine) => {
            let pillar = if other_pillar { " with a pillar of its own" } else { "" };
            Err(Fault::NotSupported(format!("template={engine}{pillar} for the names of files")))
        }
        Some(engine) => {
            Err(Fault::execution(format!("Attempted to render file paths with unavailable engine {engine}")))
        }
    }
}

/// Salt: utils/templates.py (`TEMPLATE_REGISTRY`).
const TEMPLATE_ENGINES: [&str; 6] = ["jinja", "mako", "py", "wempy", "genshi", "cheetah"];

fn into_directory(dest: &str, path: &str) -> PathBuf {
    if Path::new(dest).is_dir() || dest.ends_with('/') {
        Path::new(dest).join(path.rsplit('/').next().unwrap_or(path))
    } else {
        PathBuf::from(dest)
    }
}

pub(super) fn path_value(path: PathBuf) -> Value {
    Value::text(path.to_string_lossy())
}
