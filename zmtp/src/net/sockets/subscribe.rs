//! SUB. RFC 29.

use std::sync::Arc;

use super::common_methods;
use crate::message::Message;
use crate::net::{
    core::SocketHandle,
    inbox::{Inbox, Item, Receiver},
    patterns::Subscribing,
};
use crate::options::Options;
use crate::pattern::socket_type::SocketType;

/// Receives what was published under the topics it subscribed to. Every new connection is told all topics by the
/// I/O task, whether or not the application is in a call.
#[derive(Debug)]
pub struct SubSocket {
    handle: SocketHandle,
    pattern: Arc<Subscribing>,
    receiver: Receiver,
}

impl SubSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> SubSocket {
        let options = Arc::new(options);
        let inbox = Arc::new(Inbox::new(options.clone()));
        let pattern = Arc::new(Subscribing::new(inbox.clone()));
        let handle = SocketHandle::new(SocketType::Sub, options, pattern.clone(), Arc::default());
        SubSocket { handle, pattern, receiver: Receiver::new(inbox) }
    }

    /// Asks for messages whose first part starts with `topic`; an empty topic asks for all. Counted: takes as many
    /// [`SubSocket::unsubscribe`] to end.
    pub fn subscribe(&self, topic: &[u8]) {
        self.pattern.subscribe(topic);
    }

    /// Ends one [`SubSocket::subscribe`].
    pub fn unsubscribe(&self, topic: &[u8]) {
        self.pattern.unsubscribe(topic);
    }

    /// The next message, complete and matching. Cancel-safe.
    pub async fn recv(&mut self) -> Message {
        loop {
            if let Item::Message(message) = self.receiver.recv().await.item
                && self.pattern.wants(&message)
            {
                return message;
            }
        }
    }

    /// A message that is there already.
    pub fn try_recv(&mut self) -> Option<Message> {
        loop {
            if let Item::Message(message) = self.receiver.try_recv()?.item
                && self.pattern.wants(&message)
            {
                return Some(message);
            }
        }
    }
}

common_methods!(SubSocket);
