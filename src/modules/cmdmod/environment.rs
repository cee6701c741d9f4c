//! The environment of a command: what the caller gave, the one of another user, Salt's locale. Salt:
//! modules/cmdmod.py (`_parse_env`, `_run`).

use crate::host::Command;
use crate::loader::{Context, Fault};
use crate::map;
use crate::value::{Map, Value, repr, str_of};

/// Variables in the order in which they were set.
pub(super) type Variables = Map;

/// The variables that the caller gave: a map, or a list of maps with one entry each and of plain names.
pub(super) fn given(env: &Value) -> Variables {
    let mut variables = match env {
        Value::Map(map) => map.clone(),
        Value::List(items) => repacked(items).unwrap_or_default(),
        other => {
            if other.truthy() {
                crate::log::error!("env is neither a map nor a list of maps, and is not used");
            }
            Map::new()
        }
    };
    for (name, value) in variables.iter_mut() {
        if value.is_null() {
            crate::log::error!(
                name = str_of(name),
                "Environment variable passed without a value. Setting value to an empty string"
            );
            *value = "".into();
        }
    }
    variables.into_iter().map(|(name, value)| (str_of(&name), str_of(&value))).collect()
}

fn repacked(items: &[Value]) -> Option<Map> {
    let mut map = Map::new();
    for item in items {
        match item {
            Value::Text(_) | Value::Int(_) | Value::Bool(_) | Value::Float(_) => {
                map.insert(item.clone(), Value::Null);
            }
            Value::Map(one) if one.len() == 1 => {
                let (name, value) = one.at(0)?;
                map.insert(name.clone(), value.clone());
            }
            _ => {
                crate::log::error!("env has an item that is not one name and one value, and is not used");
                return None;
            }
        }
    }
    Some(map)
}

/// Categories that are set to `C`: Salt reads the output of programs, and reads only English.
const LOCALE: &[&str] = &[
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
    "LANGUAGE",
];

/// Sets the locale unless the caller did.
pub(super) fn set_locale(variables: &mut Variables) {
    for name in LOCALE {
        variables.entry(*name, || "C".into());
    }
}

/// The whole environment that the command will see.
///
/// # Errors
/// When a path is to be prepended and there is none.
pub(super) fn complete(
    cx: &Context,
    variables: &Variables,
    clean: bool,
    prepend_path: Option<&str>,
) -> Result<Variables, Fault> {
    let mut all = Map::new();
    if !clean {
        all.extend(cx.host.env_all());
    }
    all.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
    if let Some(first) = prepend_path {
        let path = all.str("PATH").ok_or_else(|| Fault::exception("KeyError", "'PATH'"))?;
        let path = format!("{first}:{path}");
        all.insert("PATH", path);
    }
    // The socket of the service manager is the daemon's own.
    if !variables.contains("NOTIFY_SOCKET") {
        all.remove("NOTIFY_SOCKET");
    }
    Ok(all)
}

/// The environment that a user finds after logging in, with the caller's variables on top.
///
/// # Errors
/// When the login shell prints something that cannot be told apart from the environment.
pub(super) fn of_user(
    cx: &Context,
    runas: Option<&str>,
    group: Option<&str>,
    shell: &str,
    is_default_shell: bool,
    variables: &Variables,
) -> Result<Variables, Fault> {
    let marker = format!("<<<{:032x}>>>", u128::from_le_bytes(crate::crypt::random::bytes()));
    let print = format!("printf %s '{marker}'; env -0; printf %s '{marker}'");
    let command = match group {
        None => Command::new("su", ["-s", shell, "-", runas.unwrap_or_default(), "-c", &print]),
        Some(group) => {
            let mut words = Vec::new();
            if let Some(runas) = runas {
                words.extend(["-u", runas]);
            }
            words.extend(["-g", group]);
            if is_default_shell {
                words.extend(["-i", "--", "/bin/sh", "-c", &print]);
            } else {
                words.extend(["--", shell, "-c", &print]);
            }
            Command::new("sudo", words)
        }
    };
    let (stdout, stderr) = match cx.host.run(&command) {
        Ok(output) => (output.stdout, output.stderr),
        Err(error) => (Vec::new(), error.to_string().into_bytes()),
    };
    let stdout = String::from_utf8_lossy(&stdout);
    let mut found = match stdout.split(&marker).collect::<Vec<_>>().as_slice() {
        [_] => {
            let user = runas.unwrap_or_default();
            let stderr = String::from_utf8_lossy(&stderr);
            crate::log::error!(user, %stderr, "Environment could not be retrieved");
            Map::new()
        }
        [_, printed, _] => printed.split('\0').filter_map(|line| line.split_once('=')).collect(),
        _ => {
            // Salt quirk: 3006.25 cmdmod.py does not fill in the user's name.
            return Err(Fault::Execution {
                text: "Environment could not be retrieved for user '{}'".to_owned(),
                info: Some(
                    map! {
                        "stderr" => format!("b{}", repr(&String::from_utf8_lossy(&stderr).into_owned().into())),
                        "stdout" => format!("b{}", repr(&stdout.clone().into_owned().into())),
                    }
                    .into(),
                ),
            });
        }
    };
    as_python_sees_it(&mut found);
    found.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
    if let Some(runas) = runas {
        found.insert("USER", runas);
        let home = cx.host.user(runas).map_or_else(|| format!("~{runas}"), |user| user.home);
        found.insert("HOME", home);
    }
    Ok(found)
}

/// Salt asks for the environment with Python, which in the C locale sets `LC_CTYPE` (PEP 538) and so keeps UTF-8
/// output whole.
fn as_python_sees_it(found: &mut Variables) {
    let plain = |name: &str| found.str(name).is_none_or(|value| matches!(value, "" | "C" | "POSIX"));
    if !found.contains("LC_ALL") && plain("LC_CTYPE") && plain("LANG") && !found.is_empty() {
        found.insert("LC_CTYPE", "C.UTF-8");
    }
    found.remove("_");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_are_maps_or_lists_of_names_and_maps() {
        let list = Value::List(vec!["a".into(), map! { "b" => 1 }.into(), map! { "c" => true }.into()]);
        assert_eq!(given(&list), map! { "a" => "", "b" => "1", "c" => "True" });
        assert_eq!(given(&map! { "a" => Value::Null }.into()), map! { "a" => "" });
        assert_eq!(given(&"A=b".into()), map! {});
        assert_eq!(given(&Value::List(vec![map! { "a" => 1, "b" => 2 }.into()])), map! {});
    }

    #[test]
    fn the_locale_is_c_unless_it_was_given() {
        let mut variables = map! { "LC_TIME" => "de_DE.UTF-8" };
        set_locale(&mut variables);
        assert_eq!((variables.str("LC_TIME"), variables.str("LANGUAGE")), (Some("de_DE.UTF-8"), Some("C")));
        assert!(!variables.contains("LC_ALL") && !variables.contains("LANG"));
    }
}
