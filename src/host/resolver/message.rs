//! DNS messages: one question out, its records back. RFC 1035, sections 4.1 and 4.1.4; AAAA: RFC 3596.
//!
//! ```text
//! header   | id | flags | questions | answers | authorities | additionals |   six u16, big endian
//! question | name | type | class |
//! record   | name | type | class | ttl: u32 | length: u16 | data |
//! ```

use std::net::IpAddr;

pub(super) const A: u16 = 1;
const CNAME: u16 = 5;
pub(super) const PTR: u16 = 12;
pub(super) const AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
const HEADER_LEN: usize = 12;
const MAX_NAME_LEN: usize = 253;
const MAX_LABEL_LEN: usize = 63;
/// A name is at most 127 labels; a pointer costs one step.
const MAX_STEPS: usize = 256;

/// One question.
pub(super) struct Query {
    pub name: String,
    pub kind: u16,
}

/// What an answer section holds, of the kinds that were asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// The owner and its address.
    Address(String, IpAddr),
    /// What a PTR record says.
    Name(String),
}

impl Query {
    pub fn new(name: String, kind: u16) -> Self {
        Query { name, kind }
    }

    /// The message, or `None` where the name cannot be one.
    pub fn encode(&self, id: u16) -> Option<Vec<u8>> {
        if self.name.len() > MAX_NAME_LEN || self.name.is_empty() {
            return None;
        }
        const RECURSION_DESIRED: u16 = 0x0100;
        let mut octets = Vec::with_capacity(HEADER_LEN + self.name.len() + 6);
        for word in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
            octets.extend_from_slice(&word.to_be_bytes());
        }
        for label in self.name.split('.') {
            if label.is_empty() || label.len() > MAX_LABEL_LEN {
                return None;
            }
            octets.push(u8::try_from(label.len()).ok()?);
            octets.extend_from_slice(label.as_bytes());
        }
        octets.push(0);
        octets.extend_from_slice(&self.kind.to_be_bytes());
        octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        Some(octets)
    }
}

/// The records of a reply to `query`; none where there is no such name. `None` where the reply is not one to it.
pub(super) fn decode(reply: &[u8], query: &Query) -> Option<Vec<Record>> {
    const RESPONSE: u16 = 0x8000;
    let mut reader = Reader { octets: reply, at: 0 };
    let (_id, flags, questions, answers) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
    reader.take(4)?;
    if flags & RESPONSE == 0 || questions != 1 {
        return None;
    }
    if !reader.name()?.eq_ignore_ascii_case(&query.name) || reader.u16()? != query.kind {
        return None;
    }
    reader.u16()?;
    let mut records = Vec::new();
    for _ in 0..answers {
        // A reply cut short still says what it says.
        match record(&mut reader, query.kind) {
            Some(Some(record)) => records.push(record),
            Some(None) => {}
            None => break,
        }
    }
    Some(records)
}

fn record(reader: &mut Reader, wanted: u16) -> Option<Option<Record>> {
    let owner = reader.name()?;
    let (kind, class) = (reader.u16()?, reader.u16()?);
    reader.take(4)?;
    let length = usize::from(reader.u16()?);
    let start = reader.at;
    let data = reader.take(length)?;
    if kind != wanted || kind == CNAME || class != CLASS_IN {
        return Some(None);
    }
    Some(match kind {
        A => <[u8; 4]>::try_from(data).ok().map(|octets| Record::Address(owner, octets.into())),
        AAAA => <[u8; 16]>::try_from(data).ok().map(|octets| Record::Address(owner, octets.into())),
        PTR => Reader { octets: reader.octets, at: start }.name().map(Record::Name),
        _ => None,
    })
}

/// The name that holds the PTR record of an address.
pub(super) fn reverse_name(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(ip) => {
            let nibbles = ip.octets().into_iter().rev().flat_map(|octet| [octet & 0xf, octet >> 4]);
            let labels: Vec<String> = nibbles.map(|nibble| format!("{nibble:x}")).collect();
            format!("{}.ip6.arpa", labels.join("."))
        }
    }
}

struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.octets.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn name(&mut self) -> Option<String> {
        let mut labels: Vec<String> = Vec::new();
        let mut at = self.at;
        let mut jumped = false;
        for _ in 0..MAX_STEPS {
            let length = *self.octets.get(at)?;
            match length {
                0 => {
                    if !jumped {
                        self.at = at + 1;
                    }
                    return Some(labels.join("."));
                }
                0xc0.. => {
                    let low = *self.octets.get(at + 1)?;
                    if !jumped {
                        self.at = at + 2;
                    }
                    jumped = true;
                    at = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                }
                1..=0x3f => {
                    let end = at + 1 + usize::from(length);
                    labels.push(String::from_utf8_lossy(self.octets.get(at + 1..end)?).into_owned());
                    at = end;
                }
                _ => return None,
            }
        }
        None
    }
}
