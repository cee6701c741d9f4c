//! Why a job could not be published or watched. The texts that Salt's users and scripts know are the `Display` of
//! the variants; [`ClientError::explanation`] says what happened here and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::transport::bus::BusError;

/// Why a job could not be published or watched.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No master runs here: its sockets are not there.
    #[error("The salt master could not be contacted. Is master running?")]
    NoMaster { sock_dir: PathBuf, reason: String },
    /// The master did not answer.
    #[error(
        "Salt request timed out. The master is not responding. You may need to run your command with `--async` in \
         order to bypass the congested event bus. With `--async`, the CLI tool will print the job id (jid) and exit \
         immediately without listening for responses. You can then use `salt-run jobs.lookup_jid` to look up the \
         results of the job in the job cache later."
    )]
    TimedOut { endpoint: String, waited: Duration, connected: bool },
    /// The connection ended between request and reply: the job may have been published.
    #[error("The connection to the salt master was lost before it answered")]
    Lost { endpoint: String },
    /// An empty reply: how old masters refuse.
    #[error(
        "Failed to authenticate! This is most likely because this user is not permitted to execute commands, but \
         there is a small possibility that a disk error occurred (check disk/inode usage)."
    )]
    Refused,
    /// The master does not know the key that was shown.
    #[error("{message}")]
    Authentication { message: String, key: KeyProblem },
    /// The master knows who asks, and says no.
    #[error("{0}")]
    Authorization(String),
    /// The master says what was wrong with the job.
    #[error("{0}")]
    Publish(String),
    /// A nodegroup that the configuration does not have.
    #[error("Node group {name} unavailable in {conf_file}")]
    UnknownNodegroup { name: String, conf_file: String },
    /// The reply was none that a master gives.
    #[error("The salt master at {endpoint} answered with something that is no reply: {what}")]
    BadReply { endpoint: String, what: String },
    /// `ret_port` or `interface` cannot be connected to.
    #[error("The address of the salt master is not usable: {0}")]
    BadAddress(String),
    /// The event bus failed.
    #[error("The event bus of the salt master failed: {0}")]
    Bus(#[from] BusError),
}

/// What is known about the key that was shown to the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// It was read from this file.
    Shown(PathBuf),
    /// It could not be read, so none was shown.
    Unreadable { file: PathBuf, reason: String },
}

impl ClientError {
    /// What happened, where, and what to do, for a person; `None` where the error itself says it.
    pub fn explanation(&self) -> Option<String> {
        Some(match self {
            ClientError::NoMaster { sock_dir, reason } => format!(
                "{reason}. Start salt-master on this machine, or name its configuration with -c: sock_dir is {}.",
                sock_dir.display()
            ),
            ClientError::TimedOut { endpoint, waited, connected: true } => format!(
                "The master at {endpoint} took the request and did not answer within {} s: it is overloaded or hangs. \
                 Its log tells more. The job may have been published all the same.",
                waited.as_secs()
            ),
            ClientError::TimedOut { endpoint, waited, connected: false } => format!(
                "Nothing accepts connections at {endpoint} (tried for {} s): compare `interface` and `ret_port` of \
                 this configuration with those of the running master.",
                waited.as_secs()
            ),
            ClientError::Lost { endpoint } => format!(
                "The master at {endpoint} went away after it had the request. `salt-run jobs.list_jobs` shows whether \
                 the job was published."
            ),
            ClientError::Refused => {
                "The master gave an empty reply, which old masters do for users they do not know.".to_owned()
            }
            ClientError::Authentication { key: KeyProblem::Shown(file), .. } => format!(
                "The key in {} is not the one of the running master: a second master may have written it, or this \
                 configuration has another `cachedir` than the master.",
                file.display()
            ),
            ClientError::Authentication { key: KeyProblem::Unreadable { file, reason }, .. } => format!(
                "No key could be shown to the master: {}: {reason}. Run this as root or as the master's user, or let \
                 the master know this user with `publisher_acl`.",
                file.display()
            ),
            ClientError::Authorization(_) => {
                "The master knows this user, but `publisher_acl` (or its blacklist) or `external_auth` does not allow \
                 this function on these minions."
                    .to_owned()
            }
            ClientError::Publish(_)
            | ClientError::UnknownNodegroup { .. }
            | ClientError::BadReply { .. }
            | ClientError::BadAddress(_)
            | ClientError::Bus(_) => return None,
        })
    }
}
