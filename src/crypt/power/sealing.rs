//! Messages that are encrypted and authenticated: AES-192 in CBC under HMAC-SHA256. NIST SP 800-38A, section 6.2; RFC 2104;
//! FIPS 180-4.
//!
//! A block of CBC waits for the one before it, and so does a block of a digest. Both wait most of their time, but not for
//! each other: so four blocks are encrypted, then the four before them are digested, which the processor does meanwhile.
//! The crates `cbc` and `hmac` go over a message twice, and mix octet by octet.

use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
    KeyInit,
};
use aes::{Aes192Dec, Aes192Enc, Block};
use sha2::block_api::compress256;
use zeroize::Zeroizing;

/// The first state of SHA-256.
const FIRST: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Both keys of a channel, ready for use.
#[derive(Clone)]
pub struct Keys {
    encrypt: Aes192Enc,
    decrypt: Aes192Dec,
    /// The digest of the padded key, inside and outside.
    inner: Zeroizing<[u32; 8]>,
    outer: Zeroizing<[u32; 8]>,
}

impl Keys {
    #[must_use]
    pub fn new(cipher: &[u8; 24], mac: &[u8; 32]) -> Self {
        let padded = |pad: u8| {
            let mut block = Zeroizing::new([pad; 64]);
            block.iter_mut().zip(mac).for_each(|(byte, key)| *byte ^= key);
            let mut state = Zeroizing::new(FIRST);
            compress256(&mut state, std::slice::from_ref(&*block));
            state
        };
        Keys {
            encrypt: Aes192Enc::new(cipher.into()),
            decrypt: Aes192Dec::new(cipher.into()),
            inner: padded(0x36),
            outer: padded(0x5c),
        }
    }

    /// Encrypts what stands behind the initialisation vector in `message`, whole blocks, in place; gives the code over
    /// all of it.
    ///
    /// # Panics
    /// When these are no whole blocks, or none at all.
    #[inline(never)]
    #[must_use]
    pub fn seal(&self, message: &mut [u8]) -> [u8; 32] {
        let (vector, rest) = message.as_chunks::<16>();
        assert!(!vector.is_empty() && rest.is_empty(), "a vector and whole blocks");
        let mut state = *self.inner;
        self.encrypt.encrypt_with_backend(Sealing { message: &mut *message, state: &mut state });
        self.finish(state, message)
    }

    /// The code over a message.
    #[inline(never)]
    #[must_use]
    pub fn code(&self, message: &[u8]) -> [u8; 32] {
        let mut state = *self.inner;
        compress256(&mut state, message.as_chunks().0);
        self.finish(state, message)
    }

    /// Decrypts the whole blocks of `ciphertext` into `blocks`, which begins as a copy of it.
    #[inline(never)]
    pub fn open(&self, vector: [u8; 16], ciphertext: &[u8], blocks: &mut [u8]) {
        let (blocks, _) = Block::slice_as_chunks_mut(blocks);
        self.decrypt.decrypt_blocks(blocks);
        let mut last = u128::from_ne_bytes(vector);
        for (block, sealed) in blocks.iter_mut().zip(ciphertext.as_chunks().0) {
            *block = Block::from((u128::from_ne_bytes((*block).into()) ^ last).to_ne_bytes());
            last = u128::from_ne_bytes(*sealed);
        }
    }

    /// The code of a message whose whole blocks `state` has.
    fn finish(&self, mut state: [u32; 8], message: &[u8]) -> [u8; 32] {
        digest_rest(&mut state, message.as_chunks::<64>().1, 64 + message.len());
        let mut outer = *self.outer;
        digest_rest(&mut outer, &octets(state), 96);
        octets(outer)
    }
}

/// The end of a digest over `length` octets: what fills no block, a bit, and the length in bits.
fn digest_rest(state: &mut [u32; 8], rest: &[u8], length: usize) {
    let mut blocks = [[0; 64]; 2];
    let end = if rest.len() < 56 { 64 } else { 128 };
    let flat = blocks.as_flattened_mut();
    flat[..rest.len()].copy_from_slice(rest);
    flat[rest.len()] = 0x80;
    flat[end - 8..end].copy_from_slice(&(length as u64 * 8).to_be_bytes());
    compress256(state, &blocks[..end / 64]);
}

fn octets(state: [u32; 8]) -> [u8; 32] {
    let mut octets = [0; 32];
    for (place, word) in octets.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    octets
}

struct Sealing<'a> {
    message: &'a mut [u8],
    state: &'a mut [u32; 8],
}

impl BlockSizeUser for Sealing<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Sealing<'_> {
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Sealing { message, state } = self;
        let (groups, rest) = message.as_chunks_mut::<64>();
        // The vector stands in the first block, which is not encrypted.
        let mut last = [0; 16];
        let mut is_first = true;
        let mut encrypt = |block: &mut [u8; 16]| {
            if !std::mem::take(&mut is_first) {
                let mut mixed = Block::from(mix(block, &last));
                backend.encrypt_block_inplace(&mut mixed);
                *block = mixed.into();
            }
            last = *block;
        };
        for at in 0..groups.len() {
            let (done, to_do) = groups.split_at_mut(at);
            to_do[0].as_chunks_mut().0.iter_mut().for_each(&mut encrypt);
            if let Some(before) = done.last() {
                compress256(state, std::slice::from_ref(before));
            }
        }
        if let Some(before) = groups.last() {
            compress256(state, std::slice::from_ref(before));
        }
        rest.as_chunks_mut().0.iter_mut().for_each(&mut encrypt);
    }
}

/// As numbers of 128 bits they would go through other registers than the cipher's.
#[inline(always)]
fn mix(a: &[u8; 16], b: &[u8; 16]) -> [u8; 16] {
    std::array::from_fn(|at| a[at] ^ b[at])
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit};
    use hmac::{Hmac, Mac};
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;

    proptest! {
        #[test]
        fn the_crates_cbc_and_hmac_say_the_same(
            cipher in any::<[u8; 24]>(), mac in any::<[u8; 32]>(), vector in any::<[u8; 16]>(),
            plain in proptest::collection::vec(any::<[u8; 16]>(), 0..40),
        ) {
            let keys = Keys::new(&cipher, &mac);
            let mut ours = [&[vector], plain.as_slice()].concat().concat();
            let code = keys.seal(&mut ours);

            let mut blocks: Vec<Block> = plain.iter().copied().map(Block::from).collect();
            let enc = Aes192Enc::new(&cipher.into());
            cbc::Encryptor::<&Aes192Enc>::inner_iv_init(&enc, &vector.into()).encrypt_blocks(&mut blocks);
            let theirs: Vec<u8> = vector.into_iter().chain(blocks.iter().flatten().copied()).collect();
            prop_assert_eq!(&ours, &theirs);
            let expected = Hmac::<Sha256>::new_from_slice(&mac).unwrap().chain_update(&theirs).finalize();
            prop_assert_eq!(&code[..], &expected.into_bytes()[..]);
            prop_assert_eq!(keys.code(&theirs), code);

            let dec = Aes192Dec::new(&cipher.into());
            cbc::Decryptor::<&Aes192Dec>::inner_iv_init(&dec, &vector.into()).decrypt_blocks(&mut blocks);
            let mut opened = ours[16..].to_vec();
            keys.open(vector, &ours[16..], &mut opened);
            prop_assert_eq!(&opened, &plain.concat());
            prop_assert_eq!(blocks.concat(), opened);
        }

        #[test]
        fn codes_of_any_length_are_those_of_the_crate_hmac(
            mac in any::<[u8; 32]>(), message in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let expected = Hmac::<Sha256>::new_from_slice(&mac).unwrap().chain_update(&message).finalize();
            prop_assert_eq!(&Keys::new(&[0; 24], &mac).code(&message)[..], &expected.into_bytes()[..]);
        }
    }
}
