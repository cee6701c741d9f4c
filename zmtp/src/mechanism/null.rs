//! NULL: no security. RFC 37, "The NULL Security Mechanism".
//!
//! Both sides send READY without waiting for the other, as libzmq does; when somebody decides about peers, ours waits
//! for that decision.

use super::{Credentials, Done, Step};
use crate::codec::{Command, Metadata};
use crate::error::{ConnectionError, Violation};

/// The state of a NULL handshake: what is still to be announced.
#[derive(Debug)]
pub struct Null {
    announce: Option<Metadata>,
    ask: bool,
}

impl Null {
    pub(super) fn new(metadata: Metadata, ask: bool) -> Null {
        Null { announce: Some(metadata), ask }
    }

    pub(super) fn start(&mut self) -> Option<Vec<u8>> {
        if self.ask { None } else { self.ready() }
    }

    /// RFC 23: "both peers SHALL send each other a READY command", and "to avoid deadlocks, each peer MUST send its
    /// READY command before attempting to receive a READY from the other peer". RFC 37: "the client SHALL send a
    /// READY command and then wait for a READY command in reply", and the server, "If there is no error, it MUST send
    /// a READY command in reply".
    fn ready(&mut self) -> Option<Vec<u8>> {
        self.announce.take().map(|metadata| Command::Ready(metadata).encode())
    }

    pub(super) fn greeted(&self) -> Step {
        if self.ask { Step::Authorize(Credentials::Null) } else { Step::Wait }
    }

    pub(super) fn decided(&mut self) -> Step {
        self.ready().map_or(Step::Wait, Step::Send)
    }

    pub(super) fn handle(body: &[u8]) -> Result<Step, ConnectionError> {
        match Command::decode(body)? {
            Command::Ready(metadata) => Ok(Done::plain(metadata, None)),
            // RFC 37: "The peer SHALL treat an incoming ERROR command as fatal, and act by closing the connection,
            // and not re-connecting using the same security credentials": a dialler comes back ever more slowly, see `backoff`.
            Command::Error(reason) => Err(ConnectionError::Refused(reason)),
            other => Err(Violation::UnexpectedCommand(other.name()).into()),
        }
    }
}
