//! The server's side of a CURVE handshake. RFC 26, "Connection opening".
//!
//! Between WELCOME and INITIATE the server keeps nothing but the key of the cookie: all else comes back in the cookie.

use super::{
    super::{
        Credentials, Done, Entropy, Step,
        plain::{open, unexpected},
    },
    Randoms, array,
    boxes::BoxKey,
    keys::{PublicKey, SecretKey},
    long_nonce, short_nonce,
    traffic::{Role, Traffic},
};
use crate::codec::{Metadata, Reader};
use crate::error::{CodecError, ConnectionError, Violation};
use subtle::ConstantTimeEq;

/// A server that waits for HELLO, for INITIATE, or for somebody's decision.
#[derive(Debug)]
pub struct Server {
    metadata: Option<Metadata>,
    secret: SecretKey,
    ask: bool,
    stage: Stage,
}

enum Stage {
    Hello(Box<Randoms>),
    Initiate { cookie_key: BoxKey, hello_nonce: u64 },
    Decision { session: BoxKey, peer: Metadata, peer_nonce: u64 },
    Over,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stage::Hello(_) => "Hello",
            Stage::Initiate { .. } => "Initiate",
            Stage::Decision { .. } => "Decision",
            Stage::Over => "Over",
        })
    }
}

impl Server {
    pub(in super::super) fn new(
        metadata: Metadata,
        secret: &SecretKey,
        ask: bool,
        entropy: &Entropy,
    ) -> Server {
        let stage = Stage::Hello(Box::new(Randoms::take(entropy)));
        Server { metadata: Some(metadata), secret: secret.clone(), ask, stage }
    }

    pub(in super::super) fn handle(&mut self, body: &[u8]) -> Result<Step, ConnectionError> {
        let (name, mut reader) = open(body)?;
        match (name, std::mem::replace(&mut self.stage, Stage::Over)) {
            (b"HELLO", Stage::Hello(randoms)) => {
                // RFC 26: "The server SHALL validate all fields and SHALL reject and disconnect clients who send malformed
                // HELLO commands. When the server gets a valid HELLO command, it SHALL generate a new transient key pair, and
                // encode both the public and secret key in a WELCOME command".
                let hello = Hello::decode(reader)?;
                self.welcome(&hello, *randoms)
            }
            (b"INITIATE", Stage::Initiate { cookie_key, hello_nonce }) => {
                self.initiate(&mut reader, &cookie_key, hello_nonce)
            }
            _ => unexpected(body, name),
        }
    }

    /// RFC 26: "The server SHALL respond to a valid HELLO command with a WELCOME command. This command SHALL be 168
    /// octets long".
    fn welcome(&mut self, hello: &Hello<'_>, randoms: Randoms) -> Result<Step, ConnectionError> {
        let shared = BoxKey::shared(&hello.ephemeral, &self.secret).ok_or(Violation::WeakKey)?;
        let zeros = shared
            .open(&short_nonce(b"CurveZMQHELLO---", hello.nonce), hello.signature)
            .ok_or(Violation::BadBox("HELLO"))?;
        if zeros != [0; 64] {
            return Err(Violation::BadBox("HELLO").into());
        }
        // RFC 26: "The server SHALL generate a new cookie for each WELCOME command it sends", and "SHALL not keep this
        // transient key pair".
        let [cookie_nonce, welcome_nonce] = randoms.nonces;
        let cookie_key = BoxKey::own(randoms.cookie_key);
        let mut cookie = cookie_nonce.to_vec();
        cookie_key.seal(
            &long_nonce(b"COOKIE--", &cookie_nonce),
            &[hello.ephemeral.as_bytes(), randoms.ephemeral.as_bytes()],
            &mut cookie,
        );
        let mut welcome = b"\x07WELCOME".to_vec();
        welcome.extend_from_slice(&welcome_nonce);
        shared.seal(
            &long_nonce(b"WELCOME-", &welcome_nonce),
            &[randoms.ephemeral.public().as_bytes(), &cookie],
            &mut welcome,
        );
        self.stage = Stage::Initiate { cookie_key, hello_nonce: hello.nonce };
        Ok(Step::Send(welcome))
    }

    fn initiate(
        &mut self,
        reader: &mut Reader<'_>,
        cookie_key: &BoxKey,
        hello_nonce: u64,
    ) -> Result<Step, ConnectionError> {
        // RFC 26: "The server SHALL validate all fields and SHALL reject and disconnect clients who send malformed
        // INITIATE commands."
        let cookie_nonce: [u8; 16] = array(reader, "cookie nonce")?;
        let cookie = reader.take(80, "cookie")?;
        let nonce = u64::from_be_bytes(array(reader, "INITIATE nonce")?);
        if nonce <= hello_nonce {
            return Err(Violation::NonceReused.into());
        }
        // RFC 26: "The server MUST discard from its memory the cookie key": it goes with `cookie_key`, which was taken out of
        // the stage. A cookie of another connection or of another server does not open.
        let keys = cookie_key
            .open(&long_nonce(b"COOKIE--", &cookie_nonce), cookie)
            .ok_or(Violation::BadBox("cookie"))?;
        let mut keys = Reader::new(&keys);
        let client_ephemeral = PublicKey::from(array::<32>(&mut keys, "cookie")?);
        let own_ephemeral = SecretKey::from(array::<32>(&mut keys, "cookie")?);
        let session = BoxKey::shared(&client_ephemeral, &own_ephemeral).ok_or(Violation::WeakKey)?;
        let plain = session
            .open(&short_nonce(b"CurveZMQINITIATE", nonce), reader.take_rest())
            .ok_or(Violation::BadBox("INITIATE"))?;
        let mut plain = Reader::new(&plain);
        let client = PublicKey::from(array::<32>(&mut plain, "client's key")?);
        let vouch_nonce: [u8; 16] = array(&mut plain, "vouch nonce")?;
        let vouch = plain.take(80, "vouch")?;
        let vouched = BoxKey::shared(&client, &own_ephemeral)
            .ok_or(Violation::WeakKey)?
            .open(&long_nonce(b"VOUCH---", &vouch_nonce), vouch)
            .ok_or(Violation::BadBox("vouch"))?;
        // The vouch says: whoever has this long-term key made this short-lived one, for this server.
        let expected = [*client_ephemeral.as_bytes(), *self.secret.public().as_bytes()].concat();
        if !bool::from(vouched.ct_eq(&expected)) {
            return Err(Violation::BadBox("vouch").into());
        }
        let peer = Metadata::decode(plain)?;
        if self.ask {
            self.stage = Stage::Decision { session, peer, peer_nonce: nonce };
            return Ok(Step::Authorize(Credentials::Curve { public_key: client }));
        }
        Ok(self.ready(session, peer, nonce))
    }

    pub(in super::super) fn decided(&mut self) -> Result<Step, ConnectionError> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Decision { session, peer, peer_nonce } => Ok(self.ready(session, peer, peer_nonce)),
            _ => Err(Violation::UnexpectedCommand("a decision").into()),
        }
    }

    /// RFC 26: "The server SHALL respond to a valid INITIATE command with a READY command. This command SHALL be at
    /// least 30 octets long".
    fn ready(&mut self, session: BoxKey, peer: Metadata, peer_nonce: u64) -> Step {
        let mut metadata = Vec::new();
        if let Some(own) = self.metadata.take() {
            own.encode_to(&mut metadata);
        }
        let nonce = 1_u64;
        let mut ready = b"\x05READY".to_vec();
        ready.extend_from_slice(&nonce.to_be_bytes());
        session.seal(&short_nonce(b"CurveZMQREADY---", nonce), &[&metadata], &mut ready);
        let traffic = Traffic::new(Role::Server, session, nonce, peer_nonce);
        Step::Done(Done { metadata: peer, last: Some(ready), traffic: Some(Box::new(traffic)) })
    }
}

struct Hello<'a> {
    ephemeral: PublicKey,
    nonce: u64,
    signature: &'a [u8],
}

impl<'a> Hello<'a> {
    fn decode(mut reader: Reader<'a>) -> Result<Hello<'a>, CodecError> {
        // RFC 26: "The CurveZMQ version number, which SHALL be the two octets 1 and 0."
        let major = reader.u8("HELLO version")?;
        let minor = reader.u8("HELLO version")?;
        if (major, minor) != (1, 0) {
            return Err(CodecError::CurveVersion(major, minor));
        }
        reader.take(72, "HELLO padding")?;
        let ephemeral = PublicKey::from(array::<32>(&mut reader, "HELLO key")?);
        let nonce = u64::from_be_bytes(array(&mut reader, "HELLO nonce")?);
        let signature = reader.take(80, "HELLO box")?;
        reader.finish("HELLO command")?;
        Ok(Hello { ephemeral, nonce, signature })
    }
}
