//! The drop file that asks a running master for a new AES key, so that minions whose keys are gone can no longer read
//! along. Salt: crypt.py (`dropfile`); salt-wire.md §8.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::host::{FileOwner, write_atomic};

/// Its name in the cache directory.
pub const REQUEST: &str = ".dfn";

/// Asks the master of this cache directory. The file holds the id of the master, which 3007 wants to see and 3006 does
/// not look at.
///
/// # Errors
/// When the file cannot be written.
pub fn request_rotation(cachedir: &Path, master_id: &str, owner: FileOwner) -> io::Result<()> {
    write_atomic(&cachedir.join(REQUEST), master_id.as_bytes(), 0o400, owner)
}

/// Whether a rotation is asked for; takes the request away. Only a file of mode exactly 0400 counts.
pub fn take_rotation_request(cachedir: &Path) -> bool {
    let path = cachedir.join(REQUEST);
    let Ok(stat) = fs::symlink_metadata(&path) else { return false };
    if !stat.is_file() || stat.permissions().mode() & 0o7777 != 0o400 {
        return false;
    }
    match fs::remove_file(&path) {
        Ok(()) => true,
        Err(error) => {
            crate::log::error!(path = %path.display(), %error, "a rotation request cannot be removed");
            false
        }
    }
}
