//! The private operation: `c ^ d mod n` by the Chinese remainder theorem, fast and in constant time.
//! Source: RFC 8017, 5.1.2; the blinding of Kocher (1996), the check of Boneh, DeMillo, Lipton (1997).
//!
//! Keys whose two primes are each half as long as the modulus, in whole words, run on the crate `power`: those of 2048,
//! 3072 and 4096 bits do. Every other size runs on the `rsa` crate. On both ways the base is blinded and the result is
//! raised to the public exponent and compared with the input before it leaves, so that a computing fault gives an error
//! and never a value from which the primes could be found.

use std::sync::{Mutex, PoisonError};

use power::{Montgomery, Number, Power, montgomery};
use rsa::BoxedUint;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::error::CryptError;
use super::modulus::{below, from_bytes, to_bytes};
use super::random;
use crate::host;

/// How many private operations one blinding pair and its squares serve.
const BLINDING_USES: u32 = 32;

/// A private key ready for use.
pub(super) enum PrivateOperation {
    Fast(Box<Crt>),
    Generic(Box<rsa::PrivateKey>),
}

impl PrivateOperation {
    /// `key` has passed the validation of the `rsa` crate: two primes, `n = p q`, `e d = 1` modulo both.
    pub(super) fn new(key: rsa::PrivateKey, e: u64) -> Self {
        match Crt::new(&key, e) {
            Some(crt) => PrivateOperation::Fast(Box::new(crt)),
            None => PrivateOperation::Generic(Box::new(key)),
        }
    }

    /// `input ^ d mod n`, big-endian, as many bytes as the modulus has.
    ///
    /// # Errors
    /// [`CryptError::Decryption`] when the input is not below the modulus, [`CryptError::Fault`] when
    /// the result fails its check.
    pub(super) fn apply(&self, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptError> {
        match self {
            PrivateOperation::Fast(crt) => crt.apply(input),
            PrivateOperation::Generic(key) => apply_generic(key, input),
        }
    }
}

fn apply_generic(key: &rsa::PrivateKey, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptError> {
    let input =
        BoxedUint::from_be_slice(input, key.n_bits_precision()).map_err(|_| CryptError::Decryption)?;
    if input >= *key.n().as_ref() {
        return Err(CryptError::Decryption);
    }
    let mut result = rsa::hazmat::rsa_decrypt_and_check(key, Some(&mut rand::rngs::SysRng), &input)
        .map_err(|_| CryptError::Fault)?;
    let bytes = Zeroizing::new(result.to_be_bytes());
    result.zeroize();
    let start = bytes.len().saturating_sub(key.size());
    Ok(Zeroizing::new(bytes.get(start..).unwrap_or_default().to_vec()))
}

/// A key whose primes have half as many words as the modulus, all bits used.
pub(super) struct Crt {
    n: Montgomery,
    e: u64,
    p: Montgomery,
    q: Montgomery,
    /// `d mod (p - 1)`
    dp: Number,
    /// `d mod (q - 1)`
    dq: Number,
    /// The form of `q ^ -1 mod p`.
    q_inverse: Number,
    blinding: Mutex<Blinding>,
}

impl Crt {
    fn new(key: &rsa::PrivateKey, e: u64) -> Option<Self> {
        let [p, q] = key.primes() else { return None };
        let (n, p, q) = (key.n().as_ref(), p.as_ref(), q.as_ref());
        let words = usize::try_from(p.bit_width() / 64).ok()?;
        // With their highest bits used, neither prime is twice the other, nor is the time of any step theirs.
        let widths = [p.bit_width(), q.bit_width(), n.bit_width() / 2];
        if widths.iter().any(|width| usize::try_from(*width) != Ok(64 * words)) {
            return None;
        }
        let n = Montgomery::new(&number(n, 2 * words)?)?;
        let p = Montgomery::new(&number(p, words)?)?;
        Some(Crt {
            e,
            q_inverse: p.enter(&number(&key.crt_coefficient()?, words)?),
            p,
            q: Montgomery::new(&number(q, words)?)?,
            dp: number(key.dp()?, words)?,
            dq: number(key.dq()?, words)?,
            blinding: Mutex::new(Blinding::fresh(&n, e)),
            n,
        })
    }

    fn apply(&self, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptError> {
        let n = &self.n;
        let c = from_bytes(input, n.modulus().len()).ok_or(CryptError::Decryption)?;
        if !below(&c, n.modulus()) {
            return Err(CryptError::Decryption);
        }
        let (blind, unblind) = self.next_blinding();
        let result = n.multiply(&self.power(&n.multiply(&c, &blind)), &unblind);
        let checked = host::public_power(n, &n.enter(&result), self.e);
        if !bool::from(checked.ct_eq(&c)) {
            return Err(CryptError::Fault);
        }
        to_bytes(&result, input.len()).map(Zeroizing::new).ok_or(CryptError::Decryption)
    }

    /// `c ^ d mod n` for a blinded `c`, from the powers modulo both primes (Garner's formula).
    fn power(&self, c: &[u64]) -> Number {
        let (p, q) = (&self.p, &self.q);
        let [mp, mq] = host::secret_powers(&[
            Power { modulus: p, base: &residue(c, p), exponent: &self.dp },
            Power { modulus: q, base: &residue(c, q), exponent: &self.dq },
        ]);
        let h = p.multiply(&p.subtract(&mp, &p.reduced(&mq)), &self.q_inverse);
        let mut result = Zeroizing::new(vec![0; c.len()]);
        montgomery::multiply(&h, q.modulus(), &mut result);
        montgomery::add(&mut result, &mq);
        result
    }

    fn next_blinding(&self) -> (Number, Number) {
        // A panic in another thread can not leave the pair half updated: it is replaced as a whole.
        let mut blinding = self.blinding.lock().unwrap_or_else(PoisonError::into_inner);
        if blinding.uses >= BLINDING_USES {
            *blinding = Blinding::fresh(&self.n, self.e);
        }
        let next = Blinding {
            blind: self.n.multiply(&blinding.blind, &blinding.blind),
            unblind: self.n.multiply(&blinding.unblind, &blinding.unblind),
            uses: blinding.uses + 1,
        };
        let used = std::mem::replace(&mut *blinding, next);
        (used.blind, used.unblind)
    }
}

/// The forms of `r ^ e` and of `r ^ -1` for a random `r`; squaring both gives the pair of `r ^ 2`.
struct Blinding {
    blind: Number,
    unblind: Number,
    uses: u32,
}

impl Blinding {
    fn fresh(n: &Montgomery, e: u64) -> Self {
        loop {
            let r = random_residue(n);
            // The inversion's time depends on its input, so invert r times another random number.
            let mask = random_residue(n);
            if let Some(inverse) = inverse(&n.leave(&n.multiply(&r, &mask)), n.modulus()) {
                let unblind = n.multiply(&n.enter(&inverse), &mask);
                return Blinding { blind: n.enter(&host::public_power(n, &r, e)), unblind, uses: 0 };
            }
        }
    }
}

/// The form of a uniformly random number below the modulus.
fn random_residue(n: &Montgomery) -> Number {
    let mut bytes = Zeroizing::new(vec![0; 8 * n.modulus().len()]);
    loop {
        random::fill(&mut bytes);
        // Uniform below n either way, so take the number as the form itself.
        match from_bytes(&bytes, n.modulus().len()) {
            Some(candidate) if below(&candidate, n.modulus()) => return candidate,
            _ => {}
        }
    }
}

/// The plain `1 / value mod n`. The time depends on both.
fn inverse(value: &[u64], n: &[u64]) -> Option<Number> {
    let size = 8 * n.len();
    let boxed = |number: &[u64]| {
        let bytes = Zeroizing::new(to_bytes(number, size)?);
        BoxedUint::from_be_slice(&bytes, u32::try_from(8 * size).ok()?).ok()
    };
    let mut value = boxed(value)?;
    let inverse = value.invert_odd_mod_vartime(&boxed(n)?.to_odd().into_option()?).into_option();
    value.zeroize();
    number(&Zeroizing::new(inverse?), n.len())
}

/// The form of `c mod p` for a number that is twice as long.
fn residue(c: &[u64], p: &Montgomery) -> Number {
    let (low, high) = c.split_at(p.modulus().len());
    p.add(&p.enter(low), &p.enter(&p.enter(high)))
}

fn number(value: &BoxedUint, length: usize) -> Option<Number> {
    from_bytes(&Zeroizing::new(value.to_be_bytes()), length)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use rsa::pkcs1::DecodeRsaPrivateKey;

    use super::*;

    struct Pair {
        ours: PrivateOperation,
        theirs: rsa::PrivateKey,
    }

    /// Our operation and the `rsa` crate's on one key of each size.
    static PAIRS: LazyLock<Vec<Pair>> = LazyLock::new(|| {
        let sizes = include_str!("../../tests/vectors/rsa-sizes.json");
        let sizes: serde_json::Value = serde_json::from_str(sizes).unwrap();
        let pair = |entry: &serde_json::Value| {
            let text = entry["private"].as_str().unwrap();
            let theirs = rsa::PrivateKey::from_pkcs1_pem(text).unwrap();
            let e = entry["exponent"].as_u64().unwrap();
            Pair { ours: PrivateOperation::new(theirs.clone(), e), theirs }
        };
        sizes["keys"].as_array().unwrap().iter().map(pair).collect()
    });

    fn check(pair: &Pair, input: &[u8]) {
        let Pair { ours, theirs } = pair;
        let number = BoxedUint::from_be_slice(input, theirs.n_bits_precision()).unwrap();
        match ours.apply(input) {
            Ok(result) => {
                let expected = rsa::hazmat::rsa_decrypt(None::<&mut rand::rngs::SysRng>, theirs, &number);
                let expected = expected.unwrap().to_be_bytes();
                assert_eq!(*result, expected[expected.len() - theirs.size()..]);
            }
            Err(error) => {
                assert_eq!(error, CryptError::Decryption);
                assert!(number >= *theirs.n().as_ref());
            }
        }
    }

    #[test]
    fn the_usual_sizes_take_the_fast_way_and_others_the_generic_one() {
        let fast: Vec<(u32, bool)> = PAIRS
            .iter()
            .map(|pair| {
                let generic = matches!(pair.ours, PrivateOperation::Generic(_));
                (pair.theirs.n().bit_width_vartime(), !generic)
            })
            .collect();
        let expected = [(1024, true), (2048, true), (2050, false), (2056, false), (3072, true), (4096, true)];
        assert_eq!(fast, expected);
    }

    #[test]
    fn edge_values_give_what_the_rsa_crate_gives() {
        for pair in PAIRS.iter() {
            let n = pair.theirs.n_bytes();
            let mut below = n.to_vec();
            *below.last_mut().unwrap() -= 1;
            let mut one = vec![0; n.len()];
            check(pair, &one);
            *one.last_mut().unwrap() = 1;
            check(pair, &one);
            check(pair, &below);
            check(pair, &n);
            check(pair, &vec![0xff; n.len()]);
            // Multiples of a prime are the inputs whose residue is zero.
            let p = pair.theirs.primes()[0].to_be_bytes();
            one[n.len() - p.len()..].copy_from_slice(&p);
            check(pair, &one);
        }
    }

    #[test]
    fn blinding_survives_its_renewal() {
        let pair = &PAIRS[1];
        for round in 0..=BLINDING_USES {
            let mut input = vec![0; 256];
            input[255] = round.to_le_bytes()[0];
            input[3] = 7;
            check(pair, &input);
        }
    }

    #[test]
    fn a_wrong_power_never_leaves() {
        let pair = &PAIRS[1];
        let PrivateOperation::Fast(whole) = &pair.ours else {
            panic!("2048 bits take the fast way");
        };
        let mut broken = Crt::new(&pair.theirs, whole.e).unwrap();
        broken.dp[0] ^= 1 << 5;
        let mut input = vec![0; 256];
        input[200] = 1;
        assert_eq!(broken.apply(&input), Err(CryptError::Fault));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn any_input_gives_what_the_rsa_crate_gives(
            input in proptest::collection::vec(any::<u8>(), 512),
        ) {
            // 4096 bits cost a third of a second without optimisation.
            for pair in PAIRS.iter().filter(|pair| pair.theirs.size() < 300) {
                check(pair, &input[..pair.theirs.size()]);
            }
        }
    }

    #[test]
    fn large_keys_give_what_the_rsa_crate_gives() {
        let mut input = vec![0x5a; 512];
        for pair in PAIRS.iter().filter(|pair| pair.theirs.size() > 300) {
            input[1] ^= 0xff;
            check(pair, &input[..pair.theirs.size()]);
        }
    }
}
