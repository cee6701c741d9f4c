//! ZMTP 3.x, the wire protocol of ZeroMQ, in pure Rust.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod backoff;
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

pub use endpoint::{Endpoint, Host, HostPort};
pub use error::ConnectionError;
pub use mechanism::{Authorizer, Credentials, Decision, Mechanism, ZapRequest};
pub use message::{Message, RoutingId};
#[cfg(feature = "tokio")]
pub use net::{
    BindError, DealerSender, DealerSocket, Event, Events, NoRequest, PairSender, PairSocket, PeerAddress,
    PubSocket, Publisher, PullSocket, PushSender, PushSocket, RepSocket, ReqError, ReqSocket, RouterSender,
    RouterSocket, SendError, SubSocket, XPubEvent, XPubSocket, XSubSocket,
};
pub use options::Options;
pub use pattern::envelope;
pub use pattern::socket_type::SocketType;
