//! PAIR. RFC 31.

use std::sync::Arc;

use super::common_methods;
use crate::message::Message;
use crate::net::{
    TrySendError,
    core::SocketHandle,
    inbox::{Inbox, Item, Receiver},
    patterns::Balancing,
};
use crate::options::Options;
use crate::pattern::socket_type::SocketType;

/// Talks to one peer. A second one is turned away for as long as the first is there.
#[derive(Debug)]
pub struct PairSocket {
    handle: SocketHandle,
    sender: PairSender,
    receiver: Receiver,
}

/// Sends through a [`PairSocket`] from anywhere.
#[derive(Debug, Clone)]
pub struct PairSender {
    pattern: Arc<Balancing>,
}

impl PairSender {
    /// Queues a message; waits while the peer's queue is full or there is no peer. A dropped future has sent nothing.
    pub async fn send(&self, message: Message) {
        self.pattern.send(message).await;
    }

    /// Queues a message without waiting.
    ///
    /// # Errors
    /// With the message, when the peer's queue is full or there is no peer.
    pub fn try_send(&self, message: Message) -> Result<(), TrySendError> {
        self.pattern.try_send(message).map(|_| ())
    }
}

impl PairSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> PairSocket {
        let options = Arc::new(options);
        let inbox = Arc::new(Inbox::anonymous(options.clone()));
        let pattern = Arc::new(Balancing::new(SocketType::Pair, &options, Some(inbox.clone())));
        let handle = SocketHandle::new(SocketType::Pair, options, pattern.clone(), Arc::default());
        PairSocket { handle, sender: PairSender { pattern }, receiver: Receiver::new(inbox) }
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

    /// A handle to send from other tasks.
    pub fn sender(&self) -> PairSender {
        self.sender.clone()
    }
}

common_methods!(PairSocket);

impl std::ops::Deref for PairSocket {
    type Target = PairSender;
    fn deref(&self) -> &PairSender {
        &self.sender
    }
}
