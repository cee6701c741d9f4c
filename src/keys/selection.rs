//! Keys chosen by name, and what is shown of them: lists, texts and fingerprints. Salt: key.py (`name_match`,
//! `dict_match`, `list_status`, `key_str`, `finger`).

use std::fs;
use std::io;
use std::path::Path;

use super::{KeyDirs, KeyState, names_in, sorted_ignoring_case};
use crate::crypt::HashType;
use crate::crypt::pem::fingerprint;
use crate::patterns::fnmatch;
use crate::value::{Map, Value};

/// Names of keys by state, in the order of the states: `[(Accepted, ["web1"])]`. A state without keys may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(pub Vec<(KeyState, Vec<String>)>);

impl Names {
    /// From `{state: [name]}`; what is no state, and what is no plain name of a file, is left out.
    pub fn from_value(value: &Value) -> Self {
        let mut names = Names::default();
        for (state, listed) in value.as_map().into_iter().flat_map(Map::iter) {
            let Some(state) = state.as_str().and_then(KeyState::of_directory) else { continue };
            let listed = listed.as_list().unwrap_or_default();
            for name in listed.iter().filter_map(Value::as_str).filter(|name| is_file_name(name)) {
                names.push(state, name);
            }
        }
        names
    }

    /// Whether there are no states.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names in one state.
    pub fn of(&self, state: KeyState) -> &[String] {
        self.0.iter().find(|(own, _)| *own == state).map_or(&[], |(_, names)| names)
    }

    /// `{state: [name]}`.
    pub fn value(&self) -> Map {
        self.0.iter().map(|(state, names)| (state.directory(), Value::list(names.clone()))).collect()
    }

    /// Adds a name; a new state goes to the end.
    pub(super) fn push(&mut self, state: KeyState, name: &str) {
        match self.0.iter_mut().find(|(own, _)| *own == state) {
            Some((_, names)) => names.push(name.to_owned()),
            None => self.0.push((state, vec![name.to_owned()])),
        }
    }
}

/// Whether a name from outside leads nowhere but into its folder.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(['/', '\0'])
}

impl KeyDirs {
    /// All managed keys; every state is there, in Salt's order, names sorted without regard to case.
    pub fn list(&self) -> Names {
        Names(KeyState::ALL.into_iter().map(|state| (state, self.names_of(state))).collect())
    }

    /// The master's own keys.
    pub fn local(&self) -> Vec<String> {
        names_in(&self.pki_dir, true, |name| name.ends_with(".pub") || name.ends_with(".pem"))
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
                for state in KeyState::ALL {
                    if now.of(state).iter().any(|other| fnmatch(&name, other)) {
                        found.push(state, &name);
                    }
                }
            }
        }
        found
    }

    /// The text of each key: `{state: {name: text}}`.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn texts(&self, keys: &Names) -> io::Result<Map> {
        let mut all = Map::new();
        for (state, names) in &keys.0 {
            let mut texts = Map::new();
            for name in sorted_ignoring_case(names.clone()) {
                let octets = fs::read(self.directory(*state).join(&name))?;
                texts.insert(name, String::from_utf8_lossy(&octets).into_owned());
            }
            all.insert(state.directory(), texts);
        }
        Ok(all)
    }

    /// The fingerprint of each key that fits, the local ones too: `{state: {name: fingerprint}}`.
    pub fn fingerprints(&self, globs: &str, hash_type: HashType) -> Map {
        let fits = |name: &str| globs.split(',').any(|glob| fnmatch(glob, name));
        let finger = |file: &Path| fs::read(file).map(|pem| fingerprint(pem, hash_type)).unwrap_or_default();
        let mut all = Map::new();
        let mut add = |state: &str, folder: &Path, names: Vec<String>| {
            let found: Map = names
                .into_iter()
                .filter(|name| fits(name))
                .map(|name| (name.clone(), finger(&folder.join(name))))
                .collect();
            if !found.is_empty() {
                all.insert(state, found);
            }
        };
        for (state, names) in self.list().0 {
            add(state.directory(), &self.directory(state), names);
        }
        add("local", &self.pki_dir, self.local());
        all
    }
}
