//! Property functions of the parsers that outside input reaches: they must return, whatever the bytes.
//! Called by the fuzz targets and, on stable, by proptest.

use std::sync::OnceLock;

use super::crypticle::Crypticle;
use super::error::CryptError;
use super::key_string::KeyString;
use super::keys::{PrivateKey, PublicKey};
use super::pem;
use super::{HashType, SigningAlgorithm};

/// PEM text of any kind; what is read as a public key survives being written and read again.
pub fn pem_text(data: &[u8]) {
    let _ = PrivateKey::from_pem(data, Some("passphrase"));
    let _ = pem::fingerprint(data, HashType::Sha256);
    if let Ok(text) = std::str::from_utf8(data) {
        let clean = pem::clean_key(text);
        assert_eq!(pem::clean_key(&clean), clean);
    }
    if let Ok(key) = PublicKey::from_pem(data) {
        let again = PublicKey::from_pem(key.to_pem()).expect("our own text is readable");
        assert_eq!(again, key);
        assert_eq!(again.to_pem(), key.to_pem());
    }
}

/// A message nobody sealed: refused, never anything else.
pub fn crypticle_decrypt(data: &[u8]) {
    static CRYPTICLE: OnceLock<Crypticle> = OnceLock::new();
    let crypticle = CRYPTICLE.get_or_init(|| Crypticle::new(&KeyString::generate()));
    assert_eq!(crypticle.decrypt(data).err(), Some(CryptError::Authentication));
    let sealed = crypticle.encrypt(data, None);
    let opened = crypticle.decrypt(&sealed).expect("sealed with this key");
    assert_eq!(opened.msgpack(), data);
}

/// A signature nobody made, under a fixed public key.
pub fn x931_recover(data: &[u8]) {
    let key = fixed_key();
    if let Ok(message) = key.recover(data) {
        assert!(!message.is_empty() && message.len() <= key.size() - 2);
    }
    let _ = key.verify(SigningAlgorithm::Pkcs1v15Sha1, b"message", data);
    // The block inside is reached far more often without the power in between.
    let _ = super::x931::unpad(data);
}

fn fixed_key() -> &'static PublicKey {
    static KEY: OnceLock<PublicKey> = OnceLock::new();
    KEY.get_or_init(|| {
        PublicKey::from_pem(include_str!("fuzzing.pub")).expect("the fixed key is well-formed")
    })
}
