//! Why a minion stays silent, as far as this machine knows: one line for standard error beside Salt's own text.

use std::path::Path;

use crate::client::{LastSeen, Presence};
use crate::config::Opts;
use crate::names::MinionId;

/// What is known of a silent minion.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    key: KeyState,
    /// Its grains are cached: it was connected at some time.
    known: bool,
    /// It has a connection now, as far as its addresses tell. `None`: cannot be told.
    connected: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyState {
    Accepted,
    Pending,
    Rejected,
    Denied,
    None,
    /// The key directory cannot be read by this user.
    Hidden,
}

/// The line about a silent minion; `None` where nothing is known beyond what Salt's text says.
pub(super) fn line(opts: &Opts, presence: &Presence, id: &str, last: &LastSeen) -> Option<String> {
    let known = presence.knows(id);
    let connected = presence.connected_ids();
    let connected = if connected.is_empty() { None } else { Some(connected.contains(id)) };
    let facts = Facts { key: key_state(&opts.path("pki_dir"), id), known, connected };
    sentence(&facts, last).map(|sentence| format!("{id}: {sentence}"))
}

const NO_KEY: &str = "the master has no key of it: no minion of this name ever asked to be accepted";

/// The line about an id of a list that the master does not know.
pub(super) fn without_key(id: &str) -> String {
    format!("{id}: {NO_KEY}")
}

/// Whether the id belongs to a syndic that reported here.
pub(super) fn is_syndic(opts: &Opts, id: &str) -> bool {
    MinionId::parse(id).is_ok_and(|id| opts.path("syndic_dir").join(id.as_str()).exists())
}

fn key_state(pki_dir: &Path, id: &str) -> KeyState {
    let Ok(id) = MinionId::parse(id) else { return KeyState::None };
    let folders = [
        ("minions", KeyState::Accepted),
        ("minions_pre", KeyState::Pending),
        ("minions_rejected", KeyState::Rejected),
        ("minions_denied", KeyState::Denied),
    ];
    let mut hidden = false;
    for (folder, state) in folders {
        match std::fs::metadata(pki_dir.join(folder).join(id.as_str())) {
            Ok(_) => return state,
            Err(error) => hidden |= error.kind() == std::io::ErrorKind::PermissionDenied,
        }
    }
    if hidden { KeyState::Hidden } else { KeyState::None }
}

fn sentence(facts: &Facts, last: &LastSeen) -> Option<String> {
    match last {
        LastSeen::Running { pid: Some(pid) } => {
            return Some(format!("the job is still running there, as process {pid}"));
        }
        LastSeen::Running { pid: None } => return Some("the job is still running there".to_owned()),
        LastSeen::NotRunning => {
            return Some(
                "it is connected and does not run the job: the job ended without its return reaching the master, or \
                 never began"
                    .to_owned(),
            );
        }
        LastSeen::Nothing | LastSeen::Missing => {}
    }
    Some(match facts.key {
        KeyState::None => NO_KEY.to_owned(),
        KeyState::Pending => "its key is not accepted yet: see salt-key -l pre".to_owned(),
        KeyState::Rejected => "its key was rejected: see salt-key -l rej".to_owned(),
        KeyState::Denied => {
            "its key was denied, because another key of that name was known: see salt-key -l den".to_owned()
        }
        KeyState::Accepted | KeyState::Hidden => match (facts.known, facts.connected) {
            (_, Some(true)) => "there is a connection from its address, and it did not answer".to_owned(),
            (true, Some(false)) => "it was connected before and is not now".to_owned(),
            (false, _) if facts.key == KeyState::Accepted => {
                "its key is accepted, and it has not been connected since its data was last cleared"
                    .to_owned()
            }
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_reason_is_told() {
        let facts = |key, known, connected| Facts { key, known, connected };
        let told = |facts: &Facts, last| sentence(facts, &last).unwrap_or_default();
        let up = facts(KeyState::Accepted, true, Some(true));
        assert!(told(&up, LastSeen::Running { pid: Some(7) }).contains("process 7"));
        assert!(told(&up, LastSeen::NotRunning).contains("does not run the job"));
        assert!(told(&up, LastSeen::Nothing).contains("did not answer"));
        assert!(told(&facts(KeyState::None, false, None), LastSeen::Missing).contains("no key of it"));
        assert!(told(&facts(KeyState::Pending, false, None), LastSeen::Missing).contains("not accepted yet"));
        assert!(
            told(&facts(KeyState::Accepted, true, Some(false)), LastSeen::Nothing).contains("is not now")
        );
        assert_eq!(sentence(&facts(KeyState::Hidden, false, None), &LastSeen::Nothing), None);
    }
}
