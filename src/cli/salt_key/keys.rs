//! The master's key directory as `salt-key` shows and changes it: one folder for each state, one file for each key.
//! salt-wire.md §15.1; Salt: key.py (`Key`).

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::crypt::pem::fingerprint;
use crate::crypt::{HashType, PublicKey};
use crate::event::fnmatch;
use crate::host::{owner_of, write_atomic};
use crate::value::{Map, Value};

pub(super) const ACCEPTED: &str = "minions";
pub(super) const PENDING: &str = "minions_pre";
pub(super) const REJECTED: &str = "minions_rejected";
pub(super) const DENIED: &str = "minions_denied";

/// In the order in which Salt lists them.
const STATES: [&str; 4] = [ACCEPTED, PENDING, REJECTED, DENIED];

/// Names of keys by state, in the order of the states: `[("minions", ["web1"])]`. A state without keys may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names(pub Vec<(&'static str, Vec<String>)>);

impl Names {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names in one state.
    pub fn of(&self, state: &str) -> &[String] {
        self.0.iter().find(|(own, _)| *own == state).map_or(&[], |(_, names)| names)
    }

    /// `{state: [name]}`.
    pub fn value(&self) -> Value {
        self.0.iter().map(|(state, names)| (*state, Value::list(names.clone()))).collect::<Map>().into()
    }

    /// Adds a name; a new state goes to the end.
    fn push(&mut self, state: &'static str, name: &str) {
        match self.0.iter_mut().find(|(own, _)| *own == state) {
            Some((_, names)) => names.push(name.to_owned()),
            None => self.0.push((state, vec![name.to_owned()])),
        }
    }
}

/// A key that has changed its state: what the event `salt/key` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub id: String,
    pub act: &'static str,
}

/// The key directory, and the caches that go with the keys.
pub(super) struct Keys {
    pub pki_dir: PathBuf,
    pub cachedir: PathBuf,
}

impl Keys {
    /// All managed keys; every state is there, in Salt's order, names sorted without regard to case.
    pub fn list(&self) -> Names {
        Names(STATES.iter().map(|state| (*state, files_in(&self.pki_dir.join(state), |_| true))).collect())
    }

    /// The keys of one state by the word of `--list`. `None` for `all`, which also means the local keys.
    pub fn list_state(&self, word: &str) -> Option<Names> {
        let state = match word {
            word if word.starts_with("acc") => ACCEPTED,
            word if word.starts_with("pre") || word.starts_with("un") => PENDING,
            word if word.starts_with("rej") => REJECTED,
            word if word.starts_with("den") => DENIED,
            _ => return None,
        };
        Some(Names(vec![(state, files_in(&self.pki_dir.join(state), |_| true))]))
    }

    /// The master's own keys.
    pub fn local(&self) -> Vec<String> {
        files_in(&self.pki_dir, |name| name.ends_with(".pub") || name.ends_with(".pem"))
    }

    /// Keys whose names fit a glob, or one of several with commas between them.
    pub fn matching(&self, globs: &str) -> Names {
        let mut found = Names::default();
        for (state, names) in self.list().0 {
            for name in names {
                for _ in globs.split(',').filter(|glob| fnmatch(glob, &name)) {
                    found.push(state, &name);
                }
            }
        }
        found
    }

    /// In which states the named keys are now.
    pub fn whereabouts(&self, of: &Names) -> Names {
        let now = self.list();
        let mut found = Names::default();
        for (_, names) in &of.0 {
            for name in sorted_ignoring_case(names.clone()) {
                // Salt quirk (key.py, dict_match, all): the name is itself used as a glob.
                for state in STATES {
                    if now.of(state).iter().any(|other| fnmatch(&name, other)) {
                        found.push(state, &name);
                    }
                }
            }
        }
        found
    }

    /// Moves keys from the given states to the accepted ones; keys that are none stay and are given back.
    pub fn accept(&self, keys: &mut Names, from: &[&str]) -> (Vec<Change>, Vec<String>) {
        let (mut changes, mut invalid) = (Vec::new(), Vec::new());
        for (state, names) in keys.0.iter_mut().filter(|(state, _)| from.contains(state)) {
            names.retain(|name| {
                let file = self.pki_dir.join(*state).join(name);
                if fs::read(&file).is_ok_and(|pem| PublicKey::from_pem(pem).is_err()) {
                    tracing::error!("Invalid RSA public key: {name}");
                    invalid.push(name.clone());
                    return false;
                }
                changes.extend(self.rename(&file, ACCEPTED, name, "accept"));
                true
            });
        }
        (changes, invalid)
    }

    /// Moves keys from the given states to the rejected ones.
    pub fn reject(&self, keys: &Names, from: &[&str]) -> Vec<Change> {
        let mut changes = Vec::new();
        for state in from {
            for name in keys.of(state) {
                changes.extend(self.rename(&self.pki_dir.join(state).join(name), REJECTED, name, "reject"));
            }
        }
        changes
    }

    fn rename(&self, file: &Path, state: &str, name: &str, act: &'static str) -> Option<Change> {
        let folder = self.pki_dir.join(state);
        let moved = fs::create_dir_all(&folder).and_then(|()| fs::rename(file, folder.join(name)));
        self.changed(moved, file, name, act)
    }

    /// Removes keys.
    pub fn delete(&self, keys: &Names) -> Vec<Change> {
        let mut changes = Vec::new();
        for (state, names) in &keys.0 {
            for name in names {
                let file = self.pki_dir.join(state).join(name);
                changes.extend(self.changed(fs::remove_file(&file), &file, name, "delete"));
            }
        }
        changes
    }

    /// Salt says nothing about a key that could not be changed; we do.
    fn changed(&self, done: io::Result<()>, file: &Path, name: &str, act: &'static str) -> Option<Change> {
        match done {
            Ok(()) => Some(Change { id: name.to_owned(), act }),
            Err(error) => {
                tracing::error!("the key {} could not be {act}ed: {error}", file.display());
                None
            }
        }
    }

    /// Removes what is cached of minions that have no key any more, except those in `preserve`.
    pub fn clean_cache(&self, preserve: &[String]) {
        let known: BTreeSet<String> = self.list().0.into_iter().flat_map(|(_, names)| names).collect();
        let folder = self.cachedir.join("minions");
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(id) = entry.file_name().into_string() else { continue };
            if known.contains(&id) || preserve.contains(&id) || !entry.path().is_dir() {
                continue;
            }
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!("the cache {} could not be removed: {error}", entry.path().display());
            }
        }
    }

    /// Asks the master for a new AES key, so that removed minions can no longer read along. salt-wire.md §8.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn request_rotation(&self, master_id: &str, user: &str) -> io::Result<()> {
        write_atomic(&self.cachedir.join(".dfn"), master_id.as_bytes(), 0o400, owner_of(user))
    }

    /// The text of each key: `{state: {name: text}}`.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn texts(&self, keys: &Names) -> io::Result<Value> {
        let mut all = Map::new();
        for (state, names) in &keys.0 {
            let mut texts = Map::new();
            for name in sorted_ignoring_case(names.clone()) {
                let octets = fs::read(self.pki_dir.join(state).join(&name))?;
                texts.insert(name, String::from_utf8_lossy(&octets).into_owned());
            }
            all.insert(*state, texts);
        }
        Ok(all.into())
    }

    /// The fingerprint of each key, the local ones too where they fit: `{state: {name: fingerprint}}`.
    pub fn fingerprints(&self, globs: Option<&str>, hash_type: HashType) -> Value {
        let fits = |name: &str| globs.is_none_or(|globs| globs.split(',').any(|glob| fnmatch(glob, name)));
        let finger = |file: &Path| fs::read(file).map(|pem| fingerprint(pem, hash_type)).unwrap_or_default();
        let mut all = Map::new();
        let mut add = |state: &str, folder: &Path, names: Vec<String>| {
            let found: Map = names
                .into_iter()
                .filter(|name| fits(name))
                .map(|name| (name.clone(), finger(&folder.join(name))))
                .collect();
            if globs.is_none() || !found.is_empty() {
                all.insert(state, found);
            }
        };
        for (state, names) in self.list().0 {
            add(state, &self.pki_dir.join(state), names);
        }
        add("local", &self.pki_dir, self.local());
        all.into()
    }
}

/// Files in a folder that do not begin with a dot, sorted without regard to case. A folder that is not there is empty.
fn files_in(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok());
    sorted_ignoring_case(names.filter(|name| !name.starts_with('.') && wanted(name)).collect())
}

fn sorted_ignoring_case(mut names: Vec<String>) -> Vec<String> {
    names.sort_by_cached_key(|name| (name.to_lowercase(), name.clone()));
    names
}

/// Tells what could not be accepted.
pub(super) fn complain_invalid(names: &[String]) {
    for name in names {
        let _ = writeln!(io::stderr().lock(), "Unable to accept invalid key for {name}.");
    }
}
