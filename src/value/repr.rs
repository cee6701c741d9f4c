//! How Python prints values: `repr()` and `str()`. Many of Salt's outputs and comments are made of these.

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
    let scientific = shortest(float);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return plain(mantissa, exponent);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// The shortest digits that read back, `1.5e0`. Of two that are equally near Python takes the even one, Rust's own
/// shortest form the larger.
fn shortest(float: f64) -> String {
    let shortest = format!("{float:e}");
    let digits = shortest.bytes().take_while(|octet| *octet != b'e').filter(u8::is_ascii_digit).count();
    let nearest = format!("{float:.*e}", digits.saturating_sub(1));
    if nearest.parse() == Ok(float) { nearest } else { shortest }
}

/// Digits with an exponent from -4 to 15 as a decimal fraction.
fn plain(mantissa: &str, exponent: i32) -> String {
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let before = usize::try_from(exponent + 1).unwrap_or_default();
    if before == 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or_default());
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = format!("{digits:0<before$}");
    let (whole, fraction) = whole.split_at(before);
    format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
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
    match char {
        ' '..='~' => true,
        '\0'..='\x7f' => false,
        // Rust writes the same categories as `\u{…}`; what extends the character before it only where it comes first.
        char => String::from_iter(['a', char]).escape_debug().nth(1) != Some('\\'),
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
    #[expect(clippy::excessive_precision, reason = "halfway between two doubles, on purpose")]
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
            (1_186_349_587_436_629.25, "1186349587436629.2"),
            (-0.001_25, "-0.00125"),
            (-12.5, "-12.5"),
            (100.0, "100.0"),
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
        assert_eq!(repr(&Value::Bytes(b"\xff'x"[..].into())), "b\"\\xff'x\"");
    }
}
