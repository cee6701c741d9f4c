//! Keys, signatures, encryption and sealed messages, byte for byte Salt's. Salt: crypt.py, utils/crypt.py,
//! utils/rsax931.py.
//!
//! Works on bytes and text only: no files, no sockets, no msgpack. Private operations take about a
//! millisecond at 2048 bits; callers run them on a pool of blocking threads.

mod algorithm;
mod crt;
pub mod crypticle;
pub mod digest;
mod epoch;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod key_string;
pub mod keys;
mod legacy_pem;
mod modulus;
mod oaep;
pub mod pem;
pub mod random;
mod signature;
mod tokens;
mod x931;

#[cfg(test)]
mod tests;

pub use algorithm::{EncryptionAlgorithm, SigningAlgorithm};
pub use crypticle::{Crypticle, Plaintext};
pub use digest::HashType;
pub use epoch::{AesEpoch, LastSerial};
pub use error::CryptError;
pub use key_string::KeyString;
pub use keys::{KeyId, PrivateKey, PublicKey};
pub use tokens::VerifiedTokens;
