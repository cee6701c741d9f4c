//! What `salt-master` and `salt-minion` have in common: becoming the user of the configuration, going into the background.

use std::ffi::OsString;

use anyhow::Context as _;

use super::{Call, Exit, Stop};
use crate::config::Opts;
use crate::host::daemon;

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
