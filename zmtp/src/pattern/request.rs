//! The turns of a REQ. RFC 28, "REQ": send, receive, in strict alternation; and libzmq's two ways to relax that.

use bytes::Bytes;

use super::envelope::{self, Envelope};
use crate::message::Message;

/// Whose turn it is. `P` names the peer that was asked.
#[derive(Debug)]
pub struct Requester<P> {
    relaxed: bool,
    correlate: bool,
    next_id: u32,
    waiting: Option<Waiting<P>>,
}

#[derive(Debug)]
struct Waiting<P> {
    peer: P,
    /// Place of the request in the peer's queue.
    sequence: u64,
    id: u32,
}

/// What to do with a message from a peer.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The reply. It is the application's turn to send again.
    Reply(Message),
    /// A late reply, or one from a peer that was not asked.
    Skip,
    /// A reply without envelope: close that connection.
    Malformed,
}

impl<P: PartialEq> Requester<P> {
    /// Nothing asked yet. Request ids start at `first_id`.
    pub fn new(relaxed: bool, correlate: bool, first_id: u32) -> Self {
        Requester { relaxed, correlate, next_id: first_id, waiting: None }
    }

    /// RFC 28: "SHALL send and then receive exactly one message at a time." Sending is allowed now.
    pub fn may_send(&self) -> bool {
        self.relaxed || self.waiting.is_none()
    }

    /// Receiving is allowed now.
    pub fn may_receive(&self) -> bool {
        self.waiting.is_some()
    }

    /// The message as it goes to the wire: `[id] | delimiter | body`.
    /// RFC 28: "SHALL prefix the outgoing message with an empty delimiter frame".
    pub fn wrap(&self, body: Message) -> Message {
        if !self.correlate {
            return envelope::join(Envelope::empty(), body);
        }
        let mut frames = vec![Bytes::copy_from_slice(&self.next_id.to_be_bytes()), Bytes::new()];
        frames.extend(body.into_parts());
        Message::from_parts(frames)
    }

    /// The wrapped message is in the queue of `peer` as number `sequence`.
    pub fn sent(&mut self, peer: P, sequence: u64) {
        self.waiting = Some(Waiting { peer, sequence, id: self.next_id });
        self.next_id = self.next_id.wrapping_add(1);
    }

    /// RFC 28: "SHALL accept an incoming message only from the last peer that it sent a request to", "SHALL discard silently
    /// any messages received from other peers". Judges a message that came from `peer`.
    pub fn received(&mut self, peer: &P, message: Message) -> Verdict {
        let Some(waiting) = self.waiting.as_ref().filter(|waiting| waiting.peer == *peer) else {
            return Verdict::Skip;
        };
        let mut parts = message.into_parts();
        if self.correlate {
            let id_octets = waiting.id.to_be_bytes();
            match parts.first() {
                Some(id) if id.len() == 4 && parts.len() > 1 => {
                    if id[..] != id_octets {
                        return Verdict::Skip;
                    }
                    parts.remove(0);
                }
                _ => return Verdict::Malformed,
            }
        }
        match parts.first() {
            Some(delimiter) if delimiter.is_empty() && parts.len() > 1 => {
                parts.remove(0);
                self.waiting = None;
                Verdict::Reply(Message::from_parts(parts))
            }
            _ => Verdict::Malformed,
        }
    }

    /// The connection to `peer` ended after the first `written` of its queue had been taken. True when the request
    /// that is waited for was among them: it will not be answered, and a new one may be sent.
    pub fn lost(&mut self, peer: &P, written: u64) -> bool {
        let lost = self.waiting.as_ref().is_some_and(|w| w.peer == *peer && w.sequence <= written);
        if lost {
            self.waiting = None;
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(parts: &[&'static [u8]]) -> Message {
        Message::from_parts(parts.iter().map(|part| Bytes::from_static(part)).collect())
    }

    #[test]
    fn send_and_receive_alternate_and_only_the_asked_peer_answers() {
        let mut req = Requester::new(false, false, 0);
        assert!(req.may_send() && !req.may_receive());
        assert_eq!(req.wrap(Message::from("q")), message(&[b"", b"q"]));
        req.sent('a', 1);
        assert!(!req.may_send() && req.may_receive());
        assert_eq!(req.received(&'b', message(&[b"", b"late"])), Verdict::Skip);
        assert_eq!(req.received(&'a', message(&[b"no delimiter"])), Verdict::Malformed);
        assert_eq!(req.received(&'a', message(&[b"", b"r"])), Verdict::Reply(Message::from("r")));
        assert!(req.may_send() && !req.may_receive());
        assert_eq!(req.received(&'a', message(&[b"", b"again"])), Verdict::Skip);
    }

    #[test]
    fn correlated_replies_to_older_requests_are_skipped() {
        let mut req = Requester::new(true, true, 7);
        assert_eq!(req.wrap(Message::from("one")), message(&[&[0, 0, 0, 7], b"", b"one"]));
        req.sent('a', 1);
        assert!(req.may_send());
        req.sent('a', 2);
        assert_eq!(req.received(&'a', message(&[&[0, 0, 0, 7], b"", b"r1"])), Verdict::Skip);
        assert_eq!(
            req.received(&'a', message(&[&[0, 0, 0, 8], b"", b"r2"])),
            Verdict::Reply(Message::from("r2"))
        );
        req.sent('a', 3);
        assert_eq!(req.received(&'a', message(&[b"", b"r"])), Verdict::Malformed);
    }

    #[test]
    fn a_request_is_lost_only_if_it_had_been_written() {
        let mut req = Requester::new(false, false, 0);
        req.sent('a', 3);
        assert!(!req.lost(&'a', 2), "still queued, goes to the next connection");
        assert!(!req.lost(&'b', 9));
        assert!(req.lost(&'a', 3));
        assert!(req.may_send());
    }
}
