//! `LocalSource`: the file server of a minion without master (`file_client: local`). Salt: fileserver/__init__.py
//! (`FSChan`).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Source;
use crate::fileserver::listing::{Listing, Stamp};
use crate::fileserver::roots::{Roots, RootsConfig};
use crate::loader::Fault;
use crate::value::{Map, Value};

/// Answers from this machine's own `file_roots`.
pub struct LocalSource {
    roots: Arc<Roots>,
    /// What files were looked for and which lists asked for, where somebody wants to know.
    traced: Option<Mutex<Looked>>,
}

/// What the answers of a source hung on.
#[derive(Debug, Default)]
pub struct Looked {
    files: Vec<(PathBuf, Option<Stamp>)>,
    lists: Vec<(String, Arc<Listing>)>,
}

impl Looked {
    /// Whether `roots` would still answer the same.
    pub fn is_current(&self, roots: &Roots) -> bool {
        self.files.iter().all(|(path, stamp)| Stamp::at(path) == *stamp)
            && self.lists.iter().all(|(saltenv, listing)| Arc::ptr_eq(listing, &roots.listing(saltenv)))
    }

    /// Whether the next change will surely show.
    pub fn is_settled(&self) -> bool {
        self.files.iter().all(|(_, stamp)| stamp.is_none_or(|stamp| stamp.is_settled()))
    }
}

impl LocalSource {
    /// A file server with the options of a minion.
    pub fn from_opts(opts: &Map) -> Self {
        Self::of_roots(Arc::new(Roots::new(RootsConfig::from_opts(opts))))
    }

    /// Answers from these roots.
    pub fn of_roots(roots: Arc<Roots>) -> Self {
        LocalSource { roots, traced: None }
    }

    /// The same, keeping account of what is asked for.
    pub fn traced(roots: Arc<Roots>) -> Self {
        LocalSource { roots, traced: Some(Mutex::default()) }
    }

    /// What the answers so far hung on.
    pub fn looked(&self) -> Looked {
        let traced = self.traced.as_ref();
        traced
            .map(|looked| std::mem::take(&mut *looked.lock().unwrap_or_else(PoisonError::into_inner)))
            .unwrap_or_default()
    }
}

impl Source for LocalSource {
    fn local_path(&self, path: &str, saltenv: &str) -> Option<Option<PathBuf>> {
        let mut looked = Vec::new();
        let found = self.roots.local_path(path, saltenv, &mut looked);
        if let Some(traced) = &self.traced {
            traced.lock().unwrap_or_else(PoisonError::into_inner).files.append(&mut looked);
        }
        Some(found)
    }

    fn ask(&self, load: Map) -> Result<Value, Fault> {
        let saltenv = load.str("saltenv").unwrap_or("base");
        let text = |key: &str| load.str(key).unwrap_or_default();
        if let Some(traced) = &self.traced
            && text("cmd") == "_file_list"
        {
            let listing = self.roots.listing(saltenv);
            traced.lock().unwrap_or_else(PoisonError::into_inner).lists.push((saltenv.to_owned(), listing));
        }
        let number = |key: &str| load.get(key).and_then(Value::as_int);
        Ok(match text("cmd") {
            "_file_envs" => self.roots.envs(),
            "_file_list" => self.roots.file_list(saltenv, text("prefix")),
            "_file_list_emptydirs" => self.roots.empty_dirs(saltenv, text("prefix")),
            "_dir_list" => self.roots.dir_list(saltenv, text("prefix")),
            "_symlink_list" => self.roots.symlink_list(saltenv, text("prefix")),
            "_file_hash" => self.roots.file_hash(text("path"), saltenv),
            "_file_find" => self.roots.file_find(text("path"), saltenv),
            "_file_hash_and_stat" => self.roots.file_hash_and_stat(text("path"), saltenv),
            "_serve_file" => {
                let gzip = number("gzip").filter(|level| *level > 0);
                self.roots.serve_file(text("path"), saltenv, number("loc").unwrap_or_default(), gzip)
            }
            other => {
                return Err(Fault::Unreachable(format!(
                    "{other}: there is no master with file_client: local"
                )));
            }
        })
    }
}
