//! Private keys encrypted with a passphrase in OpenSSL's traditional form (`key_pass`).
//! Source: RFC 1421 headers as OpenSSL writes them; Salt: crypt.py `gen_keys`.
//!
//! ```text
//! Proc-Type: 4,ENCRYPTED
//! DEK-Info: AES-256-CBC,<iv in hex>
//!
//! base64 of CBC(key, iv, PKCS#7-padded PKCS#1 DER)
//! ```
//!
//! The key is MD5 based: `D1 = MD5(pass | salt)`, `Dn = MD5(D(n-1) | pass | salt)`, the salt being the
//! first 8 bytes of the IV; as many `Dn` are joined as the cipher's key needs.

use aes::cipher::{Array, BlockCipherDecrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use des::TdesEde3;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::error::CryptError;
use super::pem::{self, Block};
use super::random;

/// One cipher a `DEK-Info` header may name.
struct DekCipher {
    name: &'static str,
    key_bytes: usize,
    block_bytes: usize,
    decrypt: Decrypt,
}

/// Key, IV and the data to decrypt in place.
type Decrypt = fn(&[u8], &[u8], &mut [u8]) -> Option<()>;

/// Salt writes AES-256; its releases on other crypto libraries wrote the others.
static CIPHERS: &[DekCipher] = &[
    DekCipher { name: "AES-128-CBC", key_bytes: 16, block_bytes: 16, decrypt: cbc_decrypt::<Aes128> },
    DekCipher { name: "AES-192-CBC", key_bytes: 24, block_bytes: 16, decrypt: cbc_decrypt::<Aes192> },
    DekCipher { name: "AES-256-CBC", key_bytes: 32, block_bytes: 16, decrypt: cbc_decrypt::<Aes256> },
    DekCipher { name: "DES-EDE3-CBC", key_bytes: 24, block_bytes: 8, decrypt: cbc_decrypt::<TdesEde3> },
];

const SALT_BYTES: usize = 8;

/// Whether the block has the headers of an encrypted key.
pub(super) fn is_encrypted(block: &Block) -> bool {
    block.header("Proc-Type").is_some_and(|value| value.ends_with("ENCRYPTED"))
}

/// The DER inside an encrypted block.
///
/// # Errors
/// [`CryptError::UnsupportedKeyEncryption`] for a cipher not in the table and
/// [`CryptError::WrongPassphrase`] when the padding does not come out right. A wrong passphrase is not
/// always noticed here: the DER must be checked too.
pub(super) fn decrypt(block: &Block, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, CryptError> {
    const MALFORMED: CryptError = CryptError::Malformed("DEK-Info header");
    let (name, iv) = block.header("DEK-Info").and_then(|value| value.split_once(',')).ok_or(MALFORMED)?;
    let cipher = CIPHERS
        .iter()
        .find(|cipher| cipher.name.eq_ignore_ascii_case(name.trim()))
        .ok_or_else(|| CryptError::UnsupportedKeyEncryption(name.trim().to_owned()))?;
    let iv = unhex(iv.trim()).filter(|iv| iv.len() == cipher.block_bytes).ok_or(MALFORMED)?;
    let key = derive_key(passphrase, &iv, cipher.key_bytes);
    let mut der = block.der.clone();
    (cipher.decrypt)(&key, &iv, &mut der).ok_or(CryptError::WrongPassphrase)?;
    let padding = usize::from(*der.last().ok_or(CryptError::WrongPassphrase)?);
    let length = der
        .len()
        .checked_sub(padding)
        .filter(|_| (1..=cipher.block_bytes).contains(&padding))
        .ok_or(CryptError::WrongPassphrase)?;
    let all_equal = der.iter().skip(length).all(|byte| usize::from(*byte) == padding);
    if !all_equal {
        return Err(CryptError::WrongPassphrase);
    }
    der.truncate(length);
    Ok(der)
}

/// An encrypted PEM block around `der`, with AES-256 as Salt uses.
pub(super) fn encrypt(label: &str, der: &[u8], passphrase: &str) -> Zeroizing<String> {
    encrypt_with_iv(label, der, passphrase, random::bytes())
}

/// As [`encrypt`], with a given IV.
pub(super) fn encrypt_with_iv(label: &str, der: &[u8], passphrase: &str, iv: [u8; 16]) -> Zeroizing<String> {
    let key = derive_key(passphrase, &iv, 32);
    let mut key_array = Array::default();
    key_array.copy_from_slice(&key);
    let cipher = Aes256::new(&key_array);
    let padding = 16 - der.len() % 16;
    let mut body = Zeroizing::new(Vec::with_capacity(der.len() + padding));
    body.extend_from_slice(der);
    body.resize(der.len() + padding, padding.to_le_bytes()[0]);
    cbc_encrypt(cipher, iv, &mut body);
    let iv = super::digest::hex(&iv).to_ascii_uppercase();
    let headers = [("Proc-Type", "4,ENCRYPTED"), ("DEK-Info", &format!("AES-256-CBC,{iv}"))];
    pem::encode(label, &headers, &body)
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round.
fn derive_key(passphrase: &str, iv: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let salt = iv.get(..SALT_BYTES).unwrap_or(iv);
    let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
    let mut previous = Zeroizing::new(Vec::new());
    while key.len() < length {
        let mut md5 = Md5::new();
        md5.update(previous.as_slice());
        md5.update(passphrase.as_bytes());
        md5.update(salt);
        *previous = md5.finalize().to_vec();
        key.extend_from_slice(&previous);
    }
    key.truncate(length);
    key
}

/// Decrypt whole blocks in place; `None` when the lengths do not fit.
fn cbc_decrypt<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], data: &mut [u8]) -> Option<()> {
    let cipher = C::new_from_slice(key).ok()?;
    let mut cbc = cbc::Decryptor::<C>::inner_iv_slice_init(cipher, iv).ok()?;
    let (blocks, rest) = Array::<u8, C::BlockSize>::slice_as_chunks_mut(data);
    cbc.decrypt_blocks(blocks);
    rest.is_empty().then_some(())
}

/// Encrypt `data`, a whole number of blocks, in place.
fn cbc_encrypt(cipher: Aes256, iv: [u8; 16], data: &mut [u8]) {
    let mut cbc = cbc::Encryptor::<Aes256>::inner_iv_init(cipher, &iv.into());
    let (blocks, rest) = aes::Block::slice_as_chunks_mut(data);
    debug_assert!(rest.is_empty());
    cbc.encrypt_blocks(blocks);
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
