//! Scalars to values: integers, floats, base64. PyYAML: constructor.py (`construct_yaml_int` and its siblings), with
//! Salt's rule that a leading zero does not mean octal. Salt: utils/yamlloader.py.

use num_bigint::BigInt;

use crate::value::Value;

/// Python refuses decimal integers with more digits.
const MAX_DIGITS: usize = 4_300;

/// The integer that a text means, or `None` where it is none.
pub(super) fn int(text: &str) -> Option<Value> {
    // Salt quirk: `010` is ten, in 3006 and 3007; with a sign before it, it is PyYAML's octal eight.
    let text = match text {
        text if text.starts_with('0') && !text.starts_with("0b") && !text.starts_with("0x") => {
            match text.trim_start_matches('0') {
                "" => "0",
                rest => rest,
            }
        }
        text => text,
    };
    let text = text.replace('_', "");
    let (negative, digits) = sign(&text);
    let magnitude = match digits {
        "0" => BigInt::ZERO,
        digits if digits.starts_with("0b") => parse(digits.get(2..)?, 2)?,
        digits if digits.starts_with("0x") => parse(digits.get(2..)?, 16)?,
        digits if digits.starts_with('0') => parse(digits, 8)?,
        digits if digits.contains(':') => {
            let mut sum = BigInt::ZERO;
            for part in digits.split(':') {
                sum = sum * 60 + parse(part, 10)?;
                if sum.bits() > 4 * MAX_DIGITS as u64 {
                    return None;
                }
            }
            sum
        }
        digits => parse(digits, 10)?,
    };
    Some(Value::from_bigint(if negative { -magnitude } else { magnitude }))
}

fn parse(digits: &str, radix: u32) -> Option<BigInt> {
    let digits = digits.trim();
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.chars().all(|char| char.is_digit(radix)) {
        return None;
    }
    BigInt::parse_bytes(digits.as_bytes(), radix)
}

/// The float that a text means, or `None` where it is none.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_ascii_lowercase();
    let (negative, digits) = sign(&text);
    let magnitude = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        digits if digits.contains(':') => {
            let parts: Option<Vec<f64>> = digits.split(':').map(decimal).collect();
            let (mut sum, mut base) = (0.0, 1.0);
            for part in parts?.into_iter().rev() {
                sum += part * base;
                base *= 60.0;
            }
            sum
        }
        digits => decimal(digits)?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn decimal(digits: &str) -> Option<f64> {
    digits.trim().parse().ok()
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The octets of `!!binary`, or what Python says about it: characters outside of base64 are passed over, and what
/// follows the padding is not looked at. CPython: binascii.c (`a2b_base64`).
pub(super) fn binary(text: &str) -> Result<Vec<u8>, String> {
    if !text.is_ascii() {
        return Err(format!("failed to convert base64 data into ascii: {}", not_ascii(text)));
    }
    decode(text).map_err(|problem| format!("failed to decode base64 data: {problem}"))
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut in_group, mut pads) = (0_u32, 0_u32, 0);
    for char in text.chars() {
        let six_bits = match char {
            'A'..='Z' => u32::from(char) - u32::from('A'),
            'a'..='z' => u32::from(char) - u32::from('a') + 26,
            '0'..='9' => u32::from(char) - u32::from('0') + 52,
            '+' => 62,
            '/' => 63,
            '=' => {
                if in_group >= 2 {
                    pads += 1;
                    if in_group + pads >= 4 {
                        return Ok(octets);
                    }
                }
                continue;
            }
            _ => continue,
        };
        pads = 0;
        group = (group << 6 | six_bits) & 0xff_ffff;
        in_group = (in_group + 1) % 4;
        match in_group {
            2 => octets.extend(u8::try_from(group >> 4 & 0xff)),
            3 => octets.extend(u8::try_from(group >> 2 & 0xff)),
            0 => octets.extend(u8::try_from(group & 0xff)),
            _ => {}
        }
    }
    match in_group {
        0 => Ok(octets),
        1 => Err(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            octets.len() / 3 * 4 + 1
        )),
        _ => Err("Incorrect padding".to_owned()),
    }
}

/// Python's words for the first characters that are not ASCII.
fn not_ascii(text: &str) -> String {
    let from = text.chars().take_while(char::is_ascii).count();
    let outside: Vec<char> = text.chars().skip(from).take_while(|char| !char.is_ascii()).collect();
    let which = match outside.as_slice() {
        [one] => {
            let escaped = match u32::from(*one) {
                code @ 0..=0xff => format!("\\x{code:02x}"),
                code @ 0x100..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            };
            format!("character '{escaped}' in position {from}")
        }
        more => format!("characters in position {from}-{}", from + more.len().saturating_sub(1)),
    };
    format!("'ascii' codec can't encode {which}: ordinal not in range(128)")
}
