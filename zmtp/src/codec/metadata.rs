//! The property list of READY and INITIATE. RFC 37, "The NULL Security Mechanism".
//!
//! ```text
//! metadata = *property
//! property = name-length (1) | name | value-length (4) | value
//! ```

use bytes::Bytes;

use super::Reader;
use crate::error::CodecError;

/// Properties in the order received. Names compare without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    properties: Vec<(Box<str>, Bytes)>,
}

/// The most properties one peer may announce; the octets are bounded by the command that carries them.
pub const MAX_PROPERTIES: usize = 64;

impl Metadata {
    /// No properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a property. `name` is at most 255 octets, `value` at most 2^31-1: both are ours.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Bytes>) -> Self {
        self.properties.push((name.into(), value.into()));
        self
    }

    /// The first value of `name`. RFC 37: "Metadata names SHALL be case-insensitive", "The case (upper or lower) of names SHALL NOT be significant", "Metadata names starting with "X-" SHALL be reserved for application use".
    pub fn value_of(&self, name: &str) -> Option<&Bytes> {
        self.properties.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All properties, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.properties.iter().map(|(name, value)| (&**name, value))
    }

    /// Appends the wire form.
    /// RFC 37: "The value size field SHALL be four octets, in network byte order."
    pub fn encode_to(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.properties {
            let name = name.as_bytes();
            let name = name.get(..255).unwrap_or(name);
            out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(name);
            out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(0).to_be_bytes());
            out.extend_from_slice(value);
        }
    }

    /// Reads properties up to the end of `reader`.
    ///
    /// # Errors
    /// An empty or non-ASCII name, a length that runs past the end, or more than [`MAX_PROPERTIES`].
    pub fn decode(mut reader: Reader<'_>) -> Result<Metadata, CodecError> {
        let mut properties = Vec::new();
        while reader.remaining() > 0 {
            if properties.len() == MAX_PROPERTIES {
                return Err(CodecError::TooManyProperties);
            }
            let name_len = reader.u8("property name length")?;
            let name = reader.take(name_len.into(), "property name")?;
            // RFC 37: "The name SHALL be 1 to 255 characters. Zero-sized names are not valid."
            let name = match std::str::from_utf8(name) {
                Ok(name) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) => name,
                _ => return Err(CodecError::BadPropertyName),
            };
            // RFC 37: "The value SHALL be 0 to 2,147,483,647 octets"; the command that carries it is far shorter.
            let value_len = reader.u32("property value length")?;
            let value_len =
                usize::try_from(value_len).map_err(|_| CodecError::Truncated("property value"))?;
            let value = reader.take(value_len, "property value")?;
            properties.push((name.into(), Bytes::copy_from_slice(value)));
        }
        Ok(Metadata { properties })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Metadata, CodecError> {
        Metadata::decode(Reader::new(bytes))
    }

    #[test]
    fn properties_round_trip_and_compare_without_case() {
        let metadata = Metadata::new().with("Socket-Type", "DEALER").with("Identity", "");
        let mut out = Vec::new();
        metadata.encode_to(&mut out);
        assert_eq!(out, b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0");
        let again = decode(&out).unwrap();
        assert_eq!(again, metadata);
        assert_eq!(again.value_of("socket-TYPE").unwrap(), "DEALER");
        assert_eq!(again.value_of("Resource"), None);
    }

    /// Covers: pitfalls A3; conformance 9
    #[test]
    fn every_lying_length_is_an_error() {
        let good = b"\x0bSocket-Type\0\0\0\x03PUB";
        for end in 1..good.len() {
            assert!(matches!(decode(&good[..end]), Err(CodecError::Truncated(_))), "cut at {end}");
        }
        let mut trailing = good.to_vec();
        trailing.push(1);
        assert!(decode(&trailing).is_err());
        assert_eq!(decode(b"\0\0\0\0\0"), Err(CodecError::BadPropertyName));
        assert!(decode(b"\x01A\xff\xff\xff\xff").is_err());
        assert!(decode(b"\x01A\x7f\xff\xff\xffx").is_err());
        assert_eq!(decode(b"\x02\xff\xfe\0\0\0\0"), Err(CodecError::BadPropertyName));
        assert_eq!(decode(&b"\x01A\0\0\0\0".repeat(MAX_PROPERTIES + 1)), Err(CodecError::TooManyProperties));
        assert!(decode(&b"\x01A\0\0\0\0".repeat(MAX_PROPERTIES)).is_ok());
    }
}
