//! What waits for one peer: a bounded queue, in which small messages stand side by side in the form they are written in.
//!
//! RFC 28: "SHALL create a double queue when a peer connects to it". RFC 30: "SHALL maintain an outgoing message queue for each
//! connected peer". RFC 37: "A message SHALL NOT be delivered more than once to any peer. All messages between two immediate peers
//! SHALL be delivered in order." The high-water marks of zmq_setsockopt(3).

use std::{collections::VecDeque, io::IoSlice, sync::Arc, task::Waker};

use bytes::{Bytes, BytesMut};

use super::{pending::Run, stream::Writer};
use crate::buffers;
use crate::codec::{Encoded, Output};
use crate::error::ConnectionError;
use crate::message::Message;
use crate::options::Options;

/// Octets that a driver takes at once. Large enough to fill a write, small enough not to hide the high-water mark.
const BATCH_OCTETS: usize = 128 * 1024;
/// A message up to this size on the wire is encoded when it is queued: that is cheaper than holding on to its parts.
pub(crate) const PACK_OCTETS: usize = 4096;
/// A driver that waits for more looks so often and finds none before it writes what there is.
const QUIET_VISITS: u8 = 4;
/// A pack grows as far as this; where one was not enough, the next one is one of the buffers that are kept.
const PACK_GROWTH: usize = 16 * 1024;
/// Copying this much costs no more than a handle on a message that is shared.
pub(crate) const HANDLE_OCTETS: usize = 128;

/// A message on its way into a queue.
#[derive(Debug)]
pub(crate) enum Outgoing<'a> {
    Message(Message),
    /// Small, and copied.
    Copied(&'a Message),
    /// Encoded once for many peers.
    Shared(&'a Encoded),
    /// Several, side by side.
    Run(Run<'a>),
}

impl Outgoing<'_> {
    fn messages(&self) -> usize {
        if let Outgoing::Run(run) = self { run.len() } else { 1 }
    }

    pub(crate) fn octets(&self) -> usize {
        match self {
            Outgoing::Message(message) => message.octets(),
            Outgoing::Copied(message) => message.octets(),
            Outgoing::Shared(encoded) => encoded.octets(),
            Outgoing::Run(run) => run.octets(),
        }
    }
}

/// What waits in a queue.
#[derive(Debug)]
pub(crate) enum Queued {
    Message(Message),
    /// One or more messages that other queues have, too.
    Encoded(Encoded),
    /// Several messages of this queue alone.
    Pack(BytesMut),
}

impl Queued {
    /// The octets, when they are in one piece.
    pub(super) fn into_piece(self) -> Result<Bytes, Queued> {
        match self {
            Queued::Encoded(encoded) => encoded.into_piece().map_err(Queued::Encoded),
            Queued::Pack(pack) => Ok(pack.freeze()),
            Queued::Message(_) => Err(self),
        }
    }

    /// As it goes to the stream, when that is in clear text.
    pub(super) fn encode_to(self, output: &mut Output) {
        match self {
            Queued::Message(message) => output.push_message(&message),
            Queued::Encoded(encoded) => output.push_encoded(encoded),
            Queued::Pack(pack) => output.push_encoded(pack.freeze().into()),
        }
    }
}

/// Something queued, how many messages it is, and their octets.
#[derive(Debug)]
struct Entry {
    queued: Queued,
    messages: usize,
    octets: usize,
}

/// A change of subscriptions to be told to a publisher. Not subject to the high-water mark: libzmq loses filters
/// that way.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    Subscribe(Bytes),
    Cancel(Bytes),
}

/// Where a peer stands with those who write to many, see [`super::fanout`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    #[default]
    Nothing,
    /// It is on the list.
    Listed,
    /// Somebody writes what was taken; nobody else may.
    Writing,
    /// And the driver came meanwhile.
    Awaited,
}

impl Round {
    pub(super) fn is_writing(self) -> bool {
        matches!(self, Round::Writing | Round::Awaited)
    }
}

/// Octets that have to come first.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) pieces: Vec<Bytes>,
    /// What they are left of.
    pub(super) messages: usize,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Entry>,
    /// Messages and octets in `queue`.
    messages: usize,
    octets: usize,
    /// Messages and octets taken by the driver and not yet written: they count as queued.
    pub(super) in_flight: usize,
    in_flight_octets: usize,
    pub(super) controls: VecDeque<Control>,
    pub(super) driver: Option<Waker>,
    /// The driver waits for the stream, and for nothing that could be queued.
    pub(super) blocked: bool,
    /// Nothing is being written, so that a sender may do it by itself.
    pub(super) writer: Option<Arc<Writer>>,
    /// What the stream did not take of what was written without the driver. It is no message any more: it ends with the
    /// connection.
    pub(super) rest: Option<Box<Rest>>,
    pub(super) round: Round,
    /// So many messages are expected to be queued in all: one for each that came in.
    pub(super) answers: u32,
    /// Octets of the last pack that was taken: the next one is likely to be like it.
    pack_octets: usize,
    /// Messages ever queued, and ever taken.
    pub(super) pushed: u64,
    pub(super) taken: u64,
    pub(super) dropped: u64,
    /// The low bits of `pushed` when a driver waited for more, and how often it came since and there was none.
    seen: u16,
    quiet: u8,
    /// Something was refused since the queue was last half empty.
    pub(super) refused: bool,
    /// And was dropped.
    pub(super) dropping: bool,
    /// Takes no more messages; what is queued is still sent.
    pub(super) closing: bool,
    /// Takes no more messages, and what is queued goes nowhere.
    pub(super) gone: bool,
    pub(super) kill: Option<Box<ConnectionError>>,
}

/// As many messages may stand together in a queue, and are taken out together. Less than half of the mark, which is a batch.
pub(super) fn most_together(options: &Options) -> usize {
    options.sndhwm.map_or(usize::MAX, |hwm| (hwm / 8).max(1))
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.rest.is_none()
    }

    /// Appends what has room.
    pub(super) fn enqueue(&mut self, options: &Options, item: Outgoing<'_>) {
        if options.conflate {
            self.discard_queued();
        }
        let (messages, octets) = (item.messages(), item.octets());
        self.messages += messages;
        self.octets += octets;
        self.pushed += messages as u64;
        let queued = match item {
            Outgoing::Copied(message) => return self.pack_message(options, message),
            Outgoing::Message(message) if message.wire_octets() <= PACK_OCTETS => {
                return self.pack_message(options, &message);
            }
            Outgoing::Message(message) => Queued::Message(message),
            Outgoing::Shared(encoded) => Queued::Encoded(encoded.clone()),
            Outgoing::Run(run) if octets <= HANDLE_OCTETS => {
                let encode = |pack: &mut BytesMut| pack.extend_from_slice(run.as_slice());
                return self.pack(options, messages, octets, octets, encode);
            }
            Outgoing::Run(run) => Queued::Encoded(run.bytes().into()),
        };
        self.queue.push_back(Entry { queued, messages, octets });
    }

    fn pack_message(&mut self, options: &Options, message: &Message) {
        self.pack(options, 1, message.octets(), message.wire_octets(), |pack| message.encode_to(pack));
    }

    /// Appends messages of so many octets, `wire` as they are written at most, to those that stand side by side.
    fn pack(
        &mut self,
        options: &Options,
        count: usize,
        sum: usize,
        wire: usize,
        encode: impl FnOnce(&mut BytesMut),
    ) {
        let behind = !self.queue.is_empty();
        if let Some(Entry { queued: Queued::Pack(pack), messages, octets }) = self.queue.back_mut()
            && *messages + count <= most_together(options)
            && (pack.len() + wire <= pack.capacity() || pack.capacity() < PACK_GROWTH)
        {
            encode(pack);
            *messages += count;
            *octets += sum;
            return;
        }
        let room =
            if behind && options.sndhwm.is_none_or(|hwm| hwm > 100) { PACK_GROWTH } else { self.pack_octets };
        let mut pack = buffers::take(room.max(wire));
        encode(&mut pack);
        self.queue.push_back(Entry { queued: Queued::Pack(pack), messages: count, octets: sum });
    }

    /// Writes the only message there is, without the driver. The driver has to be woken when something is left.
    fn write_through(&mut self) {
        let Some(writer) = &self.writer else { return };
        if self.queue.len() != 1 || self.rest.is_some() {
            return;
        }
        let Some(Entry { queued: Queued::Pack(pack), .. }) = self.queue.front_mut() else { return };
        // An error is for the driver to find.
        let Ok(written @ 1..) = writer.try_write(&[IoSlice::new(pack)]) else { return };
        self.taken += 1;
        if written < pack.len() {
            let pieces = vec![pack.split_off(written).freeze()];
            self.rest = Some(Box::new(Rest { pieces, messages: 1 }));
        }
        self.discard_queued();
    }

    /// Takes the writer when there is something to write, and it is ours to write it.
    pub(super) fn take_writer(&mut self) -> Option<Arc<Writer>> {
        if self.is_empty() { None } else { self.writer.take() }
    }

    pub(super) fn discard_queued(&mut self) {
        self.queue.clear();
        self.messages = 0;
        self.octets = 0;
    }

    /// The first message of an empty queue always fits the limit in octets.
    pub(super) fn is_full(&self, options: &Options, octets: usize) -> bool {
        if options.conflate {
            return false;
        }
        let messages = self.messages + self.in_flight;
        options.sndhwm.is_some_and(|hwm| messages >= hwm.max(1))
            || (messages > 0
                && options.sndhwm_bytes.is_some_and(|hwm| self.octets + self.in_flight_octets + octets > hwm))
    }

    /// Would take each of these messages.
    pub(super) fn takes_all(&self, options: &Options, run: Run<'_>) -> bool {
        let messages = self.messages + self.in_flight + run.len();
        let octets = self.octets + self.in_flight_octets + run.octets();
        !options.conflate
            && options.sndhwm.is_none_or(|hwm| messages <= hwm.max(1))
            && options.sndhwm_bytes.is_none_or(|hwm| octets <= hwm)
    }

    pub(super) fn is_half_empty(&self, options: &Options) -> bool {
        options.sndhwm.is_none_or(|hwm| (self.messages + self.in_flight) * 2 <= hwm)
            && options
                .sndhwm_bytes
                .is_none_or(|hwm| (self.octets + self.in_flight_octets).saturating_mul(2) <= hwm)
    }

    /// Whether a driver should wait for more to write at once: fewer messages were queued than the `answers` that are expected, and
    /// they keep coming.
    pub(super) fn hesitates(&mut self, options: &Options, answers: u32) -> bool {
        let few = !self.queue.is_empty() && self.octets < PACK_GROWTH && self.is_half_empty(options);
        if !few || self.pushed >= answers.into() || self.closing {
            return false;
        }
        let pushed = u16::try_from(self.pushed & 0xFFFF).unwrap_or_default();
        if std::mem::replace(&mut self.seen, pushed) != pushed {
            self.quiet = 0;
        }
        self.quiet = self.quiet.saturating_add(1);
        self.quiet <= QUIET_VISITS
    }

    /// What was taken before has been written, or went down with the connection.
    pub(super) fn clear_in_flight(&mut self) {
        self.in_flight = 0;
        self.in_flight_octets = 0;
    }

    /// Moves up to a batch into `batch`, which is empty.
    pub(super) fn take_batch(&mut self, options: &Options, batch: &mut Vec<Queued>) {
        // Half of the queue at most, so that senders can fill the other half while it is written.
        let most = options.sndhwm.map_or(usize::MAX, |hwm| (hwm / 2).max(1));
        self.pack_octets = 0;
        if let Some(rest) = self.rest.take() {
            self.in_flight = rest.messages;
            self.in_flight_octets = rest.pieces.iter().map(Bytes::len).sum();
            self.taken -= rest.messages as u64; // counted when they were written in part
            batch.extend(rest.pieces.into_iter().map(|piece| Queued::Encoded(piece.into())));
        }
        while let Some(entry) = self.queue.front() {
            let fits = self.in_flight + entry.messages <= most && self.in_flight_octets < BATCH_OCTETS;
            if self.in_flight > 0 && !fits {
                break;
            }
            let Some(entry) = self.queue.pop_front() else { break };
            self.in_flight += entry.messages;
            self.in_flight_octets += entry.octets;
            self.messages -= entry.messages;
            self.octets -= entry.octets;
            if let Queued::Pack(pack) = &entry.queued {
                self.pack_octets = pack.len();
            }
            batch.push(entry.queued);
        }
        self.taken += self.in_flight as u64;
        if batch.is_empty() {
            self.forget_queue();
        }
    }

    /// An idle peer holds no memory.
    pub(super) fn forget_queue(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > 0 {
            self.queue = VecDeque::new();
        }
    }

    pub(super) fn abandon(&mut self) {
        self.gone = true;
        self.queue = VecDeque::new();
        self.messages = 0;
        self.octets = 0;
        self.controls = VecDeque::new();
    }

    /// To be called, and the answer woken, after something was queued. A driver that is writing looks by itself.
    pub(super) fn waker(&mut self) -> Option<Waker> {
        self.write_through();
        self.waker_to_write()
    }

    /// As [`Outbox::waker`], with nothing written here.
    pub(super) fn waker_to_write(&mut self) -> Option<Waker> {
        let nothing = self.queue.is_empty() && self.rest.is_none() && self.controls.is_empty();
        if self.blocked || nothing { None } else { self.driver.take() }
    }
}
