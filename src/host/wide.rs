//! RSA's powers by the widest multiplications that this processor has.

#![allow(unsafe_code)]

use power::{Montgomery, Number, Power};

/// The plain, reduced `base ^ exponent` of both; the time depends on their lengths only.
#[must_use]
pub fn secret_powers(powers: &[Power<'_>; 2]) -> [Number; 2] {
    #[cfg(target_arch = "x86_64")]
    if has_wide_multiplications() {
        // SAFETY: the processor and the system have all that the function is built for.
        if let Some(results) = unsafe { power::wide::secret_powers(powers) } {
            return results;
        }
    }
    powers.each_ref().map(|power| power.modulus.secret_power(power.base, power.exponent))
}

/// The plain, reduced `base ^ exponent` for the form of a base: the time depends on the exponent only.
#[must_use]
pub fn public_power(modulus: &Montgomery, base: &[u64], exponent: u64) -> Number {
    #[cfg(target_arch = "x86_64")]
    if has_wide_multiplications() {
        // SAFETY: the processor and the system have all that the function is built for.
        if let Some(result) = unsafe { power::wide::public_power(modulus, base, exponent) } {
            return result;
        }
    }
    modulus.public_power(base, exponent)
}

/// Asked once, remembered by the standard library.
#[cfg(target_arch = "x86_64")]
fn has_wide_multiplications() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(words: &[u64]) -> BigUint {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        BigUint::from_bytes_le(&bytes)
    }

    fn check(numbers: [(&[u64], &[u64], &[u64]); 2]) {
        let moduli = numbers.map(|(modulus, ..)| Montgomery::new(modulus).unwrap());
        let bases = [0, 1].map(|which| moduli[which].enter(numbers[which].1));
        let powers = [0, 1].map(|which| Power {
            modulus: &moduli[which],
            base: &bases[which],
            exponent: numbers[which].2,
        });
        for (result, (modulus, base, exponent)) in secret_powers(&powers).iter().zip(numbers) {
            let expected = big(base).modpow(&big(exponent), &big(modulus));
            assert_eq!(big(result), expected, "{base:x?} ^ {exponent:x?} mod {modulus:x?}");
        }
        for ((modulus, base, exponent), power) in numbers.iter().zip(&powers) {
            for exponent in [0, 1, 2, 3, 17, 65_537, exponent[0]] {
                let expected = big(base).modpow(&exponent.into(), &big(modulus));
                assert_eq!(
                    big(&public_power(power.modulus, power.base, exponent)),
                    expected,
                    "{base:x?} ^ {exponent} mod {modulus:x?}"
                );
            }
        }
    }

    /// As those of primes of keys: odd, all bits used.
    fn modulus(mut words: Vec<u64>) -> Vec<u64> {
        words[0] |= 1;
        *words.last_mut().unwrap() |= 1 << 63;
        words
    }

    #[test]
    fn digits_of_ones_and_of_zeros_carry_through_every_vector() {
        for length in [16, 24, 32] {
            let ones = vec![u64::MAX; length];
            let mut one = vec![0; length];
            one[0] = 1;
            let zeros = vec![0; length];
            let mut below = ones.clone();
            below[0] -= 1;
            let moduli = [modulus(ones.clone()), modulus(zeros.clone()), modulus(below.clone())];
            let values = [ones, one, zeros, below];
            for modulus in &moduli {
                for base in &values {
                    for exponent in &values {
                        check([(modulus, base, exponent), (&moduli[0], exponent, base)]);
                    }
                }
            }
        }
    }

    fn words(length: usize) -> impl Strategy<Value = Vec<u64>> {
        // Long runs of equal bits are what carries go wrong at.
        let word = prop_oneof![3 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)];
        proptest::collection::vec(word, length)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_numbers_give_what_long_division_gives(
            numbers in prop_oneof![Just(8_usize), Just(16), Just(24), Just(32)]
                .prop_flat_map(|length| proptest::collection::vec(words(length), 6)),
        ) {
            let [m, n] = [0, 1].map(|which| modulus(numbers[which].clone()));
            check([(&m, &numbers[2], &numbers[3]), (&n, &numbers[4], &numbers[5])]);
        }
    }
}
