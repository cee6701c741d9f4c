//! The directories of a daemon, made ready for the user it is going to be. Salt: utils/verify.py (`verify_env`).

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::Context as _;

use crate::config::Opts;
use crate::host::{self, FileOwner};

/// Jobs are many, and who writes them owns them.
const NOT_LOOKED_INTO: &[&str] = &["jobs"];

/// Makes what is missing of `directories` (with the mode beside it), and gives all of them with what is in them to the
/// user of the option `user`, so that a daemon that was root yesterday finds its keys. Does nothing with
/// `verify_env: False`.
///
/// # Errors
/// When a directory cannot be made, or not be given away.
pub(super) fn verify_env(opts: &Opts, directories: &[(PathBuf, u32)]) -> anyhow::Result<()> {
    if opts.get("verify_env").is_some_and(|value| !value.truthy()) {
        return Ok(());
    }
    let owner = host::owner_of(opts.str("user"));
    for (directory, mode) in directories {
        let failed = || format!("the directory {} cannot be made ready", directory.display());
        if !directory.is_dir() {
            DirBuilder::new().recursive(true).mode(0o755).create(directory).with_context(failed)?;
            fs::set_permissions(directory, fs::Permissions::from_mode(*mode)).with_context(failed)?;
        }
        if owner != FileOwner::default() {
            host::give_tree(directory, owner, NOT_LOOKED_INTO).with_context(failed)?;
        }
    }
    Ok(())
}
