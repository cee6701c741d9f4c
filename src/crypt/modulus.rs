//! The public operation: powers modulo `n` with a public exponent. Source: RFC 8017, 5.1.1 and 5.2.2.
//!
//! Making a modulus takes microseconds, so public keys can be parsed per request.

use power::{Montgomery, Number};
use zeroize::Zeroizing;

use crate::host;

/// A modulus with what Montgomery's arithmetic needs to know about it.
pub(super) struct Modulus(Montgomery);

impl Modulus {
    /// `None` when `n`, big-endian without a leading zero, is even.
    pub(super) fn new(n: &[u8]) -> Option<Self> {
        Montgomery::new(&from_bytes(n, n.len().div_ceil(8))?).map(Modulus)
    }

    /// `base ^ exponent mod n`, big-endian, `size` bytes. The exponent is public, the base may be secret.
    /// `None` when the base is not below `n`.
    pub(super) fn power(&self, base: &[u8], exponent: u64, size: usize) -> Option<Vec<u8>> {
        let n = self.0.modulus();
        let base = from_bytes(base, n.len())?;
        if !below(&base, n) {
            return None;
        }
        to_bytes(&host::public_power(&self.0, &self.0.enter(&base), exponent), size)
    }
}

/// Big-endian bytes as a number of `length` words; `None` when they do not fit.
pub(super) fn from_bytes(bytes: &[u8], length: usize) -> Option<Number> {
    let mut number = Zeroizing::new(vec![0; length]);
    for (at, bytes) in bytes.rchunks(8).enumerate() {
        let word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        match number.get_mut(at) {
            Some(place) => *place = word,
            None if word == 0 => {}
            None => return None,
        }
    }
    Some(number)
}

/// The lowest `size` bytes, big-endian; `None` when the number is shorter.
pub(super) fn to_bytes(number: &[u64], size: usize) -> Option<Vec<u8>> {
    let bytes: Zeroizing<Vec<u8>> =
        Zeroizing::new(number.iter().rev().flat_map(|word| word.to_be_bytes()).collect());
    bytes.get(bytes.len().checked_sub(size)?..).map(<[u8]>::to_vec)
}

/// Whether `a` is below `b`, for numbers of one length that everybody may know.
pub(super) fn below(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}
