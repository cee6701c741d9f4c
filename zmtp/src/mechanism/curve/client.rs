//! The client's side of a CURVE handshake. RFC 26, "Connection opening".

use super::{
    super::{
        Done, Entropy, Step,
        plain::{open, unexpected},
    },
    Randoms, array,
    boxes::BoxKey,
    keys::{PublicKey, SecretKey},
    long_nonce, short_nonce,
    traffic::{Role, Traffic},
};
use crate::codec::Metadata;
use crate::error::{ConnectionError, Violation};

/// A client that waits for WELCOME, then for READY.
#[derive(Debug)]
pub struct Client {
    metadata: Option<Metadata>,
    server: PublicKey,
    secret: SecretKey,
    ephemeral: SecretKey,
    vouch_nonce: [u8; 16],
    /// Counter of the last nonce.
    nonce: u64,
    /// With the server's short-lived key, once it is known.
    session: Option<BoxKey>,
}

impl Client {
    pub(in super::super) fn new(
        metadata: Metadata,
        server: PublicKey,
        secret: &SecretKey,
        entropy: &Entropy,
    ) -> Client {
        // RFC 26: "The client SHALL generate a unique key pair for each connection it creates to a server. It SHALL discard this key pair when it
        // closes the connection, and it MUST NOT store its secret key in permanent storage, nor share it in any way."
        let randoms = Randoms::take(entropy);
        Client {
            metadata: Some(metadata),
            server,
            secret: secret.clone(),
            ephemeral: randoms.ephemeral,
            vouch_nonce: randoms.nonces[0],
            nonce: 0,
            session: None,
        }
    }

    fn next_nonce(&mut self) -> u64 {
        self.nonce += 1;
        self.nonce
    }

    fn with_server_key(&self) -> Result<BoxKey, ConnectionError> {
        Ok(BoxKey::shared(&self.server, &self.ephemeral).ok_or(Violation::WeakKey)?)
    }

    pub(in super::super) fn greeted(&mut self) -> Result<Step, ConnectionError> {
        // RFC 26: "The client SHALL send a HELLO command after opening the stream connection. This command SHALL be
        // 200 octets long".
        let nonce = self.next_nonce();
        let mut hello = b"\x05HELLO\x01\x00".to_vec();
        hello.extend_from_slice(&[0; 72]);
        hello.extend_from_slice(self.ephemeral.public().as_bytes());
        hello.extend_from_slice(&nonce.to_be_bytes());
        // RFC 26: "This SHALL contain 64 zero octets, encrypted from the client's transient key C' to the server's
        // permanent key S": it proves that the client knows the server's key, and makes HELLO
        // no shorter than WELCOME, so that nobody can use servers to amplify a flood.
        self.with_server_key()?.seal(&short_nonce(b"CurveZMQHELLO---", nonce), &[&[0; 64]], &mut hello);
        Ok(Step::Send(hello))
    }

    pub(in super::super) fn handle(&mut self, body: &[u8]) -> Result<Step, ConnectionError> {
        let (name, mut reader) = open(body)?;
        match (name, &self.session) {
            (b"WELCOME", None) => {
                // RFC 26: "The client SHALL validate all fields and SHALL disconnect from servers that send malformed
                // WELCOME commands."
                let nonce: [u8; 16] = array(&mut reader, "WELCOME nonce")?;
                let sealed: [u8; 144] = array(&mut reader, "WELCOME box")?;
                reader.finish("WELCOME command")?;
                let plain = self
                    .with_server_key()?
                    .open(&long_nonce(b"WELCOME-", &nonce), &sealed)
                    .ok_or(Violation::BadBox("WELCOME"))?;
                self.initiate(&plain)
            }
            (b"READY", Some(_)) => {
                // RFC 26: "The client SHALL validate all fields and SHALL disconnect from servers who send malformed
                // READY commands. If the client accepts the meta-data, it SHALL then expect MESSAGE commands from the
                // server."
                let nonce = u64::from_be_bytes(array(&mut reader, "READY nonce")?);
                let session = self.session.take().ok_or(Violation::UnexpectedCommand("READY"))?;
                let plain = session
                    .open(&short_nonce(b"CurveZMQREADY---", nonce), reader.take_rest())
                    .ok_or(Violation::BadBox("READY"))?;
                let metadata = Metadata::decode(crate::codec::Reader::new(&plain))?;
                let traffic = Traffic::new(Role::Client, session, self.nonce, nonce);
                Ok(Step::Done(Done { metadata, last: None, traffic: Some(Box::new(traffic)) }))
            }
            _ => unexpected(body, name),
        }
    }

    /// RFC 26: "The client SHALL respond to a valid WELCOME with an INITIATE command. This command SHALL be at least
    /// 257 octets long".
    fn initiate(&mut self, welcome: &[u8]) -> Result<Step, ConnectionError> {
        let mut reader = crate::codec::Reader::new(welcome);
        let server_ephemeral = PublicKey::from(array::<32>(&mut reader, "server's short-lived key")?);
        let cookie = reader.take(96, "cookie")?;
        let session = BoxKey::shared(&server_ephemeral, &self.ephemeral).ok_or(Violation::WeakKey)?;
        let vouching = BoxKey::shared(&server_ephemeral, &self.secret).ok_or(Violation::WeakKey)?;

        let mut vouch = self.vouch_nonce.to_vec();
        let ephemeral = self.ephemeral.public();
        let vouched: [&[u8]; 2] = [ephemeral.as_bytes(), self.server.as_bytes()];
        vouching.seal(&long_nonce(b"VOUCH---", &self.vouch_nonce), &vouched, &mut vouch);
        let mut metadata = Vec::new();
        if let Some(own) = self.metadata.take() {
            own.encode_to(&mut metadata);
        }
        let nonce = self.next_nonce();
        let mut initiate = b"\x08INITIATE".to_vec();
        initiate.extend_from_slice(cookie);
        initiate.extend_from_slice(&nonce.to_be_bytes());
        session.seal(
            &short_nonce(b"CurveZMQINITIATE", nonce),
            &[self.secret.public().as_bytes(), &vouch, &metadata],
            &mut initiate,
        );
        self.session = Some(session);
        Ok(Step::Send(initiate))
    }
}
