//! REQ. RFC 28.

use std::sync::Arc;

use super::common_methods;
use crate::error::Violation;
use crate::message::Message;
use crate::net::{
    core::SocketHandle,
    inbox::{Inbox, Incoming, Item, Receiver},
    patterns::Balancing,
};
use crate::options::Options;
use crate::pattern::{
    request::{Requester, Verdict},
    socket_type::SocketType,
};

/// Sends a request, receives its reply, in turn.
#[derive(Debug)]
pub struct ReqSocket {
    handle: SocketHandle,
    pattern: Arc<Balancing>,
    receiver: Receiver,
    turn: Requester<u64>,
}

/// Why a REQ cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReqError {
    /// Receiving without a request, or sending before the reply.
    #[error("a REQ socket sends and receives in turn")]
    OutOfTurn,
    /// The connection that carried the request ended, so it will not be answered. libzmq waits for ever here. A new
    /// request can be sent.
    #[error("the connection that carried the request was lost")]
    PeerLost,
}

impl ReqSocket {
    /// A socket without endpoints.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(options: Options) -> ReqSocket {
        let options = Arc::new(options);
        let inbox = Arc::new(Inbox::new(options.clone()));
        let pattern = Arc::new(Balancing::new(SocketType::Req, &options, Some(inbox.clone())));
        let turn = Requester::new(options.req_relaxed, options.req_correlate, crate::net::random_u32());
        let handle = SocketHandle::new(SocketType::Req, options, pattern.clone(), Arc::default());
        ReqSocket { handle, pattern, receiver: Receiver::new(inbox), turn }
    }

    /// Queues a request at the next peer with room; waits while there is none. A dropped future has sent nothing.
    ///
    /// # Errors
    /// [`ReqError::OutOfTurn`] before the reply to the last request, unless `req_relaxed` is set.
    /// RFC 28: "SHALL block on sending, or return a suitable error, when it has no connected peers".
    pub async fn send(&mut self, request: Message) -> Result<(), ReqError> {
        if !self.turn.may_send() {
            return Err(ReqError::OutOfTurn);
        }
        // Late replies to requests given up.
        while self.receiver.try_recv().is_some() {}
        let (peer, sequence) = self.pattern.send(self.turn.wrap(request)).await;
        self.turn.sent(peer, sequence);
        Ok(())
    }

    /// The reply to the request in work. Cancel-safe: a later call gets it.
    ///
    /// # Errors
    /// [`ReqError::OutOfTurn`] without a request, [`ReqError::PeerLost`] when the reply will never come.
    pub async fn recv(&mut self) -> Result<Message, ReqError> {
        if !self.turn.may_receive() {
            return Err(ReqError::OutOfTurn);
        }
        loop {
            let incoming = self.receiver.recv().await;
            if let Some(reply) = self.accept(incoming) {
                return reply;
            }
        }
    }

    /// The reply, if it is there already.
    ///
    /// # Errors
    /// As [`ReqSocket::recv`].
    pub fn try_recv(&mut self) -> Result<Option<Message>, ReqError> {
        if !self.turn.may_receive() {
            return Err(ReqError::OutOfTurn);
        }
        while let Some(incoming) = self.receiver.try_recv() {
            if let Some(reply) = self.accept(incoming) {
                return reply.map(Some);
            }
        }
        Ok(None)
    }

    fn accept(&mut self, incoming: Incoming) -> Option<Result<Message, ReqError>> {
        let pipe = incoming.pipe?;
        match incoming.item {
            Item::Message(message) => match self.turn.received(&pipe.id, message) {
                Verdict::Reply(reply) => return Some(Ok(reply)),
                Verdict::Skip => {}
                Verdict::Malformed => pipe.kill(Violation::NoDelimiter.into()),
            },
            Item::Lost(taken) if self.turn.lost(&pipe.id, taken) => return Some(Err(ReqError::PeerLost)),
            _ => {}
        }
        None
    }
}

common_methods!(ReqSocket);
