//! Security handshakes as state machines. RFC 37, "Security Mechanisms"; RFC 24 (PLAIN); RFC 25 and 26 (CURVE); RFC 27
//! (ZAP, whose place a callback takes here: [`zap`]).
//!
//! A handshake is fed with command bodies and with the decision of whoever authorises peers. It answers with command
//! bodies to send, until it yields the peer's metadata.

#[cfg(feature = "curve")]
pub mod curve;
mod null;
mod plain;
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties;
pub mod zap;

pub use zap::{Answer, Authorizer, Credentials, Decision, Later, ZapRequest};

use crate::codec::{MechanismName, Metadata};
use crate::error::ConnectionError;
use crate::options::Options;

/// The longest command of a handshake: "a few KiB is plenty" for the metadata of a peer.
pub const MAX_HANDSHAKE_COMMAND_OCTETS: u64 = 8192;
/// Octets of [`Entropy`].
pub const ENTROPY_OCTETS: usize = 96;

/// Which security a socket speaks, and in which role: libzmq's ZMQ_MECHANISM, made of ZMQ_PLAIN_SERVER,
/// ZMQ_PLAIN_USERNAME, ZMQ_PLAIN_PASSWORD, ZMQ_CURVE_SERVER, ZMQ_CURVE_SERVERKEY, ZMQ_CURVE_PUBLICKEY and
/// ZMQ_CURVE_SECRETKEY. Both sides of a connection have to name the same one.
#[derive(Clone, Default)]
pub enum Mechanism {
    /// No security.
    #[default]
    Null,
    /// Asks every peer for a user name and a password, which travel in the clear. Without an
    /// [`Authorizer`](crate::Options::authorizer) nobody is let in.
    PlainServer,
    /// Tells its user name and password.
    PlainClient {
        /// At most 255 octets.
        plain_username: String,
        /// At most 255 octets.
        plain_password: String,
    },
    /// Encrypts, and proves to the peer that it has this key. Without an authoriser every client that knows the public
    /// key is let in.
    #[cfg(feature = "curve")]
    CurveServer {
        /// The server's secret.
        curve_secretkey: curve::SecretKey,
    },
    /// Encrypts, talks to the one server that has the secret of `curve_serverkey`, and proves who it is.
    /// RFC 26: "the clients MUST know the server public key before they can connect".
    #[cfg(feature = "curve")]
    CurveClient {
        /// The server's public key.
        curve_serverkey: curve::PublicKey,
        /// The client's secret; the public key follows from it.
        curve_secretkey: curve::SecretKey,
    },
}

impl Mechanism {
    /// The name for the greeting.
    pub fn name(&self) -> MechanismName {
        match self {
            Mechanism::Null => MechanismName::NULL,
            Mechanism::PlainServer | Mechanism::PlainClient { .. } => MechanismName::PLAIN,
            #[cfg(feature = "curve")]
            Mechanism::CurveServer { .. } | Mechanism::CurveClient { .. } => MechanismName::CURVE,
        }
    }

    /// The role for the greeting.
    pub fn is_server(&self) -> bool {
        match self {
            Mechanism::PlainServer => true,
            #[cfg(feature = "curve")]
            Mechanism::CurveServer { .. } => true,
            _ => false,
        }
    }

    /// A handshake needs random octets.
    pub fn needs_entropy(&self) -> bool {
        self.name() == MechanismName::CURVE
    }
}

/// Shows the mechanism and the role, never a password or a key.
impl std::fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name(), if self.is_server() { "server" } else { "client" })
    }
}

/// Random octets for one handshake: its short-lived keys and nonces. Nothing in the pure part makes them up.
pub struct Entropy(#[cfg_attr(not(feature = "curve"), allow(dead_code))] [u8; ENTROPY_OCTETS]);

impl Entropy {
    /// These octets, which nobody else may know or use again.
    pub fn new(octets: [u8; ENTROPY_OCTETS]) -> Entropy {
        Entropy(octets)
    }

    /// From the operating system.
    ///
    /// # Errors
    /// When the system has none.
    #[cfg(feature = "curve")]
    pub fn from_system() -> Result<Entropy, ConnectionError> {
        let mut octets = [0; ENTROPY_OCTETS];
        getrandom::fill(&mut octets)
            .map_err(|error| ConnectionError::Io(format!("no random octets: {error}")))?;
        Ok(Entropy(octets))
    }
}

#[cfg(feature = "curve")]
impl Drop for Entropy {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// A running handshake.
#[derive(Debug)]
pub enum Handshake {
    /// No security: both sides send READY.
    Null(null::Null),
    /// The side that checks the password.
    PlainServer(plain::Server),
    /// The side that has one.
    PlainClient(plain::Client),
    /// The side with the well-known key.
    #[cfg(feature = "curve")]
    CurveServer(Box<curve::server::Server>),
    /// The side that knows it.
    #[cfg(feature = "curve")]
    CurveClient(Box<curve::client::Client>),
}

/// What a handshake wants after a command.
#[derive(Debug)]
pub enum Step {
    /// Send this command body and go on.
    Send(Vec<u8>),
    /// Nothing to send, nothing decided.
    Wait,
    /// Somebody has to decide about the peer: [`Handshake::decided`] follows.
    Authorize(Credentials),
    /// Complete.
    Done(Done),
}

/// The end of a handshake.
#[derive(Debug)]
pub struct Done {
    /// The peer's properties.
    /// RFC 37: "The security mechanism SHALL provide a way for peers to exchange metadata in the form of a key-value
    /// dictionary."
    pub metadata: Metadata,
    /// A last command body to send.
    pub last: Option<Vec<u8>>,
    /// Seals and opens all frames from now on.
    #[cfg(feature = "curve")]
    pub traffic: Option<Box<curve::traffic::Traffic>>,
}

impl Done {
    fn plain(metadata: Metadata, last: Option<Vec<u8>>) -> Step {
        Step::Done(Done {
            metadata,
            last,
            #[cfg(feature = "curve")]
            traffic: None,
        })
    }
}

impl Handshake {
    /// The handshake that `options` ask for. It announces `metadata`.
    #[cfg_attr(not(feature = "curve"), allow(unused_variables))] // only CURVE makes use of entropy
    pub fn new(options: &Options, metadata: Metadata, entropy: &Entropy) -> Handshake {
        let ask = options.authorizer.is_some();
        match &options.mechanism {
            Mechanism::Null => Handshake::Null(null::Null::new(metadata, ask)),
            Mechanism::PlainServer => Handshake::PlainServer(plain::Server::new(metadata)),
            Mechanism::PlainClient { plain_username, plain_password } => {
                Handshake::PlainClient(plain::Client::new(metadata, plain_username, plain_password))
            }
            #[cfg(feature = "curve")]
            Mechanism::CurveServer { curve_secretkey } => {
                let server = curve::server::Server::new(metadata, curve_secretkey, ask, entropy);
                Handshake::CurveServer(Box::new(server))
            }
            #[cfg(feature = "curve")]
            Mechanism::CurveClient { curve_serverkey, curve_secretkey } => {
                let client = curve::client::Client::new(metadata, *curve_serverkey, curve_secretkey, entropy);
                Handshake::CurveClient(Box::new(client))
            }
        }
    }

    /// What to send without waiting for the peer, behind the greeting.
    pub fn start(&mut self) -> Option<Vec<u8>> {
        match self {
            Handshake::Null(null) => null.start(),
            _ => None,
        }
    }

    /// The peer's greeting has come and fits.
    ///
    /// # Errors
    /// When the handshake cannot begin: a key that cannot be used.
    pub fn greeted(&mut self) -> Result<Step, ConnectionError> {
        match self {
            Handshake::Null(null) => Ok(null.greeted()),
            Handshake::PlainClient(client) => Ok(client.greeted()),
            #[cfg(feature = "curve")]
            Handshake::CurveClient(client) => client.greeted(),
            _ => Ok(Step::Wait),
        }
    }

    /// Takes the body of a command frame from the peer.
    ///
    /// # Errors
    /// Malformed or unexpected commands, and ERROR. All of them end the connection.
    pub fn handle(&mut self, body: &[u8]) -> Result<Step, ConnectionError> {
        match self {
            Handshake::Null(_) => null::Null::handle(body),
            Handshake::PlainServer(server) => server.handle(body),
            Handshake::PlainClient(client) => client.handle(body),
            #[cfg(feature = "curve")]
            Handshake::CurveServer(server) => server.handle(body),
            #[cfg(feature = "curve")]
            Handshake::CurveClient(client) => client.handle(body),
        }
    }

    /// The peer was let in, after [`Step::Authorize`].
    ///
    /// # Errors
    /// When nobody was asked.
    pub fn decided(&mut self) -> Result<Step, ConnectionError> {
        match self {
            Handshake::Null(null) => Ok(null.decided()),
            Handshake::PlainServer(server) => Ok(server.decided()),
            #[cfg(feature = "curve")]
            Handshake::CurveServer(server) => server.decided(),
            _ => Ok(Step::Wait),
        }
    }
}

#[cfg(test)]
mod tests;
