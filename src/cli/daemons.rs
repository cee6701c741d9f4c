//! What `salt-master` and `salt-minion` have in common: becoming the user of the configuration, going into the background.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::chown;
use std::path::PathBuf;

use anyhow::Context as _;

use super::{Call, Exit, Stop};
use crate::config::Opts;
use crate::host::{self, daemon};

/// Becomes the user of the option `user`. Salt: utils/verify.py `check_user`.
///
/// # Errors
/// When there is no such user, or we may not become it.
pub(super) fn become_user(opts: &Opts) -> anyhow::Result<()> {
    let user = opts.str("user");
    if user.is_empty() || user == daemon::current_user() {
        return Ok(());
    }
    daemon::become_user(user).map_err(|error| {
        if !host::has_user(user) {
            let text = format!(
                "Failed to prepare the Salt environment for user {user}. The user is not available.\n"
            );
            return Stop::failed(Exit::NO_USER, text).into();
        }
        let text = format!(
            "Cannot become the user {user:?} of the option `user`: {error}. Start as root or as {user}.\n"
        );
        Stop::failed(Exit::NO_USER, text).into()
    })
}

/// Starts the daemon in the background, with the same words.
///
/// # Errors
/// When it cannot be started.
pub(super) fn detach(call: &Call) -> anyhow::Result<Exit> {
    let words = std::iter::once(&call.prog).chain(&call.words).map(OsString::from);
    daemon::start_detached(words).context("cannot start in the background")?;
    Ok(Exit::OK)
}

/// The PID file of a daemon; removed when the daemon ends.
#[must_use = "it is removed when this is dropped"]
pub(super) struct PidFile {
    path: PathBuf,
    problem: Option<io::Error>,
}

impl PidFile {
    /// Writes the file of the option `pidfile`, while we are still who we were started as, and gives it to the user of
    /// the option `user`.
    pub(super) fn write(opts: &Opts) -> Self {
        let path = opts.path("pidfile");
        let owner = host::owner_of(opts.str("user"));
        let written = daemon::write_pidfile(&path).and_then(|()| chown(&path, owner.uid, owner.gid));
        PidFile { path, problem: written.err() }
    }

    /// Logs why there is no PID file: no reason to leave a fleet without its daemon.
    pub(super) fn tell(&self) {
        if let Some(error) = &self.problem {
            crate::log::warn!(path = %self.path.display(), %error, "the PID file cannot be written");
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
