//! `LocalSource`: the file server of a minion without master (`file_client: local`). Salt: fileserver/__init__.py
//! (`FSChan`).

use super::Source;
use crate::loader::Fault;
use crate::value::{Map, Value};

/// Answers from this machine's own `file_roots`.
pub struct LocalSource;

impl Source for LocalSource {
    fn ask(&self, load: Map) -> Result<Value, Fault> {
        Err(Fault::NotSupported(format!("{} with file_client: local", load.str("cmd").unwrap_or("request"))))
    }
}
