//! Connection events as a stream: the counterpart of libzmq's zmq_socket_monitor(3).

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use tokio::sync::broadcast;

use super::stream::PeerAddress;
use crate::endpoint::Endpoint;
use crate::message::RoutingId;

/// Events that a slow listener may lag behind before it misses the oldest.
const CAPACITY: usize = 1024;

/// What happened to the connections of a socket.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Connections are accepted here.
    Listening {
        /// With the real port.
        endpoint: Endpoint,
    },
    /// A handshake was completed.
    Connected {
        /// The other side.
        peer: PeerAddress,
        /// Number of the connection, unique in this socket.
        id: u64,
        /// What the peer calls itself, or was given by a ROUTER.
        routing_id: Option<RoutingId>,
        /// Under which name the authoriser let it in.
        user_id: Option<String>,
    },
    /// A connection ended before its handshake was complete.
    HandshakeFailed {
        /// The other side.
        peer: PeerAddress,
        /// Whose fault, and what.
        reason: String,
    },
    /// A connection ended after its handshake.
    Disconnected {
        /// The other side.
        peer: PeerAddress,
        /// Number of the connection.
        id: u64,
        /// `None` when the peer simply closed.
        reason: Option<String>,
    },
    /// A dialled endpoint will be tried again.
    ConnectRetried {
        /// Which one.
        endpoint: Endpoint,
        /// How long from now.
        delay: Duration,
        /// Why the last attempt failed or the last connection ended.
        reason: String,
    },
    /// The system refused to accept a connection; it is tried again shortly.
    AcceptFailed {
        /// Where.
        endpoint: Endpoint,
        /// The system's words.
        reason: String,
    },
    /// A publisher's peer subscribed.
    Subscribed {
        /// The subscriber.
        peer: PeerAddress,
        /// What it wants.
        topic: Bytes,
    },
    /// A publisher's peer unsubscribed.
    Unsubscribed {
        /// The subscriber.
        peer: PeerAddress,
        /// What it no longer wants.
        topic: Bytes,
    },
    /// A peer's queue is full and a message for it was dropped; more may follow until its queue has drained.
    Dropped {
        /// The slow peer.
        peer: PeerAddress,
        /// Messages dropped for it so far.
        total: u64,
    },
    /// The queue of a peer that lost messages has drained, or its connection has ended: it is told messages again, or
    /// never.
    Drained {
        /// The slow peer.
        peer: PeerAddress,
        /// Messages dropped for it in all.
        total: u64,
    },
    /// The socket is closed and all of its connections have ended.
    Closed,
}

/// A stream of [`Event`]s from the moment it was asked for.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
}

impl Events {
    /// The next event; `None` when the socket is gone. Events that came faster than they were taken are missing.
    /// Cancel-safe.
    pub async fn recv(&mut self) -> Option<Event> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// An event that is already there.
    pub fn try_recv(&mut self) -> Option<Event> {
        loop {
            match self.receiver.try_recv() {
                Ok(event) => return Some(event),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return None,
            }
        }
    }
}

/// Where events are reported; costs nothing while nobody listens.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    sender: OnceLock<broadcast::Sender<Event>>,
}

impl Monitor {
    pub(crate) fn events(&self) -> Events {
        let sender = self.sender.get_or_init(|| broadcast::channel(CAPACITY).0);
        Events { receiver: sender.subscribe() }
    }

    pub(crate) fn report(&self, event: impl FnOnce() -> Event) {
        if let Some(sender) = self.sender.get().filter(|sender| sender.receiver_count() > 0) {
            let _nobody_listens = sender.send(event());
        }
    }
}
