//! Small published messages that are not yet in the queues, encoded side by side. Whoever publishes only adds to them; those who
//! write to the subscribers put whole runs of them into the queues, so that a burst costs each subscriber next to nothing.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::message::Message;

/// Octets of a segment. Short, since each message that waits somewhere holds all of its segment.
const SEGMENT_OCTETS: usize = 16 * 1024;
/// A longer message travels alone.
pub(crate) const LONGEST: usize = SEGMENT_OCTETS / 8;
/// As much may wait: then the publisher itself fills the queues.
const MOST_MESSAGES: usize = 256;
const MOST_SEGMENTS: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Pending {
    full: Vec<Segment>,
    open: BytesMut,
    /// The messages in `open`.
    messages: Vec<Place>,
    /// Messages in `full`.
    before: usize,
}

/// Messages side by side, and where each of them is.
#[derive(Debug)]
pub(crate) struct Segment {
    octets: Bytes,
    messages: Vec<Place>,
}

/// A message in its segment: where it starts and ends, and its first part.
#[derive(Debug, Clone)]
struct Place {
    start: u32,
    end: u32,
    topic: Range<u32>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.messages.is_empty()
    }

    /// No more should come before they are in the queues.
    pub(crate) fn is_full(&self) -> bool {
        self.before + self.messages.len() >= MOST_MESSAGES || self.full.len() >= MOST_SEGMENTS
    }

    /// Encodes a message, of [`LONGEST`] octets at most.
    pub(crate) fn push(&mut self, message: &Message) {
        let wire = message.wire_octets();
        if self.open.capacity() - self.open.len() < wire {
            self.seal();
            self.open = BytesMut::with_capacity(SEGMENT_OCTETS.max(wire));
        }
        let start = self.open.len();
        message.encode_to(&mut self.open);
        let first = message.first().len();
        let topic = start + if first > usize::from(u8::MAX) { 9 } else { 2 };
        let [start, topic, topic_end, end] = [start, topic, topic + first, self.open.len()].map(offset);
        self.messages.push(Place { start, end, topic: topic..topic_end });
    }

    fn seal(&mut self) {
        if !self.messages.is_empty() {
            self.before += self.messages.len();
            let messages = std::mem::take(&mut self.messages);
            self.full.push(Segment { octets: self.open.split().freeze(), messages });
        }
    }

    /// All of them, in order.
    pub(crate) fn take(&mut self) -> Vec<Segment> {
        self.seal();
        self.before = 0;
        std::mem::take(&mut self.full)
    }
}

/// Messages side by side that go to the same peers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    segment: &'a Bytes,
    messages: &'a [Place],
}

impl Segment {
    /// The first part of each message.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &[u8]> {
        self.messages.iter().map(|place| part(&self.octets, &place.topic))
    }

    /// All messages in one run.
    pub(crate) fn all(&self) -> Run<'_> {
        Run { segment: &self.octets, messages: &self.messages }
    }

    /// The messages in runs of those that have the same mark.
    pub(crate) fn runs<T: PartialEq>(&self, marks: &[T]) -> impl Iterator<Item = Run<'_>> {
        let mut rest = &self.messages[..];
        marks.chunk_by(|a, b| a == b).map(move |alike| {
            let (messages, after) = rest.split_at(alike.len().min(rest.len()));
            rest = after;
            Run { segment: &self.octets, messages }
        })
    }
}

fn part<'a>(octets: &'a Bytes, range: &Range<u32>) -> &'a [u8] {
    octets.get(range.start as usize..range.end as usize).unwrap_or_default()
}

impl<'a> Run<'a> {
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Octets on the wire.
    pub(crate) fn octets(&self) -> usize {
        self.range().len()
    }

    fn range(&self) -> Range<usize> {
        let start = self.messages.first().map_or(0, |place| place.start as usize);
        start..self.messages.last().map_or(start, |place| place.end as usize)
    }

    /// The messages as they are written, shared.
    pub(crate) fn bytes(&self) -> Bytes {
        self.segment.slice(self.range())
    }

    /// The same, to be copied.
    pub(crate) fn as_slice(&self) -> &'a [u8] {
        self.segment.get(self.range()).unwrap_or_default()
    }

    /// The first part of the first message.
    pub(crate) fn topic(&self) -> &'a [u8] {
        self.messages.first().map_or(&[], |place| part(self.segment, &place.topic))
    }

    /// In runs of so many messages at most.
    pub(crate) fn chunks(&self, most: usize) -> impl Iterator<Item = Run<'a>> {
        let segment = self.segment;
        self.messages.chunks(most.max(1)).map(move |messages| Run { segment, messages })
    }
}

fn offset(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX) // a segment is short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_have_the_octets_of_their_messages_in_order_and_end_where_the_peers_change() {
        let mut pending = Pending::default();
        let mut expected = BytesMut::new();
        let mut topics = Vec::new();
        for size in (0..200).chain([LONGEST - 30, 3, 600]) {
            let topic = vec![if size % 7 == 0 { b'a' } else { b'b' }; size];
            let message = Message::from_parts(vec![topic.clone().into(), Bytes::from_static(b"end")]);
            message.encode_to(&mut expected);
            topics.push(topic);
            pending.push(&message);
        }
        assert!(!pending.is_empty());
        let (mut octets, mut told, mut runs) = (Vec::new(), Vec::new(), 0);
        for segment in pending.take() {
            let marks: Vec<_> = segment.topics().map(|topic| topic.first().copied()).collect();
            for run in segment.runs(&marks) {
                runs += 1;
                octets.extend_from_slice(&run.bytes());
                assert_eq!(run.octets(), run.bytes().len());
                let each: Vec<Run<'_>> = run.chunks(1).collect();
                assert!(each.iter().all(|one| one.topic().first() == run.topic().first()));
                told.extend(each.iter().map(|one| one.topic().to_vec()));
            }
        }
        assert!(pending.is_empty() && runs < topics.len() / 2, "{runs}");
        assert_eq!(octets, expected);
        assert_eq!(told, topics);
    }

    #[test]
    fn what_waits_is_bounded_in_messages_and_in_octets() {
        for (size, most) in
            [(1, MOST_MESSAGES), (LONGEST - 9, (MOST_SEGMENTS + 1) * SEGMENT_OCTETS / LONGEST)]
        {
            let mut pending = Pending::default();
            let message = Message::from(vec![7; size]);
            let mut waiting = 0;
            while waiting < 1000 && !pending.is_full() {
                pending.push(&message);
                waiting += 1;
            }
            assert!(waiting <= most, "{waiting} of {size}");
        }
    }
}
