//! The same powers with a processor's 52-bit multiplications (AVX-512 IFMA): an eighth of the products' instructions.
//! Source: Gueron, Krasnov, "Software implementation of modular exponentiation, using advanced vector instructions
//! architectures" (2012).
//!
//! A number is digits of 52 bits, eight to a vector. `R` is 2 to the power of 52 for each digit, more than four times the
//! modulus: what is below twice the modulus stays there without any subtraction. The two powers of an RSA key go side by
//! side, since each step of one waits for its last step most of the time.
//!
//! No test stands here: only `unsafe` code can call these functions, and that is `host::wide`.

use std::arch::x86_64::{
    __m512i, _mm_cvtsi128_si64, _mm_extract_epi64, _mm512_add_epi64, _mm512_alignr_epi64,
    _mm512_castsi512_si128, _mm512_extracti32x4_epi32, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_set_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
};

use zeroize::Zeroizing;

use crate::montgomery::{Montgomery, Number, Power, WINDOW, WINDOWS_PER_WORD, lowest, mask};

const DIGIT_BITS: usize = 52;
const DIGIT: u64 = (1 << DIGIT_BITS) - 1;

/// A number as digits, the lowest first.
type Digits<const N: usize> = [[u64; 8]; N];

/// [`Montgomery::secret_power`] of two numbers with moduli and exponents of the same lengths; `None` for lengths other
/// than 16, 24 and 32 words.
///
/// # Safety
/// The processor and the system have AVX-512 F and IFMA.
#[target_feature(enable = "avx512f,avx512ifma")]
#[must_use]
pub fn secret_powers(powers: &[Power<'_>; 2]) -> Option<[Number; 2]> {
    let lengths = |power: &Power<'_>| (power.modulus.modulus().len(), power.base.len(), power.exponent.len());
    let [first, second] = powers.each_ref().map(lengths);
    if first != second || first.0 != first.1 {
        return None;
    }
    match first.0 {
        16 => Some(secret_powers_of::<3>(powers)),
        24 => Some(secret_powers_of::<4>(powers)),
        32 => Some(secret_powers_of::<5>(powers)),
        _ => None,
    }
}

/// [`Montgomery::public_power`]; `None` for lengths other than 32 words, the modulus of the usual keys.
///
/// # Safety
/// The processor and the system have AVX-512 F and IFMA.
#[target_feature(enable = "avx512f,avx512ifma")]
#[must_use]
pub fn public_power(modulus: &Montgomery, base: &[u64], exponent: u64) -> Option<Number> {
    let highest = exponent.checked_ilog2()?;
    if modulus.modulus().len() != 32 || base.len() != 32 {
        return None;
    }
    let moduli = [Modulus::<5>::new(modulus)];
    let base = enter(&moduli, [base]);
    let mut result = base;
    for bit in (0..highest).rev() {
        result = multiply(&moduli, &result, &result);
        if exponent >> bit & 1 == 1 {
            result = multiply(&moduli, &result, &base);
        }
    }
    let [number] = leave(&moduli, &result);
    Some(number)
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn secret_powers_of<const N: usize>(powers: &[Power<'_>; 2]) -> [Number; 2] {
    let moduli = powers.each_ref().map(|power| Modulus::<N>::new(power.modulus));
    let base = Zeroizing::new(enter(&moduli, powers.each_ref().map(|power| power.base)));
    let one = enter(&moduli, powers.each_ref().map(|power| power.modulus.one()));
    // The forms of all powers that one window can ask for.
    let mut table = Zeroizing::new([one; 1 << WINDOW]);
    for index in 1..table.len() {
        table[index] = multiply(&moduli, &table[index - 1], &base);
    }
    let mut result = Zeroizing::new(one);
    let mut factor = Zeroizing::new(one);
    for window in (0..powers[0].exponent.len() * WINDOWS_PER_WORD).rev() {
        for _ in 0..WINDOW {
            *result = multiply(&moduli, &result, &result);
        }
        for (which, power) in powers.iter().enumerate() {
            let word = power.exponent[window / WINDOWS_PER_WORD];
            let index = word >> (window % WINDOWS_PER_WORD * WINDOW) & ((1 << WINDOW) - 1);
            select(&*table, which, index, &mut factor[which]);
        }
        *result = multiply(&moduli, &result, &factor);
    }
    leave(&moduli, &result)
}

struct Modulus<'a, const N: usize> {
    digits: Digits<N>,
    /// `-1 / modulus mod 2 ^ 52`
    negative_inverse: u64,
    /// What makes a form of this file from one of `words` when they are multiplied.
    widening: Digits<N>,
    words: &'a Montgomery,
}

impl<'a, const N: usize> Modulus<'a, N> {
    fn new(words: &'a Montgomery) -> Self {
        let length = words.modulus().len();
        // A form of `words` is `x * 2 ^ (64 * length)`, one of this file `x * 2 ^ (52 * digits)`, and a product is
        // divided by the latter: what is wanted is 2 to the power of twice the latter less the former.
        let mut power_of_two = Zeroizing::new(vec![0; length]);
        let bits = 2 * DIGIT_BITS * digits_of(length) - 2 * 64 * length;
        power_of_two[bits / 64] = 1 << (bits % 64);
        Modulus {
            digits: to_digits(words.modulus()),
            negative_inverse: words.negative_inverse() & DIGIT,
            widening: to_digits(&words.enter(&power_of_two)),
            words,
        }
    }

    fn digit_count(&self) -> usize {
        digits_of(self.words.modulus().len())
    }
}

/// Digits for a number of `length` words and two bits.
const fn digits_of(length: usize) -> usize {
    (64 * length + 2).div_ceil(DIGIT_BITS)
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn enter<const K: usize, const N: usize>(moduli: &[Modulus<'_, N>; K], forms: [&[u64]; K]) -> [Digits<N>; K] {
    let forms = Zeroizing::new(forms.map(to_digits::<N>));
    multiply(moduli, &forms, &moduli.each_ref().map(|modulus| modulus.widening))
}

/// The plain numbers of forms, reduced.
#[target_feature(enable = "avx512f,avx512ifma")]
fn leave<const K: usize, const N: usize>(
    moduli: &[Modulus<'_, N>; K],
    forms: &[Digits<N>; K],
) -> [Number; K] {
    let mut one = [[0; 8]; N];
    one[0][0] = 1;
    let plain = Zeroizing::new(multiply(moduli, forms, &[one; K]));
    std::array::from_fn(|which| {
        let words = moduli[which].words;
        words.reduced(&to_words(&plain[which], words.modulus().len()))
    })
}

/// `a * b / R` of each, below twice the modulus as `a` and `b` have to be.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn multiply<const K: usize, const N: usize>(
    moduli: &[Modulus<'_, N>; K],
    a: &[Digits<N>; K],
    b: &[Digits<N>; K],
) -> [Digits<N>; K] {
    let zero = _mm512_setzero_si512();
    let mut numbers = [[zero; N]; K];
    let mut multiples = [[zero; N]; K];
    for which in 0..K {
        for at in 0..N {
            numbers[which][at] = load(&a[which][at]);
            multiples[which][at] = load(&moduli[which].digits[at]);
        }
    }
    let mut sums = [[zero; N]; K];
    // The lowest digit of each sum with all that was carried into it; its place in the vectors has less and is not read.
    let mut first = [0_u64; K];
    for digit in 0..moduli[0].digit_count() {
        for which in 0..K {
            let modulus = &moduli[which];
            let word = b[which][digit / 8][digit % 8];
            let product = u128::from(first[which]) + u128::from(a[which][0][0]) * u128::from(word);
            // As many times the modulus as make the lowest digit zero.
            let factor = lowest(product).wrapping_mul(modulus.negative_inverse) & DIGIT;
            let product = product + u128::from(modulus.digits[0][0]) * u128::from(factor);
            let (word, factor) = (broadcast(word), broadcast(factor));
            let (numbers, multiples, sums) = (&numbers[which], &multiples[which], &mut sums[which]);
            let mut low = [zero; N];
            let mut high = [zero; N];
            for at in 0..N {
                low[at] = _mm512_madd52lo_epu64(sums[at], numbers[at], word);
                high[at] = _mm512_madd52hi_epu64(zero, numbers[at], word);
            }
            for at in 0..N {
                low[at] = _mm512_madd52lo_epu64(low[at], multiples[at], factor);
                high[at] = _mm512_madd52hi_epu64(high[at], multiples[at], factor);
            }
            // What is left is divided by 2 ^ 52.
            for at in 0..N {
                let above = if at + 1 < N { low[at + 1] } else { zero };
                low[at] = _mm512_alignr_epi64::<1>(above, low[at]);
            }
            first[which] = lowest(product >> DIGIT_BITS).wrapping_add(lane_0(low[0]));
            for at in 0..N {
                sums[at] = _mm512_add_epi64(low[at], high[at]);
            }
        }
    }
    let mut results = [[[0; 8]; N]; K];
    for which in 0..K {
        for at in 0..N {
            results[which][at] = store(sums[which][at]);
        }
        results[which][0][0] = first[which];
        // No digit was more than 40 times four numbers of 52 bits: the carries fit.
        let mut carry = 0;
        for digit in results[which].as_flattened_mut() {
            let sum = *digit + carry;
            (*digit, carry) = (sum & DIGIT, sum >> DIGIT_BITS);
        }
    }
    results
}

/// The number at `index` of one of the two. All of them are read. Not inlined, or it is unrolled to 20 KB.
#[target_feature(enable = "avx512f")]
#[inline(never)]
fn select<const N: usize>(numbers: &[[Digits<N>; 2]], which: usize, index: u64, selected: &mut Digits<N>) {
    selected.as_flattened_mut().fill(0);
    for (number, at) in numbers.iter().zip(0_u64..) {
        let difference = index ^ at;
        let mask = mask((difference | difference.wrapping_neg()) >> 63 ^ 1);
        for (out, digit) in selected.as_flattened_mut().iter_mut().zip(number[which].as_flattened()) {
            *out |= digit & mask;
        }
    }
}

fn to_digits<const N: usize>(words: &[u64]) -> Digits<N> {
    let mut digits = [[0; 8]; N];
    for (at, digit) in digits.as_flattened_mut().iter_mut().enumerate() {
        let (word, shift) = (at * DIGIT_BITS / 64, at * DIGIT_BITS % 64);
        let part = |at: usize| u128::from(words.get(at).copied().unwrap_or(0));
        *digit = lowest((part(word) | part(word + 1) << 64) >> shift) & DIGIT;
    }
    digits
}

/// What is below `2 ^ (64 * length)` of a number.
fn to_words<const N: usize>(digits: &Digits<N>, length: usize) -> Number {
    let mut words = Zeroizing::new(vec![0; length + 1]);
    for (at, digit) in digits.as_flattened().iter().enumerate() {
        let (word, shift) = (at * DIGIT_BITS / 64, at * DIGIT_BITS % 64);
        let wide = u128::from(*digit) << shift;
        for (at, part) in [(word, wide), (word + 1, wide >> 64)] {
            if let Some(word) = words.get_mut(at) {
                *word |= lowest(part);
            }
        }
    }
    words.truncate(length);
    words
}

#[target_feature(enable = "avx512f")]
fn broadcast(digit: u64) -> __m512i {
    _mm512_set1_epi64(digit.cast_signed())
}

#[target_feature(enable = "avx512f")]
fn load(digits: &[u64; 8]) -> __m512i {
    let [a, b, c, d, e, f, g, h] = digits.map(u64::cast_signed);
    _mm512_set_epi64(h, g, f, e, d, c, b, a)
}

#[target_feature(enable = "avx512f")]
fn lane_0(digits: __m512i) -> u64 {
    _mm_cvtsi128_si64(_mm512_castsi512_si128(digits)).cast_unsigned()
}

#[target_feature(enable = "avx512f")]
fn store(digits: __m512i) -> [u64; 8] {
    let pairs = [
        _mm512_extracti32x4_epi32::<0>(digits),
        _mm512_extracti32x4_epi32::<1>(digits),
        _mm512_extracti32x4_epi32::<2>(digits),
        _mm512_extracti32x4_epi32::<3>(digits),
    ];
    let [[a, b], [c, d], [e, f], [g, h]] =
        pairs.map(|pair| [_mm_extract_epi64::<0>(pair), _mm_extract_epi64::<1>(pair)]);
    [a, b, c, d, e, f, g, h].map(i64::cast_unsigned)
}
