//! The directories of minions' keys: who is in which, and moving a key from one to another. Used by the master and by
//! `salt-key`. Salt: key.py; salt-wire.md §15.1.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::host::write_cache_file;
use crate::names::MinionId;

/// What has been decided about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyState {
    Accepted,
    Pending,
    Rejected,
    /// Another key than the one known under its id.
    Denied,
}

impl KeyState {
    /// All of them, in Salt's order.
    pub const ALL: [KeyState; 4] =
        [KeyState::Accepted, KeyState::Pending, KeyState::Rejected, KeyState::Denied];

    /// The name of its directory, which is also its name in Salt's data.
    pub fn directory(self) -> &'static str {
        match self {
            KeyState::Accepted => "minions",
            KeyState::Pending => "minions_pre",
            KeyState::Rejected => "minions_rejected",
            KeyState::Denied => "minions_denied",
        }
    }
}

/// Ids by state, each list sorted without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub accepted: Vec<String>,
    pub pending: Vec<String>,
    pub rejected: Vec<String>,
    pub denied: Vec<String>,
}

impl Listing {
    /// The list of a state.
    pub fn of(&self, state: KeyState) -> &Vec<String> {
        match state {
            KeyState::Accepted => &self.accepted,
            KeyState::Pending => &self.pending,
            KeyState::Rejected => &self.rejected,
            KeyState::Denied => &self.denied,
        }
    }

    /// The list of a state.
    pub fn of_mut(&mut self, state: KeyState) -> &mut Vec<String> {
        match state {
            KeyState::Accepted => &mut self.accepted,
            KeyState::Pending => &mut self.pending,
            KeyState::Rejected => &mut self.rejected,
            KeyState::Denied => &mut self.denied,
        }
    }

    /// Whether no key is listed.
    pub fn is_empty(&self) -> bool {
        KeyState::ALL.iter().all(|&state| self.of(state).is_empty())
    }
}

/// The directories below `pki_dir`.
#[derive(Clone, Debug)]
pub struct KeyDirs {
    pki_dir: PathBuf,
}

impl KeyDirs {
    /// Those of a master.
    pub fn new(pki_dir: impl Into<PathBuf>) -> Self {
        KeyDirs { pki_dir: pki_dir.into() }
    }

    /// `pki_dir`.
    pub fn pki_dir(&self) -> &Path {
        &self.pki_dir
    }

    /// The directory of a state.
    pub fn directory(&self, state: KeyState) -> PathBuf {
        self.pki_dir.join(state.directory())
    }

    /// Where a key lies, or would lie.
    pub fn path(&self, state: KeyState, id: &MinionId) -> PathBuf {
        self.directory(state).join(id.as_str())
    }

    /// Every key. Names that begin with a dot are none; a directory that is missing is empty.
    pub fn list(&self) -> Listing {
        let mut listing = Listing::default();
        for state in KeyState::ALL {
            *listing.of_mut(state) = self.list_of(state);
        }
        listing
    }

    /// Ids in one state.
    pub fn list_of(&self, state: KeyState) -> Vec<String> {
        let entries = fs::read_dir(self.directory(state)).into_iter().flatten().flatten();
        let mut ids: Vec<String> = entries
            // Links to files count.
            .filter(|entry| fs::metadata(entry.path()).is_ok_and(|stat| stat.is_file()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.') && MinionId::parse(name).is_ok())
            .collect();
        ids.sort_by_cached_key(|id| (id.to_lowercase(), id.clone()));
        ids
    }

    /// The text of a key; `None` where it does not exist or cannot be read.
    pub fn read(&self, state: KeyState, id: &MinionId) -> Option<String> {
        fs::read_to_string(self.path(state, id)).ok()
    }

    /// Writes the text of a key.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn write(&self, state: KeyState, id: &MinionId, text: &str) -> io::Result<()> {
        fs::create_dir_all(self.directory(state))?;
        write_cache_file(&self.path(state, id), text.as_bytes(), 0o644)
    }

    /// Moves a key from one state to another.
    ///
    /// # Errors
    /// When it is not there, or the directory cannot be written.
    pub fn change(&self, id: &MinionId, from: KeyState, to: KeyState) -> io::Result<()> {
        fs::create_dir_all(self.directory(to))?;
        fs::rename(self.path(from, id), self.path(to, id))
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// When it is not there, or the directory cannot be written.
    pub fn delete(&self, id: &MinionId, state: KeyState) -> io::Result<()> {
        fs::remove_file(self.path(state, id))
    }
}
