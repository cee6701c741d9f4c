//! ROUTER. RFC 28.

use std::sync::Arc;

use super::common_methods;
use crate::message::{Message, RoutingId};
use crate::net::{
    SendError,
    core::SocketHandle,
    inbox::{Inbox, Item, Receiver},
    monitor::Monitor,
    patterns::Routing,
    stream::PeerAddress,
};
use crate::options::Options;
use crate::pattern::socket_type::SocketType;

/// Receives from all peers fairly, and sends to each by its routing id.
///
/// A peer that floods while nobody receives is no longer read, and a peer that does not read loses what exceeds its
/// own queue; nobody else notices.
#[derive(Debug)]
pub struct RouterSocket {
    handle: SocketHandle,
    sender: RouterSender,
    receiver: Receiver,
}

/// Sends through a [`RouterSocket`] from anywhere.
#[derive(Debug, Clone)]
pub struct RouterSender {
    pattern: Arc<Routing>,
}

impl RouterSender {
    /// Queues a message for one peer. Never waits.
    ///
    /// # Errors
    /// Only with the option `router_mandatory`: unknown peer, or full queue. Without it such messages are dropped.
    pub fn send(&self, to: &RoutingId, message: Message) -> Result<(), SendError> {
        self.pattern.send(to, message)
    }

    /// Where a connected peer is.
    pub fn peer_address(&self, peer: &RoutingId) -> Option<PeerAddress> {
        self.pattern.find(peer)?.peer.get().cloned()
    }

    /// Number of connected peers.
    pub fn connections(&self) -> usize {
        self.pattern.peers()
    }
}

impl RouterSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> RouterSocket {
        let options = Arc::new(options);
        let monitor = Arc::new(Monitor::default());
        let inbox = Arc::new(Inbox::new(options.clone()));
        let pattern = Arc::new(Routing::new(&options, inbox.clone(), monitor.clone()));
        let handle = SocketHandle::new(SocketType::Router, options, pattern.clone(), monitor);
        RouterSocket { handle, sender: RouterSender { pattern }, receiver: Receiver::new(inbox) }
    }

    /// The next message and who sent it. Cancel-safe.
    /// RFC 28: "SHALL prefix each incoming message with a frame containing the identity of the originating double queue": it is
    /// a value of its own here. "SHALL deliver the resulting messages to its calling application".
    pub async fn recv(&mut self) -> (RoutingId, Message) {
        loop {
            let incoming = self.receiver.recv().await;
            if let (Item::Message(message), Some(pipe)) = (incoming.item, incoming.pipe)
                && let Some(id) = pipe.routing_id.get()
            {
                return (id.clone(), message);
            }
        }
    }

    /// A message that is there already.
    pub fn try_recv(&mut self) -> Option<(RoutingId, Message)> {
        loop {
            let incoming = self.receiver.try_recv()?;
            if let (Item::Message(message), Some(pipe)) = (incoming.item, incoming.pipe)
                && let Some(id) = pipe.routing_id.get()
            {
                return Some((id.clone(), message));
            }
        }
    }

    /// As [`RouterSender::send`].
    ///
    /// # Errors
    /// Only with the option `router_mandatory`: unknown peer, or full queue.
    pub fn send(&self, to: &RoutingId, message: Message) -> Result<(), SendError> {
        self.sender.send(to, message)
    }

    /// A handle to send from other tasks and threads.
    pub fn sender(&self) -> RouterSender {
        self.sender.clone()
    }

    /// Number of connected peers.
    pub fn connections(&self) -> usize {
        self.sender.connections()
    }
}

common_methods!(RouterSocket);
