//! Messages: one or more frames that travel together. RFC 37, "Framing": "A message SHALL be sent or received
//! atomically; that is, all frames or none. On sending, the peer SHALL queue all frames of a message in memory until the final
//! frame is sent": here they come together. RFC 28 to 31: sockets "SHALL not filter or modify outgoing or incoming messages in
//! any way": what is in a message never changes.

use bytes::{Bytes, BytesMut};

use crate::codec::frame::{FrameHeader, MAX_HEADER_OCTETS};
use crate::error::RoutingIdError;

/// A message of one or more parts. Cloning shares the octets.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    parts: Parts,
}

/// One part is by far the most frequent case and costs no allocation.
#[derive(Clone)]
enum Parts {
    One(Bytes),
    /// Never empty.
    Many(Vec<Bytes>),
}

impl PartialEq for Parts {
    fn eq(&self, other: &Parts) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Parts {}

impl Parts {
    fn as_slice(&self) -> &[Bytes] {
        match self {
            Parts::One(part) => std::slice::from_ref(part),
            Parts::Many(parts) => parts,
        }
    }
}

impl Message {
    /// A message of these parts. No parts at all become one empty part: an empty message has one frame.
    pub fn from_parts(mut parts: Vec<Bytes>) -> Message {
        let parts = match parts.len() {
            0 => Parts::One(Bytes::new()),
            1 => Parts::One(parts.pop().unwrap_or_default()),
            _ => Parts::Many(parts),
        };
        Message { parts }
    }

    /// All parts, at least one.
    pub fn parts(&self) -> &[Bytes] {
        self.parts.as_slice()
    }

    /// The first part: the topic of a published message.
    pub fn first(&self) -> &Bytes {
        match &self.parts {
            Parts::One(part) => part,
            Parts::Many(parts) => parts.first().expect("Parts::Many is never empty"),
        }
    }

    /// The parts, owned.
    pub fn into_parts(self) -> Vec<Bytes> {
        match self.parts {
            Parts::One(part) => vec![part],
            Parts::Many(parts) => parts,
        }
    }

    /// The single part, or the message back when it has several.
    ///
    /// # Errors
    /// The message itself, when it has more than one part.
    pub fn into_single(self) -> Result<Bytes, Message> {
        match self.parts {
            Parts::One(part) => Ok(part),
            many @ Parts::Many(_) => Err(Message { parts: many }),
        }
    }

    /// Number of parts, at least 1.
    #[allow(clippy::len_without_is_empty)] // a message is never without parts
    pub fn len(&self) -> usize {
        self.parts().len()
    }

    /// Octets on the wire, at most.
    pub(crate) fn wire_octets(&self) -> usize {
        self.octets() + self.len() * MAX_HEADER_OCTETS
    }

    /// Appends all frames.
    pub(crate) fn encode_to(&self, out: &mut BytesMut) {
        let parts = self.parts();
        for (i, part) in parts.iter().enumerate() {
            out.extend_from_slice(&FrameHeader::for_body(part.len(), i + 1 < parts.len(), false));
            out.extend_from_slice(part);
        }
    }

    /// Octets of all parts together.
    pub fn octets(&self) -> usize {
        self.parts().iter().map(Bytes::len).sum()
    }
}

impl From<Bytes> for Message {
    fn from(part: Bytes) -> Message {
        Message { parts: Parts::One(part) }
    }
}

impl From<Vec<u8>> for Message {
    fn from(part: Vec<u8>) -> Message {
        Bytes::from(part).into()
    }
}

impl From<&'static [u8]> for Message {
    fn from(part: &'static [u8]) -> Message {
        Bytes::from_static(part).into()
    }
}

impl From<&'static str> for Message {
    fn from(part: &'static str) -> Message {
        Bytes::from_static(part.as_bytes()).into()
    }
}

impl From<String> for Message {
    fn from(part: String) -> Message {
        part.into_bytes().into()
    }
}

/// Several parts: `Message::from(["topic", "body"])`.
impl<P: Into<Bytes>, const N: usize> From<[P; N]> for Message {
    fn from(parts: [P; N]) -> Message {
        Message::from_parts(parts.map(Into::into).into())
    }
}

impl From<Vec<Bytes>> for Message {
    fn from(parts: Vec<Bytes>) -> Message {
        Message::from_parts(parts)
    }
}

/// Shows sizes, never contents: messages carry secrets.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<usize> = self.parts().iter().map(Bytes::len).collect();
        write!(f, "Message(octets {sizes:?})")
    }
}

/// The name of a peer at a ROUTER: what the peer announced, or five generated octets that start with 0.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoutingId(Bytes);

/// RFC 37: "The Identity SHALL match this grammar": 0 to 255 octets; "The first octet of the Identity SHALL NOT be zero", and it has at most 255 octets.
pub const MAX_ROUTING_ID_OCTETS: usize = 255;

impl RoutingId {
    /// A routing id for a peer to announce.
    ///
    /// # Errors
    /// When `octets` is empty, longer than 255, or starts with 0, which is reserved for generated ids.
    pub fn new(octets: &[u8]) -> Result<RoutingId, RoutingIdError> {
        RoutingId::announced(Bytes::copy_from_slice(octets))
    }

    pub(crate) fn announced(octets: Bytes) -> Result<RoutingId, RoutingIdError> {
        match octets.first() {
            Some(1..) if octets.len() <= MAX_ROUTING_ID_OCTETS => Ok(RoutingId(octets)),
            _ => Err(RoutingIdError),
        }
    }

    /// The generated id with this number, as libzmq makes them.
    pub fn generated(number: u32) -> RoutingId {
        let [a, b, c, d] = number.to_be_bytes();
        RoutingId(Bytes::copy_from_slice(&[0, a, b, c, d]))
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Made up by the ROUTER, since the peer announced none.
    pub fn is_generated(&self) -> bool {
        self.0.first() == Some(&0)
    }
}

impl From<RoutingId> for Bytes {
    fn from(id: RoutingId) -> Bytes {
        id.0
    }
}

impl std::fmt::Debug for RoutingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RoutingId({self})")
    }
}

/// Printable ids as text, others in hex.
impl std::fmt::Display for RoutingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.iter().all(|b| (0x20..0x7F).contains(b)) {
            return write!(f, "{}", self.0.escape_ascii());
        }
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_always_has_a_part() {
        assert_eq!(Message::from_parts(vec![]).parts(), [Bytes::new()]);
        assert_eq!(Message::from_parts(vec![Bytes::from_static(b"a")]), Message::from("a"));
        assert_eq!(Message::from("a").into_single().unwrap(), "a");
        assert_eq!(Message::from(format!("{}", 7)), Message::from("7"));
        let two = Message::from(["a", "bc"]);
        assert_eq!((two.len(), two.octets()), (2, 3));
        assert!(two.clone().into_single().is_err());
        assert_eq!(format!("{two:?}"), "Message(octets [1, 2])");
    }

    #[test]
    fn routing_ids_leave_the_generated_ones_alone() {
        assert!(RoutingId::new(b"").is_err());
        assert!(RoutingId::new(b"\0abcd").is_err());
        assert!(RoutingId::new(&[1; 256]).is_err());
        assert!(RoutingId::new(&[1; 255]).is_ok());
        assert_eq!(RoutingId::generated(0x0216_231B).to_string(), "000216231b");
        assert_eq!(RoutingId::new(b"web1").unwrap().to_string(), "web1");
    }
}
