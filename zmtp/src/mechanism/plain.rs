//! PLAIN: user name and password in the clear. RFC 24.
//!
//! ```text
//! client                                      server
//! HELLO    = 05 "HELLO" | username | password   ->
//!                                               <- WELCOME = 07 "WELCOME"
//! INITIATE = 08 "INITIATE" | metadata           ->
//!                                               <- READY   = 05 "READY" | metadata, or ERROR
//! username, password = length (1) | octets
//! ```
//!
//! RFC 24 also says that names are padded with spaces to eight octets; no implementation does.

use super::{Credentials, Done, Step};
use crate::codec::{Command, Metadata, Reader};
use crate::error::{CodecError, ConnectionError, Violation};

/// The side that checks.
#[derive(Debug)]
pub struct Server {
    metadata: Option<Metadata>,
    expects: Expects,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    Hello,
    Decision,
    Initiate,
    Nothing,
}

impl Server {
    pub(super) fn new(metadata: Metadata) -> Server {
        Server { metadata: Some(metadata), expects: Expects::Hello }
    }

    pub(super) fn handle(&mut self, body: &[u8]) -> Result<Step, ConnectionError> {
        let (name, mut reader) = open(body)?;
        match (name, self.expects) {
            (b"HELLO", Expects::Hello) => {
                let username = text(&mut reader, "PLAIN user name")?;
                let password = text(&mut reader, "PLAIN password")?;
                reader.finish("HELLO command")?;
                self.expects = Expects::Decision;
                Ok(Step::Authorize(Credentials::Plain { username, password }))
            }
            (b"INITIATE", Expects::Initiate) => {
                let peer = Metadata::decode(reader)?;
                self.expects = Expects::Nothing;
                let ready = self.metadata.take().map(|metadata| Command::Ready(metadata).encode());
                Ok(Done::plain(peer, ready))
            }
            _ => unexpected(body, name),
        }
    }

    pub(super) fn decided(&mut self) -> Step {
        if self.expects != Expects::Decision {
            return Step::Wait;
        }
        self.expects = Expects::Initiate;
        Step::Send(b"\x07WELCOME".to_vec())
    }
}

/// The side that has the password.
pub struct Client {
    metadata: Option<Metadata>,
    username: Box<str>,
    password: Box<str>,
    welcome: bool,
}

/// Never shows the password.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(metadata: Metadata, username: &str, password: &str) -> Client {
        let metadata = Some(metadata);
        Client { metadata, username: username.into(), password: password.into(), welcome: false }
    }

    pub(super) fn greeted(&self) -> Step {
        let mut hello = b"\x05HELLO".to_vec();
        for text in [&self.username, &self.password] {
            let text = text.as_bytes();
            let text = text.get(..255).unwrap_or(text);
            hello.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            hello.extend_from_slice(text);
        }
        Step::Send(hello)
    }

    pub(super) fn handle(&mut self, body: &[u8]) -> Result<Step, ConnectionError> {
        if let Some(reason) = body.strip_prefix(LIBZMQ_ERROR) {
            return Err(ConnectionError::Refused(
                reason.get(1..).unwrap_or_default().escape_ascii().to_string(),
            ));
        }
        let (name, reader) = open(body)?;
        match name {
            b"WELCOME" if !self.welcome => {
                reader.finish("WELCOME command")?;
                self.welcome = true;
                let mut initiate = b"\x08INITIATE".to_vec();
                if let Some(metadata) = self.metadata.take() {
                    metadata.encode_to(&mut initiate);
                }
                Ok(Step::Send(initiate))
            }
            b"READY" if self.welcome => Ok(Done::plain(Metadata::decode(reader)?, None)),
            _ => unexpected(body, name),
        }
    }
}

/// What libzmq 4.3 sends for ERROR in this mechanism: the C literal "\x5ERROR" begins with octet 5E, which is `^`.
const LIBZMQ_ERROR: &[u8] = b"^RROR";

/// Name and rest of a command body.
pub(super) fn open(body: &[u8]) -> Result<(&[u8], Reader<'_>), CodecError> {
    let mut reader = Reader::new(body);
    let name_len = reader.u8("command name length")?;
    Ok((reader.take(name_len.into(), "command name")?, reader))
}

fn text(reader: &mut Reader<'_>, what: &'static str) -> Result<String, CodecError> {
    let len = reader.u8(what)?;
    // What is not UTF-8 can match no user.
    Ok(String::from_utf8_lossy(reader.take(len.into(), what)?).into_owned())
}

/// ERROR is a refusal, everything else an offence.
pub(super) fn unexpected(body: &[u8], name: &[u8]) -> Result<Step, ConnectionError> {
    let known = match name {
        b"ERROR" => match Command::decode(body)? {
            Command::Error(reason) => return Err(ConnectionError::Refused(reason)),
            _ => "ERROR",
        },
        b"HELLO" => "HELLO",
        b"WELCOME" => "WELCOME",
        b"INITIATE" => "INITIATE",
        b"READY" => "READY",
        _ => "an unknown command",
    };
    Err(Violation::UnexpectedCommand(known).into())
}
