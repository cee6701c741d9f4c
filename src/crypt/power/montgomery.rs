//! Powers modulo an odd number, in a time that depends on the lengths only. Source: Montgomery, "Modular multiplication
//! without trial division" (1985); products row by row as in Koç, Acar, Kaliski (1996); numbers that may be above
//! the modulus between two steps as in Gueron, "Efficient software implementations of modular exponentiation" (2011).
//!
//! A row is one word times a number, added to what is there. The compiler unrolls it for the lengths that keys of 2048,
//! 3072 and 4096 bits have, where it takes a third less time than products column by column; a square needs half of the
//! products.
//!
//! With `R = 2 ^ (64 * length of the modulus)`, the *form* of `x` is `x * R mod m`. Every number here is below `R`, and
//! a product of two of them is one again; where it says *reduced*, it is below the modulus.

use std::hint::black_box;
use std::iter::repeat;

use zeroize::Zeroizing;

/// A number as words of 64 bits, the lowest first. It is wiped when it is dropped.
pub type Number = Zeroizing<Vec<u64>>;

/// What one secret power takes.
#[derive(Clone, Copy)]
pub struct Power<'a> {
    pub modulus: &'a Montgomery,
    /// A form of `modulus`.
    pub base: &'a [u64],
    pub exponent: &'a [u64],
}

/// Bits of the exponent for each product of a secret power.
pub(crate) const WINDOW: usize = 4;
pub(crate) const WINDOWS_PER_WORD: usize = 64 / WINDOW;

/// An odd modulus and what is known about it beforehand. What is given to its functions is as long as it is.
pub struct Montgomery {
    modulus: Number,
    /// `-1 / modulus mod 2 ^ 64`
    negative_inverse: u64,
    /// The form of 1, reduced.
    one: Number,
    /// The form of `R`, reduced.
    square: Number,
}

impl Montgomery {
    /// `None` when the modulus is even, 1, or has a highest word of zero.
    #[must_use]
    pub fn new(modulus: &[u64]) -> Option<Self> {
        let (&lowest, &highest) = (modulus.first()?, modulus.last()?);
        if lowest & 1 == 0 || highest == 0 || *modulus == [1] {
            return None;
        }
        // Right in the lowest 3 bits, and in twice as many after each step.
        let mut inverse = lowest;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(inverse)));
        }
        let mut new = Montgomery {
            modulus: Zeroizing::new(modulus.to_vec()),
            negative_inverse: inverse.wrapping_neg(),
            one: zero(modulus.len()),
            square: zero(modulus.len()),
        };
        let mut power_of_two = zero(modulus.len());
        if let Some(top) = power_of_two.last_mut() {
            *top = 1 << (63 - highest.leading_zeros());
        }
        for _ in 0..=highest.leading_zeros() {
            new.double(&mut power_of_two);
        }
        new.one.copy_from_slice(&power_of_two);
        // The form of 2 ^ odd, and squares of it up to that of R.
        let bits = 64 * modulus.len();
        for _ in 0..bits >> bits.trailing_zeros() {
            new.double(&mut power_of_two);
        }
        for _ in 0..bits.trailing_zeros() {
            power_of_two = new.multiply(&power_of_two, &power_of_two);
        }
        new.square = power_of_two;
        Some(new)
    }

    /// The modulus.
    #[must_use]
    pub fn modulus(&self) -> &[u64] {
        &self.modulus
    }

    /// The form of 1, reduced.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn one(&self) -> &[u64] {
        &self.one
    }

    /// `-1 / modulus mod 2 ^ 64`
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn negative_inverse(&self) -> u64 {
        self.negative_inverse
    }

    /// `a * b / R`, reduced if one of them is: the form of the product of two forms, and the plain product of a form and
    /// a plain number.
    #[must_use]
    pub fn multiply(&self, a: &[u64], b: &[u64]) -> Number {
        let mut product = zero(2 * self.modulus.len());
        let mut result = zero(self.modulus.len());
        multiply(a, b, &mut product);
        self.reduce(&mut product, &mut result);
        subtract_once(&mut result, &self.modulus, 0);
        result
    }

    /// The form of `plain`, reduced.
    #[must_use]
    pub fn enter(&self, plain: &[u64]) -> Number {
        self.multiply(plain, &self.square)
    }

    /// `plain` or `form`, reduced.
    #[must_use]
    pub fn reduced(&self, number: &[u64]) -> Number {
        self.multiply(number, &self.one)
    }

    /// `a + b`, reduced as both have to be.
    #[must_use]
    pub fn add(&self, a: &[u64], b: &[u64]) -> Number {
        let mut sum = Zeroizing::new(a.to_vec());
        let carry = add(&mut sum, b);
        subtract_once(&mut sum, &self.modulus, carry);
        sum
    }

    /// `a - b`, reduced as both have to be.
    #[must_use]
    pub fn subtract(&self, a: &[u64], b: &[u64]) -> Number {
        let mut difference = Zeroizing::new(a.to_vec());
        let below = subtract(&mut difference, b, u64::MAX);
        let masked = self.modulus.iter().map(|word| word & mask(below)).collect();
        add(&mut difference, &Zeroizing::<Vec<u64>>::new(masked));
        difference
    }

    /// The plain, reduced `base ^ exponent` for the form of a base: the time depends on neither.
    #[must_use]
    pub fn secret_power(&self, base: &[u64], exponent: &[u64]) -> Number {
        let length = self.modulus.len();
        let mut product = zero(2 * self.modulus.len());
        // The forms of all powers that one window can ask for.
        let mut powers = zero(length << WINDOW);
        powers[..length].copy_from_slice(&self.one);
        for filled in (length..length << WINDOW).step_by(length) {
            let (known, next) = powers.split_at_mut(filled);
            multiply(&known[filled - length..], base, &mut product);
            self.reduce(&mut product, &mut next[..length]);
        }
        let mut result = self.one.clone();
        let mut factor = zero(length);
        for window in (0..exponent.len() * WINDOWS_PER_WORD).rev() {
            for _ in 0..WINDOW {
                square(&result, &mut product);
                self.reduce(&mut product, &mut result);
            }
            let word = exponent[window / WINDOWS_PER_WORD];
            let index = word >> (window % WINDOWS_PER_WORD * WINDOW) & ((1 << WINDOW) - 1);
            select(&powers, index, &mut factor);
            multiply(&result, &factor, &mut product);
            self.reduce(&mut product, &mut result);
        }
        self.leave(&result)
    }

    /// The plain, reduced `base ^ exponent` for the form of a base: the time depends on the exponent only.
    #[must_use]
    pub fn public_power(&self, base: &[u64], exponent: u64) -> Number {
        let Some(highest) = exponent.checked_ilog2() else { return self.leave(&self.one) };
        let mut product = zero(2 * self.modulus.len());
        let mut result = Zeroizing::new(base.to_vec());
        for bit in (0..highest).rev() {
            square(&result, &mut product);
            self.reduce(&mut product, &mut result);
            if exponent >> bit & 1 == 1 {
                multiply(&result, base, &mut product);
                self.reduce(&mut product, &mut result);
            }
        }
        self.leave(&result)
    }

    /// The plain number of `form`, reduced.
    #[must_use]
    pub fn leave(&self, form: &[u64]) -> Number {
        let mut one = zero(form.len());
        one[0] = 1;
        self.multiply(form, &one)
    }

    fn double(&self, reduced: &mut Number) {
        let doubled = self.add(reduced, reduced);
        reduced.copy_from_slice(&doubled);
    }

    /// `product / R`, below `R`; what was in `product` is gone.
    ///
    /// Multiples of the modulus make the lower half zero. The upper one is then below `R + modulus`, for the product is
    /// below `R * R`: what does not fit into it goes with the modulus once.
    fn reduce(&self, product: &mut [u64], result: &mut [u64]) {
        let modulus = &self.modulus[..];
        let carry = match modulus.len() {
            16 => reduce_of::<16>(product, modulus, self.negative_inverse),
            24 => reduce_of::<24>(product, modulus, self.negative_inverse),
            32 => reduce_of::<32>(product, modulus, self.negative_inverse),
            _ => reduce_rows(product, modulus, self.negative_inverse),
        };
        result.copy_from_slice(&product[modulus.len()..]);
        subtract(result, modulus, mask(carry));
    }
}

/// All of `a * b`; the product is as long as both.
pub fn multiply(a: &[u64], b: &[u64], product: &mut [u64]) {
    assert!(b.len() == a.len() && product.len() == 2 * a.len(), "factors of one length");
    match a.len() {
        16 => multiply_of::<16>(a, b, product),
        24 => multiply_of::<24>(a, b, product),
        32 => multiply_of::<32>(a, b, product),
        _ => multiply_rows(a, b, product),
    }
}

/// All of `a * a`.
fn square(a: &[u64], product: &mut [u64]) {
    assert!(product.len() == 2 * a.len(), "twice as long");
    match a.len() {
        16 => square_of::<16>(a, product),
        24 => square_of::<24>(a, product),
        32 => square_of::<32>(a, product),
        _ => square_rows(a, product),
    }
}

#[inline(never)]
fn reduce_of<const N: usize>(product: &mut [u64], modulus: &[u64], negative_inverse: u64) -> u64 {
    reduce_rows(&mut product[..2 * N], &modulus[..N], negative_inverse)
}

#[inline(never)]
fn multiply_of<const N: usize>(a: &[u64], b: &[u64], product: &mut [u64]) {
    multiply_rows(&a[..N], &b[..N], &mut product[..2 * N]);
}

#[inline(never)]
fn square_of<const N: usize>(a: &[u64], product: &mut [u64]) {
    square_rows(&a[..N], &mut product[..2 * N]);
}

/// Gives what does not fit into the upper half.
#[inline(always)]
fn reduce_rows(product: &mut [u64], modulus: &[u64], negative_inverse: u64) -> u64 {
    let length = modulus.len();
    let mut top = 0;
    for first in 0..length {
        let (row, above) = product[first..].split_at_mut(length);
        let factor = row[0].wrapping_mul(negative_inverse);
        let carry = add_row(row, factor, modulus);
        let sum = u128::from(above[0]) + u128::from(carry) + u128::from(top);
        above[0] = lowest(sum);
        top = lowest(sum >> 64);
    }
    top
}

#[inline(always)]
fn multiply_rows(a: &[u64], b: &[u64], product: &mut [u64]) {
    product.fill(0);
    for (first, word) in a.iter().enumerate() {
        let (row, above) = product[first..].split_at_mut(b.len());
        above[0] = add_row(row, *word, b);
    }
}

/// Every product of two different words counts twice.
#[inline(always)]
fn square_rows(a: &[u64], product: &mut [u64]) {
    product.fill(0);
    for (first, word) in a.iter().enumerate() {
        let others = &a[first + 1..];
        let (row, above) = product[2 * first + 1..].split_at_mut(others.len());
        above[0] = add_row(row, *word, others);
    }
    let (mut carry, mut shifted) = (0, 0);
    for (word, [low, high]) in a.iter().zip(product.as_chunks_mut::<2>().0) {
        let own = u128::from(*word) * u128::from(*word);
        let first = u128::from(*low << 1 | shifted) + u128::from(lowest(own)) + u128::from(carry);
        let second = u128::from(*high << 1 | *low >> 63) + (own >> 64) + (first >> 64);
        shifted = *high >> 63;
        (*low, *high, carry) = (lowest(first), lowest(second), lowest(second >> 64));
    }
}

/// `row += word * number`; gives the carry.
#[inline(always)]
fn add_row(row: &mut [u64], word: u64, number: &[u64]) -> u64 {
    let mut carry = 0;
    for (out, other) in row.iter_mut().zip(number) {
        // At most (2^64 - 1)^2 + 2 * (2^64 - 1) = 2^128 - 1.
        let sum = u128::from(*out) + u128::from(word) * u128::from(*other) + u128::from(carry);
        (*out, carry) = (lowest(sum), lowest(sum >> 64));
    }
    carry
}

#[allow(clippy::cast_possible_truncation, reason = "the lowest word is what is asked for")]
#[inline(always)]
pub(crate) fn lowest(wide: u128) -> u64 {
    wide as u64
}

fn zero(length: usize) -> Number {
    Zeroizing::new(vec![0; length])
}

/// All bits of `bit`, which is 0 or 1, in a way that the compiler does not make a branch of.
#[inline(always)]
pub(crate) fn mask(bit: u64) -> u64 {
    black_box(bit.wrapping_neg())
}

/// `a += b` for a `b` that may be shorter; gives the carry.
pub fn add(a: &mut [u64], b: &[u64]) -> u64 {
    let mut carry = false;
    for (a, b) in a.iter_mut().zip(b.iter().chain(repeat(&0))) {
        (*a, carry) = a.carrying_add(*b, carry);
    }
    u64::from(carry)
}

/// `a -= b & mask`; gives the borrow.
fn subtract(a: &mut [u64], b: &[u64], mask: u64) -> u64 {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        (*a, borrow) = a.borrowing_sub(b & mask, borrow);
    }
    u64::from(borrow)
}

/// Reduces `carry * R + a`, which is below twice the modulus.
fn subtract_once(a: &mut [u64], modulus: &[u64], carry: u64) {
    let mut below = false;
    for (a, word) in a.iter().zip(modulus) {
        below = a.borrowing_sub(*word, below).1;
    }
    subtract(a, modulus, mask(carry | u64::from(!below)));
}

/// The number at `index` of numbers that follow each other. All of them are read.
fn select(numbers: &[u64], index: u64, selected: &mut [u64]) {
    selected.fill(0);
    for (number, at) in numbers.chunks_exact(selected.len()).zip(0_u64..) {
        let difference = index ^ at;
        let mask = mask((difference | difference.wrapping_neg()) >> 63 ^ 1);
        for (out, word) in selected.iter_mut().zip(number) {
            *out |= word & mask;
        }
    }
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

    fn check(modulus: &[u64], base: &[u64], exponent: &[u64]) {
        let montgomery = Montgomery::new(modulus).unwrap();
        let m = big(modulus);
        let form = montgomery.enter(base);
        assert_eq!(big(&form), (big(base) << (64 * modulus.len())) % &m);
        assert_eq!(big(&montgomery.leave(&form)), big(base) % &m);
        assert_eq!(big(&montgomery.reduced(base)), big(base) % &m);
        let power = montgomery.secret_power(&form, exponent);
        assert_eq!(
            big(&power),
            big(base).modpow(&big(exponent), &m),
            "{base:x?} ^ {exponent:x?} mod {modulus:x?}"
        );
        for exponent in [exponent[0], 0, 1, 2, 65_537] {
            let power = montgomery.public_power(&form, exponent);
            assert_eq!(big(&power), big(base).modpow(&exponent.into(), &m), "{base:x?} mod {modulus:x?}");
        }
        let (a, b) = (montgomery.reduced(base), montgomery.reduced(exponent));
        assert_eq!(big(&montgomery.add(&a, &b)), (big(&a) + big(&b)) % &m);
        assert_eq!(big(&montgomery.subtract(&a, &b)), (big(&a) + &m - big(&b)) % &m);
    }

    #[test]
    fn words_of_ones_and_of_zeros_carry_through_every_row() {
        for length in [1, 2, 3, 4, 5, 8, 9, 16, 24] {
            let mut ones_and_zeros = vec![u64::MAX; length];
            ones_and_zeros.iter_mut().step_by(2).for_each(|word| *word = 0);
            let mut one = vec![0; length];
            one[0] = 1;
            let mut top = vec![0; length];
            top[length - 1] = 1 << 63;
            let values = [
                vec![u64::MAX; length],
                ones_and_zeros,
                one,
                top,
                vec![0; length],
                vec![u64::MAX - 1; length],
            ];
            for modulus in &values {
                let mut modulus = modulus.clone();
                modulus[0] |= 1;
                modulus[length - 1] |= 2;
                for base in &values {
                    for exponent in &values {
                        check(&modulus, base, exponent);
                    }
                }
            }
        }
    }

    #[test]
    fn an_even_or_empty_modulus_is_refused() {
        for modulus in [&[][..], &[0], &[1], &[4], &[2, 1], &[3, 0]] {
            assert!(Montgomery::new(modulus).is_none(), "{modulus:?}");
        }
    }

    fn words(length: usize) -> impl Strategy<Value = Vec<u64>> {
        // Long runs of equal bits are what carries go wrong at.
        let word = prop_oneof![3 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)];
        proptest::collection::vec(word, length)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_numbers_give_what_long_division_gives(
            (mut modulus, base, exponent) in (1_usize..36).prop_flat_map(|length| (words(length), words(length), words(length))),
        ) {
            modulus[0] |= 1;
            *modulus.last_mut().unwrap() |= 2;
            check(&modulus, &base, &exponent);
        }
    }
}
