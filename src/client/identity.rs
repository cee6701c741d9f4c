//! Who asks, and the key that proves it to the local master: `<cachedir>/.<user>_key`. salt-wire.md §14.4; Salt:
//! utils/user.py, client/__init__.py.

use std::path::{Path, PathBuf};

use super::KeyProblem;
use crate::config::Opts;
use crate::host::Host;

/// The caller.
#[derive(Clone, Debug)]
pub struct Identity {
    /// As the master is told: `root`, `sudo_<name>` or the login name.
    pub user: String,
    /// Empty where it cannot be read: the master then refuses.
    pub key: String,
    /// Where the key came from, or why there is none.
    pub source: KeyProblem,
}

impl Identity {
    /// The user of this process and the key that the master left for them.
    pub fn find(opts: &Opts, host: &dyn Host) -> Self {
        let login = login_name(host);
        let sudo = host.env("SUDO_USER").filter(|name| login == "root" && !name.is_empty());
        let user = sudo.map_or(login, |name| format!("sudo_{name}"));
        let owner = match opts.str("user") {
            "" => "root",
            owner => owner,
        };
        let file = key_file(&opts.path("cachedir"), &user, owner);
        match std::fs::read_to_string(&file) {
            Ok(key) => Identity { user, key, source: KeyProblem::Shown(file) },
            Err(error) => Identity {
                user,
                key: String::new(),
                source: KeyProblem::Unreadable { file, reason: error.to_string() },
            },
        }
    }
}

/// The key file of a user, when the master runs as `owner`.
fn key_file(cachedir: &Path, user: &str, owner: &str) -> PathBuf {
    // Salt: root, and whoever became root by sudo, shows the key of the master's own user.
    let name = if user == "root" || user.starts_with("sudo_") { owner } else { user };
    cachedir.join(format!(".{}_key", name.replace(['/', '\0'], "_")))
}

/// The name of the effective user, or the number where there is no name.
fn login_name(host: &dyn Host) -> String {
    let uid = rustix::process::geteuid().as_raw();
    host.user_by_uid(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_sudo_use_the_key_of_the_masters_user() {
        let file = |user, owner| key_file(Path::new("/c"), user, owner).display().to_string();
        assert_eq!(file("root", "root"), "/c/.root_key");
        assert_eq!(file("root", "salt"), "/c/.salt_key");
        assert_eq!(file("sudo_eve", "root"), "/c/.root_key");
        assert_eq!(file("eve", "root"), "/c/.eve_key");
        assert_eq!(file("../eve", "root"), "/c/..._eve_key");
    }
}
