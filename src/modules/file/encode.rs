//! Text in other encodings than UTF-8. CPython: Lib/encodings.

use crate::loader::Fault;
use crate::value::repr;

/// `text.encode(encoding, errors)`.
///
/// # Errors
/// As Python's, for an encoding that is not known here, and for a character that the encoding does not have.
pub(super) fn encode(text: &str, encoding: &str, errors: &str) -> Result<Vec<u8>, Fault> {
    let name: String = encoding.to_lowercase().replace(['-', ' '], "_");
    let wide = |big: bool, mark: bool| {
        let mut out = Vec::new();
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        for unit in units {
            out.extend(if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        }
        Ok(out)
    };
    match name.as_str() {
        "utf_8" | "utf8" | "u8" => Ok(text.as_bytes().to_vec()),
        "utf_8_sig" => Ok([b"\xef\xbb\xbf", text.as_bytes()].concat()),
        "ascii" | "us_ascii" | "646" => narrow(text, "ascii", 128, errors),
        "latin_1" | "latin1" | "iso_8859_1" | "iso8859_1" | "8859" | "l1" => {
            narrow(text, "latin-1", 256, errors)
        }
        "utf_16" | "utf16" | "u16" => wide(false, true),
        "utf_16_le" | "utf_16le" => wide(false, false),
        "utf_16_be" | "utf_16be" => wide(true, false),
        _ => Err(Fault::NotSupported(format!("the encoding {}", repr(&encoding.into())))),
    }
}

fn narrow(text: &str, name: &str, end: u32, errors: &str) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::with_capacity(text.len());
    for (at, char) in text.chars().enumerate() {
        match u8::try_from(u32::from(char)).ok().filter(|octet| u32::from(*octet) < end) {
            Some(octet) => out.push(octet),
            None => match errors {
                "ignore" => {}
                "replace" => out.push(b'?'),
                "backslashreplace" => {
                    let shown = repr(&char.to_string().into());
                    out.extend(shown.trim_matches('\'').bytes());
                }
                "xmlcharrefreplace" => out.extend(format!("&#{};", u32::from(char)).bytes()),
                _ => {
                    let code = match u32::from(char) {
                        code if code <= 0xff => format!("\\x{code:02x}"),
                        code if code <= 0xffff => format!("\\u{code:04x}"),
                        code => format!("\\U{code:08x}"),
                    };
                    return Err(Fault::exception(
                        "UnicodeEncodeError",
                        format!(
                            "'{name}' codec can't encode character '{code}' in position {at}: ordinal not in range({end})"
                        ),
                    ));
                }
            },
        }
    }
    Ok(out)
}
