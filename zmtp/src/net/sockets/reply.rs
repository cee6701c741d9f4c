//! REP. RFC 28.

use std::sync::Arc;

use super::common_methods;
use crate::message::Message;
use crate::net::{
    core::SocketHandle,
    inbox::{Inbox, Incoming, Item, Receiver},
    outbox::Outgoing,
    patterns::Receiving,
    pipe::Pipe,
};
use crate::options::Options;
use crate::pattern::{
    envelope::{self, Envelope},
    socket_type::SocketType,
};

/// Receives a request, sends its reply, in turn.
#[derive(Debug)]
pub struct RepSocket {
    handle: SocketHandle,
    receiver: Receiver,
    /// The way back of the request in work.
    /// RFC 28: "SHALL wait for a single reply message from its calling application".
    request: Option<(Arc<Pipe>, Envelope)>,
}

/// There is no request to reply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no request to reply to")]
pub struct NoRequest;

impl RepSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> RepSocket {
        let options = Arc::new(options);
        let inbox = Arc::new(Inbox::new(options.clone()));
        let pattern = Arc::new(Receiving::new(inbox.clone()));
        let handle = SocketHandle::new(SocketType::Rep, options, pattern, Arc::default());
        RepSocket { handle, receiver: Receiver::new(inbox), request: None }
    }

    /// The next request, without its envelope. A request that was not replied to is forgotten. Messages without an
    /// envelope are dropped. Cancel-safe.
    /// RFC 28: "SHALL receive and then send exactly one message at a time."
    pub async fn recv(&mut self) -> Message {
        loop {
            let incoming = self.receiver.recv().await;
            if let Some(request) = self.accept(incoming) {
                return request;
            }
        }
    }

    /// A request that is there already, as with [`RepSocket::recv`].
    pub fn try_recv(&mut self) -> Option<Message> {
        loop {
            let incoming = self.receiver.try_recv()?;
            if let Some(request) = self.accept(incoming) {
                return Some(request);
            }
        }
    }

    fn accept(&mut self, incoming: Incoming) -> Option<Message> {
        let (Item::Message(message), Some(pipe)) = (incoming.item, incoming.pipe) else { return None };
        let (envelope, body) = envelope::split(message).ok()?;
        self.request = Some((pipe, envelope));
        Some(body)
    }

    /// RFC 28: "SHALL silently discard the reply, or return an error, if the originating peer is no longer connected",
    /// "SHALL not block on sending". Replies to the request that was received last. A reply to a peer that is gone, or that does not read its
    /// replies, is dropped.
    ///
    /// # Errors
    /// When no request is waiting for its reply.
    pub fn send(&mut self, reply: Message) -> Result<(), NoRequest> {
        // RFC 28: "SHALL deliver this message back to the originating peer".
        let (pipe, envelope) = self.request.take().ok_or(NoRequest)?;
        let _gone = pipe.push_or_drop(Outgoing::Message(envelope::join(envelope, reply)));
        Ok(())
    }
}

common_methods!(RepSocket);
