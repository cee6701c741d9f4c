//! The environment that functions see and programs inherit. Setting a variable of a process with threads is unsound
//! (setenv(3)), so changes are kept beside it and laid on top: here the two are one.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::value::sort;

/// Changes since the start; `None` took a variable out.
static CHANGES: Mutex<BTreeMap<String, Option<String>>> = Mutex::new(BTreeMap::new());

fn with<T>(change: impl FnOnce(&mut BTreeMap<String, Option<String>>) -> T) -> T {
    change(&mut CHANGES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The value of a variable.
pub(super) fn get(name: &str) -> Option<String> {
    match with(|changes| changes.get(name).cloned()) {
        Some(change) => change,
        None => std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
    }
}

/// Every variable, sorted by name.
pub(super) fn all() -> BTreeMap<String, String> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let mut all = sort::into_map(std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))));
    with(|changes| {
        for (name, change) in changes.iter() {
            match change {
                Some(value) => all.insert(name.clone(), value.clone()),
                None => all.remove(name),
            };
        }
    });
    all
}

/// Sets a variable, or takes it out.
pub(super) fn set(name: &str, value: Option<&str>) {
    with(|changes| changes.insert(name.to_owned(), value.map(str::to_owned)));
}

/// Gives a program that inherits the environment the changes too.
pub(super) fn apply(builder: &mut Command) {
    with(|changes| {
        for (name, change) in changes.iter() {
            match change {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_seen_and_inherited() {
        set("HALITE_TEST_SET", Some("one"));
        assert_eq!(get("HALITE_TEST_SET").as_deref(), Some("one"));
        assert_eq!(all().get("HALITE_TEST_SET").map(String::as_str), Some("one"));
        let program = super::super::Command::new("/bin/sh", ["-c", "echo $HALITE_TEST_SET"]);
        assert_eq!(super::super::run(&program).expect("runs").stdout, b"one\n");
        set("HALITE_TEST_SET", None);
        assert_eq!(get("HALITE_TEST_SET"), None);
        assert!(get("PATH").is_some());
    }
}
