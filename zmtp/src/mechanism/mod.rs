//! Security handshakes as state machines. RFC 37, "Security Mechanisms".
//!
//! A handshake is fed with command bodies and answers with commands to send, until it yields the peer's
//! metadata. NULL is the only mechanism so far; PLAIN and CURVE become further variants of [`Handshake`].

mod null;

use crate::codec::{Command, MechanismName, Metadata};
use crate::error::ConnectionError;

/// The longest command of a handshake: "a few KiB is plenty" for the metadata of a peer.
pub const MAX_HANDSHAKE_COMMAND_OCTETS: u64 = 8192;

/// A running handshake.
#[derive(Debug)]
pub enum Handshake {
    /// No security: both sides send READY.
    Null(null::Null),
}

/// What a handshake wants after a command.
#[derive(Debug)]
pub enum Step {
    /// Send this and go on.
    Send(Command),
    /// Nothing to send, nothing decided.
    Wait,
    /// Complete. The peer's properties.
    Done(Metadata),
}

impl Handshake {
    /// A NULL handshake that announces `metadata`.
    pub fn null(metadata: Metadata) -> Handshake {
        Handshake::Null(null::Null::new(metadata))
    }

    /// The name for the greeting.
    pub fn name(&self) -> MechanismName {
        match self {
            Handshake::Null(_) => MechanismName::NULL,
        }
    }

    /// What to send without waiting for the peer.
    pub fn start(&mut self) -> Option<Command> {
        match self {
            Handshake::Null(null) => null.start(),
        }
    }

    /// Takes the body of a command frame from the peer.
    ///
    /// # Errors
    /// Malformed or unexpected commands, and ERROR. All of them end the connection.
    pub fn handle(&mut self, body: &[u8]) -> Result<Step, ConnectionError> {
        match self {
            Handshake::Null(_) => null::Null::handle(body),
        }
    }
}
