//! NULL: no security. RFC 37, "The NULL Security Mechanism".
//!
//! Both sides send READY without waiting for the other, as libzmq does.

use super::Step;
use crate::codec::{Command, Metadata};
use crate::error::{ConnectionError, Violation};

/// The state of a NULL handshake: what is still to be announced.
#[derive(Debug)]
pub struct Null {
    announce: Option<Metadata>,
}

impl Null {
    pub(super) fn new(metadata: Metadata) -> Null {
        Null { announce: Some(metadata) }
    }

    pub(super) fn start(&mut self) -> Option<Command> {
        self.announce.take().map(Command::Ready)
    }

    pub(super) fn handle(body: &[u8]) -> Result<Step, ConnectionError> {
        match Command::decode(body)? {
            Command::Ready(metadata) => Ok(Step::Done(metadata)),
            Command::Error(reason) => Err(ConnectionError::Refused(reason)),
            other => Err(Violation::UnexpectedCommand(other.name()).into()),
        }
    }
}
