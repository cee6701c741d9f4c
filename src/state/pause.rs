//! Runs that wait, or end early, because somebody said so: `state.pause`, `state.soft_kill`. Salt: state.py
//! (`check_pause`).

use std::path::PathBuf;
use std::time::Duration;

use crate::loader::Context;
use crate::value::msgpack::{Reading, decode};
use crate::value::{Map, Value};

/// The directory of the files that say so.
pub fn pause_dir(cx: &Context) -> PathBuf {
    PathBuf::from(cx.opt_str("cachedir")).join("state_pause")
}

/// The file about one run: `{id or "__all__": {"duration"?: int, "kill"?: True}}` in msgpack.
pub fn pause_path(cx: &Context, jid: &str) -> PathBuf {
    pause_dir(cx).join(jid)
}

/// Waits as long as it is told to. True when the run is to end here.
pub(super) fn killed(cx: &Context, jid: &str, id: &str) -> bool {
    const STEP: Duration = Duration::from_secs(1);
    let path = pause_path(cx, jid);
    let mut waited = 0;
    while path.is_file() {
        let Some(said) = read(&path) else { return false };
        let Some(own) = said.get(id).or_else(|| said.get("__all__")) else { return false };
        let duration = own.get("duration").and_then(Value::as_int);
        if duration.is_some_and(|duration| waited > duration) {
            return false;
        }
        if own.get("kill").is_some() {
            return true;
        }
        cx.host.sleep(STEP);
        waited += 1;
    }
    false
}

fn read(path: &std::path::Path) -> Option<Map> {
    let octets = std::fs::read(path).ok()?;
    match decode(&octets, Reading::Wire) {
        Ok(Value::Map(said)) => Some(said),
        _ => {
            crate::log::error!("Failed to read in pause data for file located at: {}", path.display());
            None
        }
    }
}
