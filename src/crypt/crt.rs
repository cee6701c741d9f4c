//! The private operation: `c ^ d mod n` by the Chinese remainder theorem, fast and in constant time.
//! Source: RFC 8017, 5.1.2; the blinding of Kocher (1996), the check of Boneh, DeMillo, Lipton (1997).
//!
//! Keys of 2048, 3072 and 4096 bits run on crypto-bigint's fixed-size Montgomery forms; every other
//! size runs on the `rsa` crate. On both ways the base is blinded and the result is raised to the public
//! exponent and compared with the input before it leaves, so that a computing fault gives an error and
//! never a value from which the primes could be found.

use std::sync::{Mutex, PoisonError};

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{BoxedUint, CtEq, Odd, U1024, U1536, U2048, U3072, U4096, Uint};
use power::{PublicPower, SecretPower};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use zeroize::{Zeroize, Zeroizing};

use super::error::CryptError;
use super::modulus::{from_bytes, to_bytes};
use super::random;

/// How many private operations one blinding pair and its squares serve.
const BLINDING_USES: u32 = 32;

/// A private key ready for use.
pub(super) enum PrivateOperation {
    Bits2048(Box<Crt<{ U1024::LIMBS }, { U2048::LIMBS }>>),
    Bits3072(Box<Crt<{ U1536::LIMBS }, { U3072::LIMBS }>>),
    Bits4096(Box<Crt<{ U2048::LIMBS }, { U4096::LIMBS }>>),
    Generic(Box<rsa::PrivateKey>),
}

impl PrivateOperation {
    /// `key` has passed the validation of the `rsa` crate: two primes, `n = p q`, `e d = 1` modulo both.
    pub(super) fn new(key: rsa::PrivateKey, e: u64) -> Self {
        let fast = match key.n().bit_width_vartime() {
            2048 => Crt::new(&key, e).map(|crt| PrivateOperation::Bits2048(Box::new(crt))),
            3072 => Crt::new(&key, e).map(|crt| PrivateOperation::Bits3072(Box::new(crt))),
            4096 => Crt::new(&key, e).map(|crt| PrivateOperation::Bits4096(Box::new(crt))),
            _ => None,
        };
        fast.unwrap_or_else(|| PrivateOperation::Generic(Box::new(key)))
    }

    /// `input ^ d mod n`, big-endian, as many bytes as the modulus has.
    ///
    /// # Errors
    /// [`CryptError::Decryption`] when the input is not below the modulus, [`CryptError::Fault`] when
    /// the result fails its check.
    pub(super) fn apply(&self, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptError> {
        match self {
            PrivateOperation::Bits2048(crt) => crt.apply(input),
            PrivateOperation::Bits3072(crt) => crt.apply(input),
            PrivateOperation::Bits4096(crt) => crt.apply(input),
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

/// A key whose primes have `HALF` limbs each and whose modulus has `FULL = 2 * HALF`, all bits used.
pub(super) struct Crt<const HALF: usize, const FULL: usize> {
    n: FixedMontyParams<FULL>,
    e: u64,
    p: FixedMontyParams<HALF>,
    q: FixedMontyParams<HALF>,
    /// `d mod (p - 1)`
    dp: Uint<HALF>,
    /// `d mod (q - 1)`
    dq: Uint<HALF>,
    /// `q ^ -1 mod p`
    q_inverse: FixedMontyForm<HALF>,
    blinding: Mutex<Blinding<FULL>>,
}

impl<const HALF: usize, const FULL: usize> Crt<HALF, FULL>
where
    FixedMontyForm<HALF>: SecretPower<HALF>,
    FixedMontyForm<FULL>: PublicPower,
{
    fn new(key: &rsa::PrivateKey, e: u64) -> Option<Self> {
        let [p, q] = key.primes() else { return None };
        let p = odd::<HALF>(p.as_ref())?;
        let q = odd::<HALF>(q.as_ref())?;
        if p.as_ref().bit_width() != Uint::<HALF>::BITS || q.as_ref().bit_width() != Uint::<HALF>::BITS {
            return None;
        }
        let n = FixedMontyParams::new_vartime(odd::<FULL>(key.n().as_ref())?);
        let p = FixedMontyParams::new(p);
        Some(Crt {
            n,
            e,
            q_inverse: FixedMontyForm::new(&integer(&key.crt_coefficient()?)?, &p),
            p,
            q: FixedMontyParams::new(q),
            dp: integer(key.dp()?)?,
            dq: integer(key.dq()?)?,
            blinding: Mutex::new(Blinding::fresh(&n, e)),
        })
    }

    fn apply(&self, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptError> {
        let c = from_bytes::<FULL>(input).ok_or(CryptError::Decryption)?;
        if &c >= self.n.modulus().as_ref() {
            return Err(CryptError::Decryption);
        }
        let c = FixedMontyForm::new(&c, &self.n);
        let (blind, unblind) = self.next_blinding();
        let blinded = self.power(&c.mul(&blind).retrieve());
        let result = FixedMontyForm::new(&blinded, &self.n).mul(&unblind);
        let checked = result.public_power(self.e);
        if !checked.as_montgomery().ct_eq(c.as_montgomery()).to_bool() {
            return Err(CryptError::Fault);
        }
        let bytes = to_bytes(&Zeroizing::new(result.retrieve()), input.len());
        bytes.map(Zeroizing::new).ok_or(CryptError::Decryption)
    }

    /// `c ^ d mod n` for a blinded `c`, from the powers modulo both primes (Garner's formula).
    fn power(&self, c: &Uint<FULL>) -> Uint<FULL> {
        let (low, high) = split::<HALF, FULL>(c);
        let mp = Zeroizing::new(reduce(&low, &high, &self.p).secret_power(&self.dp));
        let mq = Zeroizing::new(reduce(&low, &high, &self.q).secret_power(&self.dq).retrieve());
        let difference = mp.sub(&FixedMontyForm::new(&mq, &self.p));
        let h = Zeroizing::new(difference.mul(&self.q_inverse).retrieve());
        let (low, high) = h.widening_mul(self.q.modulus().as_ref());
        join::<HALF, FULL>(&low, &high).wrapping_add(&mq.resize())
    }

    fn next_blinding(&self) -> (FixedMontyForm<FULL>, FixedMontyForm<FULL>) {
        // A panic in another thread can not leave the pair half updated: it is replaced as a whole.
        let mut blinding = self.blinding.lock().unwrap_or_else(PoisonError::into_inner);
        if blinding.uses >= BLINDING_USES {
            *blinding = Blinding::fresh(&self.n, self.e);
        }
        let pair = (blinding.blind, blinding.unblind);
        *blinding = Blinding {
            blind: blinding.blind.square(),
            unblind: blinding.unblind.square(),
            uses: blinding.uses + 1,
        };
        pair
    }
}

impl<const HALF: usize, const FULL: usize> Drop for Crt<HALF, FULL> {
    fn drop(&mut self) {
        self.p.zeroize();
        self.q.zeroize();
        self.dp.zeroize();
        self.dq.zeroize();
        self.q_inverse.zeroize();
    }
}

/// `blind = r ^ e`, `unblind = r ^ -1` for a random `r`; squaring both gives the pair of `r ^ 2`.
struct Blinding<const LIMBS: usize> {
    blind: FixedMontyForm<LIMBS>,
    unblind: FixedMontyForm<LIMBS>,
    uses: u32,
}

impl<const LIMBS: usize> Blinding<LIMBS>
where
    FixedMontyForm<LIMBS>: PublicPower,
{
    fn fresh(n: &FixedMontyParams<LIMBS>, e: u64) -> Self {
        loop {
            let r = random_residue(n);
            // The inversion's time depends on its input, so invert r times another random number.
            let mask = random_residue(n);
            if let Some(inverse) = r.mul(&mask).invert_vartime().into_option() {
                return Blinding { blind: r.public_power(e), unblind: inverse.mul(&mask), uses: 0 };
            }
        }
    }
}

impl<const LIMBS: usize> Drop for Blinding<LIMBS> {
    fn drop(&mut self) {
        self.blind.zeroize();
        self.unblind.zeroize();
    }
}

/// A uniformly random number below the modulus.
fn random_residue<const LIMBS: usize>(n: &FixedMontyParams<LIMBS>) -> FixedMontyForm<LIMBS> {
    let mut bytes = Zeroizing::new(vec![0; Uint::<LIMBS>::BYTES]);
    loop {
        random::fill(&mut bytes);
        let candidate = Uint::from_be_slice(&bytes);
        if &candidate < n.modulus().as_ref() {
            // Uniform below n either way, so take the number as the Montgomery form itself.
            return FixedMontyForm::from_montgomery(candidate, n);
        }
    }
}

/// `low + high * R mod p`, R = 2 ^ bits of p. Montgomery multiplication accepts any factor below R.
fn reduce<const HALF: usize>(
    low: &Uint<HALF>,
    high: &Uint<HALF>,
    p: &FixedMontyParams<HALF>,
) -> FixedMontyForm<HALF> {
    let high_times_r = FixedMontyForm::new(high, p).to_montgomery();
    FixedMontyForm::new(low, p).add(&FixedMontyForm::new(&high_times_r, p))
}

fn split<const HALF: usize, const FULL: usize>(wide: &Uint<FULL>) -> (Uint<HALF>, Uint<HALF>) {
    (wide.resize(), wide.shr_vartime(Uint::<HALF>::BITS).resize())
}

fn join<const HALF: usize, const FULL: usize>(low: &Uint<HALF>, high: &Uint<HALF>) -> Uint<FULL> {
    let high: Uint<FULL> = high.resize();
    low.resize().bitor(&high.shl_vartime(Uint::<HALF>::BITS))
}

fn integer<const LIMBS: usize>(value: &BoxedUint) -> Option<Uint<LIMBS>> {
    from_bytes(&Zeroizing::new(value.to_be_bytes()))
}

fn odd<const LIMBS: usize>(value: &BoxedUint) -> Option<Odd<Uint<LIMBS>>> {
    Odd::new(integer(value)?).into_option()
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
        let expected =
            [(1024, false), (2048, true), (2050, false), (2056, false), (3072, true), (4096, true)];
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
        let PrivateOperation::Bits2048(crt) = &PAIRS[1].ours else {
            panic!("2048 bits take the fast way");
        };
        let broken = Crt {
            n: crt.n,
            e: crt.e,
            p: crt.p,
            q: crt.q,
            dp: crt.dp.bitxor(&Uint::ONE.shl_vartime(5)),
            dq: crt.dq,
            q_inverse: crt.q_inverse,
            blinding: Mutex::new(Blinding::fresh(&crt.n, crt.e)),
        };
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
