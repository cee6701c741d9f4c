//! Command frames: READY, ERROR, SUBSCRIBE, CANCEL, PING, PONG. RFC 37, "Commands".
//!
//! ```text
//! body    = name-length (1) | name | data
//! READY   = metadata
//! ERROR   = reason-length (1) | reason
//! PING    = ttl (2, tenths of a second) | context (0..16)
//! PONG    = context
//! SUBSCRIBE, CANCEL = topic
//! ```

use bytes::Bytes;

use super::{Metadata, Reader};
use crate::error::CodecError;

/// The longest PING context that is echoed. "A context of up to 16 octets."
pub const MAX_CONTEXT_OCTETS: usize = 16;

/// A command, parsed. Unknown ones survive as names, since a peer may send what we do not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// End of a handshake, with the peer's properties.
    Ready(Metadata),
    /// The peer gives up, and why.
    Error(String),
    /// Liveness question. `ttl` in tenths of a second, 0 for none.
    Ping {
        /// Close the connection when nothing arrives for this long.
        ttl: u16,
        /// To be echoed; at most 16 octets.
        context: Bytes,
    },
    /// The answer to a PING.
    Pong {
        /// What the PING carried.
        context: Bytes,
    },
    /// Send me messages that start with this topic.
    Subscribe(Bytes),
    /// No longer.
    Cancel(Bytes),
    /// A name we do not know; libzmq ignores those, and so do we.
    Unknown(Box<[u8]>),
}

impl Command {
    /// Parses the body of a command frame.
    ///
    /// # Errors
    /// When the name runs past the body, or a known command has a malformed body.
    pub fn decode(body: &[u8]) -> Result<Command, CodecError> {
        let mut reader = Reader::new(body);
        let name_len = reader.u8("command name length")?;
        let name = reader.take(name_len.into(), "command name")?;
        Ok(match name {
            b"READY" => Command::Ready(Metadata::decode(reader)?),
            b"ERROR" => {
                let len = reader.u8("error reason length")?;
                let reason = reader.take(len.into(), "error reason")?;
                reader.finish("ERROR command")?;
                Command::Error(reason.escape_ascii().to_string())
            }
            b"PING" => {
                // MUST: a PING carries its 16-bit TTL. libzmq reads past the end of a shorter one.
                let ttl = reader.u16("PING time to live")?;
                let context = reader.take_rest();
                // libzmq echoes the first 16 octets of a longer context; so do we.
                let context = context.get(..MAX_CONTEXT_OCTETS).unwrap_or(context);
                Command::Ping { ttl, context: Bytes::copy_from_slice(context) }
            }
            b"PONG" => {
                let context = reader.take_rest();
                let context = context.get(..MAX_CONTEXT_OCTETS).unwrap_or(context);
                Command::Pong { context: Bytes::copy_from_slice(context) }
            }
            b"SUBSCRIBE" => Command::Subscribe(Bytes::copy_from_slice(reader.take_rest())),
            b"CANCEL" => Command::Cancel(Bytes::copy_from_slice(reader.take_rest())),
            other => Command::Unknown(other.into()),
        })
    }

    /// The body of the frame that carries this command.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        match self {
            Command::Ready(metadata) => {
                push_name(&mut out, b"READY");
                metadata.encode_to(&mut out);
            }
            Command::Error(reason) => {
                // RFC 26: "This command SHALL be 7 or more octets long".
                push_name(&mut out, b"ERROR");
                let reason = reason.as_bytes();
                let reason = reason.get(..255).unwrap_or(reason);
                out.push(u8::try_from(reason.len()).unwrap_or(u8::MAX));
                out.extend_from_slice(reason);
            }
            Command::Ping { ttl, context } => {
                push_name(&mut out, b"PING");
                out.extend_from_slice(&ttl.to_be_bytes());
                out.extend_from_slice(context);
            }
            Command::Pong { context } => {
                push_name(&mut out, b"PONG");
                out.extend_from_slice(context);
            }
            Command::Subscribe(topic) => {
                push_name(&mut out, b"SUBSCRIBE");
                out.extend_from_slice(topic);
            }
            Command::Cancel(topic) => {
                push_name(&mut out, b"CANCEL");
                out.extend_from_slice(topic);
            }
            Command::Unknown(name) => push_name(&mut out, name.get(..255).unwrap_or(name)),
        }
        out
    }

    /// The name as text, for reports.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Ready(_) => "READY",
            Command::Error(_) => "ERROR",
            Command::Ping { .. } => "PING",
            Command::Pong { .. } => "PONG",
            Command::Subscribe(_) => "SUBSCRIBE",
            Command::Cancel(_) => "CANCEL",
            Command::Unknown(_) => "an unknown command",
        }
    }
}

fn push_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(name);
}

/// Parsing is total, and what it accepts survives a round trip.
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties {
    use super::*;

    /// Property behind the fuzz target `zmtp_commands`.
    pub fn command_round_trips(body: &[u8]) {
        let Ok(command) = Command::decode(body) else { return };
        if let Command::Ping { context, .. } | Command::Pong { context } = &command {
            assert!(context.len() <= MAX_CONTEXT_OCTETS);
        }
        if matches!(command, Command::Error(_)) {
            return; // the reason is kept escaped, which may lengthen it
        }
        assert_eq!(Command::decode(&command.encode()), Ok(command));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_what_libzmq_sends() {
        let ready = Command::Ready(Metadata::new().with("Socket-Type", "PUB"));
        assert_eq!(ready.encode(), b"\x05READY\x0bSocket-Type\0\0\0\x03PUB");
        assert_eq!(Command::Subscribe(Bytes::from_static(b"A")).encode(), b"\x09SUBSCRIBEA");
        assert_eq!(Command::Cancel(Bytes::new()).encode(), b"\x06CANCEL");
        assert_eq!(Command::Error("400".into()).encode(), b"\x05ERROR\x03400");
        let ping = Command::Ping { ttl: 655, context: Bytes::new() };
        assert_eq!(ping.encode(), b"\x04PING\x02\x8f");
    }

    #[test]
    fn a_ping_needs_its_time_to_live_and_echoes_at_most_16_octets() {
        assert_eq!(Command::decode(b"\x04PING"), Err(CodecError::Truncated("PING time to live")));
        assert_eq!(Command::decode(b"\x04PING\0"), Err(CodecError::Truncated("PING time to live")));
        let long = [b"\x04PING\0\0".as_slice(), &[7; 40]].concat();
        let Ok(Command::Ping { ttl: 0, context }) = Command::decode(&long) else { panic!() };
        assert_eq!(context.len(), 16);
    }

    #[test]
    fn a_name_past_the_body_is_an_error_and_an_unknown_name_is_not() {
        assert_eq!(Command::decode(b""), Err(CodecError::Truncated("command name length")));
        assert_eq!(Command::decode(b"\x05REA"), Err(CodecError::Truncated("command name")));
        assert_eq!(Command::decode(b"\0"), Ok(Command::Unknown(Box::new([]))));
        assert_eq!(Command::decode(b"\x05readyX"), Ok(Command::Unknown((*b"ready").into())));
        assert!(Command::decode(b"\x05ERROR\x04400").is_err());
        assert!(Command::decode(b"\x05ERROR\x02400").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_parsed_or_refused(
            name in proptest::sample::select(vec!["READY", "ERROR", "PING", "PONG", "SUBSCRIBE", "CANCEL", "X"]),
            data in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        ) {
            let mut body = vec![u8::try_from(name.len()).unwrap()];
            body.extend_from_slice(name.as_bytes());
            body.extend_from_slice(&data);
            properties::command_round_trips(&body);
            properties::command_round_trips(&data);
        }
    }
}
