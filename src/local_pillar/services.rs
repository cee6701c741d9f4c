//! What functions are lent that a pillar's templates call.

use std::time::Duration;

use crate::fileclient::Files;
use crate::loader::{Fault, FileClient, MinionServices};
use crate::value::{Map, Value};

/// Files of `file_roots`; no master and no minion.
pub(super) struct LocalServices {
    pub files: Files,
}

impl MinionServices for LocalServices {
    fn request(&self, load: Map, _: Duration) -> Result<Value, Fault> {
        let cmd = load.str("cmd").unwrap_or("request");
        Err(Fault::Unreachable(format!("{cmd}: a pillar is being compiled, there is no master to ask")))
    }

    fn fire(&self, tag: &str, _: Map) -> Result<(), Fault> {
        Err(Fault::Unreachable(format!("{tag}: a pillar is being compiled, there is no minion's bus")))
    }

    fn files(&self) -> &dyn FileClient {
        &self.files
    }

    /// Salt: a pillar that asks for itself sees none.
    fn compile_pillar(&self, _: Option<&str>, _: Option<&str>, _: &Map) -> Result<Map, Fault> {
        Ok(Map::new())
    }
}
