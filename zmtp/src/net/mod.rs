//! Sockets on tokio: tcp, ipc and inproc, one task per connection, reconnecting, bounded queues.
//!
//! ```text
//! socket ── pattern ──┬─ pipe (outbox) ──> driver ── Connection ── stream
//!                     └─ inbox (fair)  <──   │
//! listener ── accepts ───────────────────────┤
//! dialer ── connects, backs off ─────────────┘
//! ```

mod answers;
mod core;
mod dial;
mod driver;
mod fanout;
mod inbox;
mod lend;
mod listen;
mod memory;
mod monitor;
mod outbox;
mod patterns;
mod pending;
mod pipe;
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties;
mod sockets;
mod stream;

pub use listen::BindError;
pub use monitor::{Event, Events};
pub use sockets::dealer::{DealerSender, DealerSocket};
pub use sockets::pair::{PairSender, PairSocket};
pub use sockets::pipeline::{PullSocket, PushSender, PushSocket};
pub use sockets::publish::{PubSocket, Publisher, XPubEvent, XPubSocket};
pub use sockets::reply::{NoRequest, RepSocket};
pub use sockets::request::{ReqError, ReqSocket};
pub use sockets::router::{RouterSender, RouterSocket};
pub use sockets::subscribe::{SubSocket, XSubSocket};
pub use stream::PeerAddress;

use crate::message::Message;

/// A number that nobody has to guess: for jitter and for the start of counters, not for secrets.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

fn random_u32() -> u32 {
    u32::try_from(random() >> 32).unwrap_or_default()
}

/// Why a message was not queued. The message is dropped, unless a method gives it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No such peer, or none at all.
    #[error("no connected peer for this message")]
    Unreachable,
    /// The peer's queue is full.
    #[error("the peer's queue is full")]
    Full,
}

/// A message that nobody took, given back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message was not queued: {reason}")]
pub struct TrySendError {
    /// Why.
    pub reason: SendError,
    /// What was not sent.
    pub message: Message,
}
