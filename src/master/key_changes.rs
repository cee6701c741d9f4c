//! What follows when a minion's key goes: its session and cache are forgotten, and the AES key is to be rotated, so that
//! the minion cannot read what is published from then on. Salt: key.py; salt-wire.md §8.

use std::fs;
use std::path::Path;

use super::Master;
use crate::event::tags;
use crate::host::{FileOwner, write_atomic};
use crate::map;
use crate::names::MinionId;

/// The drop file that asks a running master to rotate its AES key.
pub const ROTATION_REQUEST: &str = ".dfn";

/// Deletes the key of `id` on its own request (`revoke_auth`). Blocks on the disk. True if there was one.
pub(super) fn delete(master: &Master, id: &MinionId) -> bool {
    let deleted = match master.key_store.delete_id(id) {
        Ok(deleted) => deleted,
        Err(error) => {
            tracing::error!(minion = id.as_str(), %error, "a key could not be deleted");
            return false;
        }
    };
    master.fire(tags::KEY, map! { "result" => true, "act" => "delete", "id" => id.as_str() });
    if master.options.rotate_aes_key
        && let Err(error) = request_rotation(&master.options.cachedir, &master.options.id)
    {
        tracing::error!(%error, "the AES key cannot be rotated: is the cache directory full?");
    }
    deleted
}

/// Asks the master of this cache directory to rotate its AES key. The file holds the id of the master, which 3007
/// wants to see and 3006 does not look at.
///
/// # Errors
/// When the file cannot be written.
pub fn request_rotation(cachedir: &Path, master_id: &str) -> std::io::Result<()> {
    write_atomic(&cachedir.join(ROTATION_REQUEST), master_id.as_bytes(), 0o400, FileOwner::default())
}

/// Whether a rotation is asked for; takes the request away. Only a file of mode exactly 0400 counts.
pub(super) fn take_rotation_request(cachedir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let path = cachedir.join(ROTATION_REQUEST);
    let Ok(stat) = fs::symlink_metadata(&path) else { return false };
    if !stat.is_file() || stat.permissions().mode() & 0o7777 != 0o400 {
        return false;
    }
    match fs::remove_file(&path) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "a rotation request cannot be removed");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_request_is_taken_once_and_only_with_the_right_mode() {
        let dir = std::env::temp_dir().join(format!("halite-dfn-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        assert!(!take_rotation_request(&dir));
        request_rotation(&dir, "master").expect("written");
        assert!(take_rotation_request(&dir) && !take_rotation_request(&dir));
        fs::write(dir.join(ROTATION_REQUEST), "").expect("written");
        assert!(!take_rotation_request(&dir), "a file of another mode is no request");
        fs::remove_dir_all(dir).expect("removed");
    }
}
