//! The few messages of LDAP that a simple bind needs, in BER. RFC 4511; X.690.

use std::io::{self, Read};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const TEXT: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;

/// A message longer than this is no answer to what we ask.
const LONGEST: usize = 1 << 20;

/// How deep a filter may nest.
const DEEPEST: usize = 32;

/// One element.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => out.push(short),
        _ => {
            let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
            out.push(0x80 | u8::try_from(octets.len()).unwrap_or(8));
            out.extend(octets);
        }
    }
    out.extend(content);
    out
}

fn number(tag: u8, number: i64) -> Vec<u8> {
    let octets = number.to_be_bytes();
    // As few as keep the sign.
    let mut from = 0;
    while from < 7 {
        match octets.get(from..from + 2) {
            Some([0, next]) if *next < 0x80 => from += 1,
            Some([0xff, next]) if *next >= 0x80 => from += 1,
            _ => break,
        }
    }
    tlv(tag, octets.get(from..).unwrap_or_default())
}

fn text(text: &str) -> Vec<u8> {
    tlv(TEXT, text.as_bytes())
}

/// An operation under its number.
pub(super) fn message(id: i64, operation: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&number(INTEGER, id), operation].concat())
}

/// A simple bind.
pub(super) fn bind(dn: &str, password: &str) -> Vec<u8> {
    tlv(0x60, &[number(INTEGER, 3), text(dn), tlv(0x80, password.as_bytes())].concat())
}

/// A search for names alone, of at most two entries.
pub(super) fn search(base: &str, scope: i64, filter: &[u8]) -> Vec<u8> {
    let parts = [
        text(base),
        number(ENUMERATED, scope),
        number(ENUMERATED, 0),
        number(INTEGER, 2),
        number(INTEGER, 20),
        tlv(0x01, &[0]),
        filter.to_vec(),
        tlv(SEQUENCE, &text("1.1")),
    ];
    tlv(0x63, &parts.concat())
}

/// A filter as text: `&`, `|`, `!`, equality and presence. RFC 4515.
pub(super) fn filter(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let bracketed = if text.starts_with('(') { text.to_owned() } else { format!("({text})") };
    let (filter, rest) = one(&bracketed, 0)?;
    rest.trim().is_empty().then_some(filter)
}

fn one(given: &str, depth: usize) -> Option<(Vec<u8>, &str)> {
    let inner = given.trim_start().strip_prefix('(').filter(|_| depth < DEEPEST)?;
    let tag = match inner.chars().next()? {
        '&' => 0xa0,
        '|' => 0xa1,
        '!' => 0xa2,
        _ => {
            let (item, rest) = inner.split_once(')')?;
            let (name, value) = item.split_once('=')?;
            if name.is_empty() || name.ends_with(['~', '<', '>', ':']) {
                return None;
            }
            if value == "*" {
                return Some((tlv(0x87, name.as_bytes()), rest));
            }
            return Some((tlv(0xa3, &[text(name), tlv(TEXT, &unescaped(value)?)].concat()), rest));
        }
    };
    let mut rest = inner.get(1..)?;
    let mut parts = Vec::new();
    while !rest.trim_start().starts_with(')') {
        let (part, after) = one(rest, depth + 1)?;
        parts.extend(part);
        rest = after;
    }
    Some((tlv(tag, &parts), rest.trim_start().get(1..)?))
}

/// `\2a` is a star; a bare one would ask for parts of values, which is not done here.
fn unescaped(value: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut octets = value.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b'*' => return None,
            b'\\' => {
                let digits = [octets.next()?, octets.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            other => out.push(other),
        }
    }
    Some(out)
}

/// What a server says.
#[derive(Debug)]
pub(super) enum Answer {
    Bound {
        code: i64,
        text: String,
    },
    Entry(String),
    Done {
        code: i64,
        text: String,
    },
    /// A reference to another server, and whatever else there may be.
    Other,
}

/// The next message.
pub(super) fn read(from: &mut impl Read) -> io::Result<Answer> {
    let mut head = [0; 2];
    from.read_exact(&mut head)?;
    let [tag, first] = head;
    let odd = || io::Error::other("the answer is not LDAP");
    if tag != SEQUENCE {
        return Err(odd());
    }
    let length = match usize::from(first) {
        short if short < 0x80 => short,
        long => {
            let mut octets = vec![0; (long & 0x7f).min(8)];
            from.read_exact(&mut octets)?;
            octets
                .iter()
                .fold(0_usize, |all, octet| all.saturating_mul(256).saturating_add(usize::from(*octet)))
        }
    };
    if length > LONGEST {
        return Err(io::Error::other("the answer is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    answer(&body).ok_or_else(odd)
}

fn answer(body: &[u8]) -> Option<Answer> {
    let (_, _, rest) = element(body)?;
    let (tag, operation, _) = element(rest)?;
    if tag == 0x64 {
        let (_, dn, _) = element(operation)?;
        return Some(Answer::Entry(String::from_utf8(dn.to_vec()).ok()?));
    }
    if tag != 0x61 && tag != 0x65 {
        return Some(Answer::Other);
    }
    let (_, code, rest) = element(operation)?;
    let code =
        code.iter().fold(0_i64, |all, octet| all.saturating_mul(256).saturating_add(i64::from(*octet)));
    let (_, _, rest) = element(rest)?;
    let (_, text, _) = element(rest)?;
    let text = String::from_utf8_lossy(text).into_owned();
    Some(if tag == 0x61 { Answer::Bound { code, text } } else { Answer::Done { code, text } })
}

/// Tag, content and what follows.
fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = octets.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        let length = rest.get(..count.min(8))?;
        let length =
            length.iter().fold(0_usize, |all, octet| all.saturating_mul(256).saturating_add((*octet).into()));
        (length, rest.get(count..)?)
    };
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_are_as_short_as_they_can_be() {
        assert_eq!(number(INTEGER, 127), [2, 1, 127]);
        assert_eq!(number(INTEGER, 128), [2, 2, 0, 128]);
        assert_eq!(number(INTEGER, -1), [2, 1, 255]);
        assert_eq!(tlv(TEXT, &[0; 200]).get(..3), Some(&[4, 0x81, 200][..]));
        assert_eq!(tlv(TEXT, &[0; 300]).get(..4), Some(&[4, 0x82, 1, 44][..]));
    }

    #[test]
    fn filters_that_are_none_are_refused_and_stars_are_escaped() {
        assert_eq!(filter("uid=a\\2a").expect("a filter"), b"\xa3\x09\x04\x03uid\x04\x02a*");
        for wrong in
            ["", "(", "(uid)", "(uid=a", "(uid=a*b)", "(&(uid=a)", "(uid>=a)", "(uid=a)x", "(uid=\\zz)"]
        {
            assert!(filter(wrong).is_none(), "{wrong}");
        }
        assert!(filter(&"(!".repeat(1000)).is_none());
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for wrong in [&b""[..], b"\x30", b"\x31\x00", b"\x30\x84\xff\xff\xff\xff", b"\x30\x02\x02\x01"] {
            assert!(read(&mut &*wrong).is_err(), "{wrong:?}");
        }
    }
}
