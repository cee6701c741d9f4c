//! ZMTP 3.1, the wire protocol of ZeroMQ, in pure Rust: no C, no `unsafe`, wire-compatible with libzmq 4.
//!
//! # Which socket
//!
//! | you want | types |
//! |---|---|
//! | to tell many, who choose by topic | [`PubSocket`], [`SubSocket`]; with a voice for both sides [`XPubSocket`], [`XSubSocket`] |
//! | a question and its answer, in turn | [`ReqSocket`], [`RepSocket`] |
//! | many questions at a time, many peers known by name | [`DealerSocket`], [`RouterSocket`] |
//! | to deal out work | [`PushSocket`], [`PullSocket`] |
//! | one wire with two ends | [`PairSocket`] |
//!
//! Every socket listens (`bind`, `listen`) and connects (`connect`, `dial`) at any number of [`Endpoint`]s:
//! `tcp://host:port`, `ipc://path`, `ipc://@name`, `inproc://name`. Connecting returns at once, goes on for ever, and comes
//! back after every loss.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use zmtp::{Message, Options, RepSocket, ReqSocket};
//!
//! let mut rep = RepSocket::bind(&"tcp://127.0.0.1:0".parse()?, Options::default()).await?;
//! let mut req = ReqSocket::connect(&rep.local_endpoint().unwrap(), Options::default());
//! req.send(Message::from("ping")).await?;
//! assert_eq!(rep.recv().await, Message::from("ping"));
//! rep.send(Message::from("pong"))?;
//! assert_eq!(req.recv().await?, Message::from("pong"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What to rely on
//!
//! - A [`Message`] has one or more parts and travels whole or not at all.
//! - A future of `send` or `recv` may be dropped at any time, in `select!` or a timeout: a dropped `send` has sent nothing, a
//!   dropped `recv` has taken nothing. One that is kept and not polled holds up nothing: a REQ or REP with one connection reads
//!   it in the task that waits, and the connection's own task takes over when that one does not come.
//! - Every queue has a limit ([`Options::sndhwm`], [`Options::rcvhwm`], and both in octets). Who sends to a full queue waits
//!   (REQ, DEALER, PUSH, PAIR) or loses that peer's newest message (PUB, XPUB, ROUTER without `router_mandatory`); who does
//!   not receive is not read. A slow peer costs its own queue and nothing else; what it lost is counted ([`Event::Dropped`],
//!   [`Event::Drained`], [`Publisher::dropped`]).
//! - Dropping a socket closes it in the background, `close` waits; both send what is queued for at most
//!   [`Options::linger`].
//! - What happens to connections is told by `events`, if asked for before `dial` or `listen`.
//! - No octet from a peer makes this crate panic, recurse, reserve what was only announced, or hold up another peer.
//!
//! # Security
//!
//! [`Mechanism::PlainServer`] and [`Mechanism::CurveServer`] with an [`Authorizer`] in the place of ZAP; see
//! [`mechanism`]. CURVE is the feature `curve`, on by default.
//!
//! # Without tokio
//!
//! With `--no-default-features` what is left is pure: [`codec`], [`mechanism`], [`pattern`] and [`connection`], which take
//! octets and times and give octets, events and deadlines. A thread with a blocking stream can drive a
//! [`connection::Connection`]: `examples/blocking.rs`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod backoff;
mod buffers;
pub mod codec;
pub mod connection;
#[cfg(test)]
mod corpora;
mod endpoint;
pub mod error;
pub mod mechanism;
mod message;
mod options;
pub mod pattern;

#[cfg(feature = "tokio")]
mod net;
/// Laws of the sockets, for the fuzz target `zmtp_sockets`.
#[cfg(all(feature = "tokio", feature = "fuzzing"))]
pub use net::properties as socket_properties;

pub use endpoint::{Endpoint, Host, HostPort};
pub use error::ConnectionError;
pub use mechanism::{Authorizer, Credentials, Decision, Mechanism, ZapRequest};
pub use message::{Message, RoutingId};
#[cfg(feature = "tokio")]
pub use net::{
    BindError, DealerSender, DealerSocket, Event, Events, NoRequest, PairSender, PairSocket, PeerAddress,
    PubSocket, Publisher, PullSocket, PushSender, PushSocket, RepSocket, ReqError, ReqSocket, RouterSender,
    RouterSocket, SendError, SubSocket, TrySendError, XPubEvent, XPubSocket, XSubSocket,
};
pub use options::Options;
pub use pattern::envelope;
pub use pattern::socket_type::SocketType;
