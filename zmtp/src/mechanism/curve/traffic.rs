//! MESSAGE: every frame of a CURVE connection, commands too, in a box. RFC 26, "MESSAGE".
//!
//! ```text
//! body  = 07 "MESSAGE" | nonce (8) | box[flags (1) | frame body]
//! flags = 000000 COMMAND MORE
//! ```

use bytes::Bytes;

use super::{boxes::BoxKey, short_nonce};
use crate::codec::{Frame, Reader};
use crate::error::{CodecError, ConnectionError, Violation};

/// Octets that a frame grows by.
pub const OVERHEAD_OCTETS: u64 = 8 + 8 + 16 + 1;

// RFC 26, of the other six bits: "These bits are reserved for future use and MUST be zero."
const MORE: u8 = 0x01;
const COMMAND: u8 = 0x02;
// RFC 26: "The nonce SHALL be implicitly prefixed with the 16 characters "CurveZMQMESSAGES" (from server) or
// "CurveZMQMESSAGEC" (from client)".
const TO_SERVER: &[u8; 16] = b"CurveZMQMESSAGEC";
const TO_CLIENT: &[u8; 16] = b"CurveZMQMESSAGES";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// Seals what goes out and opens what comes in.
#[derive(Debug)]
pub struct Traffic {
    role: Role,
    key: BoxKey,
    /// Counters of the last nonces.
    sent: u64,
    received: u64,
}

impl Traffic {
    pub(super) fn new(role: Role, key: BoxKey, sent: u64, received: u64) -> Traffic {
        Traffic { role, key, sent, received }
    }

    /// The body of the frame that carries this one.
    /// RFC 26: "This command SHALL be at least 33 octets long".
    pub fn seal(&mut self, more: bool, command: bool, pieces: &[&[u8]]) -> Vec<u8> {
        let octets: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut body = Vec::with_capacity(octets + 33);
        // RFC 26: "The client SHALL NOT send more than 2^64-1 commands in one connection": none lives that long.
        self.sent += 1;
        // RFC 37: "On all ZMTP connections, command names SHALL be visible and command frames SHALL be printable":
        // the name is in the clear, libzmq's way.
        body.extend_from_slice(b"\x07MESSAGE");
        body.extend_from_slice(&self.sent.to_be_bytes());
        let flags = [if more { MORE } else { 0 } | if command { COMMAND } else { 0 }];
        let prefix = if self.role == Role::Client { TO_SERVER } else { TO_CLIENT };
        let mut plain: Vec<&[u8]> = Vec::with_capacity(1 + pieces.len());
        plain.push(&flags);
        plain.extend_from_slice(pieces);
        self.key.seal(&short_nonce(prefix, self.sent), &plain, &mut body);
        body
    }

    /// The frame in the body of another.
    ///
    /// # Errors
    /// A body that is no MESSAGE, a nonce that is not greater than the last, a box that was not sealed by the peer.
    pub fn open(&mut self, body: &[u8]) -> Result<Frame, ConnectionError> {
        // RFC 26: "The recipient SHALL validate all fields and SHALL reject and disconnect from peers who send
        // malformed MESSAGE commands."
        let mut reader = Reader::new(body);
        if reader.take(8, "MESSAGE name")? != b"\x07MESSAGE" {
            return Err(Violation::NotSealed.into());
        }
        let mut nonce = [0; 8];
        nonce.copy_from_slice(reader.take(8, "MESSAGE nonce")?);
        let nonce = u64::from_be_bytes(nonce);
        // RFC 26: "This nonce SHALL be an incrementing integer, and unique to each command within a connection", "The server
        // SHALL verify that a client connection does use correctly incrementing short nonces, and SHALL disconnect clients that
        // reuse a short nonce": nothing can be played back.
        if nonce <= self.received {
            return Err(Violation::NonceReused.into());
        }
        let prefix = if self.role == Role::Client { TO_CLIENT } else { TO_SERVER };
        let plain = self
            .key
            .open(&short_nonce(prefix, nonce), reader.take_rest())
            .ok_or(Violation::BadBox("MESSAGE"))?;
        self.received = nonce;
        let mut body = Bytes::from(plain);
        let flags = *body.first().ok_or(CodecError::Truncated("MESSAGE flags"))?;
        let body = body.split_off(1);
        Ok(Frame { more: flags & MORE != 0, command: flags & COMMAND != 0, body })
    }
}
