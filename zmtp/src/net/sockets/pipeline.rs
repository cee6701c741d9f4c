//! PUSH and PULL. RFC 30.

use std::sync::Arc;

use super::common_methods;
use crate::message::Message;
use crate::net::{
    TrySendError,
    core::SocketHandle,
    inbox::{Inbox, Item, Receiver},
    patterns::{Balancing, Receiving},
};
use crate::options::Options;
use crate::pattern::socket_type::SocketType;

/// Sends to its peers in turn, and waits while none of them has room. RFC 30: "SHALL NOT discard messages that it cannot
/// queue".
#[derive(Debug)]
pub struct PushSocket {
    handle: SocketHandle,
    sender: PushSender,
}

/// Sends through a [`PushSocket`] from anywhere.
#[derive(Debug, Clone)]
pub struct PushSender {
    pattern: Arc<Balancing>,
}

impl PushSender {
    /// Queues a message at the next peer with room; waits while there is none. A dropped future has sent nothing.
    pub async fn send(&self, message: Message) {
        self.pattern.send(message).await;
    }

    /// Queues a message without waiting.
    ///
    /// # Errors
    /// With the message, when every peer's queue is full or there is no peer.
    pub fn try_send(&self, message: Message) -> Result<(), TrySendError> {
        self.pattern.try_send(message).map(|_| ())
    }
}

impl PushSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> PushSocket {
        let options = Arc::new(options);
        let pattern = Arc::new(Balancing::new(SocketType::Push, &options, None));
        let handle = SocketHandle::new(SocketType::Push, options, pattern.clone(), Arc::default());
        PushSocket { handle, sender: PushSender { pattern } }
    }

    /// A handle to send from other tasks.
    pub fn sender(&self) -> PushSender {
        self.sender.clone()
    }
}

common_methods!(PushSocket);

impl std::ops::Deref for PushSocket {
    type Target = PushSender;
    fn deref(&self) -> &PushSender {
        &self.sender
    }
}

/// Receives from its peers fairly. RFC 30: "SHALL receive incoming messages from its peers using a fair-queuing
/// strategy".
#[derive(Debug)]
pub struct PullSocket {
    handle: SocketHandle,
    receiver: Receiver,
}

impl PullSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> PullSocket {
        let options = Arc::new(options);
        let inbox = Arc::new(Inbox::anonymous(options.clone()));
        let pattern = Arc::new(Receiving::new(inbox.clone()));
        let handle = SocketHandle::new(SocketType::Pull, options, pattern, Arc::default());
        PullSocket { handle, receiver: Receiver::new(inbox) }
    }

    /// The next message. Cancel-safe.
    pub async fn recv(&mut self) -> Message {
        loop {
            if let Item::Message(message) = self.receiver.recv().await.item {
                return message;
            }
        }
    }

    /// A message that is there already.
    pub fn try_recv(&mut self) -> Option<Message> {
        loop {
            if let Item::Message(message) = self.receiver.try_recv()?.item {
                return Some(message);
            }
        }
    }
}

common_methods!(PullSocket);
