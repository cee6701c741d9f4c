//! The grains cache: `<cachedir>/grains.cache.p`, with `grains_cache: True`. Salt: loader/__init__.py
//! (`_load_cached_grains`, `grains`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::log::{debug, error};

use super::collect;
use crate::host::{FileOwner, Host};
use crate::value::{Map, Value, msgpack};

/// Grains from the cache where that is switched on, young enough and whole; otherwise collected, and cached.
pub fn load(host: &dyn Host, opts: &Map, force_refresh: bool) -> Map {
    let cached = opts.get("grains_cache").is_some_and(Value::truthy);
    let path = PathBuf::from(opts.str("cachedir").unwrap_or_default()).join("grains.cache.p");
    let refresh = force_refresh || opts.get("refresh_grains_cache").is_some_and(Value::truthy);
    let keep = opts.get("grains_cache_expiration").and_then(Value::as_int).unwrap_or(300);
    let keep = Duration::from_secs(u64::try_from(keep).unwrap_or_default());
    if cached
        && !refresh
        && let Some(grains) = young(&path, keep)
    {
        debug!("Retrieving grains from cache");
        return grains;
    }
    let grains = collect(host, opts);
    if cached {
        store(host, &path, &grains);
    }
    grains
}

fn young(path: &Path, keep: Duration) -> Option<Map> {
    let age = fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()?;
    if age > keep + Duration::from_secs(1) {
        return None;
    }
    match msgpack::decode(&fs::read(path).ok()?, msgpack::Reading::Typed) {
        Ok(Value::Map(grains)) if !grains.is_empty() => Some(grains),
        _ => None,
    }
}

fn store(host: &dyn Host, path: &Path, grains: &Map) {
    let octets = msgpack::encode(&Value::Map(grains.clone()), msgpack::Dialect::Bin);
    if let Err(error) = host.write_atomic(path, &octets, 0o600, FileOwner::default()) {
        error!(path = %path.display(), %error, "Unable to write to grains cache file");
    }
}
