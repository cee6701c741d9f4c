//! Texts and decisions recorded from real Salt, held against ours. Every folder has the script that recorded it.

mod modules;
mod output;
mod yaml;

use std::fs;

use halite::value::Value;

/// The cases of a file below `tests/golden`, one JSON object per line.
fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines()
        .map(|line| Value::from_json(line).unwrap_or_else(|error| panic!("{path}: {error}")))
        .collect()
}

/// Fails with the first few differences, and how many there are.
fn report(failures: &[String], total: usize) {
    assert!(total > 0, "no cases");
    let shown: Vec<&str> = failures.iter().take(12).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {total} differ:\n{}", failures.len(), shown.join("\n"));
}
