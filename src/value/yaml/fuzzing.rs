//! What a fuzzer holds YAML against: no text panics, and what was read and written reads back the same.

use super::{Flow, Style, dump, load, yamlify_arg};
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

/// A value is written and reads back unchanged, in every style; nothing is said of values that YAML cannot keep.
pub fn round_trip(value: &Value) {
    if !survives(value) {
        return;
    }
    for style in [Style::SALT, Style::PYYAML, Style { flow: Flow::Always, ..Style::SALT }] {
        let written = dump(value, style);
        match load(&written, "written") {
            Ok(read) => assert!(read.loosely_equals(value), "{value:?}\n{written}\n{read:?}"),
            Err(error) => panic!("{value:?}\n{written}\n{error}"),
        }
    }
}

/// No YAML reader keeps the line breaks of Unicode apart, `nan` differs from itself, and times come back as text.
fn survives(value: &Value) -> bool {
    match value {
        Value::Text(text) => !text.contains(['\u{85}', '\u{2028}', '\u{2029}']),
        Value::Float(float) => !float.is_nan(),
        Value::Time(_) => false,
        Value::List(items) => items.iter().all(survives),
        Value::Map(map) => map.iter().all(|(key, value)| survives(key) && survives(value)),
        _ => true,
    }
}
