//! SUB and XSUB. RFC 29.

use std::sync::Arc;

use super::common_methods;
use crate::message::Message;
use crate::net::{
    core::SocketHandle,
    inbox::{Inbox, Item, Receiver},
    monitor::Monitor,
    patterns::Subscribing,
};
use crate::options::Options;
use crate::pattern::socket_type::SocketType;

/// Makes both types, which differ in what they may send.
macro_rules! subscriber {
    ($(#[$doc:meta])* $socket:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $socket {
            handle: SocketHandle,
            pattern: Arc<Subscribing>,
            receiver: Receiver,
        }

        impl $socket {
            /// A socket without endpoints.
            ///
            /// # Panics
            /// Outside of a tokio runtime.
            pub fn new(options: Options) -> $socket {
                let options = Arc::new(options);
                let monitor = Arc::new(Monitor::default());
                let inbox = Arc::new(Inbox::anonymous(options.clone()));
                let pattern = Arc::new(Subscribing::new(inbox.clone(), monitor.clone(), options.invert_matching));
                let handle = SocketHandle::new($kind, options, pattern.clone(), monitor);
                $socket { handle, pattern, receiver: Receiver::new(inbox) }
            }

            /// Asks for messages whose first part starts with `topic`; an empty topic asks for all. Counted: takes as
            /// many `unsubscribe` to end.
            /// RFC 29: "SHALL accept subscription commands from its calling application".
            pub fn subscribe(&self, topic: &[u8]) {
                self.pattern.subscribe(topic);
            }

            /// Ends one `subscribe`.
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

        common_methods!($socket);
    };
}

subscriber! {
    /// Receives what was published under the topics it subscribed to. Every new connection is told all topics by the
    /// I/O task, whether or not the application is in a call.
    SubSocket, SocketType::Sub
}

subscriber! {
    /// A [`SubSocket`] that also talks to its publishers.
    XSubSocket, SocketType::XSub
}

impl XSubSocket {
    /// Queues a message for every publisher that has room for it. libzmq's way to subscribe is understood too: a message
    /// of one part that starts with octet 1 or 0 begins or ends a subscription to the rest of it. Never waits.
    pub fn send(&self, message: Message) {
        match (message.len(), message.first().split_first()) {
            (1, Some((1, topic))) => self.subscribe(topic),
            (1, Some((0, topic))) => self.unsubscribe(topic),
            _ => self.pattern.send_up(&message),
        }
    }
}
