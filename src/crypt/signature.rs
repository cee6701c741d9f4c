//! The encoded message of PKCS#1 v1.5 signatures. Source: RFC 8017, 9.2.
//!
//! ```text
//! EM = 00 01 | ff ... ff | 00 | DigestInfo(hash) | hash(message)
//! ```

use super::algorithm::SigningAlgorithm;
use super::digest::HashType;
use super::error::CryptError;

/// DER of DigestInfo up to the digest (RFC 8017, 9.2, note 1).
fn digest_info(algorithm: SigningAlgorithm) -> (HashType, &'static [u8]) {
    match algorithm {
        SigningAlgorithm::Pkcs1v15Sha1 => {
            (HashType::Sha1, b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14")
        }
        SigningAlgorithm::Pkcs1v15Sha224 => (
            HashType::Sha224,
            b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00\x04\x1c",
        ),
    }
}

/// The encoded message, `size` bytes.
pub(super) fn encode(
    algorithm: SigningAlgorithm,
    message: &[u8],
    size: usize,
) -> Result<Vec<u8>, CryptError> {
    let (hash_type, info) = digest_info(algorithm);
    let mut hasher = hash_type.hasher();
    hasher.update(message);
    let digest = hasher.finish();
    let content = info.len() + digest.len();
    // At least eight bytes of ff: "emLen < tLen + 11" is an error.
    if size < content + 11 {
        return Err(CryptError::MessageLength { length: content, size });
    }
    let mut em = Vec::with_capacity(size);
    em.extend_from_slice(&[0x00, 0x01]);
    em.resize(size - content - 1, 0xff);
    em.push(0x00);
    em.extend_from_slice(info);
    em.extend_from_slice(&digest);
    Ok(em)
}
