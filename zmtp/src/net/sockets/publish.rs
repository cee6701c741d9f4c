//! PUB and XPUB. RFC 29.

use std::sync::Arc;

use bytes::Bytes;

use super::common_methods;
use crate::message::Message;
use crate::net::{
    SendError,
    core::SocketHandle,
    inbox::{Inbox, Incoming, Item, Receiver},
    monitor::Monitor,
    patterns::Publishing,
    pipe::Pipe,
    stream::PeerAddress,
};
use crate::options::Options;
use crate::pattern::socket_type::SocketType;

/// Publishes to every subscriber whose topics match. Never waits: a subscriber that is slower than its queue is long
/// loses its own newest messages and nobody else's.
#[derive(Debug)]
pub struct PubSocket {
    handle: SocketHandle,
    publisher: Publisher,
}

/// Publishes through a [`PubSocket`] or [`XPubSocket`] from anywhere.
#[derive(Debug, Clone)]
pub struct Publisher {
    pattern: Arc<Publishing>,
}

impl Publisher {
    /// Queues a message for every subscriber that wants it. A topic is a prefix of the first part.
    ///
    /// Never waits, so a loop of nothing but this starves a single-threaded runtime; such loops use
    /// [`Publisher::send`].
    pub fn publish(&self, message: Message) {
        let _none_dropped = self.pattern.publish(message);
    }

    /// As [`Publisher::publish`]; with the option `xpub_nodrop` tells when a subscriber had no room, in which case the
    /// message went to nobody.
    ///
    /// # Errors
    /// [`SendError::Full`], with `xpub_nodrop` only.
    pub fn try_publish(&self, message: Message) -> Result<(), SendError> {
        if self.pattern.publish(message) { Ok(()) } else { Err(SendError::Full) }
    }

    /// As [`Publisher::publish`], leaving the runtime's other tasks their turns. A dropped future has sent nothing.
    pub async fn send(&self, message: Message) {
        tokio::task::coop::consume_budget().await;
        self.publish(message);
    }

    /// The connected peers for which messages were dropped, and how many of them.
    pub fn dropped(&self) -> Vec<(PeerAddress, u64)> {
        self.pattern.dropped()
    }

    /// Peers with at least one subscription.
    pub fn subscribers(&self) -> usize {
        self.pattern.subscribers()
    }

    /// Peers with a complete handshake.
    pub fn connections(&self) -> usize {
        self.pattern.connections()
    }

    /// Waits until at least `count` peers have a subscription. Cancel-safe.
    pub async fn wait_for_subscribers(&self, count: usize) {
        self.pattern.wait_for_subscribers(count).await;
    }
}

impl PubSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> PubSocket {
        let (handle, publisher) = open(SocketType::Pub, options, None);
        PubSocket { handle, publisher }
    }
}

common_methods!(PubSocket);

impl std::ops::Deref for PubSocket {
    type Target = Publisher;
    fn deref(&self) -> &Publisher {
        &self.publisher
    }
}

impl PubSocket {
    /// A handle to publish from other tasks and threads.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }
}

fn open(socket_type: SocketType, options: Options, inbox: Option<Arc<Inbox>>) -> (SocketHandle, Publisher) {
    let monitor = Arc::new(Monitor::default());
    let pattern = Arc::new(Publishing::new(&options, monitor.clone(), inbox));
    let handle = SocketHandle::new(socket_type, Arc::new(options), pattern.clone(), monitor);
    (handle, Publisher { pattern })
}

/// A [`PubSocket`] that also hears what its peers subscribe to and say.
#[derive(Debug)]
pub struct XPubSocket {
    handle: SocketHandle,
    publisher: Publisher,
    receiver: Receiver,
    /// With `xpub_manual`, whom the last event is of.
    last: Option<Arc<Pipe>>,
}

/// What a subscriber did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XPubEvent {
    /// A topic got its first subscriber; with `xpub_verbose` or `xpub_manual`, another one.
    Subscribed(Bytes),
    /// A topic lost its last subscriber; with `xpub_verboser` or `xpub_manual`, one of them.
    Unsubscribed(Bytes),
    /// A subscriber sent a message.
    Message(Message),
}

impl XPubSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> XPubSocket {
        let of = if options.xpub_manual { Inbox::new } else { Inbox::anonymous };
        let inbox = Arc::new(of(Arc::new(options.clone())));
        let (handle, publisher) = open(SocketType::XPub, options, Some(inbox.clone()));
        XPubSocket { handle, publisher, receiver: Receiver::new(inbox), last: None }
    }

    /// The next event. Cancel-safe.
    /// RFC 29, XPUB: "SHALL deliver these commands to its calling application", "SHALL deliver these messages to its calling
    /// application".
    pub async fn recv(&mut self) -> XPubEvent {
        loop {
            let incoming = self.receiver.recv().await;
            if let Some(event) = self.accept(incoming) {
                return event;
            }
        }
    }

    /// An event that is there already.
    pub fn try_recv(&mut self) -> Option<XPubEvent> {
        let incoming = self.receiver.try_recv()?;
        self.accept(incoming)
    }

    fn accept(&mut self, incoming: Incoming) -> Option<XPubEvent> {
        self.last = incoming.pipe;
        match incoming.item {
            Item::Message(message) => Some(XPubEvent::Message(message)),
            Item::Subscribed(topic) => Some(XPubEvent::Subscribed(topic)),
            Item::Unsubscribed(topic) => Some(XPubEvent::Unsubscribed(topic)),
            Item::Lost(_) => None, // told to a REQ only
        }
    }

    /// With the option `xpub_manual`: the subscriber that the last event was of gets what is published under `topic`. False
    /// when it is gone.
    pub fn subscribe(&self, topic: &[u8]) -> bool {
        self.last.as_ref().is_some_and(|pipe| self.publisher.pattern.answer(pipe, topic, true))
    }

    /// With the option `xpub_manual`: it does not get it any more. False when it is gone.
    pub fn unsubscribe(&self, topic: &[u8]) -> bool {
        self.last.as_ref().is_some_and(|pipe| self.publisher.pattern.answer(pipe, topic, false))
    }

    /// A handle to publish from other tasks and threads.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }
}

common_methods!(XPubSocket);

impl std::ops::Deref for XPubSocket {
    type Target = Publisher;
    fn deref(&self) -> &Publisher {
        &self.publisher
    }
}
