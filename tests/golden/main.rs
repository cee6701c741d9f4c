//! Texts and decisions recorded from real Salt, held against ours. Every folder has the script that recorded it.

mod config;
mod cron;
mod highstate;
mod jinja;
mod jmespath;
mod later;
mod machine;
mod modules;
mod output;
mod pillar;
mod report;
mod states;
mod target;
mod web;
mod yaml;

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use base64::Engine;
use halite::value::{Value, msgpack};

/// The umask is that of the whole process, so who sets it, or looks at modes, waits for the other.
static UMASK: Mutex<()> = Mutex::new(());

/// The cases of a file below `tests/golden`, one JSON object per line.
fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let shown = path.display();
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    text.lines()
        .map(|line| Value::from_json(line).unwrap_or_else(|error| panic!("{shown}: {error}")))
        .collect()
}

/// msgpack in base64, as the recording scripts keep values that JSON has no form for.
fn unpack(packed: &str) -> Value {
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed).expect("base64");
    msgpack::decode(&bytes, msgpack::Reading::Typed).expect("msgpack")
}

/// Fails with the first few differences, and how many there are.
fn report(failures: &[String], total: usize) {
    assert!(total > 0, "no cases");
    let shown: Vec<&str> = failures.iter().take(40).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {total} differ:\n{}", failures.len(), shown.join("\n"));
}
