//! Putting content where it belongs: a file is replaced whole or not at all, and what it was is kept where that is
//! asked for. Salt: utils/files.py (`copyfile`, `backup_minion`, `mkstemp`).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::paths::{basename, dirname};
use crate::crypt::{digest::hex, random};
use crate::loader::{Call, Context, Fault, os_error_text};
use crate::value::{Value, str_of};

/// Files that are made on the way have names that begin so.
pub(super) const TEMPFILE_PREFIX: &str = "__salt.tmp.";

/// `str()` of the exception that a fault stands for.
pub(super) fn fault_text(fault: &Fault) -> String {
    match fault {
        Fault::Exception { text, .. } => text.clone(),
        other => other.to_string(),
    }
}

/// A new empty file that only its owner can read.
///
/// # Errors
/// When the directory cannot be written.
pub(super) fn temporary(directory: &Path, prefix: &str) -> io::Result<(PathBuf, File)> {
    loop {
        let path = directory.join(format!("{prefix}{}", hex(&random::bytes::<4>())));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
}

/// A temporary file with a content.
///
/// # Errors
/// When it cannot be written; nothing is left then.
pub(super) fn temporary_with(content: &[u8]) -> Result<String, Fault> {
    let directory = std::env::temp_dir();
    let (path, mut file) = temporary(&directory, TEMPFILE_PREFIX)
        .map_err(|error| Fault::os(&error, &directory.to_string_lossy()))?;
    let written = io::Write::write_all(&mut file, content);
    let path = path.to_string_lossy().into_owned();
    if let Err(error) = written {
        let _ = fs::remove_file(&path);
        return Err(Fault::os(&error, &path));
    }
    Ok(path)
}

/// Removes a file that was made on the way; any other stays.
pub(super) fn clean(path: &str) {
    let prefix = std::env::temp_dir().join(TEMPFILE_PREFIX);
    if path.starts_with(&*prefix.to_string_lossy()) {
        let _ = fs::remove_file(path);
    }
}

/// `config.backup_mode`: what is kept of a file that is replaced.
pub(super) fn backup_mode(cx: &Context, backup: &Value) -> String {
    let asked = cx.call("config.backup_mode", Call::positional([backup.clone()]));
    asked.map(|mode| str_of(&mode)).unwrap_or_default()
}

/// Copies a file to `dest`. What is there keeps its owner and mode, and stays whole where anything fails.
///
/// # Errors
/// The text is that of Python's exception.
pub(super) fn copy_file(cx: &Context, source: &str, dest: &str, backup: &Value) -> Result<(), String> {
    let missing = |path: &str| format!("[Errno 2] No such file or directory: {path}");
    if !Path::new(source).is_file() {
        return Err(missing(source));
    }
    if !Path::new(dirname(dest)).is_dir() {
        return Err(missing(dest));
    }
    let there = fs::metadata(dest).ok();
    let says = |error: io::Error, path: &str| os_error_text(&error, path);
    let short: String = basename(dest).chars().take(100).collect();
    let (beside, mut file) =
        temporary(Path::new(dirname(dest)), &short).map_err(|error| says(error, dest))?;
    let copied = (|| {
        let mut from = File::open(source)?;
        io::copy(&mut from, &mut file)?;
        if there.is_some() && matches!(backup_mode(cx, backup).as_str(), "minion" | "both") {
            keep_backup(cx, dest)?;
        }
        if let Some(there) = &there {
            chown(&beside, Some(there.uid()), Some(there.gid()))?;
            fs::set_permissions(&beside, fs::Permissions::from_mode(there.mode() & 0o7777))?;
        }
        fs::rename(&beside, dest)
    })();
    copied.map_err(|error| {
        let _ = fs::remove_file(&beside);
        says(error, dest)
    })
}

/// Writes a whole file anew as [`copy_file`] does: owner and mode stay.
///
/// # Errors
/// When it cannot be written; the old file is then untouched.
pub(super) fn rewrite(path: &str, content: &[u8]) -> Result<(), Fault> {
    let there = fs::metadata(path).ok();
    let failed = |error: io::Error| Fault::execution(format!("Exception: {}", os_error_text(&error, path)));
    let short: String = basename(path).chars().take(100).collect();
    let (beside, mut file) = temporary(Path::new(dirname(path)), &short).map_err(failed)?;
    let written = (|| {
        io::Write::write_all(&mut file, content)?;
        if let Some(there) = &there {
            chown(&beside, Some(there.uid()), Some(there.gid()))?;
            fs::set_permissions(&beside, fs::Permissions::from_mode(there.mode() & 0o7777))?;
        }
        fs::rename(&beside, path)
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// Where backups lie.
pub(super) fn backup_root(cx: &Context) -> PathBuf {
    Path::new(cx.opt_str("cachedir")).join("file_backup")
}

/// Puts a copy of a file among the backups, with the time in its name.
pub(super) fn keep_backup(cx: &Context, path: &str) -> io::Result<()> {
    let there = fs::metadata(path)?;
    let now = crate::host::local_now();
    let micros = now.subsec_nanosecond() / 1000;
    let stamp = format!("{}_{micros:06}_{:04}", now.strftime("%a_%b_%d_%H:%M:%S"), now.year());
    let directory = backup_root(cx).join(dirname(path).trim_start_matches('/'));
    fs::create_dir_all(&directory)?;
    let kept = directory.join(format!("{}_{stamp}", basename(path)));
    fs::copy(path, &kept)?;
    chown(&kept, Some(there.uid()), Some(there.gid()))?;
    fs::set_permissions(&kept, fs::Permissions::from_mode(there.mode() & 0o7777))
}

/// The mode bits that new files do not get.
pub(super) fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let digits = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    digits.and_then(|digits| u32::from_str_radix(digits.trim(), 8).ok()).unwrap_or(0o022)
}
