//! What a fuzzer holds YAML against: no text panics, and what was read and written reads back the same.

use super::{Style, dump, load, yamlify_arg};
use crate::value::Value;

/// Panics when a property of the loader or the dumper does not hold for these octets.
pub fn check(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let _ = yamlify_arg(text);
    match load(text, "fuzz") {
        Ok(value) => round_trip(&value),
        Err(error) => assert!(error.position().line >= 1 && !error.to_string().is_empty()),
    }
}

/// A value that came out of a text is written and read back unchanged, in both styles.
pub fn round_trip(value: &Value) {
    for style in [Style::SALT, Style::PYYAML] {
        let written = dump(value, style);
        match load(&written, "dumped") {
            Ok(read) => {
                assert!(read.loosely_equals(value) || has_nan(value), "{value:?}\n{written}\n{read:?}")
            }
            Err(error) => panic!("{value:?}\n{written}\n{error}"),
        }
    }
}

/// `nan` differs from itself in the loose equality.
fn has_nan(value: &Value) -> bool {
    match value {
        Value::Float(float) => float.is_nan(),
        Value::List(items) => items.iter().any(has_nan),
        Value::Map(map) => map.iter().any(|(key, value)| has_nan(key) || has_nan(value)),
        _ => false,
    }
}
