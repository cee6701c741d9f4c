//! Sealed messages under a shared key: encrypted, then authenticated. Salt: crypt.py `Crypticle`.
//!
//! ```text
//! message   = IV (16) | AES-192-CBC(PKCS#7-padded plaintext) | HMAC-SHA256(IV | ciphertext) (32)
//! plaintext = "pickle::" | [nonce, 32 ASCII characters] | msgpack
//! ```
//!
//! Only replies to requests of protocol version 2 and later hold the nonce, and whether one is there is
//! known from the request alone.

use std::fmt;

use bytes::Bytes;
use power::sealing::Keys;
use subtle::ConstantTimeEq;

use super::error::CryptError;
use super::key_string::KeyString;
use super::random;

const IV_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
pub(super) const MARKER: &[u8] = b"pickle::";
/// Length of the nonce in front of a reply's msgpack.
pub const NONCE_BYTES: usize = 32;
/// msgpack of an empty map: what a plaintext without its marker stands for.
const EMPTY_MAP: &[u8] = b"\x80";

/// Seals and opens messages with one key. The key schedules are computed once; share it in an `Arc`.
#[derive(Clone)]
pub struct Crypticle {
    keys: Keys,
}

impl Crypticle {
    /// Set up the ciphers of a key.
    pub fn new(key: &KeyString) -> Self {
        let (cipher, mac) = key.keys();
        Crypticle { keys: Keys::new(cipher, mac) }
    }

    /// Seal `msgpack`. `nonce` is that of the request answered; an empty one counts as none.
    pub fn encrypt(&self, msgpack: &[u8], nonce: Option<&str>) -> Vec<u8> {
        let mut out = Vec::new();
        self.encrypt_into(&mut out, msgpack, nonce);
        out
    }

    /// Seal `msgpack` behind what `out` already holds, [`sealed_len`] bytes. For messages that go into
    /// an envelope: the ciphertext is made in its final place.
    pub fn encrypt_into(&self, out: &mut Vec<u8>, msgpack: &[u8], nonce: Option<&str>) {
        let nonce = nonce.unwrap_or_default().as_bytes();
        self.seal(out, random::iv(), [MARKER, nonce, msgpack]);
    }

    /// Seal plaintext parts with a given IV, to reproduce recorded messages. An IV must never be used
    /// twice.
    #[cfg(test)]
    pub(super) fn seal_with_iv(&self, iv: [u8; IV_BYTES], parts: [&[u8]; 3]) -> Vec<u8> {
        let mut out = Vec::new();
        self.seal(&mut out, iv, parts);
        out
    }

    /// Seal what `write` appends, behind what `out` already holds. For large messages: the msgpack is made where its
    /// ciphertext will stand.
    pub fn encrypt_with(&self, out: &mut Vec<u8>, nonce: Option<&str>, write: &dyn Fn(&mut Vec<u8>)) {
        let nonce = nonce.unwrap_or_default().as_bytes();
        self.seal_written(out, random::iv(), &|out| {
            out.extend_from_slice(MARKER);
            out.extend_from_slice(nonce);
            write(out);
        });
    }

    fn seal(&self, out: &mut Vec<u8>, iv: [u8; IV_BYTES], parts: [&[u8]; 3]) {
        let plain_len: usize = parts.iter().map(|part| part.len()).sum();
        out.reserve_exact(IV_BYTES + plain_len + BLOCK_BYTES + MAC_BYTES);
        self.seal_written(out, iv, &|out| parts.iter().for_each(|part| out.extend_from_slice(part)));
    }

    fn seal_written(&self, out: &mut Vec<u8>, iv: [u8; IV_BYTES], write: &dyn Fn(&mut Vec<u8>)) {
        let start = out.len();
        out.extend_from_slice(&iv);
        write(out);
        let padding = BLOCK_BYTES - (out.len() - start) % BLOCK_BYTES;
        out.resize(out.len() + padding, padding.to_le_bytes()[0]);

        let (_, message) = out.split_at_mut(start);
        let code = self.keys.seal(message);
        out.extend_from_slice(&code);
    }

    /// Check and open a message.
    ///
    /// # Errors
    /// [`CryptError::Authentication`] when it was not sealed with this key, or is no sealed message.
    pub fn decrypt(&self, data: &[u8]) -> Result<Plaintext, CryptError> {
        let (message, code) = data
            .len()
            .checked_sub(MAC_BYTES)
            .and_then(|length| data.split_at_checked(length))
            .ok_or(CryptError::Authentication)?;
        if !bool::from(self.keys.code(message).as_slice().ct_eq(code)) {
            return Err(CryptError::Authentication);
        }
        let (iv, ciphertext) = message.split_first_chunk::<IV_BYTES>().ok_or(CryptError::Authentication)?;
        if !ciphertext.len().is_multiple_of(BLOCK_BYTES) {
            return Err(CryptError::Authentication);
        }
        let mut buffer = ciphertext.to_vec();
        self.keys.open(*iv, ciphertext, &mut buffer);
        let length = unpadded_len(&buffer).ok_or(CryptError::Authentication)?;
        buffer.truncate(length);
        Ok(Plaintext { buffer })
    }
}

impl fmt::Debug for Crypticle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Crypticle(secret)")
    }
}

/// What a sealed message held.
pub struct Plaintext {
    buffer: Vec<u8>,
}

impl Plaintext {
    /// The msgpack of a message without a nonce.
    ///
    /// Salt quirk: a plaintext that lacks the marker stands for an empty map (crypt.py, all releases).
    pub fn msgpack(&self) -> &[u8] {
        self.buffer.strip_prefix(MARKER).unwrap_or(EMPTY_MAP)
    }

    /// The msgpack of a reply to a request with `nonce`. An empty nonce expects none.
    ///
    /// # Errors
    /// [`CryptError::Nonce`] when the reply answers another request.
    pub fn msgpack_after(&self, nonce: &str) -> Result<&[u8], CryptError> {
        let Some(rest) = self.buffer.strip_prefix(MARKER) else {
            return Ok(EMPTY_MAP);
        };
        if nonce.is_empty() {
            return Ok(rest);
        }
        let (found, msgpack) = rest.split_at_checked(NONCE_BYTES).ok_or(CryptError::Nonce)?;
        if found != nonce.as_bytes() {
            return Err(CryptError::Nonce);
        }
        Ok(msgpack)
    }

    /// As [`Plaintext::msgpack`], keeping the memory of the decrypted message.
    pub fn into_msgpack(self) -> Bytes {
        let from = self.offset(self.msgpack());
        self.into_bytes(from)
    }

    /// As [`Plaintext::msgpack_after`], keeping the memory of the decrypted message.
    ///
    /// # Errors
    /// [`CryptError::Nonce`].
    pub fn into_msgpack_after(self, nonce: &str) -> Result<Bytes, CryptError> {
        let from = self.offset(self.msgpack_after(nonce)?);
        Ok(self.into_bytes(from))
    }

    /// Everything, marker and nonce included.
    #[cfg(test)]
    pub(super) fn raw(&self) -> &[u8] {
        &self.buffer
    }

    /// Where `msgpack` starts in the buffer; `None` when it is the empty map.
    fn offset(&self, msgpack: &[u8]) -> Option<usize> {
        if self.buffer.starts_with(MARKER) { self.buffer.len().checked_sub(msgpack.len()) } else { None }
    }

    fn into_bytes(self, from: Option<usize>) -> Bytes {
        match from {
            Some(from) => Bytes::from(self.buffer).split_off(from),
            None => Bytes::from_static(EMPTY_MAP),
        }
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.buffer.len())
    }
}

/// Bytes of a sealed message over `msgpack_len` bytes of msgpack and a nonce of `nonce_len`.
pub fn sealed_len(msgpack_len: usize, nonce_len: usize) -> usize {
    let plain_len = MARKER.len() + nonce_len + msgpack_len;
    IV_BYTES + (plain_len / BLOCK_BYTES + 1) * BLOCK_BYTES + MAC_BYTES
}

/// Length without the PKCS#7 padding, which an authenticated message always has.
fn unpadded_len(buffer: &[u8]) -> Option<usize> {
    let padding = usize::from(*buffer.last()?);
    let length = buffer.len().checked_sub(padding)?;
    let well_formed = (1..=BLOCK_BYTES).contains(&padding)
        && buffer.get(length..)?.iter().all(|byte| usize::from(*byte) == padding);
    well_formed.then_some(length)
}
