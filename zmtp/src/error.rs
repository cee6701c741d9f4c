//! What can go wrong, and whose fault it is.

use thiserror::Error;

/// Octets that are not ZMTP. One variant per thing a peer can provoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The first octets are not a ZMTP 3 signature.
    #[error("not a ZMTP greeting")]
    NotZmtp,
    /// A ZMTP 1.0 or 2.0 peer (libzmq before 4.0).
    #[error("peer speaks ZMTP version {0}, at least 3 is needed")]
    OldVersion(u8),
    /// A length runs past the end of what holds it.
    #[error("{0} is cut short")]
    Truncated(&'static str),
    /// Octets after the last field.
    #[error("{0} is followed by trailing octets")]
    Trailing(&'static str),
    /// A property name that is empty or not ASCII.
    #[error("property name is empty or not printable ASCII")]
    BadPropertyName,
    /// More properties than any peer needs.
    #[error("too many properties")]
    TooManyProperties,
    /// A CURVE client of another version.
    #[error("CURVE version {0}.{1}, 1.0 is needed")]
    CurveVersion(u8, u8),
    /// A frame length of 2^63 or more.
    #[error("frame length {0:#x} is not below 2^63")]
    FrameLength(u64),
    /// A message frame longer than allowed (`maxmsgsize`).
    #[error("frame of {announced} octets exceeds the limit of {limit}")]
    FrameTooLong {
        /// What the header says.
        announced: u64,
        /// What is allowed.
        limit: u64,
    },
    /// A command frame longer than allowed.
    #[error("command of {announced} octets exceeds the limit of {limit}")]
    CommandTooLong {
        /// What the header says.
        announced: u64,
        /// What is allowed.
        limit: u64,
    },
}

/// A rule of the conversation that the peer broke with well-formed octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// A message arrived before the handshake was complete.
    #[error("message before the end of the handshake")]
    MessageInHandshake,
    /// A command that the handshake does not allow here.
    #[error("{0} is not allowed at this point of the handshake")]
    UnexpectedCommand(&'static str),
    /// A multipart message with more frames than allowed.
    #[error("multipart message of more than {0} frames")]
    TooManyFrames(usize),
    /// A multipart message with more octets than allowed.
    #[error("multipart message of more than {0} octets")]
    MessageTooLong(usize),
    /// More subscriptions than allowed, or longer ones.
    #[error("subscription limit exceeded")]
    TooManySubscriptions,
    /// A routing id longer than 255 octets or with a leading zero octet.
    #[error("routing id is longer than 255 octets or starts with a zero octet")]
    BadRoutingId,
    /// A routing id that another live peer has.
    #[error("routing id is in use by another peer")]
    RoutingIdInUse,
    /// A newer connection took this one's routing id over.
    #[error("routing id was taken over by a newer connection")]
    RoutingIdTakenOver,
    /// CURVE: a box that was not sealed by this peer for this place.
    #[error("{0} cannot be opened: wrong key, or tampered with")]
    BadBox(&'static str),
    /// CURVE: a nonce that is not greater than the one before.
    #[error("nonce is not greater than the last one")]
    NonceReused,
    /// CURVE: a public key with which anybody could read along.
    #[error("public key is of low order")]
    WeakKey,
    /// CURVE: a frame outside of a MESSAGE.
    #[error("frame is not encrypted")]
    NotSealed,
    /// A PAIR has a peer already.
    #[error("this PAIR socket has a peer already")]
    PairTaken,
    /// A reply without the empty delimiter frame.
    #[error("reply has no envelope delimiter")]
    NoDelimiter,
}

/// The two sides do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// Another security mechanism.
    #[error("peer wants the mechanism {0}")]
    Mechanism(String),
    /// Socket types that may not talk.
    #[error("peer is a {0} socket, which a {1} may not talk to")]
    SocketType(String, crate::SocketType),
    /// No `Socket-Type` property at all.
    #[error("peer does not say its socket type")]
    NoSocketType,
}

/// Which timer ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Timer {
    /// `handshake_ivl`.
    #[error("handshake")]
    Handshake,
    /// No octet arrived in `heartbeat_timeout` after a PING.
    #[error("heartbeat")]
    Heartbeat,
    /// The peer promised in a PING to send something within its time to live.
    #[error("peer's time to live")]
    TimeToLive,
    /// The system gave up on an unresponsive network (keep-alive, `tcp_maxrt`).
    #[error("network")]
    Network,
}

/// Why a connection ended. The variant says whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectionError {
    /// The octets are not legal ZMTP.
    #[error("invalid octets: {0}")]
    Invalid(#[from] CodecError),
    /// Legal octets at the wrong time, or too many of them.
    #[error("peer broke the protocol: {0}")]
    Misbehaved(#[from] Violation),
    /// Both are right, but not for each other.
    #[error("peer is incompatible: {0}")]
    Incompatible(#[from] Mismatch),
    /// The peer sent ERROR.
    #[error("peer refused the connection: {0}")]
    Refused(String),
    /// Nobody let the peer in; it was told this ZAP status code.
    #[error("peer was not let in ({0})")]
    Denied(&'static str),
    /// A timer ran out.
    #[error("{0} timed out")]
    TimedOut(Timer),
    /// The peer closed the connection.
    #[error("peer closed the connection")]
    PeerClosed,
    /// The operating system reported an error.
    #[error("{0}")]
    Io(String),
    /// This side closed the connection.
    #[error("closed by this side")]
    Closed,
}

/// An endpoint that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("endpoint {text:?}: {reason}")]
pub struct EndpointError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// A routing id that cannot be used: empty, longer than 255 octets, or with a leading zero octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a routing id is 1 to 255 octets and does not start with a zero octet")]
pub struct RoutingIdError;
