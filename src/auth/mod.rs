//! External authentication: is this the user's password? A row per back end. Salt: auth/.

mod auto;
mod file;
mod ldap;
mod pam;
mod sharedsecret;

use crate::value::Map;

/// Who wants to be let in.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    pub username: &'a str,
    pub password: &'a str,
}

/// One back end.
pub struct Backend {
    /// Its name below `external_auth`.
    pub name: &'static str,
    /// Whether the password is right, by the master's options. May read files.
    ///
    /// # Errors
    /// Why it cannot be told, for the log; the user is not let in.
    pub check: fn(&Map, Login<'_>) -> Result<bool, String>,
    /// The groups of a user, for entries like `admins%`.
    pub groups: fn(&str) -> Vec<String>,
}

/// Of a back end that knows no groups.
fn no_groups(_: &str) -> Vec<String> {
    Vec::new()
}

/// Every back end, in alphabetical order.
pub static ALL: &[&Backend] =
    &[&auto::BACKEND, &file::BACKEND, &ldap::BACKEND, &pam::BACKEND, &sharedsecret::BACKEND];

/// The back end of a name.
pub fn backend(name: &str) -> Option<&'static Backend> {
    ALL.iter().copied().find(|backend| backend.name == name)
}

/// Compares secrets in a time that tells nothing but their lengths.
fn same(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    a.ct_eq(b).into()
}
