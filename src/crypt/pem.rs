//! PEM text: a reader as tolerant as OpenSSL's, a writer byte-equal to it, and Salt's two functions on
//! key text. Source: RFC 7468; Salt: crypt.py `clean_key`, utils/crypt.py `pem_finger`.
//!
//! ```text
//! -----BEGIN <label>-----
//! [Name: value lines, then an empty line]       legacy encryption headers, RFC 1421
//! base64, 64 columns when written, any shape when read
//! -----END <label>-----
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::digest::HashType;

/// Longest PEM text that is looked at, in bytes. An 8192-bit private key needs 6.5 kB.
pub const MAX_PEM_BYTES: usize = 64 * 1024;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
const MAX_LABEL_BYTES: usize = 64;
const MAX_HEADERS: usize = 8;
const MAX_BLOCKS: usize = 16;
const COLUMNS: usize = 64;

/// Why a text is not PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The text is longer than [`MAX_PEM_BYTES`].
    #[error("PEM text is too long")]
    TooLong,
    /// No line begins with `-----BEGIN `.
    #[error("no PEM begin line")]
    NoBegin,
    /// The begin line has no closing dashes, or the label is no text.
    #[error("bad PEM begin line")]
    BadBegin,
    /// The end line of the block is missing, as in a truncated file.
    #[error("no PEM end line, the text may be truncated")]
    NoEnd,
    /// Too many or ill-formed `Name: value` lines.
    #[error("bad PEM header")]
    BadHeader,
    /// What is between the lines is not base64.
    #[error("PEM body is not base64")]
    BadBase64,
}

/// One block of a PEM text.
#[derive(Clone)]
pub struct Block {
    /// What is between `BEGIN ` and the dashes, e.g. `PUBLIC KEY`.
    pub label: String,
    /// The `Name: value` lines at the top of the block, in order.
    pub headers: Vec<(String, String)>,
    /// The decoded body.
    pub der: Zeroizing<Vec<u8>>,
}

impl Block {
    /// The value of a header, e.g. `DEK-Info`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Read the first block whose label is one of `labels`; if there is none, the first block of all, so
/// that the caller can say what was found instead.
///
/// Text before, between and after blocks is skipped. Within a block any white space is accepted:
/// CRLF, no final newline, trailing spaces, long lines, a body on one line.
///
/// # Errors
/// [`PemError`]; the error of the first block is returned if no block could be read.
pub fn find(text: &[u8], labels: &[&str]) -> Result<Block, PemError> {
    if text.len() > MAX_PEM_BYTES {
        return Err(PemError::TooLong);
    }
    let mut rest = text;
    let mut first = None;
    // Bounded: each attempt may look through the whole rest of the text.
    for _ in 0..MAX_BLOCKS {
        let Some(start) = begin_line(rest) else {
            break;
        };
        let (block, after) = read_block(start);
        match block {
            Ok(block) if labels.contains(&block.label.as_str()) => return Ok(block),
            other => first = first.or(Some(other)),
        }
        rest = after;
    }
    first.unwrap_or(Err(PemError::NoBegin))
}

/// Write a block as OpenSSL does: 64 columns, every line ended by one newline.
pub fn encode(label: &str, headers: &[(&str, &str)], der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let lines = body.len().div_ceil(COLUMNS);
    let headers_len: usize = headers.iter().map(|(n, v)| n.len() + v.len() + 3).sum();
    let mut out =
        Zeroizing::new(String::with_capacity(body.len() + lines + headers_len + 2 * label.len() + 40));
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    for (name, value) in headers {
        out.push_str(name);
        out.push_str(": ");
        out.push_str(value);
        out.push('\n');
    }
    if !headers.is_empty() {
        out.push('\n');
    }
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(COLUMNS));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

/// Salt's cleaned form of key text: surrounding white space removed, every line ending a single
/// newline, none at the end. Keys are compared and sent in this form.
pub fn clean_key(text: &str) -> String {
    let text = text.trim_matches(is_space);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !is_line_end(c) {
            out.push(c);
            continue;
        }
        if c == '\r' && chars.peek() == Some(&'\n') {
            chars.next();
        }
        out.push('\n');
    }
    out
}

/// Salt's fingerprint of a key file (`master_finger`, `salt-key -f`): the digest of the text between
/// the first and last line that is not blank, newlines included, as hex pairs joined by colons.
pub fn fingerprint(text: impl AsRef<[u8]>, hash_type: HashType) -> String {
    let lines: Vec<&[u8]> = text
        .as_ref()
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| !line.iter().all(|b| b.is_ascii_whitespace() || *b == 0x0b))
        .collect();
    let mut hasher = hash_type.hasher();
    for line in lines.iter().take(lines.len().saturating_sub(1)).skip(1) {
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                hasher.update(line);
                hasher.update(b"\n");
            }
            None => hasher.update(line),
        }
    }
    let pairs: Vec<String> = hasher.finish().iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

/// From the next begin line on: the line must start with the dashes, white space aside.
fn begin_line(text: &[u8]) -> Option<&[u8]> {
    let mut from = 0;
    for _ in 0..MAX_BLOCKS {
        let found = position(text.get(from..)?, BEGIN)?;
        let at = from + found;
        let line_start = text
            .get(..at)?
            .iter()
            .rposition(|byte| *byte == b'\n' || *byte == b'\r')
            .map_or(0, |end| end + 1);
        let before = text.get(line_start..at)?;
        let bom = b"\xef\xbb\xbf";
        let before = before.strip_prefix(bom).unwrap_or(before);
        if before.iter().all(u8::is_ascii_whitespace) {
            return text.get(at..);
        }
        from = at + BEGIN.len();
    }
    None
}

/// Read the block that `text` starts with; also where to look for the next one.
fn read_block(text: &[u8]) -> (Result<Block, PemError>, &[u8]) {
    let after_begin = text.get(BEGIN.len()..).unwrap_or_default();
    let Some(label) = position(after_begin, DASHES)
        .filter(|length| *length <= MAX_LABEL_BYTES)
        .and_then(|length| after_begin.get(..length))
        .and_then(|label| std::str::from_utf8(label).ok())
        .filter(|label| !label.contains(['\n', '\r']))
    else {
        return (Err(PemError::BadBegin), after_begin);
    };
    let body = after_begin.get(label.len() + DASHES.len()..).unwrap_or_default();
    let end_line = format!("-----END {label}-----");
    let Some(end) = position(body, end_line.as_bytes()) else {
        return (Err(PemError::NoEnd), body);
    };
    let (body, after) = body.split_at(end);
    let block = read_body(body).map(|(headers, der)| Block { label: label.to_owned(), headers, der });
    (block, after)
}

type Body = (Vec<(String, String)>, Zeroizing<Vec<u8>>);

fn read_body(body: &[u8]) -> Result<Body, PemError> {
    let mut headers = Vec::new();
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    for line in body.split(|byte| *byte == b'\n' || *byte == b'\r') {
        match line.contains(&b':') {
            true if base64.is_empty() => {
                if headers.len() == MAX_HEADERS {
                    return Err(PemError::BadHeader);
                }
                let line = std::str::from_utf8(line).map_err(|_| PemError::BadHeader)?;
                let (name, value) = line.split_once(':').ok_or(PemError::BadHeader)?;
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            _ => base64.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace())),
        }
    }
    let der = STANDARD.decode(base64.as_slice()).map_err(|_| PemError::BadBase64)?;
    Ok((headers, Zeroizing::new(der)))
}

fn position(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// What Python's `str.strip()` removes.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Where Python's `str.splitlines()` splits.
fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{0b}' | '\u{0c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
