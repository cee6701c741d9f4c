//! Small published messages, encoded side by side once and shared by all queues: a queue holds on to a stretch of them, which
//! grows with every message that follows, so that a burst costs each subscriber next to nothing.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::message::Message;

/// Octets of a segment. Short, since each message that waits somewhere holds all of its segment.
const SEGMENT_OCTETS: usize = 16 * 1024;
/// A longer message travels alone.
pub(crate) const LONGEST: usize = SEGMENT_OCTETS / 8;

/// Messages that were published one after the other.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    /// While more are added.
    open: Mutex<BytesMut>,
    /// From then on.
    full: OnceLock<Bytes>,
}

impl Segment {
    fn open(&self) -> MutexGuard<'_, BytesMut> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some messages of a segment.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    segment: Arc<Segment>,
    start: u32,
    end: u32,
}

impl Stretch {
    /// Octets on the wire.
    pub(crate) fn octets(&self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Takes `next` in when it follows.
    pub(crate) fn extend(&mut self, next: &Stretch) -> bool {
        let follows = self.end == next.start && Arc::ptr_eq(&self.segment, &next.segment);
        if follows {
            self.end = next.end;
        }
        follows
    }

    /// The octets: shared when the segment is full, else copied, since it is still being written to.
    pub(crate) fn bytes(&self) -> Bytes {
        let range = self.start as usize..self.end as usize;
        if self.segment.full.get().is_none() {
            let open = self.segment.open();
            if self.segment.full.get().is_none() {
                return open.get(range).map(Bytes::copy_from_slice).unwrap_or_default();
            }
        }
        self.segment.full.get().map(|full| full.slice(range)).unwrap_or_default()
    }
}

/// The segment in work of one publisher.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    current: Arc<Segment>,
}

impl Segments {
    /// Encodes a message, of [`LONGEST`] octets at most.
    pub(crate) fn append(&mut self, message: &Message) -> Stretch {
        let wire = message.wire_octets();
        let mut open = self.current.open();
        if open.capacity() - open.len() < wire {
            let full = std::mem::take(&mut *open).freeze();
            let _first = self.current.full.set(full);
            drop(open);
            let octets = BytesMut::with_capacity(SEGMENT_OCTETS.max(wire));
            self.current = Arc::new(Segment { open: Mutex::new(octets), full: OnceLock::new() });
            open = self.current.open();
        }
        let start = offset(open.len());
        message.encode_to(&mut open);
        let end = offset(open.len());
        drop(open);
        Stretch { segment: self.current.clone(), start, end }
    }
}

fn offset(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX) // a segment is short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_grow_and_have_the_octets_of_their_messages() {
        let mut segments = Segments::default();
        let mut all: Vec<Stretch> = Vec::new();
        let mut expected = BytesMut::new();
        for size in (0..200).chain([LONGEST - 9, 3]) {
            let message = Message::from_parts(vec![vec![7; size].into(), Bytes::from_static(b"end")]);
            message.encode_to(&mut expected);
            let next = segments.append(&message);
            assert_eq!(next.octets(), next.bytes().len());
            if !all.last_mut().is_some_and(|last| last.extend(&next)) {
                all.push(next);
            }
        }
        assert!(all.len() < 6, "{}", all.len());
        let octets: Vec<u8> = all.iter().flat_map(|stretch| stretch.bytes()).collect();
        assert_eq!(octets, expected);
    }
}
