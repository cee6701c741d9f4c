//! Data as TOML, in the form that Python's package toml writes. Salt: serializers/tomlmod.py.

use crate::value::{Map, Value, float_repr, is_printable, str_of};

/// Tables that are still to be written, by their whole names.
type Tables<'m> = Vec<(String, &'m Map)>;

/// A text with the tables of `data`: values first, then one level of tables after the other.
///
/// # Errors
/// When a list holds tables and something else.
pub fn dump(data: &Map) -> Result<String, String> {
    let (mut text, mut level) = table("", data)?;
    while !level.is_empty() {
        let mut next = Tables::new();
        for (name, map) in level {
            let (lines, below) = table(&name, map)?;
            if !lines.is_empty() || below.is_empty() {
                if !text.is_empty() && !text.ends_with("\n\n") {
                    text.push('\n');
                }
                text.push_str(&format!("[{name}]\n{lines}"));
            }
            next.extend(below);
        }
        level = next;
    }
    Ok(text)
}

/// The lines of a table, arrays of tables last, and the tables below it.
fn table<'m>(name: &str, map: &'m Map) -> Result<(String, Tables<'m>), String> {
    let (mut lines, mut arrays, mut below) = (String::new(), String::new(), Tables::new());
    for (key, value) in map {
        let key = quoted_key(&str_of(key));
        let whole = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        match value {
            Value::Null => {}
            Value::Map(map) => below.push((whole, map)),
            Value::List(items) if items.iter().any(|item| item.as_map().is_some()) => {
                for item in items {
                    let item = item.as_map().ok_or_else(|| format!("{whole} holds more than tables"))?;
                    arrays.push_str(&element(&whole, item)?);
                }
            }
            value => lines.push_str(&format!("{key} = {}\n", plain(value))),
        }
    }
    Ok((lines + &arrays, below))
}

/// One table of an array with all that is below it.
fn element(name: &str, map: &Map) -> Result<String, String> {
    let (lines, mut level) = table(name, map)?;
    let mut text = format!("[[{name}]]\n");
    // Arrays below come after the empty line that ends its values.
    text.push_str(&if lines.starts_with('[') { format!("\n{lines}") } else { format!("{lines}\n") });
    while !level.is_empty() {
        let mut next = Tables::new();
        for (name, map) in level {
            let (lines, below) = table(&name, map)?;
            if !lines.is_empty() {
                text.push_str(&format!("[{name}]\n{lines}"));
            }
            next.extend(below);
        }
        level = next;
    }
    Ok(text)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Int(_) | Value::Big(_) => str_of(value),
        Value::Float(number) => float_repr(*number).replace("e+0", "e+").replace("e-0", "e-"),
        Value::Time(time) => time.to_string(),
        Value::List(items) => {
            let items: String = items.iter().map(|item| format!(" {},", plain(item))).collect();
            format!("[{items}]")
        }
        // Only inside lists of lists, where Python's package takes a map for its keys.
        Value::Map(map) => plain(&Value::List(map.keys().cloned().collect())),
        other => quoted(&str_of(other)),
    }
}

fn quoted_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable(c) => quoted.push(c),
            c if u32::from(c) < 0x1_0000 => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    /// What Python's toml 0.10.2 makes of the data, and that it comes back.
    #[test]
    fn data_are_written_as_pythons_package_writes_them() {
        let cases = include_str!("cases.jsonl").lines().filter(|line| !line.is_empty());
        let mut count = 0;
        for line in cases {
            let case = Value::from_json(line).expect("JSON");
            let data = case.get("data").and_then(Value::as_map).expect("data");
            let text = case.get("text").and_then(Value::as_str).expect("text");
            assert_eq!(dump(data).as_deref(), Ok(text), "{line}");
            if case.get("same").is_some_and(Value::truthy) {
                assert_eq!(load(text), Ok(data.clone().into()), "{line}");
            }
            count += 1;
        }
        assert!(count > 10, "{count} cases");
    }

    #[test]
    fn tables_beside_other_items_are_refused() {
        let data = Value::from_json("{\"a\": [1, {\"b\": 2}]}").expect("JSON");
        let error = dump(data.as_map().expect("a map"));
        assert_eq!(error, Err("a holds more than tables".to_owned()));
    }
}
