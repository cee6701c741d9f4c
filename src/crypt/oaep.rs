//! OAEP padding with an empty label, in constant time. Source: RFC 8017, 7.1 and B.2.1.
//!
//! ```text
//! EM = 00 | seed xor MGF(DB) | DB xor MGF(seed)      DB = hash("") | 00 ... 00 | 01 | message
//! ```

use sha2::Digest;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::error::CryptError;
use super::random;

/// Pad `message` to `size` bytes, the length of the modulus.
pub(super) fn pad<D: Digest>(message: &[u8], size: usize) -> Result<Zeroizing<Vec<u8>>, CryptError> {
    let hash_bytes = <D as Digest>::output_size();
    let too_long = CryptError::MessageLength { length: message.len(), size };
    let zeros = size
        .checked_sub(2 * hash_bytes + 2)
        .and_then(|room| room.checked_sub(message.len()))
        .ok_or(too_long)?;
    let mut em = Zeroizing::new(Vec::with_capacity(size));
    em.push(0);
    em.resize(1 + hash_bytes, 0);
    em.extend_from_slice(&D::digest(b""));
    em.resize(1 + 2 * hash_bytes + zeros, 0);
    em.push(1);
    em.extend_from_slice(message);
    let (_, seed, db) = parts(&mut em, hash_bytes).ok_or(CryptError::Decryption)?;
    random::fill(seed);
    xor_mask::<D>(seed, db);
    xor_mask::<D>(db, seed);
    Ok(em)
}

/// Take the padding off. One error for every defect, and the same time up to it.
pub(super) fn unpad<D: Digest>(em: &mut [u8]) -> Result<Zeroizing<Vec<u8>>, CryptError> {
    let hash_bytes = <D as Digest>::output_size();
    if em.len() < 2 * hash_bytes + 2 {
        return Err(CryptError::Decryption);
    }
    let (first, seed, db) = parts(em, hash_bytes).ok_or(CryptError::Decryption)?;
    xor_mask::<D>(db, seed);
    xor_mask::<D>(seed, db);
    let (label_hash, rest) = db.split_at(hash_bytes);

    let mut valid = first.ct_eq(&0) & label_hash.ct_eq(&D::digest(b""));
    let mut in_zeros = Choice::from(1);
    let mut separator = 0u32;
    for (at, byte) in (0u32..).zip(rest.iter()) {
        let is_one = byte.ct_eq(&1);
        separator.conditional_assign(&at, in_zeros & is_one);
        valid &= !in_zeros | is_one | byte.ct_eq(&0);
        in_zeros &= !is_one;
    }
    valid &= !in_zeros;
    if !bool::from(valid) {
        return Err(CryptError::Decryption);
    }
    usize::try_from(separator)
        .ok()
        .and_then(|separator| rest.get(separator + 1..))
        .map(|message| Zeroizing::new(message.to_vec()))
        .ok_or(CryptError::Decryption)
}

/// First byte, seed and DB of an encoded message.
fn parts(em: &mut [u8], hash_bytes: usize) -> Option<(u8, &mut [u8], &mut [u8])> {
    let (first, rest) = em.split_first_mut()?;
    let (seed, db) = rest.split_at_mut_checked(hash_bytes)?;
    Some((*first, seed, db))
}

/// MGF1: xor `target` with hash(seed | 0), hash(seed | 1), ...
fn xor_mask<D: Digest>(seed: &[u8], target: &mut [u8]) {
    let chunks = target.chunks_mut(<D as Digest>::output_size());
    for (counter, chunk) in (0u32..).zip(chunks) {
        let mut hash = D::new();
        hash.update(seed);
        hash.update(counter.to_be_bytes());
        for (byte, mask) in chunk.iter_mut().zip(hash.finalize()) {
            *byte ^= mask;
        }
    }
}
