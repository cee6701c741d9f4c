//! The errors of the room. Salt: crypt.py (`InvalidKeyError`, `UnsupportedAlgorithm`, `AuthenticationError`).

use super::pem::PemError;

/// What can go wrong with keys, signatures and sealed messages.
///
/// The variants a peer can provoke ([`CryptError::Decryption`], [`CryptError::BadSignature`],
/// [`CryptError::Authentication`]) carry no detail on purpose: the reason would be an oracle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptError {
    /// The text holds no usable PEM block.
    #[error("{0}")]
    Pem(#[from] PemError),
    /// A PEM block, but of another kind.
    #[error("expected {expected}, found '{label}'")]
    UnexpectedLabel {
        /// The label between `BEGIN` and the dashes.
        label: String,
        /// What was looked for, as words.
        expected: &'static str,
    },
    /// The DER inside the PEM block is not the structure its label promises.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A key of another algorithm than RSA.
    #[error("not an RSA key")]
    NotRsa,
    /// The modulus is below [`super::keys::MIN_BITS`].
    #[error("RSA modulus of {0} bits is too small, the minimum is 1024")]
    ModulusTooSmall(usize),
    /// The modulus is above [`super::keys::MAX_BITS`].
    #[error("RSA modulus of {0} bits is too large, the maximum is 8192")]
    ModulusTooLarge(usize),
    /// The modulus is even.
    #[error("RSA modulus is even")]
    EvenModulus,
    /// The public exponent is even, below 3 or above 2^33.
    #[error("RSA public exponent is even or out of range")]
    BadExponent,
    /// The numbers of a private key do not belong together.
    #[error("RSA private key is inconsistent")]
    InconsistentKey,
    /// Outside the sizes that keys are made in, or not a whole number of bytes where that is needed.
    #[error("an RSA key of {0} bits can not be used for this")]
    KeySize(usize),
    /// The private key is encrypted and no passphrase was given.
    #[error("private key is encrypted, a passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase does not open the private key.
    #[error("private key could not be decrypted, the passphrase may be incorrect")]
    WrongPassphrase,
    /// A way of encrypting private keys that is not supported.
    #[error("private key encryption '{0}' is not supported")]
    UnsupportedKeyEncryption(String),
    /// Not one of [`super::EncryptionAlgorithm`].
    #[error("Invalid encryption algorithm: {0}")]
    UnsupportedEncryption(String),
    /// Not one of [`super::SigningAlgorithm`].
    #[error("Invalid signing algorithm: {0}")]
    UnsupportedSigning(String),
    /// Not one of [`super::HashType`].
    #[error("hash type '{0}' is not supported")]
    UnsupportedHashType(String),
    /// The message is empty or too long for the key.
    #[error("a message of {length} bytes does not fit an RSA key of {size} bytes")]
    MessageLength {
        /// Bytes given.
        length: usize,
        /// Bytes of the modulus.
        size: usize,
    },
    /// The ciphertext does not decrypt with this key.
    #[error("decryption failed")]
    Decryption,
    /// The signature does not belong to message and key.
    #[error("signature is invalid")]
    BadSignature,
    /// The processor computed a wrong private operation; the result was withheld.
    #[error("private key operation failed its check")]
    Fault,
    /// A key string is not base64 of 56 bytes.
    #[error("key string is not base64 of 56 bytes")]
    KeyString,
    /// The message authentication code of a sealed message does not match.
    #[error("message authentication failed")]
    Authentication,
    /// The reply answers another request.
    #[error("Nonce verification error")]
    Nonce,
}
