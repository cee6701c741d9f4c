//! The public operation: powers modulo `n` with a public exponent. Source: RFC 8017, 5.1.1 and 5.2.2.
//!
//! Works on crypto-bigint's fixed-size Montgomery forms, the smallest that holds the modulus. Making
//! one takes microseconds, so public keys can be parsed per request.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048, U3072, U4096, U8192, Uint};
use power::PublicPower;

/// A modulus with its Montgomery parameters.
pub(super) enum Modulus {
    Upto2048(Box<FixedMontyParams<{ U2048::LIMBS }>>),
    Upto3072(Box<FixedMontyParams<{ U3072::LIMBS }>>),
    Upto4096(Box<FixedMontyParams<{ U4096::LIMBS }>>),
    Upto8192(Box<FixedMontyParams<{ U8192::LIMBS }>>),
}

impl Modulus {
    /// `None` when `n` is even or longer than 8192 bits.
    pub(super) fn new(n: &[u8]) -> Option<Self> {
        Some(match n.len() {
            0..=256 => Modulus::Upto2048(params(n)?),
            257..=384 => Modulus::Upto3072(params(n)?),
            385..=512 => Modulus::Upto4096(params(n)?),
            _ => Modulus::Upto8192(params(n)?),
        })
    }

    /// `base ^ exponent mod n`, big-endian, `size` bytes. The exponent is public, the base may be secret.
    /// `None` when the base is not below `n`.
    pub(super) fn power(&self, base: &[u8], exponent: u64, size: usize) -> Option<Vec<u8>> {
        match self {
            Modulus::Upto2048(n) => power(n, base, exponent, size),
            Modulus::Upto3072(n) => power(n, base, exponent, size),
            Modulus::Upto4096(n) => power(n, base, exponent, size),
            Modulus::Upto8192(n) => power(n, base, exponent, size),
        }
    }
}

fn params<const LIMBS: usize>(n: &[u8]) -> Option<Box<FixedMontyParams<LIMBS>>> {
    let n = Odd::new(from_bytes::<LIMBS>(n)?).into_option()?;
    Some(Box::new(FixedMontyParams::new_vartime(n)))
}

fn power<const LIMBS: usize>(
    n: &FixedMontyParams<LIMBS>,
    base: &[u8],
    exponent: u64,
    size: usize,
) -> Option<Vec<u8>>
where
    FixedMontyForm<LIMBS>: PublicPower,
{
    let base = from_bytes::<LIMBS>(base)?;
    if &base >= n.modulus().as_ref() {
        return None;
    }
    let result = FixedMontyForm::new(&base, n).public_power(exponent).retrieve();
    to_bytes(&result, size)
}

/// Big-endian bytes as an integer; `None` when they do not fit.
pub(super) fn from_bytes<const LIMBS: usize>(bytes: &[u8]) -> Option<Uint<LIMBS>> {
    let bits = u32::try_from(bytes.len().checked_mul(8)?).ok()?;
    (bits <= Uint::<LIMBS>::BITS).then(|| Uint::from_be_slice_truncated(bytes, Uint::<LIMBS>::BITS))
}

/// The lowest `size` bytes, big-endian; `None` when the integer type is narrower.
pub(super) fn to_bytes<const LIMBS: usize>(value: &Uint<LIMBS>, size: usize) -> Option<Vec<u8>> {
    let bytes = value.to_be_bytes();
    let bytes: &[u8] = bytes.as_ref();
    bytes.get(bytes.len().checked_sub(size)?..).map(<[u8]>::to_vec)
}
