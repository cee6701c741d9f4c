//! Who may come in. RFC 27 (ZAP) asks a REP socket at `inproc://zeromq.zap.01`; here the same questions go to a callback.

use std::{fmt, pin::Pin, sync::Arc};

/// What a peer proved or claimed, by mechanism.
/// RFC 27: "The mechanism, which SHALL contain a string", "The credentials, which SHALL be zero or more opaque
/// frames": both in one.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    Null,
    /// A name and a password, not checked by anybody so far.
    /// RFC 27: "The credentials SHALL consist of two string frames: a username and a password."
    Plain {
        /// As sent; what was not UTF-8 is replaced.
        username: String,
        /// As sent; what was not UTF-8 is replaced.
        password: String,
    },
    /// The peer has the secret of this public key: that much is proved.
    /// RFC 27: "The credentials SHALL consist of a 32-byte long-term public key of the peer being authenticated."
    #[cfg(feature = "curve")]
    Curve {
        /// The client's long-term key.
        public_key: super::curve::PublicKey,
    },
}

/// Never shows a password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Null => f.write_str("Null"),
            Credentials::Plain { username, .. } => write!(f, "Plain({username:?})"),
            #[cfg(feature = "curve")]
            Credentials::Curve { public_key } => write!(f, "Curve({public_key})"),
        }
    }
}

/// The question, with the fields of a ZAP request.
/// RFC 27: "An authentication dialog SHALL consist of one request from a server to the handler, with one reply from
/// the handler back to the server."
#[derive(Debug, Clone)]
pub struct ZapRequest {
    /// ZMQ_ZAP_DOMAIN of the socket; empty when it has none.
    /// RFC 27: "The domain, which SHALL contain a (non-empty) string": it may be empty here, the callback belongs to
    /// one socket.
    pub domain: String,
    /// Where the peer is: the IP address of a TCP peer, without its port, as in libzmq; else the endpoint.
    /// RFC 27: "It SHALL be an IPv4 dotted string, or an IPv6 canonical string representation."
    pub address: String,
    /// What the peer shows.
    pub credentials: Credentials,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Let in (ZAP status 200), under this user id, which may be empty.
    /// RFC 27: "The user id, which SHALL contain a string."
    Accept(String),
    /// Turned away; the peer hears "300" and may try again.
    TryLater,
    /// Turned away; the peer hears "400".
    Deny,
    /// Turned away because deciding failed; the peer hears "500".
    Failed,
}

impl Decision {
    /// ZAP's status code, which is what ERROR carries.
    /// RFC 27: "The status code, which SHALL contain a string."
    pub fn status(&self) -> &'static str {
        match self {
            Decision::Accept(_) => "200",
            Decision::TryLater => "300",
            Decision::Deny => "400",
            Decision::Failed => "500",
        }
    }
}

/// Decides about peers, at once or in its own time.
#[derive(Clone)]
pub struct Authorizer(Deciding);

#[derive(Clone)]
enum Deciding {
    Now(Arc<dyn Fn(&ZapRequest) -> Decision + Send + Sync>),
    Later(Arc<dyn Fn(ZapRequest) -> Later + Send + Sync>),
}

/// A decision that somebody works at.
pub type Later = Pin<Box<dyn Future<Output = Decision> + Send>>;

/// What an authoriser answers.
pub enum Answer {
    /// Decided.
    Now(Decision),
    /// To be waited for; the handshake's limit goes on.
    Later(Later),
}

impl Authorizer {
    /// This function decides. It is called by the task of the connection in question, so it must not wait for anything: a
    /// look into a table, not into a database.
    pub fn new(decide: impl Fn(&ZapRequest) -> Decision + Send + Sync + 'static) -> Authorizer {
        Authorizer(Deciding::Now(Arc::new(decide)))
    }

    /// This function makes a future that decides, for decisions that need a database or a network. It is polled by the task
    /// of the connection; nobody else waits, and it is dropped when the connection ends or the handshake takes too long.
    pub fn later<F>(decide: impl Fn(ZapRequest) -> F + Send + Sync + 'static) -> Authorizer
    where
        F: Future<Output = Decision> + Send + 'static,
    {
        Authorizer(Deciding::Later(Arc::new(move |request| Box::pin(decide(request)))))
    }

    /// Asks.
    pub fn ask(&self, request: ZapRequest) -> Answer {
        match &self.0 {
            Deciding::Now(decide) => Answer::Now(decide(&request)),
            Deciding::Later(decide) => Answer::Later(decide(request)),
        }
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorizer")
    }
}
