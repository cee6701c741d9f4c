//! Writing the grains file: whole or not at all. Salt: modules/grains.py (`setvals`).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::host::FileOwner;
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::value::yaml::{self, Style};
use crate::value::{Map, Value};

/// Sets one grain.
pub(super) fn setval(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut grains = Map::new();
    grains.insert(args.get("key").clone(), args.get("val").clone());
    store(cx, &grains, args.truthy("destructive"), args.truthy("refresh_pillar"))
}

/// Sets several.
pub(super) fn setvals(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let Value::Map(grains) = args.get("grains") else {
        return Err(Fault::exception(
            "salt.exceptions.SaltException",
            "setvals grains must be a dictionary.",
        ));
    };
    store(cx, grains, args.truthy("destructive"), args.truthy("refresh_pillar"))
}

/// Writes `new` into the grains file and has the minion read it. Gives `new`, or why the file could not be read.
pub(super) fn store(
    cx: &Context,
    new: &Map,
    destructive: bool,
    refresh_pillar: bool,
) -> Result<Value, Fault> {
    let path = file(cx);
    let mut grains = match fs::read_to_string(&path) {
        Ok(text) => match yaml::load(&text, &path.to_string_lossy()) {
            Ok(grains) => grains.as_map().cloned().unwrap_or_default(),
            Err(error) => return Ok(format!("Unable to read existing grains file: {error}").into()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
        Err(error) => return Ok(format!("Unable to read existing grains file: {error}").into()),
    };
    for (key, value) in new {
        if value.is_null() && destructive {
            grains.remove_value(key);
        } else {
            grains.insert(key.clone(), value.clone());
        }
    }
    let text = yaml::dump(&grains.into(), Style::SALT);
    let (mode, owner) = like(&path);
    if let Err(error) = cx.host.write_atomic(&path, text.as_bytes(), mode, owner) {
        crate::log::error!(path = %path.display(), %error, "Unable to write to grains file");
    }
    touch(cx);
    // A state run goes on with these.
    if let Value::Map(set) = cx.memory.borrow_mut().entry("grains set", || Map::new().into()) {
        set.extend(new.clone());
    }
    if !cx.opts.get("local").is_some_and(Value::truthy) {
        let kwargs = map! { "refresh_pillar" => refresh_pillar };
        cx.call("saltutil.refresh_grains", Call { args: Vec::new(), kwargs })?;
    }
    Ok(new.clone().into())
}

/// `grains` beside the minion's configuration file.
fn file(cx: &Context) -> PathBuf {
    let config = Path::new(cx.opt_str("conf_file"));
    let folder = if config.is_dir() { config } else { config.parent().unwrap_or(Path::new("/")) };
    folder.join("grains")
}

/// Mode and owner of the file that is replaced.
fn like(path: &Path) -> (u32, FileOwner) {
    match fs::metadata(path) {
        Ok(found) => (found.mode() & 0o7777, FileOwner { uid: Some(found.uid()), gid: Some(found.gid()) }),
        Err(_) => (0o644, FileOwner::default()),
    }
}

/// A sign for processes of Salt that share the cache.
fn touch(cx: &Context) {
    let path = Path::new(cx.opt_str("cachedir")).join("module_refresh");
    if let Err(error) = fs::write(&path, "") {
        crate::log::error!(path = %path.display(), %error, "Unable to write to cache file");
    }
}
