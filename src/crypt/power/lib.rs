//! What is built for speed: powers modulo RSA's numbers, for each size once, and the chain of AES blocks. Source: RFC 8017,
//! 5.1 and 5.2.
//!
//! crypto-bigint's arithmetic is generic, and generic code is built like the package that uses it: Halite is built for
//! size, and an RSA operation then takes twice its time. So this is a package of its own, built for speed, with nothing
//! generic at its border.

#![forbid(unsafe_code)]

pub mod cbc;

use crypto_bigint::modular::FixedMontyForm;
use crypto_bigint::{U1024, U1536, U2048, U3072, U4096, U8192, Uint};

/// Powers with exponents that nobody may know.
pub trait SecretPower<const LIMBS: usize> {
    /// `self ^ exponent`, in a time that depends on neither.
    #[must_use]
    fn secret_power(&self, exponent: &Uint<LIMBS>) -> Self;
}

/// Powers with exponents that everybody knows.
pub trait PublicPower {
    /// `self ^ exponent` by squaring; the time depends on the exponent only.
    #[must_use]
    fn public_power(&self, exponent: u64) -> Self;
}

macro_rules! secret_power {
    ($($integer:ty),*) => {$(
        impl SecretPower<{ <$integer>::LIMBS }> for FixedMontyForm<{ <$integer>::LIMBS }> {
            #[inline(never)]
            fn secret_power(&self, exponent: &$integer) -> Self {
                self.pow_amm(exponent)
            }
        }
    )*};
}

macro_rules! public_power {
    ($($integer:ty),*) => {$(
        impl PublicPower for FixedMontyForm<{ <$integer>::LIMBS }> {
            #[inline(never)]
            fn public_power(&self, exponent: u64) -> Self {
                let mut result = FixedMontyForm::one(self.params());
                let width = u64::BITS - exponent.leading_zeros();
                for bit in (0..width).rev() {
                    if bit + 1 != width {
                        result = result.square();
                    }
                    if exponent >> bit & 1 == 1 {
                        result = result.mul(self);
                    }
                }
                result
            }
        }
    )*};
}

// Primes of keys of 2048, 3072 and 4096 bits.
secret_power!(U1024, U1536, U2048);
// Moduli.
public_power!(U2048, U3072, U4096, U8192);

#[cfg(test)]
mod tests {
    use crypto_bigint::Odd;
    use crypto_bigint::modular::FixedMontyParams;

    use super::*;

    #[test]
    fn both_ways_give_the_same_power() {
        let modulus = Uint::MAX.shr_vartime(1).wrapping_sub(&U2048::from_u64(12));
        let params = FixedMontyParams::new_vartime(Odd::new(modulus).expect("odd"));
        let base = FixedMontyForm::new(&U2048::from_u64(0x1234_5678_9abc_def1).shl_vartime(1_000), &params);
        for exponent in [0, 1, 2, 3, 65_537, u64::MAX] {
            assert_eq!(
                base.public_power(exponent),
                base.secret_power(&U2048::from_u64(exponent)),
                "{exponent}"
            );
        }
    }
}
