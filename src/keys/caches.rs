//! What is cached on disk of minions, and that it goes with their keys. Salt: key.py (`check_minion_cache`).

use std::fs;
use std::path::{Path, PathBuf};

use super::KeyDirs;
use crate::names::MinionId;

/// Where grains and pillar of a minion are cached on disk.
pub fn cached_of(cachedir: &Path, id: &MinionId) -> PathBuf {
    cachedir.join("minions").join(id.as_str())
}

/// Removes what is cached on disk of minions that have no key in any state, except those in `preserve`.
pub fn clean_caches(keys: &KeyDirs, cachedir: &Path, preserve: &[String]) {
    let known = crate::value::sort::into_set(keys.list().0.into_iter().flat_map(|(_, names)| names));
    let folder = cachedir.join("minions");
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let Ok(id) = entry.file_name().into_string() else { continue };
        if known.contains(&id) || preserve.contains(&id) || !entry.path().is_dir() {
            continue;
        }
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            crate::log::warn!("the cache {} could not be removed: {error}", entry.path().display());
        }
    }
}
