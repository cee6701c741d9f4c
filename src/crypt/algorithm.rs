//! The RSA algorithms that options and messages name. Salt: crypt.py, `VALID_ENCRYPTION_ALGORITHMS`,
//! `VALID_SIGNING_ALGORITHMS`; options `encryption_algorithm`, `signing_algorithm`,
//! `publish_signing_algorithm`; fields `enc_algo`, `sig_algo`.

use std::fmt;
use std::str::FromStr;

use super::error::CryptError;

/// How short secrets are encrypted to a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EncryptionAlgorithm {
    /// `OAEP-SHA1`, the default and all that releases before 3006.9 know.
    #[default]
    OaepSha1,
    /// `OAEP-SHA224`.
    OaepSha224,
}

impl EncryptionAlgorithm {
    /// Salt's name, e.g. `OAEP-SHA1`.
    pub fn name(self) -> &'static str {
        match self {
            EncryptionAlgorithm::OaepSha1 => "OAEP-SHA1",
            EncryptionAlgorithm::OaepSha224 => "OAEP-SHA224",
        }
    }
}

impl FromStr for EncryptionAlgorithm {
    type Err = CryptError;

    fn from_str(name: &str) -> Result<Self, CryptError> {
        [Self::OaepSha1, Self::OaepSha224]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| CryptError::UnsupportedEncryption(name.to_owned()))
    }
}

impl fmt::Display for EncryptionAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How messages are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SigningAlgorithm {
    /// `PKCS1v15-SHA1`, the default and all that releases before 3006.9 know.
    #[default]
    Pkcs1v15Sha1,
    /// `PKCS1v15-SHA224`.
    Pkcs1v15Sha224,
}

impl SigningAlgorithm {
    /// Salt's name, e.g. `PKCS1v15-SHA1`.
    pub fn name(self) -> &'static str {
        match self {
            SigningAlgorithm::Pkcs1v15Sha1 => "PKCS1v15-SHA1",
            SigningAlgorithm::Pkcs1v15Sha224 => "PKCS1v15-SHA224",
        }
    }
}

impl FromStr for SigningAlgorithm {
    type Err = CryptError;

    fn from_str(name: &str) -> Result<Self, CryptError> {
        [Self::Pkcs1v15Sha1, Self::Pkcs1v15Sha224]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| CryptError::UnsupportedSigning(name.to_owned()))
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
