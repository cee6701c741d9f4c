//! Accepting, rejecting and deleting keys by name. Salt: key.py (`accept`, `reject`, `delete_key`).

use std::fs;
use std::io;
use std::path::Path;

use super::{KeyDirs, KeyState, Names};
use crate::crypt::PublicKey;
use crate::map;
use crate::value::Map;

/// A key that has changed its state: what the event `salt/key` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: String,
    pub act: &'static str,
}

impl Change {
    /// The data of the event `salt/key`.
    pub fn event(&self) -> Map {
        map! { "result" => true, "act" => self.act, "id" => self.id.as_str() }
    }
}

/// What became of keys that were to be accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    pub changes: Vec<Change>,
    /// Names of what is no RSA public key: they stay where they are.
    pub invalid: Vec<String>,
}

impl KeyDirs {
    /// Moves keys from the given states to the accepted ones. Those that are no keys stay, and are taken out of `keys`.
    pub fn accept(&self, keys: &mut Names, from: &[KeyState]) -> Accepted {
        let mut done = Accepted::default();
        for (state, names) in keys.0.iter_mut().filter(|(state, _)| from.contains(state)) {
            names.retain(|name| {
                let file = self.directory(*state).join(name);
                if fs::read(&file).is_ok_and(|pem| PublicKey::from_pem(pem).is_err()) {
                    crate::log::error!("Invalid RSA public key: {name}");
                    done.invalid.push(name.clone());
                    return false;
                }
                done.changes.extend(self.shift(&file, KeyState::Accepted, name, "accept"));
                true
            });
        }
        done
    }

    /// Moves keys from the given states to the rejected ones.
    pub fn reject(&self, keys: &Names, from: &[KeyState]) -> Vec<Change> {
        let mut changes = Vec::new();
        for &state in from {
            for name in keys.of(state) {
                let file = self.directory(state).join(name);
                changes.extend(self.shift(&file, KeyState::Rejected, name, "reject"));
            }
        }
        changes
    }

    /// Removes keys.
    pub fn delete(&self, keys: &Names) -> Vec<Change> {
        let mut changes = Vec::new();
        for (state, names) in &keys.0 {
            for name in names {
                let file = self.directory(*state).join(name);
                changes.extend(changed(fs::remove_file(&file), &file, name, "delete"));
            }
        }
        changes
    }

    fn shift(&self, file: &Path, to: KeyState, name: &str, act: &'static str) -> Option<Change> {
        let folder = self.directory(to);
        let moved = fs::create_dir_all(&folder).and_then(|()| fs::rename(file, folder.join(name)));
        changed(moved, file, name, act)
    }
}

/// Salt says nothing about a key that could not be changed; we do.
fn changed(done: io::Result<()>, file: &Path, name: &str, act: &'static str) -> Option<Change> {
    match done {
        Ok(()) => Some(Change { id: name.to_owned(), act }),
        Err(error) => {
            crate::log::error!("the key {} could not be {act}ed: {error}", file.display());
            None
        }
    }
}
