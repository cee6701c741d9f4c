//! Scalars to values: integers, floats, base64. PyYAML: constructor.py (`construct_yaml_int` and its siblings), with
//! Salt's rule that a leading zero does not mean octal. Salt: utils/yamlloader.py.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
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

/// The octets of `!!binary`: base64, characters outside its alphabet skipped as Python does.
pub(super) fn binary(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true);
    if !text.is_ascii() {
        return None;
    }
    let is_known = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '+' | '/' | '=');
    let packed: String = text.chars().filter(is_known).collect();
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT).decode(packed).ok()
}
