//! crypto_box and crypto_secretbox of NaCl: X25519, HSalsa20, XSalsa20, Poly1305.
//!
//! ```text
//! box = tag (16) | encrypted octets
//! ```

use poly1305::{Poly1305, universal_hash::KeyInit};
use salsa20::{
    XSalsa20,
    cipher::{KeyIvInit, StreamCipher, consts::U10},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keys::{PublicKey, SecretKey};

/// Octets that a box is longer than what is in it.
pub(super) const TAG_OCTETS: usize = 16;

/// What two sides share, or one side keeps to itself. Wiped when dropped.
pub(super) struct BoxKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoxKey")
    }
}

impl BoxKey {
    /// A key of one's own: crypto_secretbox.
    pub(super) fn own(key: [u8; 32]) -> BoxKey {
        BoxKey(Zeroizing::new(key))
    }

    /// crypto_box_beforenm. `None` for a public key of low order, with which anybody could compute the result.
    pub(super) fn shared(public: &PublicKey, secret: &SecretKey) -> Option<BoxKey> {
        let shared = secret.agree(public)?;
        let key = salsa20::hsalsa::<U10>(&(*shared).into(), &[0; 16].into());
        Some(BoxKey(Zeroizing::new(key.into())))
    }

    /// Appends a box around the concatenated `plain`.
    pub(super) fn seal(&self, nonce: &[u8; 24], plain: &[&[u8]], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; TAG_OCTETS]);
        plain.iter().for_each(|piece| out.extend_from_slice(piece));
        let (mut cipher, mac) = self.begin(nonce);
        let Some((tag, body)) = out.get_mut(start..).and_then(|new| new.split_at_mut_checked(TAG_OCTETS))
        else {
            return; // it was made this long above
        };
        cipher.apply_keystream(body);
        tag.copy_from_slice(&mac.compute_unpadded(body));
    }

    /// What is in a box; `None` when it was not sealed with this key and nonce.
    pub(super) fn open(&self, nonce: &[u8; 24], sealed: &[u8]) -> Option<Vec<u8>> {
        let (tag, body) = sealed.split_at_checked(TAG_OCTETS)?;
        let (mut cipher, mac) = self.begin(nonce);
        if !bool::from(mac.compute_unpadded(body).as_slice().ct_eq(tag)) {
            return None;
        }
        let mut plain = body.to_vec();
        cipher.apply_keystream(&mut plain);
        Some(plain)
    }

    /// The first 32 octets of the key stream are the key of the tag.
    fn begin(&self, nonce: &[u8; 24]) -> (XSalsa20, Poly1305) {
        let mut cipher = XSalsa20::new((&*self.0).into(), nonce.into());
        let mut mac_key = Zeroizing::new([0; 32]);
        cipher.apply_keystream(&mut *mac_key);
        (cipher, Poly1305::new((&*mac_key).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    fn array<const N: usize>(text: &str) -> [u8; N] {
        unhex(text).try_into().unwrap()
    }

    /// The example of "Cryptography in NaCl", sections 2, 8 and 10.
    #[test]
    fn the_box_of_the_nacl_paper_is_sealed_and_opened() {
        let alice =
            SecretKey::from(array::<32>("77076d0a7318a57d3c16c17251b26645df4c6b7d4c8c7e9b3d4c9d8a1f5f6a2b"));
        let bob =
            SecretKey::from(array::<32>("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        let nonce = array::<24>("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
        let one = BoxKey::shared(&bob.public(), &alice).unwrap();
        let other = BoxKey::shared(&alice.public(), &bob).unwrap();
        assert_eq!(*one.0, *other.0);
        let mut sealed = Vec::new();
        one.seal(&nonce, &[b"two ", b"pieces"], &mut sealed);
        assert_eq!(sealed.len(), 26);
        assert_eq!(other.open(&nonce, &sealed).unwrap(), b"two pieces");
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert_eq!(other.open(&nonce, &broken), None);
        }
        assert_eq!(other.open(&nonce, &sealed[..15]), None);
    }

    #[test]
    fn a_key_of_low_order_is_refused() {
        assert!(BoxKey::shared(&PublicKey::from([0; 32]), &SecretKey::from([7; 32])).is_none());
    }
}
