//! Returners: where returns go besides the master. One file per Salt returner; rows in alphabetical order.

mod http;
mod local;
mod multi_returner;
mod options;
mod rawfile_json;
mod syslog_return;

use crate::loader::{Context, Returner};
use crate::value::Map;

/// Every returner.
pub static ALL: &[&Returner] = &[
    &http::RETURNER,
    &local::RETURNER,
    &multi_returner::RETURNER,
    &rawfile_json::RETURNER,
    &syslog_return::RETURNER,
];

/// Brings a return to each of `names`, separated by commas. One that does not exist or fails is told in the log, and
/// the others have theirs nevertheless. Salt: minion.py (`_thread_return`).
pub fn save(cx: &Context, names: &str, ret: &Map) {
    let mut done: Vec<&str> = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if done.contains(&name) {
            continue;
        }
        done.push(name);
        let Some(returner) = ALL.iter().find(|returner| returner.name == name) else {
            crate::log::error!(
                "Returner {name}.returner could not be loaded: '{name}.returner' is not available."
            );
            continue;
        };
        if let Err(fault) = (returner.save)(cx, ret) {
            let jid = ret.str("jid").unwrap_or_default();
            crate::log::error!("The return failed for job {jid}: {name}: {fault}");
        }
    }
}
