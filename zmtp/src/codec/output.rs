//! Encoded messages, and the queue of octets that wait for the socket.
//!
//! A published message is encoded once ([`Encoded`]) and shared by every queue it waits in. [`Output`] copies
//! small pieces together, so that many small messages leave in one write, and hands large ones over as they are.

use std::{collections::VecDeque, io::IoSlice, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};

use super::Command;
use super::frame::FrameHeader;
use crate::buffers;
use crate::message::Message;

/// A body up to this size is copied beside its header when a message is encoded once for many peers.
const FLATTEN_OCTETS: usize = 4096;
/// A piece below this size is copied behind the piece before it, instead of costing a slice of the write.
const COALESCE_OCTETS: usize = 768;

/// A message or command in its wire form. Cloning shares the octets.
#[derive(Debug, Clone)]
pub struct Encoded {
    pieces: Pieces,
    octets: usize,
}

#[derive(Debug, Clone)]
enum Pieces {
    One(Bytes),
    Many(Arc<[Bytes]>),
}

impl Encoded {
    /// Encodes all frames of a message.
    pub fn message(message: &Message) -> Encoded {
        let wire = message.wire_octets();
        if wire <= FLATTEN_OCTETS {
            let mut octets = BytesMut::with_capacity(wire);
            message.encode_to(&mut octets);
            return octets.freeze().into();
        }
        let mut output = Output::new();
        output.push_message_flattening(message, FLATTEN_OCTETS);
        Encoded::from_output(output)
    }

    /// Encodes a command frame.
    pub fn command(command: &Command) -> Encoded {
        let mut output = Output::new();
        output.push_command(command);
        Encoded::from_output(output)
    }

    fn from_output(mut output: Output) -> Encoded {
        let octets = output.octets();
        let mut pieces: VecDeque<Bytes> = std::iter::from_fn(|| output.take_piece()).collect();
        let only = if pieces.len() == 1 { pieces.pop_front() } else { None };
        let pieces = only.map_or_else(|| Pieces::Many(pieces.into_iter().collect()), Pieces::One);
        Encoded { pieces, octets }
    }

    /// Octets on the wire.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// The wire form, when it is in one piece.
    ///
    /// # Errors
    /// Gives it back when it is not.
    pub fn into_piece(self) -> Result<Bytes, Encoded> {
        match self.pieces {
            Pieces::One(piece) => Ok(piece),
            Pieces::Many(_) => Err(self),
        }
    }

    /// The wire form in pieces.
    pub fn pieces(&self) -> &[Bytes] {
        match &self.pieces {
            Pieces::One(piece) => std::slice::from_ref(piece),
            Pieces::Many(pieces) => pieces,
        }
    }
}

/// Any number of messages, encoded one after the other.
impl From<Bytes> for Encoded {
    fn from(piece: Bytes) -> Encoded {
        Encoded { octets: piece.len(), pieces: Pieces::One(piece) }
    }
}

/// Octets on their way out, in order. Unbounded by itself: who feeds it asks [`Output::octets`] first.
#[derive(Debug, Default)]
pub struct Output {
    /// None while nothing waits: an idle connection has to be small.
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Bytes>,
    /// Comes after all of `pieces`.
    tail: BytesMut,
    /// Sum of both.
    octets: usize,
}

impl Waiting {
    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
    }
}

impl Output {
    /// Nothing to send.
    pub fn new() -> Self {
        Self::default()
    }

    /// Octets that wait.
    pub fn octets(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.octets)
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.octets() == 0
    }

    fn waiting(&mut self) -> &mut Waiting {
        self.waiting.get_or_insert_default()
    }

    /// Appends raw octets.
    pub fn push_slice(&mut self, octets: &[u8]) {
        let waiting = self.waiting();
        waiting.octets += octets.len();
        waiting.tail.extend_from_slice(octets);
    }

    /// Appends a shared piece, copying it only when it is small and not the first.
    pub fn push_piece(&mut self, piece: Bytes) {
        if piece.len() < COALESCE_OCTETS && !self.is_empty() {
            return self.push_slice(&piece);
        }
        self.push_uncopied(piece);
    }

    fn push_uncopied(&mut self, piece: Bytes) {
        let waiting = self.waiting();
        waiting.seal_tail();
        waiting.octets += piece.len();
        waiting.pieces.push_back(piece);
    }

    /// Appends an encoded message.
    pub fn push_encoded(&mut self, encoded: Encoded) {
        match encoded.pieces {
            Pieces::One(piece) => self.push_piece(piece),
            Pieces::Many(pieces) => pieces.iter().for_each(|piece| self.push_piece(piece.clone())),
        }
    }

    /// Appends all frames of a message.
    /// RFC 37: "On a clear text connection, message data SHALL be sent as message frames."
    pub fn push_message(&mut self, message: &Message) {
        self.push_message_flattening(message, COALESCE_OCTETS);
    }

    fn push_message_flattening(&mut self, message: &Message, flatten: usize) {
        let parts = message.parts();
        for (i, part) in parts.iter().enumerate() {
            self.push_slice(&FrameHeader::for_body(part.len(), i + 1 < parts.len(), false));
            if part.len() <= flatten {
                self.push_slice(part);
            } else {
                self.push_uncopied(part.clone());
            }
        }
    }

    /// Appends a command frame.
    pub fn push_command(&mut self, command: &Command) {
        self.push_command_body(&command.encode());
    }

    /// Appends a command frame with an encoded body.
    pub fn push_command_body(&mut self, body: &[u8]) {
        self.push_slice(&FrameHeader::for_body(body.len(), false, true));
        self.push_slice(body);
    }

    /// Fills `slices` with what to write next; returns how many were filled. Report what was written with
    /// [`Output::consume`].
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let Some(waiting) = &self.waiting else { return 0 };
        let tail = Some(&waiting.tail[..]).filter(|tail| !tail.is_empty());
        let pieces = waiting.pieces.iter().map(|piece| &piece[..]).chain(tail);
        let mut filled = 0;
        for (slot, octets) in slices.iter_mut().zip(pieces) {
            *slot = IoSlice::new(octets);
            filled += 1;
        }
        filled
    }

    /// Takes the next piece off, for writers without vectored writes.
    pub fn take_piece(&mut self) -> Option<Bytes> {
        let waiting = self.waiting.as_mut()?;
        let piece = match waiting.pieces.pop_front() {
            Some(piece) => piece,
            None if waiting.tail.is_empty() => return None,
            None => std::mem::take(&mut waiting.tail).freeze(),
        };
        waiting.octets -= piece.len();
        if waiting.octets == 0 {
            self.waiting = None;
        }
        Some(piece)
    }

    /// Forgets the first `n` octets; they were written.
    pub fn consume(&mut self, n: usize) {
        let Some(waiting) = &mut self.waiting else { return };
        let mut left = n.min(waiting.octets);
        waiting.octets -= left;
        while left > 0 {
            match waiting.pieces.front_mut() {
                Some(piece) if piece.len() <= left => {
                    left -= piece.len();
                    if let Some(done) = waiting.pieces.pop_front() {
                        buffers::give_piece(done);
                    }
                }
                Some(piece) => {
                    piece.advance(left);
                    left = 0;
                }
                None => {
                    waiting.tail.advance(left);
                    left = 0;
                }
            }
        }
        if waiting.octets == 0 {
            self.waiting = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(output: &mut Output, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 3];
            let filled = output.slices(&mut slices);
            let next: Vec<u8> =
                slices[..filled].iter().flat_map(|slice| slice.iter().copied()).take(step).collect();
            output.consume(next.len());
            all.extend(next);
        }
        assert_eq!(output.slices(&mut [IoSlice::new(&[]); 1]), 0);
        all
    }

    #[test]
    fn a_message_is_the_same_octets_however_it_was_queued_and_written() {
        let message = Message::from_parts(vec![
            Bytes::new(),
            Bytes::from(vec![1; 300]),
            Bytes::from(vec![2; 5000]),
            Bytes::from_static(b"end"),
        ]);
        let mut expected = vec![1, 0, 3, 0, 0, 0, 0, 0, 0, 1, 44];
        expected.extend([1; 300]);
        expected.extend([3, 0, 0, 0, 0, 0, 0, 0x13, 0x88]);
        expected.extend([2; 5000]);
        expected.extend(b"\0\x03end");
        for step in [1, 7, 1000, 100_000] {
            let mut output = Output::new();
            output.push_message(&message);
            assert_eq!(drain(&mut output, step), expected);
            output.push_encoded(Encoded::message(&message));
            assert_eq!(output.octets(), expected.len());
            assert_eq!(drain(&mut output, step), expected);
        }
        assert_eq!(Encoded::message(&message).octets(), expected.len());
    }

    #[test]
    fn one_small_message_is_shared_and_many_are_copied_together() {
        let encoded = Encoded::message(&Message::from(&b"hello"[..]));
        assert_eq!(encoded.pieces(), [&b"\0\x05hello"[..]]);
        let mut output = Output::new();
        for _ in 0..3 {
            output.push_encoded(encoded.clone());
        }
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(output.slices(&mut slices), 2);
        assert_eq!(&*slices[1], b"\0\x05hello\0\x05hello");
        assert_eq!(output.take_piece().unwrap(), "\0\x05hello");
        assert_eq!(output.take_piece().unwrap().len(), 14);
        assert_eq!(output.take_piece(), None);
        assert!(output.is_empty());
    }
}
