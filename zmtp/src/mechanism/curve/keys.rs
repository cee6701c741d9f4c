//! Keys, and their textual form Z85. RFC 32.

use std::{fmt, str::FromStr};

use zeroize::{Zeroize, Zeroizing};

/// Octets that are no key, or text that is no Z85.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a CURVE key is 40 characters of Z85")]
pub struct KeyError;

/// A long-term or short-lived public key. Its text is Z85, as with zmq_curve_keypair(3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The 32 octets.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for PublicKey {
    fn from(octets: [u8; 32]) -> PublicKey {
        PublicKey(octets)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<PublicKey, KeyError> {
        z85_decode(text).and_then(|octets| octets.try_into().ok()).map(PublicKey).ok_or(KeyError)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&z85_encode(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A secret key. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct SecretKey(x25519_dalek::StaticSecret);

impl SecretKey {
    /// A new one, from the operating system's random octets.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate() -> std::io::Result<SecretKey> {
        let mut octets = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *octets).map_err(std::io::Error::other)?;
        Ok(SecretKey::from(*octets))
    }

    /// The key that may be told to others.
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The text to be kept in a file that nobody else can read.
    pub fn to_z85(&self) -> Zeroizing<String> {
        Zeroizing::new(z85_encode(self.0.as_bytes()).unwrap_or_default())
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// `None` for a public key of low order.
    pub(super) fn agree(&self, public: &PublicKey) -> Option<Zeroizing<[u8; 32]>> {
        let shared = self.0.diffie_hellman(&public.0.into());
        shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
    }
}

impl From<[u8; 32]> for SecretKey {
    fn from(mut octets: [u8; 32]) -> SecretKey {
        let key = SecretKey(octets.into());
        octets.zeroize();
        key
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<SecretKey, KeyError> {
        let octets = Zeroizing::new(z85_decode(text).ok_or(KeyError)?);
        let octets: [u8; 32] = octets.as_slice().try_into().map_err(|_| KeyError)?;
        Ok(SecretKey::from(octets))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Text of octets: "the binary frame SHALL have a length that is divisible by 4 with no remainder", else `None`.
pub fn z85_encode(octets: &[u8]) -> Option<String> {
    if !octets.len().is_multiple_of(4) {
        return None;
    }
    let mut text = String::with_capacity(octets.len() / 4 * 5);
    for four in octets.chunks_exact(4) {
        let number = four.iter().fold(0_u32, |number, octet| number << 8 | u32::from(*octet));
        for place in [85_u32.pow(4), 85_u32.pow(3), 85_u32.pow(2), 85, 1] {
            let digit = usize::try_from(number / place % 85).unwrap_or_default();
            text.push(ALPHABET.get(digit).copied().unwrap_or_default().into());
        }
    }
    Some(text)
}

/// Octets of a text: "the string frame SHALL have a length that is divisible by 5 with no remainder", else `None`. Also
/// `None` for a character that is not in the alphabet and for five that mean more than 32 bits.
pub fn z85_decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(5) {
        return None;
    }
    let mut octets = Vec::with_capacity(text.len() / 5 * 4);
    for five in text.as_bytes().chunks_exact(5) {
        let mut number = 0_u32;
        for character in five {
            let digit = ALPHABET.iter().position(|known| known == character)?;
            number = number.checked_mul(85)?.checked_add(u32::try_from(digit).ok()?)?;
        }
        octets.extend_from_slice(&number.to_be_bytes());
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_32_goes_both_ways() {
        let octets = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B];
        assert_eq!(z85_encode(&octets).unwrap(), "HelloWorld");
        assert_eq!(z85_decode("HelloWorld").unwrap(), octets);
        assert_eq!(z85_decode("#####"), None, "more than 32 bits");
        assert_eq!(z85_decode("Hell"), None);
        assert_eq!(z85_decode("Hell\""), None);
        assert_eq!(z85_encode(&octets[..3]), None);
    }

    #[test]
    fn the_key_pair_of_the_libzmq_manual_belongs_together() {
        let secret: SecretKey = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6".parse().unwrap();
        assert_eq!(secret.public().to_string(), "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
        assert_eq!(*secret.to_z85(), "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6");
        assert_eq!(format!("{secret:?}"), "SecretKey");
        assert!("short".parse::<PublicKey>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_octets_survive_their_text(mut octets in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            octets.truncate(octets.len() / 4 * 4);
            proptest::prop_assert_eq!(z85_decode(&z85_encode(&octets).unwrap()).unwrap(), octets);
        }
    }
}
