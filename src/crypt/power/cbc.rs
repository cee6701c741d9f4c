//! CBC over AES-192, as the sealed messages use it. NIST SP 800-38A, section 6.2.
//!
//! The crate `cbc` mixes octet by octet through generic arrays, which a program that is built for size does not unroll:
//! a third of the time of a file that is served. A block is one `u128` here.

use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
};
use aes::{Aes192Dec, Aes192Enc, Block};

/// Encrypts whole blocks in place; gives what the blocks after them are mixed with.
#[inline(never)]
pub fn encrypt(cipher: &Aes192Enc, iv: [u8; 16], blocks: &mut [Block]) -> [u8; 16] {
    cipher.encrypt_with_backend(Chain { last: u128::from_ne_bytes(iv), blocks: &mut *blocks });
    blocks.last().map_or(iv, |last| (*last).into())
}

/// Decrypts the blocks of `ciphertext` into `blocks`, which begin as a copy of them.
#[inline(never)]
pub fn decrypt(cipher: &Aes192Dec, iv: [u8; 16], ciphertext: &[Block], blocks: &mut [Block]) {
    cipher.decrypt_blocks(blocks);
    let mut last = u128::from_ne_bytes(iv);
    for (block, sealed) in blocks.iter_mut().zip(ciphertext) {
        *block = Block::from((u128::from_ne_bytes((*block).into()) ^ last).to_ne_bytes());
        last = u128::from_ne_bytes((*sealed).into());
    }
}

/// Each block is mixed with the one before it, so that they can only be encrypted one after the other.
struct Chain<'a> {
    last: u128,
    blocks: &'a mut [Block],
}

impl BlockSizeUser for Chain<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Chain<'_> {
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let mut last = self.last;
        for block in self.blocks {
            *block = Block::from((u128::from_ne_bytes((*block).into()) ^ last).to_ne_bytes());
            backend.encrypt_block_inplace(block);
            last = u128::from_ne_bytes((*block).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_crate_cbc_says_the_same(
            key in any::<[u8; 24]>(), iv in any::<[u8; 16]>(), plain in proptest::collection::vec(any::<[u8; 16]>(), 0..40),
        ) {
            let plain: Vec<Block> = plain.into_iter().map(Block::from).collect();
            let (enc, dec) = (Aes192Enc::new(&key.into()), Aes192Dec::new(&key.into()));
            let (mut ours, mut theirs) = (plain.clone(), plain.clone());
            let last = encrypt(&enc, iv, &mut ours);
            prop_assert_eq!(last, ours.last().map_or(iv, |last| (*last).into()));
            cbc::Encryptor::<&Aes192Enc>::inner_iv_init(&enc, &iv.into()).encrypt_blocks(&mut theirs);
            prop_assert_eq!(&ours, &theirs);
            cbc::Decryptor::<&Aes192Dec>::inner_iv_init(&dec, &iv.into()).decrypt_blocks(&mut theirs);
            prop_assert_eq!(&theirs, &plain);
            let mut opened = ours.clone();
            decrypt(&dec, iv, &ours, &mut opened);
            prop_assert_eq!(opened, plain);
        }
    }
}
