//! The 76-character text in which symmetric keys travel and are stored. Salt: crypt.py
//! `Crypticle.generate_key_string`.
//!
//! ```text
//! base64( AES-192 key (24) | HMAC-SHA256 key (32) )
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::digest::HashType;
use super::error::CryptError;
use super::random;

const AES_KEY_BYTES: usize = 24;
const HMAC_KEY_BYTES: usize = 32;
const KEY_BYTES: usize = AES_KEY_BYTES + HMAC_KEY_BYTES;
/// Characters of a key string.
pub const KEY_STRING_BYTES: usize = 76;

/// A well-formed key string. Never shown, wiped when dropped, compared in constant time.
#[derive(Clone)]
pub struct KeyString {
    text: Zeroizing<String>,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

impl KeyString {
    /// A new random key.
    pub fn generate() -> Self {
        let key = Zeroizing::new(random::bytes::<KEY_BYTES>());
        KeyString { text: Zeroizing::new(STANDARD.encode(key.as_slice())), key }
    }

    /// Check a key string that came over the wire or from a session file.
    ///
    /// # Errors
    /// [`CryptError::KeyString`] unless it is base64 of exactly 56 bytes, with nothing around it.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, CryptError> {
        let text = std::str::from_utf8(text.as_ref()).map_err(|_| CryptError::KeyString)?;
        if text.len() != KEY_STRING_BYTES {
            return Err(CryptError::KeyString);
        }
        let bytes = STANDARD.decode(text).map(Zeroizing::new).map_err(|_| CryptError::KeyString)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != key.len() {
            return Err(CryptError::KeyString);
        }
        key.copy_from_slice(&bytes);
        Ok(KeyString { text: Zeroizing::new(text.to_owned()), key })
    }

    /// The text, for encrypting it to a peer or storing it in a session file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Lower-case hex SHA-256 of the text: what the master signs in an auth reply.
    pub fn digest(&self) -> String {
        HashType::Sha256.hex(self.text.as_bytes())
    }

    /// The AES and the HMAC key.
    pub(super) fn keys(&self) -> (&[u8; AES_KEY_BYTES], &[u8; HMAC_KEY_BYTES]) {
        let (cipher, mac) = self.key.split_first_chunk().expect("it begins with the first");
        (cipher, mac.first_chunk().expect("the rest is the second"))
    }
}

impl PartialEq for KeyString {
    fn eq(&self, other: &Self) -> bool {
        self.key.ct_eq(other.key.as_slice()).into()
    }
}

impl Eq for KeyString {}

impl fmt::Debug for KeyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyString(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_string_parses_and_differs_from_the_next() {
        let one = KeyString::generate();
        assert_eq!(one.as_str().len(), KEY_STRING_BYTES);
        assert_eq!(KeyString::parse(one.as_str()).unwrap(), one);
        assert_ne!(one, KeyString::generate());
    }

    #[test]
    fn anything_but_base64_of_56_bytes_is_refused() {
        let good = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc=";
        assert!(KeyString::parse(good).is_ok());
        let longer = format!("{good}\n");
        let other = good.replace('=', "A");
        for bad in ["", "AAEC", &longer, &other, &good[1..], &good.replace('A', "!")] {
            assert_eq!(KeyString::parse(bad), Err(CryptError::KeyString), "{bad:?}");
        }
        assert_eq!(KeyString::parse([0xff; 76]), Err(CryptError::KeyString));
    }

    #[test]
    fn debug_output_does_not_show_the_key() {
        let key = KeyString::generate();
        assert_eq!(format!("{key:?}"), "KeyString(secret)");
    }
}
