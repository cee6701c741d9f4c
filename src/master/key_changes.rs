//! Keys that go on the master's own doing (`revoke_auth`, wheel functions): the event, the caches on disk and the AES key
//! follow as when `salt-key` does it. What the master itself knows of the minion goes in `departures`. Salt: key.py.

use super::Master;
use crate::event::tags;
use crate::host::FileOwner;
use crate::keys::{self, Change};
use crate::names::MinionId;

/// Deletes the accepted key of `id` on its own request (`revoke_auth`). Blocks on the disk. True if there was one.
pub(super) fn revoke(master: &Master, id: &MinionId, preserve_cache: bool) -> bool {
    let deleted = match master.key_store.delete_id(id) {
        Ok(deleted) => deleted,
        Err(error) => {
            crate::log::error!(minion = id.as_str(), %error, "a key could not be deleted");
            return false;
        }
    };
    let change = Change { id: id.as_str().to_owned(), act: "delete" };
    removed(master, &[change], if preserve_cache { Some(id) } else { None });
    deleted
}

/// Tells of keys that were deleted or rejected, and does what goes with it. Blocks on the disk.
pub(super) fn removed(master: &Master, changes: &[Change], preserve: Option<&MinionId>) {
    let options = &master.options;
    if !options.preserve_minion_cache {
        let preserve: Vec<String> = preserve.iter().map(|id| id.as_str().to_owned()).collect();
        keys::clean_caches(master.key_store.dirs(), &options.cachedir, &preserve);
    }
    tell(master, changes);
    if options.rotate_aes_key
        && let Err(error) = keys::request_rotation(&options.cachedir, &options.id, FileOwner::default())
    {
        crate::log::error!(%error, "the AES key cannot be rotated: is the cache directory full?");
    }
}

/// Fires `salt/key` for each change.
pub(super) fn tell(master: &Master, changes: &[Change]) {
    for change in changes {
        master.fire(tags::KEY, change.event());
    }
}
