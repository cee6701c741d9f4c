//! The 64 octets that open a connection. RFC 37, "Greeting".
//!
//! ```text
//! 0       FF
//! 1..9    padding, not significant (libzmq puts a 1.0 frame length here)
//! 9       7F (libzmq tests bit 0 only)
//! 10      major version, 03
//! 11      minor version, 00 or 01
//! 12..32  mechanism, ASCII, padded with NUL
//! 32      as-server
//! 33..64  filler, zero
//! ```

use crate::error::CodecError;

/// Octets in a greeting.
pub const GREETING_OCTETS: usize = 64;
/// Octets up to and including the major version, where an older peer can be told apart.
const SIGNATURE_OCTETS: usize = 10;

/// What the session's minor version decides: the form of subscriptions, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Minor {
    /// ZMTP 3.0: a subscription is a message.
    Zero,
    /// ZMTP 3.1: a subscription is a command.
    One,
}

/// The 20-octet mechanism field.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MechanismName([u8; 20]);

impl MechanismName {
    /// No security.
    /// RFC 37: "Mechanism names SHALL consist only of uppercase letters A to Z, digits, and embedded hyphens or
    /// underscores."
    pub const NULL: MechanismName = MechanismName::from_ascii(b"NULL");
    /// User name and password in the clear.
    pub const PLAIN: MechanismName = MechanismName::from_ascii(b"PLAIN");
    /// Elliptic-curve authentication and encryption.
    pub const CURVE: MechanismName = MechanismName::from_ascii(b"CURVE");

    const fn from_ascii<const N: usize>(name: &[u8; N]) -> Self {
        let mut field = [0; 20];
        let mut i = 0;
        while i < N {
            field[i] = name[i];
            i += 1;
        }
        MechanismName(field)
    }
}

impl std::fmt::Display for MechanismName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = self.0.iter().position(|&b| b == 0).unwrap_or(self.0.len());
        write!(f, "{}", self.0.get(..end).unwrap_or_default().escape_ascii())
    }
}

impl std::fmt::Debug for MechanismName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MechanismName({self})")
    }
}

/// A greeting, sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    /// Major version; 3 in ours, at least 3 in an accepted one.
    pub major: u8,
    /// Minor version as announced.
    pub minor: u8,
    /// Which handshake follows.
    pub mechanism: MechanismName,
    /// Announced role; libzmq always sends `false` and ignores it.
    /// RFC 37: "If the chosen security mechanism does not specify client and server roles, the as-server field SHALL
    /// have no significance".
    pub as_server: bool,
}

impl Greeting {
    /// Our greeting: version 3.1.
    /// RFC 37: "When a peer uses the NULL security mechanism, the as-server field MUST be zero."
    pub fn new(mechanism: MechanismName, as_server: bool) -> Self {
        Greeting { major: 3, minor: 1, mechanism, as_server }
    }

    /// The 64 octets to send, at once. RFC 37: "the peer SHALL send its entire greeting (64 octets) and SHALL expect a
    /// matching 64 octet greeting. In this case the peer SHOULD set the padding field to binary zeros"; libzmq puts a 1
    /// there, and so does this.
    pub fn encode(&self) -> [u8; GREETING_OCTETS] {
        let mut out = [0; GREETING_OCTETS];
        out[0] = 0xFF;
        out[8] = 0x01;
        out[9] = 0x7F;
        out[10] = self.major;
        out[11] = self.minor;
        out[12..32].copy_from_slice(&self.mechanism.0);
        out[32] = self.as_server.into();
        out
    }

    /// Reads as much of a greeting as `input` holds; `None` while it is incomplete. Looks at the first
    /// [`GREETING_OCTETS`] octets only.
    ///
    /// # Errors
    /// At the first octet that no ZMTP 3 peer sends, without waiting for the rest.
    pub fn decode(input: &[u8]) -> Result<Option<Greeting>, CodecError> {
        match input.first() {
            None => return Ok(None),
            // A 1.0 peer starts with a frame length, HTTP with a letter, TLS with 16.
            Some(0xFF) => {}
            Some(_) => return Err(CodecError::NotZmtp),
        }
        if input.get(SIGNATURE_OCTETS - 1).is_some_and(|octet| octet & 1 == 0) {
            return Err(CodecError::NotZmtp);
        }
        // RFC 37: "The peer SHALL then read the first eleven octets of greeting", "A peer MUST accept higher protocol versions as
        // valid", "A peer SHALL always use its own protocol (including framing) when talking to an equal or higher protocol
        // peer", and "If a peer cannot downgrade its protocol to
        // match its peer, it MUST close the connection."
        if let Some(&major) = input.get(SIGNATURE_OCTETS)
            && major < 3
        {
            return Err(CodecError::OldVersion(major));
        }
        let Some(whole) = input.first_chunk::<GREETING_OCTETS>() else { return Ok(None) };
        // RFC 37: "A peer SHALL NOT assign any significance to the padding field and MUST NOT validate this nor interpret it
        // in any way whatsoever."
        let mut mechanism = [0; 20];
        mechanism.copy_from_slice(&whole[12..32]);
        Ok(Some(Greeting {
            major: whole[10],
            minor: whole[11],
            mechanism: MechanismName(mechanism),
            as_server: whole[32] & 1 == 1,
        }))
    }

    /// The minor version this session speaks. A higher version than ours is spoken to as 3.1.
    pub fn session_minor(&self) -> Minor {
        if self.major == 3 && self.minor == 0 { Minor::Zero } else { Minor::One }
    }
}

/// Any octets, any cut: no panic, and the answer depends on the octets alone.
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties {
    use super::*;

    /// Property behind the fuzz target `zmtp_greeting`.
    pub fn greeting_is_total(input: &[u8]) {
        let whole = Greeting::decode(input);
        let mut first = Ok(None);
        for end in 0..=input.len().min(GREETING_OCTETS) {
            first = Greeting::decode(&input[..end]);
            if !matches!(first, Ok(None)) {
                break;
            }
        }
        match first {
            Ok(Some(greeting)) => {
                assert_eq!(whole, Ok(Some(greeting)));
                let again = Greeting::decode(&greeting.encode()).expect("our own greeting is legal");
                assert_eq!(again, Some(greeting));
            }
            Ok(None) => assert_eq!(whole, Ok(None)),
            Err(_) => assert!(whole.is_err()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_what_libzmq_sends() {
        let mut expected = [0; 64];
        expected[..12].copy_from_slice(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1]);
        expected[12..16].copy_from_slice(b"NULL");
        assert_eq!(Greeting::new(MechanismName::NULL, false).encode(), expected);
    }

    #[test]
    fn padding_as_server_and_filler_are_never_validated() {
        let mut octets = Greeting::new(MechanismName::NULL, true).encode();
        octets[1..9].fill(0xAA);
        octets[9] = 0x01;
        octets[33..].fill(0x55);
        let greeting = Greeting::decode(&octets).unwrap().unwrap();
        assert_eq!(greeting.mechanism, MechanismName::NULL);
        assert!(greeting.as_server);
    }

    #[test]
    fn higher_versions_are_spoken_to_as_3_1_and_3_0_as_3_0() {
        for (major, minor, expected) in [
            (3, 0, Minor::Zero),
            (3, 1, Minor::One),
            (3, 2, Minor::One),
            (4, 0, Minor::One),
            (9, 9, Minor::One),
        ] {
            let mut octets = Greeting::new(MechanismName::NULL, false).encode();
            octets[10] = major;
            octets[11] = minor;
            assert_eq!(Greeting::decode(&octets).unwrap().unwrap().session_minor(), expected);
        }
    }

    #[test]
    fn strangers_are_refused_at_the_first_telling_octet() {
        assert_eq!(Greeting::decode(b"G"), Err(CodecError::NotZmtp));
        assert_eq!(Greeting::decode(&[0x16, 3, 1]), Err(CodecError::NotZmtp));
        assert_eq!(Greeting::decode(&[1, 0]), Err(CodecError::NotZmtp));
        assert_eq!(Greeting::decode(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7E]), Err(CodecError::NotZmtp));
        for old in 0..3 {
            let octets = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, old];
            assert_eq!(Greeting::decode(&octets), Err(CodecError::OldVersion(old)));
        }
        assert_eq!(Greeting::decode(&[0xFF; 9]), Ok(None));
    }

    proptest::proptest! {
        #[test]
        fn any_octets_give_one_answer(mut octets in proptest::collection::vec(proptest::num::u8::ANY, 0..80), legal: bool) {
            if legal && octets.len() > 11 {
                octets[0] = 0xFF;
                octets[9] |= 1;
                octets[10] = 3;
            }
            properties::greeting_is_total(&octets);
        }
    }
}
