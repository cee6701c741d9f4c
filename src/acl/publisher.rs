//! Local users: what `publisher_acl` gives them, and what `publisher_acl_blacklist` forbids to everybody. Salt:
//! acl/__init__.py, utils/master.py (`get_values_of_matching_keys`).

use crate::patterns::expr_match;
use crate::value::{Map, Value};

/// The rules of a local user: those of every entry (a name, glob or regular expression) that its name fits.
pub fn rules_of_user(publisher_acl: Option<&Value>, user: &str) -> Vec<Value> {
    let Some(config) = publisher_acl.and_then(Value::as_map) else { return Vec::new() };
    let fits = |entry: &Value| entry.as_str().is_some_and(|entry| expr_match(user, entry));
    let granted = config.iter().filter(|(entry, _)| fits(entry));
    granted.flat_map(|(_, rules)| rules.as_list().unwrap_or_default().iter().cloned()).collect()
}

/// `publisher_acl_blacklist`: `{users: [expression], modules: [expression]}`.
#[derive(Clone, Copy, Debug)]
pub struct Blacklist<'a>(pub Option<&'a Map>);

impl Blacklist<'_> {
    /// Whether a user may publish nothing.
    pub fn has_user(self, user: &str) -> bool {
        self.names("users", user)
    }

    /// Whether nobody may publish a function.
    pub fn has_function(self, fun: &str) -> bool {
        self.names("modules", fun)
    }

    fn names(self, what: &str, text: &str) -> bool {
        let Some(listed) = self.0.and_then(|config| config.get(what)) else { return false };
        let listed = listed.as_list().unwrap_or(std::slice::from_ref(listed));
        listed.iter().filter_map(Value::as_str).any(|expression| expr_match(text, expression))
    }
}
