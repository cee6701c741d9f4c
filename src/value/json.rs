//! JSON as Python's `json` module reads and writes it.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::sort;
use num_bigint::BigInt;
use serde_json::Value as Json;
use thiserror::Error;

use super::{Map, Value, float_repr, repr, str_of};

/// Why a text is not JSON; lines and columns count from 1.
#[derive(Debug, Error)]
#[error("line {line} column {column}: {problem}")]
pub struct JsonError {
    pub line: usize,
    pub column: usize,
    pub problem: String,
}

/// How JSON is laid out: the arguments of Python's `json.dumps`.
#[derive(Clone, Copy, Debug)]
pub struct JsonStyle {
    /// Spaces per level; `None` puts everything on one line.
    pub indent: Option<usize>,
    pub sort_keys: bool,
    /// Everything outside of ASCII, and its DEL, as `\uXXXX`.
    pub ensure_ascii: bool,
    /// `,` and `:` without spaces.
    pub compact: bool,
}

impl Default for JsonStyle {
    fn default() -> Self {
        JsonStyle { indent: None, sort_keys: false, ensure_ascii: true, compact: false }
    }
}

impl Value {
    /// Reads a JSON text.
    ///
    /// # Errors
    /// When the text is not one JSON value, or is nested deeper than 128.
    pub fn from_json(text: &str) -> Result<Value, JsonError> {
        let json: Json = serde_json::from_str(text).map_err(|error| JsonError {
            line: error.line(),
            column: error.column(),
            problem: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        })?;
        Ok(from_serde(json))
    }

    /// Writes JSON. Keys become text as in Python (`true`, `null`, numbers); bytes that are not text and times are
    /// written as Python prints them.
    pub fn to_json(&self, style: JsonStyle) -> String {
        let mut out = String::new();
        write(&mut out, self, style, 0);
        out
    }
}

fn from_serde(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(bool),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(int)) => Value::Big(Box::new(BigInt::from(int))),
            _ => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(from_serde).collect()),
        Json::Object(map) => {
            Value::Map(map.into_iter().map(|(key, value)| (key, from_serde(value))).collect::<Map>())
        }
    }
}

fn write(out: &mut String, value: &Value, style: JsonStyle, level: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        // Text takes whatever is written to it.
        Value::Int(int) => drop(write!(out, "{int}")),
        Value::Big(big) => drop(write!(out, "{big}")),
        Value::Float(float) => out.push_str(&float_text(*float)),
        Value::Text(text) => write_text(out, text, style),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => write_text(out, text, style),
            Err(_) => write_text(out, &repr(value), style),
        },
        Value::Time(_) => write_text(out, &str_of(value), style),
        Value::List(items) => {
            write_items(out, ['[', ']'], style, level, items.iter(), |out, item| {
                write(out, item, style, level + 1)
            });
        }
        Value::Map(map) => {
            let mut entries: Vec<(Cow<'_, str>, &Value)> =
                map.iter().map(|(key, value)| (key_text(key), value)).collect();
            if style.sort_keys {
                sort::by(&mut entries, |(a, _), (b, _)| a.cmp(b));
            }
            write_items(out, ['{', '}'], style, level, entries.iter(), |out, (key, value)| {
                write_text(out, key, style);
                out.push_str(if style.compact { ":" } else { ": " });
                write(out, value, style, level + 1);
            });
        }
    }
}

fn write_items<T>(
    out: &mut String,
    [open, close]: [char; 2],
    style: JsonStyle,
    level: usize,
    items: impl ExactSizeIterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    out.push(open);
    let some = items.len() > 0;
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        match style.indent {
            Some(indent) => new_line(out, indent * (level + 1)),
            None if index > 0 && !style.compact => out.push(' '),
            None => {}
        }
        each(out, item);
    }
    if let (Some(indent), true) = (style.indent, some) {
        new_line(out, indent * level);
    }
    out.push(close);
}

fn new_line(out: &mut String, mut spaces: usize) {
    const SOME: &str = "                                ";
    out.push('\n');
    while spaces > 0 {
        let (now, _) = SOME.split_at(spaces.min(SOME.len()));
        out.push_str(now);
        spaces -= now.len();
    }
}

fn float_text(float: f64) -> String {
    match float {
        float if float.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        float => float_repr(float),
    }
}

fn key_text(key: &Value) -> Cow<'_, str> {
    match key {
        Value::Text(text) => text.into(),
        Value::Null => "null".into(),
        Value::Bool(bool) => bool.to_string().into(),
        Value::Float(float) => float_text(*float).into(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
        other => repr(other).into(),
    }
}

fn write_text(out: &mut String, text: &str, style: JsonStyle) {
    let is_plain =
        |octet: u8| !matches!(octet, ..b' ' | b'"' | b'\\') && (octet < b'\x7f' || !style.ensure_ascii);
    out.push('"');
    let mut rest = text;
    loop {
        // Most of a text goes over as it is.
        let plain = rest.bytes().position(|octet| !is_plain(octet)).unwrap_or(rest.len());
        let (before, from) = rest.split_at(plain);
        out.push_str(before);
        let mut chars = from.chars();
        match chars.next() {
            None => break,
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(char) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        rest = chars.as_str();
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    /// Expected texts: CPython 3.11, `json.dumps` with the same arguments.
    #[test]
    fn json_is_written_as_python_does() {
        let value: Value =
            map! { "b" => Value::list([1, 2]), "a" => map! {}, 1 => Value::Null, "é😀" => 1e16, "l" => Value::List(vec![]) }
                .into();
        let check = |style, expected: &str| assert_eq!(value.to_json(style), expected);
        check(
            JsonStyle::default(),
            r#"{"b": [1, 2], "a": {}, "1": null, "\u00e9\ud83d\ude00": 1e+16, "l": []}"#,
        );
        check(
            JsonStyle { indent: Some(4), ensure_ascii: false, ..Default::default() },
            "{\n    \"b\": [\n        1,\n        2\n    ],\n    \"a\": {},\n    \"1\": null,\n    \"é😀\": 1e+16,\n    \"l\": []\n}",
        );
        check(
            JsonStyle { sort_keys: true, compact: true, ..Default::default() },
            r#"{"1":null,"a":{},"b":[1,2],"l":[],"\u00e9\ud83d\ude00":1e+16}"#,
        );
    }

    #[test]
    fn every_character_is_written_as_python_does() {
        let text: Value = "\u{1}a\"b\\\n\r\t\u{8}\u{c} \u{7f}é\u{2028}😀/".into();
        let check = |ensure_ascii, expected: &str| {
            assert_eq!(text.to_json(JsonStyle { ensure_ascii, ..Default::default() }), expected);
        };
        check(true, "\"\\u0001a\\\"b\\\\\\n\\r\\t\\b\\f \\u007f\\u00e9\\u2028\\ud83d\\ude00/\"");
        check(false, "\"\\u0001a\\\"b\\\\\\n\\r\\t\\b\\f \u{7f}é\u{2028}😀/\"");
    }

    #[test]
    fn json_errors_name_line_and_column() {
        let error = Value::from_json("{\n  \"a\": }").expect_err("not JSON");
        assert_eq!((error.line, error.column), (2, 8));
    }

    #[test]
    fn json_round_trips_and_keeps_order() {
        let text = r#"{"z": 1, "a": [true, null, 1.5, "x"], "big": 18446744073709551615}"#;
        assert_eq!(Value::from_json(text).expect("JSON").to_json(JsonStyle::default()), text);
    }
}
