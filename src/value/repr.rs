//! How Python prints values: `repr()` and `str()`. Many of Salt's outputs and comments are made of these.

use std::sync::LazyLock;

use regex::Regex;

use super::{DateTime, Value};

/// `repr(value)`.
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

/// `str(value)`: text as it is, anything else as [`repr`].
pub fn str_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Time(time) => datetime_str(time),
        other => repr(other),
    }
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(int) => out.push_str(&int.to_string()),
        Value::Big(big) => out.push_str(&big.to_string()),
        Value::Float(float) => out.push_str(&float_repr(*float)),
        Value::Text(text) => text_repr(out, text),
        Value::Bytes(bytes) => bytes_repr(out, bytes),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, item);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, key);
                out.push_str(": ");
                write_repr(out, value);
            }
            out.push('}');
        }
        Value::Time(time) => out.push_str(&datetime_repr(time)),
    }
}

/// `repr(float)`: the shortest digits that read back, exponent form outside 1e-4 … 1e16.
pub fn float_repr(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{float}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn text_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if char == quote => {
                out.push('\\');
                out.push(char);
            }
            char if is_printable(char) => out.push(char),
            char => match char as u32 {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    out.push(quote);
}

/// Python's `str.isprintable` for one character.
pub fn is_printable(char: char) -> bool {
    static UNPRINTABLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[\p{C}\p{Z}]$").expect("a fixed pattern compiles"));
    match char {
        ' '..='~' => true,
        '\0'..='\x7f' => false,
        char => !UNPRINTABLE.is_match(char.encode_utf8(&mut [0; 4])),
    }
}

fn bytes_repr(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.push('b');
    out.push(char::from(quote));
    for &octet in bytes {
        match octet {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            octet if octet == quote => {
                out.push('\\');
                out.push(char::from(octet));
            }
            b' '..=b'~' => out.push(char::from(octet)),
            octet => out.push_str(&format!("\\x{octet:02x}")),
        }
    }
    out.push(char::from(quote));
}

fn datetime_repr(time: &DateTime) -> String {
    let mut fields = vec![
        i32::from(time.year()),
        i32::from(time.month()),
        i32::from(time.day()),
        i32::from(time.hour()),
        i32::from(time.minute()),
    ];
    let micros = time.subsec_nanosecond() / 1000;
    if time.second() != 0 || micros != 0 {
        fields.push(i32::from(time.second()));
    }
    if micros != 0 {
        fields.push(micros);
    }
    let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
    format!("datetime.datetime({})", fields.join(", "))
}

fn datetime_str(time: &DateTime) -> String {
    let format = if time.subsec_nanosecond() >= 1000 { "%Y-%m-%d %H:%M:%S.%6f" } else { "%Y-%m-%d %H:%M:%S" };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    /// Expected values: CPython 3.11.
    #[test]
    fn floats_print_as_in_python() {
        for (float, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456_789.123, "123456789.123"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(float_repr(float), expected);
        }
    }

    /// Expected values: CPython 3.11.
    #[test]
    fn text_is_quoted_as_in_python() {
        for (text, expected) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\n\t\\", "'a\\n\\t\\\\'"),
            ("é☃", "'é☃'"),
            ("\u{7f}\u{a0}\u{200b}\u{e000}\u{10ffff}", "'\\x7f\\xa0\\u200b\\ue000\\U0010ffff'"),
        ] {
            assert_eq!(repr(&text.into()), expected);
        }
    }

    #[test]
    fn containers_nest() {
        let value: Value = map! { "a" => Value::list([1, 2]), 3 => Value::Null, "t" => true }.into();
        assert_eq!(repr(&value), "{'a': [1, 2], 3: None, 't': True}");
        assert_eq!(repr(&Value::Bytes(bytes::Bytes::from_static(b"\xff'x"))), "b\"\\xff'x\"");
    }
}
