//! The conversations of 4505 and 4506, without sockets: envelopes, authentication, sealed requests, publishes and
//! pillars. Salt: channel/client.py, channel/server.py, crypt.py; salt-wire.md §6, §7, §9, §12.3.
//!
//! `commands` are what can be asked for. `envelope` and `master_auth` are the master's half, `session` and
//! `minion_auth` the minion's; `publish` and `pillar` hold both halves of theirs.

pub mod commands;
pub mod envelope;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod master_auth;
pub mod minion_auth;
pub mod pillar;
pub mod publish;
pub mod session;

pub use error::ChannelError;

use crate::value::{Map, Value, msgpack};

/// The protocol version that we speak. salt-wire.md §1.
pub const PROTOCOL_VERSION: i64 = 3;

/// What an X9.31 token says.
pub const TOKEN_MESSAGE: &[u8] = b"salt";

/// The field of a signed `_auth` reply by which our minion knows our master, with its version, and the key of a `publish` by
/// which our master knows our clients. Salt's peers ignore both.
pub const HALITE: &str = "halite";

/// A fresh nonce: 32 lower-case hex digits, as Salt's `uuid4().hex`.
pub fn new_nonce() -> String {
    let octets = crate::crypt::random::bytes::<16>();
    crate::crypt::digest::hex(&octets)
}

/// Packs a message for the wire.
pub fn pack(value: &Value) -> Vec<u8> {
    msgpack::encode(value, msgpack::Dialect::Wire)
}

/// Packs a map for the wire.
pub fn pack_map(map: &Map) -> Vec<u8> {
    msgpack::encode_map(map, msgpack::Dialect::Wire)
}

#[cfg(test)]
mod tests;
