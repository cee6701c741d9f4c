//! The keys of minions as a master keeps them: one folder for each state, one file for each key. Used by the master,
//! by `salt-key` and by the wheel functions `key.*`. Salt: key.py (`Key`); salt-wire.md §15.1.

mod caches;
mod changes;
mod make;
mod rotation;
mod selection;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use caches::{cached_of, clean_caches};
pub use changes::{Accepted, Change};
pub use make::{KeyMaker, SignatureOrder};
pub use rotation::{REQUEST, request_rotation, take_rotation_request};
pub use selection::Names;

use crate::host::write_cache_file;
use crate::names::MinionId;
use crate::value::{Map, Value, sort};

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

    /// The state of that name.
    pub fn of_directory(name: &str) -> Option<Self> {
        KeyState::ALL.into_iter().find(|state| state.directory() == name)
    }

    /// The state that a word of `salt-key --list` means: `acc…`, `pre…` or `un…`, `rej…`, `den…`.
    pub fn of_word(word: &str) -> Option<Self> {
        let state = match word {
            word if word.starts_with("acc") => KeyState::Accepted,
            word if word.starts_with("pre") || word.starts_with("un") => KeyState::Pending,
            word if word.starts_with("rej") => KeyState::Rejected,
            word if word.starts_with("den") => KeyState::Denied,
            _ => return None,
        };
        Some(state)
    }
}

/// The directories below `pki_dir`. Every method blocks on the disk.
#[derive(Clone, Debug)]
pub struct KeyDirs {
    pki_dir: PathBuf,
    files_only: bool,
}

impl KeyDirs {
    /// Those of a master.
    pub fn new(pki_dir: impl Into<PathBuf>) -> Self {
        KeyDirs { pki_dir: pki_dir.into(), files_only: true }
    }

    /// With the option `pki_check_files: False`, whatever lies in the directories is listed, as Salt 3007 does it; 3006 lists
    /// files alone.
    pub fn from_opts(opts: &Map) -> Self {
        let files_only = opts.get("pki_check_files") != Some(&Value::Bool(false));
        KeyDirs { files_only, ..Self::new(opts.str("pki_dir").unwrap_or_default()) }
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

    /// Names of keys in one state, sorted without regard to case: also those that no minion could have. Names that
    /// begin with a dot are none; a directory that is missing is empty.
    pub fn names_of(&self, state: KeyState) -> Vec<String> {
        names_in(&self.directory(state), self.files_only, |_| true)
    }

    /// Ids of minions in one state, in the order of [`KeyDirs::names_of`].
    pub fn ids_of(&self, state: KeyState) -> Vec<String> {
        names_in(&self.directory(state), true, |name| MinionId::parse(name).is_ok())
    }

    /// Whether there is a key of this name in any state.
    pub fn has_any(&self, id: &MinionId) -> bool {
        KeyState::ALL.into_iter().any(|state| self.path(state, id).is_file())
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
    pub fn remove(&self, id: &MinionId, state: KeyState) -> io::Result<()> {
        fs::remove_file(self.path(state, id))
    }
}

/// Files in a folder that do not begin with a dot (links to files too), sorted without regard to case; without
/// `files_only` anything. A folder that is not there is empty.
fn names_in(folder: &Path, files_only: bool, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_file = |entry: &fs::DirEntry| match entry.file_type() {
        _ if !files_only => true,
        Ok(kind) if !kind.is_symlink() => kind.is_file(),
        // A link: what it leads to counts.
        _ => fs::metadata(entry.path()).is_ok_and(|stat| stat.is_file()),
    };
    let names = entries.filter(is_file).filter_map(|entry| entry.file_name().into_string().ok());
    sorted_ignoring_case(names.filter(|name| !name.starts_with('.') && wanted(name)).collect())
}

fn sorted_ignoring_case(mut names: Vec<String>) -> Vec<String> {
    sort::by_cached_key(&mut names, |name| (name.to_lowercase(), name.clone()));
    names
}

#[cfg(test)]
mod tests;
