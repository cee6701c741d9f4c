//! The digests a `hash_type` option may name, whole or streaming. Salt: utils/hashutils.py, `hash_type`.

use std::fmt;
use std::str::FromStr;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::error::CryptError;

/// A digest that `hash_type` may name. The default of Salt is `sha256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HashType {
    /// `md5`, 16 bytes.
    Md5,
    /// `sha1`, 20 bytes.
    Sha1,
    /// `sha224`, 28 bytes.
    Sha224,
    /// `sha256`, 32 bytes.
    #[default]
    Sha256,
    /// `sha384`, 48 bytes.
    Sha384,
    /// `sha512`, 64 bytes.
    Sha512,
}

/// Every supported digest under Salt's name.
pub static HASH_TYPES: &[(&str, HashType)] = &[
    ("md5", HashType::Md5),
    ("sha1", HashType::Sha1),
    ("sha224", HashType::Sha224),
    ("sha256", HashType::Sha256),
    ("sha384", HashType::Sha384),
    ("sha512", HashType::Sha512),
];

impl HashType {
    /// The name as written in a configuration file, e.g. `sha256`.
    pub fn name(self) -> &'static str {
        HASH_TYPES.iter().find(|(_, hash_type)| *hash_type == self).map_or("", |(name, _)| name)
    }

    /// Start a digest over data that arrives in pieces.
    pub fn hasher(self) -> Hasher {
        Hasher(match self {
            HashType::Md5 => State::Md5(Md5::new()),
            HashType::Sha1 => State::Sha1(Sha1::new()),
            HashType::Sha224 => State::Sha224(Sha224::new()),
            HashType::Sha256 => State::Sha256(Sha256::new()),
            HashType::Sha384 => State::Sha384(Sha384::new()),
            HashType::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// The digest of `data` as lower-case hex.
    pub fn hex(self, data: impl AsRef<[u8]>) -> String {
        let mut hasher = self.hasher();
        hasher.update(data.as_ref());
        hasher.finish_hex()
    }
}

impl FromStr for HashType {
    type Err = CryptError;

    fn from_str(name: &str) -> Result<Self, CryptError> {
        HASH_TYPES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, hash_type)| *hash_type)
            .ok_or_else(|| CryptError::UnsupportedHashType(name.to_owned()))
    }
}

impl fmt::Display for HashType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest under way.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Md5(Md5),
    Sha1(Sha1),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Take in the next piece.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            State::Md5(state) => state.update(data),
            State::Sha1(state) => state.update(data),
            State::Sha224(state) => state.update(data),
            State::Sha256(state) => state.update(data),
            State::Sha384(state) => state.update(data),
            State::Sha512(state) => state.update(data),
        }
    }

    /// The digest.
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Md5(state) => state.finalize().to_vec(),
            State::Sha1(state) => state.finalize().to_vec(),
            State::Sha224(state) => state.finalize().to_vec(),
            State::Sha256(state) => state.finalize().to_vec(),
            State::Sha384(state) => state.finalize().to_vec(),
            State::Sha512(state) => state.finalize().to_vec(),
        }
    }

    /// The digest as lower-case hex.
    pub fn finish_hex(self) -> String {
        hex(&self.finish())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(..)")
    }
}

/// Lower-case hex of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1321 A.5 and FIPS 180-4 examples for "abc".
    static ABC: &[(&str, &str)] = &[
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "sha384",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            "sha512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ];

    #[test]
    fn every_named_digest_agrees_with_its_standard() {
        assert_eq!(ABC.len(), HASH_TYPES.len());
        for (name, expected) in ABC {
            let hash_type: HashType = name.parse().unwrap();
            assert_eq!(hash_type.name(), *name);
            assert_eq!(hash_type.hex("abc"), *expected, "{name}");
        }
    }

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        for (_, hash_type) in HASH_TYPES {
            let mut hasher = hash_type.hasher();
            hasher.update(b"a");
            hasher.update(b"");
            hasher.update(b"bc");
            assert_eq!(hasher.finish_hex(), hash_type.hex("abc"));
        }
    }

    #[test]
    fn an_unknown_hash_type_is_named_in_the_error() {
        let error = "blake9".parse::<HashType>().unwrap_err();
        assert_eq!(error.to_string(), "hash type 'blake9' is not supported");
    }
}
