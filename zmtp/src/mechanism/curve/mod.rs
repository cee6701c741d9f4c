//! CURVE: authentication and encryption. RFC 25 (ZMTP-CURVE) and RFC 26 (CurveZMQ).
//!
//! ```text
//! client                                                              server
//! HELLO    = version (2) | 0 (72) | C' (32) | nonce (8) | box[0 (64)](c',S)        ->
//!   <- WELCOME = nonce (16) | box[S' (32) | cookie (96)](s,C')
//! INITIATE = cookie (96) | nonce (8) | box[C (32) | vouch (96) | metadata](c',S')  ->
//!   <- READY   = nonce (8) | box[metadata](s',C')
//! MESSAGE  = nonce (8) | box[flags (1) | frame body], in both directions
//! cookie = nonce (16) | secretbox[C' (32) | s' (32)](K)     vouch = nonce (16) | box[C' (32) | S (32)](c,S')
//! ```
//!
//! Upper case: public key, lower case: its secret, with ' for keys of this connection only; K is known to the server
//! alone. Where RFC 26 and libzmq differ (72 zeros in HELLO, the prefix of a MESSAGE nonce ends in C or S), this follows
//! libzmq.

mod boxes;
pub(super) mod client;
mod keys;
pub(super) mod server;
pub(crate) mod traffic;

pub use keys::{KeyError, PublicKey, SecretKey, z85_decode, z85_encode};

use super::Entropy;

/// What one handshake needs of [`Entropy`].
struct Randoms {
    ephemeral: SecretKey,
    cookie_key: [u8; 32],
    nonces: [[u8; 16]; 2],
}

impl Randoms {
    fn take(entropy: &Entropy) -> Randoms {
        let mut randoms =
            Randoms { ephemeral: SecretKey::from([0; 32]), cookie_key: [0; 32], nonces: [[0; 16]; 2] };
        let octets = &entropy.0;
        let mut secret = [0; 32];
        secret.copy_from_slice(&octets[..32]);
        randoms.ephemeral = SecretKey::from(secret);
        randoms.cookie_key.copy_from_slice(&octets[32..64]);
        randoms.nonces[0].copy_from_slice(&octets[64..80]);
        randoms.nonces[1].copy_from_slice(&octets[80..96]);
        randoms
    }
}

/// RFC 26: a short nonce "SHALL be implicitly prefixed with the 16 characters" of its command.
/// 16 octets of purpose and a counter: "short nonces are 8 octets and prefixed with 16".
fn short_nonce(prefix: &[u8; 16], counter: u64) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(prefix);
    nonce[16..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// RFC 26: a long nonce "SHALL be implicitly prefixed by the 8 characters" of its box. "This nonce SHALL be unique
/// for this server permanent key", "This nonce SHALL be unique for all INITIATE commands from this client permanent
/// key": it is random.
/// 8 octets of purpose and 16 random ones.
fn long_nonce(prefix: &[u8; 8], random: &[u8; 16]) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..8].copy_from_slice(prefix);
    nonce[8..].copy_from_slice(random);
    nonce
}

/// The next `N` octets of a command that is long enough for sure.
fn array<const N: usize>(
    reader: &mut crate::codec::Reader<'_>,
    what: &'static str,
) -> Result<[u8; N], crate::error::CodecError> {
    let mut out = [0; N];
    out.copy_from_slice(reader.take(N, what)?);
    Ok(out)
}

#[cfg(test)]
mod tests;
