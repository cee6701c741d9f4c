//! Options against `config/cases.jsonl`, what Salt 3006.25 makes of the same files, and which values it refuses.

use std::fs;
use std::path::{Path, PathBuf};

use halite::cli::config_files::{load_client, load_master, load_minion_uncached};
use halite::config::{ConfigError, Facts, Id, Opts, Overrides, Role, Severity, build};
use halite::map;
use halite::value::{JsonStyle, Map, Value, str_of};

use crate::{cases, report};

const FILE: &str = "config/cases.jsonl";

#[test]
fn files_become_the_options_that_salt_makes_of_them() {
    let mut bases: Vec<(String, Map)> = Vec::new();
    let (mut failures, mut total) = (Vec::new(), 0);
    for case in cases(FILE).iter().filter(|case| text(case, "kind") == "load") {
        total += 1;
        let (role, name) = (text(case, "role"), text(case, "name"));
        let mut wanted =
            bases.iter().find(|(base, _)| base == role).map(|(_, opts)| opts.clone()).unwrap_or_default();
        if let Some(opts) = case.get("opts").and_then(Value::as_map) {
            for gone in case.get("gone").and_then(Value::as_list).unwrap_or_default() {
                wanted.remove_value(gone);
            }
            wanted.extend(opts.clone());
            if name == "defaults" {
                bases.push((role.to_owned(), wanted.clone()));
            }
        }
        let dir = Dir::new(case.get("files").and_then(Value::as_map).expect("files"));
        let loaded = match role {
            "minion" => load_minion_uncached(Some(&dir.0)),
            "client" => load_client(Some(&dir.0)),
            _ => load_master(Some(&dir.0)),
        };
        let differences = match (loaded, case.get("opts")) {
            (Ok(opts), Some(_)) => compare(&opts, &wanted, case, &dir.0),
            (Err(error), None) => differing_error(&format!("{error:#}"), case, &dir.0),
            (Ok(_), None) => vec!["no error".to_owned()],
            // Salt goes on after a wrong type, with a warning; here it is an error with the same sentence.
            (Err(error), Some(_)) => differing_error(&format!("{error:#}"), case, &dir.0),
        };
        failures.extend(differences.iter().map(|difference| format!("{role}, {name}: {difference}")));
    }
    report(&failures, total);
}

#[test]
fn options_refuse_the_values_that_salt_refuses() {
    let all = cases(FILE);
    let values = all.iter().find_map(|case| case.get("values")?.as_list()).expect("values");
    let (mut failures, mut total) = (Vec::new(), 0);
    for case in all.iter().filter(|case| text(case, "kind") == "type") {
        total += 1;
        let option = text(case, "option");
        let mut first = None;
        let refused: Vec<i64> = (0..)
            .zip(values)
            .filter(|(_, value)| !value.is_null())
            .filter_map(|(index, value)| {
                let overrides = Overrides { map: map! { option => value.clone() }, ..Default::default() };
                match build(Role::Master, overrides, &facts()) {
                    Err(error @ ConfigError::WrongType { .. }) => {
                        first.get_or_insert_with(|| error.to_string());
                        Some(index)
                    }
                    _ => None,
                }
            })
            .collect();
        let is_null = |index: &i64| usize::try_from(*index).is_ok_and(|index| values[index].is_null());
        let wanted: Vec<i64> = case
            .get("refused")
            .and_then(Value::as_list)
            .expect("refused")
            .iter()
            .filter_map(Value::as_int)
            .filter(|index| !is_null(index))
            .collect();
        if refused != wanted {
            failures.push(format!("{option}: {refused:?}, Salt: {wanted:?}"));
        } else if let (Some(first), Some(sentence)) = (first, case.get("sentence").and_then(Value::as_str))
            && first != sentence
            && !sentence.contains("value None")
        {
            failures.push(format!("{first}\n{sentence}"));
        }
    }
    report(&failures, total);
}

fn compare(opts: &Opts, wanted: &Map, case: &Value, dir: &Path) -> Vec<String> {
    let mut differences = Vec::new();
    let mut ours: Map = opts.as_map().iter().map(|(key, value)| (str_of(key), value.clone())).collect();
    ours.remove("config_dir");
    // The name of the test program.
    ours.insert("__cli", "halite");
    for (key, expected) in wanted {
        let key = key.as_str().unwrap_or_default();
        // On purpose: our minion verifies what it is told to do unless told otherwise (COMPATIBILITY.md).
        let by_default = key == "sign_pub_messages" && *expected == Value::Bool(false);
        let expected =
            if by_default && opts.role() == Role::Minion { true.into() } else { expanded(expected, dir) };
        match ours.remove(key) {
            None => differences.push(format!("{key} is missing")),
            Some(ours) if ours.loosely_equals(&expected) => {}
            // Where Salt keeps a value that is none, the default holds.
            Some(_) if expected.is_null() => {}
            Some(ours) => differences.push(format!("{key}: {ours:?}, Salt: {expected:?}")),
        }
    }
    differences.extend(ours.keys().map(|key| format!("{key:?} is too much")));

    let said: Vec<&str> = opts
        .notices()
        .iter()
        .filter(|notice| notice.severity != Severity::Debug)
        .map(|notice| notice.text.as_str())
        .collect();
    let warnings = case.get("warnings").map(|warnings| expanded(warnings, dir)).unwrap_or_default();
    for warning in warnings.as_list().unwrap_or_default().iter().filter_map(Value::as_str) {
        if !said.contains(&warning) {
            differences.push(format!("not said: {warning}\nsaid: {said:?}"));
        }
    }
    differences
}

fn differing_error(ours: &str, case: &Value, dir: &Path) -> Vec<String> {
    let expanded = |name: &str| case.get(name).map(|value| expanded(value, dir)).unwrap_or_default();
    let error = expanded("error");
    let warnings = expanded("warnings");
    let wanted = match error.as_str() {
        Some("") | None => warnings.as_list().and_then(|warnings| warnings.first()?.as_str()),
        Some(error) => Some(error),
    };
    if wanted.is_some_and(|wanted| ours.starts_with(wanted)) {
        Vec::new()
    } else {
        vec![format!("{ours}\nSalt: {wanted:?}")]
    }
}

/// The value with the places of the recording put to those of here.
fn expanded(value: &Value, dir: &Path) -> Value {
    let home = std::env::var("HOME").unwrap_or_default();
    let json = value
        .to_json(JsonStyle::default())
        .replace("@ROOT@", &dir.display().to_string())
        .replace("@HOME@", home.trim_end_matches('/'))
        .replace("@USER@", &halite::cli::config_files::user());
    Value::from_json(&json).expect("JSON")
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn facts() -> Facts<'static> {
    Facts {
        user: "root",
        home: "/root",
        cwd: "/",
        program: "test",
        config_dir: "/etc/salt",
        id: &|_| Id { id: "web1".to_owned(), is_address: false },
        glob: &|_| Vec::new(),
        memory: &|| 0,
    }
}

/// A directory with the files of a case, gone with it.
struct Dir(PathBuf);

impl Dir {
    fn new(files: &Map) -> Self {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("halite-golden-config-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for (name, text) in files {
            let path = dir.join(str_of(name));
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, str_of(text).replace("@ROOT@", &dir.display().to_string())).expect("a file");
        }
        Dir(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
