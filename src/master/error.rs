//! Why a master cannot start or has to stop. The texts are for the operator at three in the morning: what happened,
//! with which file or port, and what to do.

use std::path::PathBuf;

use crate::crypt::CryptError;

/// A reason for a master to end.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// A directory or file that a master cannot do without.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    /// One of the master's own keys.
    #[error("cannot use the key {}: {source}. Restore it from a backup, or move it away to have a new one made \
             (every minion then has to be told to forget the old one)", path.display())]
    Key { path: PathBuf, source: CryptError },
    /// A port that is taken, or an address that is not ours.
    #[error(
        "{reason} ({option}). Is another master running? `ss -ltnp` shows who \
             holds the port; the option {option} chooses another"
    )]
    Listen { option: &'static str, reason: String },
    /// The local sockets of the event bus.
    #[error("cannot make the event bus in {}: {reason}", path.display())]
    Bus { path: PathBuf, reason: String },
    /// The job cache.
    #[error("cannot open the job cache: {0}")]
    Store(String),
    /// An option whose value makes no sense.
    #[error("the option {option} is {value:?}: {wanted}")]
    Option { option: &'static str, value: String, wanted: &'static str },
}

impl MasterError {
    /// For `map_err`: a failed action on a file.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| MasterError::File { action, path, source }
    }
}
