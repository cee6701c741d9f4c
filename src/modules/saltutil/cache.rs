//! Cleaning the minion's cache. Salt: modules/saltutil.py (`clear_cache`, `clear_job_cache`).

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::loader::{Args, Context, Fault};
use crate::value::Value;

/// Removes every file below the cache; true when all could be removed.
pub(super) fn clear_cache(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let cachedir = Path::new(cx.opt_str("cachedir"));
    if cachedir.parent().is_none() {
        return Err(Fault::execution("the option cachedir names no directory that could be cleared"));
    }
    match remove_files(cachedir, 0) {
        Ok(()) => Ok(Value::Bool(true)),
        Err(error) => {
            crate::log::error!(%error, "Attempt to clear cache with saltutil.clear_cache FAILED");
            Ok(Value::Bool(false))
        }
    }
}

const DEEPEST: usize = 100;

fn remove_files(folder: &Path, depth: usize) -> io::Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type()?.is_dir() {
            if depth < DEEPEST {
                remove_files(&entry.path(), depth + 1)?;
            }
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes jobs older than `hours`; true when all could be removed.
pub(super) fn clear_job_cache(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let hours = args.get("hours").as_float().unwrap_or(24.0);
    let now = cx
        .host
        .now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|error| Fault::execution(error.to_string()))?;
    let threshold = now.timestamp().as_second() as f64 - hours * 3_600.0;
    let jobs = Path::new(cx.opt_str("cachedir")).join("minion_jobs");
    for entry in fs::read_dir(jobs).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let is_old = modified.is_some_and(|modified| modified.as_secs_f64() < threshold);
        if metadata.is_dir()
            && is_old
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            crate::log::error!(%error, "Attempt to clear cache with saltutil.clear_job_cache FAILED");
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}
