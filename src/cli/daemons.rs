//! What `salt-master` and `salt-minion` have in common: becoming the user of the configuration, going into the background.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

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

/// Accounts of people begin here; what a system account owns is the machine's (packages give `/etc/salt` to `salt`).
const FIRST_PERSON: u32 = 1000;

/// Refuses a configuration, or a private key named `key`, that somebody else may have written: who can do that decides
/// what this daemon does. Salt looks at none of it.
///
/// # Errors
/// Says which file it is, and why.
pub(super) fn refuse_foreign(opts: &Opts, key: &str) -> anyhow::Result<()> {
    let config = opts.path("conf_file");
    let folder = config.parent().map(Path::to_owned).unwrap_or_default();
    let ours = [Some(0), Some(host::own_uid()), host::owner_of(opts.str("user")).uid];
    for path in [folder, config, opts.path("pki_dir").join(key)] {
        let Ok(found) = std::fs::metadata(&path) else { continue };
        // In a sticky directory nobody replaces what is another's.
        let sticky = found.is_dir() && found.mode() & 0o1000 != 0;
        let why = match found.uid() {
            _ if found.mode() & 0o002 != 0 && !sticky => "everybody can write it".to_owned(),
            uid if uid >= FIRST_PERSON && !ours.contains(&Some(uid)) => {
                format!("it belongs to the user {uid}")
            }
            _ => continue,
        };
        let text = format!("{} is not believed: {why}. Change its mode or its owner.\n", path.display());
        return Err(Stop::failed(Exit::GENERIC, text).into());
    }
    Ok(())
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

/// The last words of a daemon that a signal ended. Salt: utils/parsers.py (`DaemonMixIn._handle_signals`).
pub(super) fn exited(program: &str, name: &str, signal: &str) {
    let _ = writeln!(std::io::stderr(), "{program} is shutdown. {name} received a {signal}. Exited.");
}
