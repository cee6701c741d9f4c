//! Giving an existing file of the system a new content: it keeps its mode, its owner and the links to it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{FileOwner, Host};

/// Gives `path` a new content, whole or not at all. A link stays a link. A file that is there keeps mode and owner; a new
/// one gets `mode`. A file that cannot be replaced because something is mounted on it is written in place.
///
/// # Errors
/// When it cannot be written; the old content is then untouched.
pub fn rewrite(host: &dyn Host, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (mode, owner) = match fs::metadata(&real) {
        Ok(metadata) => {
            (metadata.mode() & 0o7777, FileOwner { uid: Some(metadata.uid()), gid: Some(metadata.gid()) })
        }
        Err(_) => (mode, FileOwner::default()),
    };
    match host.write_atomic(&real, content, mode, owner) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => fs::write(&real, content),
        other => other,
    }
}
