//! Who may run what: the rules below `external_auth`, `publisher_acl`, `publisher_acl_blacklist`, `peer` and
//! `peer_run`. Salt: utils/minions.py (`CkMinions.auth_check`, `spec_check`, `fill_auth_list`), acl/__init__.py.
//!
//! ```yaml
//! - test.*                    # functions (the beginning of their name) on every minion
//! - 'web*':                   # on minions that this compound target names, and no others
//!     - pkg.version
//!     - cmd.run:
//!         - args: ['^uptime$']
//!           kwargs: {cwd: '^/tmp'}
//! - '@runner'                 # every runner; also @runners, @jobs, and {'@jobs': [lookup_jid]}
//! ```

mod check;
mod publisher;

#[cfg(test)]
mod tests;

pub use check::{Job, MasterFunctions, Ruling, may_call, may_publish};
pub use publisher::{Blacklist, rules_of_user};

use crate::patterns::PyRegex;
use crate::value::{Map, Value};

/// The rules of an external user: those of its name, of its groups (`group%`), and of `*` where `permissive` says so or
/// nothing else names the user.
///
/// Salt takes the *name* as the pattern, so that a user called `.*` gets everybody's rights; here names are names.
pub fn rules_of_login(config: &Map, name: &str, groups: &[String], permissive: bool) -> Vec<Value> {
    let mut rules = Vec::new();
    let (mut everybody, mut named) = (None, false);
    for (entry, granted) in config {
        let Some(entry) = entry.as_str() else { continue };
        let granted = granted.as_list().unwrap_or_default();
        if let Some(group) = entry.strip_suffix('%') {
            if groups.iter().any(|own| own == group) {
                rules.extend_from_slice(granted);
            }
        } else if entry == "*" {
            everybody = Some(granted);
        } else if entry == name {
            named = true;
            rules.extend_from_slice(granted);
        }
    }
    if let Some(everybody) = everybody.filter(|_| permissive || !named) {
        rules.extend_from_slice(everybody);
    }
    rules
}

/// The permissions that `peer` or `peer_run` (`{regex of ids: [regex of functions]}`) give a minion.
pub fn rules_of_peer(config: Option<&Value>, id: &str) -> Vec<Value> {
    let Some(config) = config.and_then(Value::as_map) else { return Vec::new() };
    let mut rules = Vec::new();
    for (pattern, granted) in config {
        if pattern.as_str().is_some_and(|pattern| begins(pattern, id)) {
            rules.extend_from_slice(granted.as_list().unwrap_or_default());
        }
    }
    rules
}

/// Whether one of the permissions of a minion names a function.
pub fn names_function(rules: &[Value], fun: &str) -> bool {
    rules.iter().any(|rule| rule.as_str().is_some_and(|pattern| begins(pattern, fun)))
}

/// Whether a text begins with what a regular expression describes: Python's `re.match`. A pattern that is none fits
/// nothing.
fn begins(pattern: &str, text: &str) -> bool {
    match PyRegex::new(pattern) {
        Ok(regex) => regex.matches(text),
        Err(error) => {
            crate::log::error!(pattern, %error, "Invalid regular expression");
            false
        }
    }
}
