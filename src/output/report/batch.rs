//! What `salt --batch` prints. Salt: cli/batch.py.

use super::{NoRet, retcode_of};
use crate::value::{Map, Value, repr, sort};

/// Standard output, after [`NO_MINIONS_MATCHED`](super::NO_MINIONS_MATCHED).
pub const NOBODY_FOR_BATCH: &str = "No minions matched the target.\n";

/// Standard output, when `--batch-safe-limit` is reached.
pub const SWITCHING_TO_BATCH: &str = "\nNOTICE: Too many minions targeted, switching to batch execution.\n";

/// Before the returns of minions that start together.
pub fn batch_started(ids: &[String]) -> String {
    let mut ids = ids.to_vec();
    sort::all(&mut ids);
    format!("\nExecuting run on {}\n\n", repr(&Value::list(ids)))
}

/// A minion did not answer when it was pinged.
pub fn batch_left_out(id: &str) -> String {
    format!("Minion {id} did not respond. No job will be sent.\n")
}

/// A minion lost its key since it was pinged.
pub fn batch_not_sent(id: &str) -> String {
    format!("Minion '{id}' failed to respond to job sent\n")
}

/// One return of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchReturn {
    /// What is shown: `{"retcode": int, "jid": text, id: any}`. Salt quirk: cli/batch.py, 3006 and 3007.
    pub shown: Value,
    /// The outputter that the function asks for.
    pub out: Option<String>,
    pub retcode: i64,
}

impl BatchReturn {
    /// Reads `{"ret": any, "out"?: text, "retcode"?: int or {fun: int}, "jid"?: text}`.
    ///
    /// # Errors
    /// When there is no `ret`.
    pub fn parse(id: &str, data: &Value) -> Result<Self, NoRet> {
        let super::MinionReturn { ret, out, .. } = super::MinionReturn::parse(id, data)?;
        let retcode = data.get("retcode").map(|_| retcode_of(data));
        let mut shown = Map::new();
        if let Some(retcode) = retcode {
            shown.insert("retcode", retcode);
        }
        if let Some(jid) = data.get("jid") {
            shown.insert("jid", jid.clone());
        }
        shown.insert(id, ret);
        Ok(BatchReturn { shown: shown.into(), out, retcode: retcode.unwrap_or(0) })
    }
}
