//! DEALER. RFC 28.

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

/// Sends to its peers in turn and receives from them fairly, adding and taking nothing.
#[derive(Debug)]
pub struct DealerSocket {
    handle: SocketHandle,
    sender: DealerSender,
    receiver: Receiver,
}

/// Sends through a [`DealerSocket`] from anywhere.
#[derive(Debug, Clone)]
pub struct DealerSender {
    pattern: Arc<Balancing>,
}

impl DealerSender {
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

impl DealerSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> DealerSocket {
        let options = Arc::new(options);
        let inbox = Arc::new(Inbox::anonymous(options.clone()));
        let pattern = Arc::new(Balancing::new(SocketType::Dealer, &options, Some(inbox.clone())));
        let handle = SocketHandle::new(SocketType::Dealer, options, pattern.clone(), Arc::default());
        DealerSocket { handle, sender: DealerSender { pattern }, receiver: Receiver::new(inbox) }
    }

    /// As [`DealerSender::send`].
    pub async fn send(&self, message: Message) {
        self.sender.send(message).await;
    }

    /// As [`DealerSender::try_send`].
    ///
    /// # Errors
    /// With the message, when every peer's queue is full or there is no peer.
    pub fn try_send(&self, message: Message) -> Result<(), TrySendError> {
        self.sender.try_send(message)
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
    pub fn sender(&self) -> DealerSender {
        self.sender.clone()
    }
}

common_methods!(DealerSocket);
