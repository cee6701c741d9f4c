//! `LocalSource`: the file server of a minion without master (`file_client: local`). Salt: fileserver/__init__.py
//! (`FSChan`).

use super::Source;
use crate::fileserver::roots::{Roots, RootsConfig};
use crate::loader::Fault;
use crate::value::{Map, Value};

/// Answers from this machine's own `file_roots`.
pub struct LocalSource {
    roots: Roots,
}

impl LocalSource {
    /// A file server with the options of a minion.
    pub fn from_opts(opts: &Map) -> Self {
        LocalSource { roots: Roots::new(RootsConfig::from_opts(opts)) }
    }
}

impl Source for LocalSource {
    fn ask(&self, load: Map) -> Result<Value, Fault> {
        let saltenv = load.str("saltenv").unwrap_or("base");
        let text = |key: &str| load.str(key).unwrap_or_default();
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
