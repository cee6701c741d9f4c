//! RFC 28: "If this peer disconnects, the [...] socket SHALL destroy its double queue and SHALL discard any messages it
//! contains"; a dialled endpoint's queue lives "whether or not the connection is established". The way to one peer: a bounded queue that sockets fill and one driver empties.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Waker},
};

use bytes::Bytes;

use super::{SendError, stream::PeerAddress};
use crate::codec::Encoded;
use crate::error::ConnectionError;
use crate::message::{Message, RoutingId};
use crate::options::Options;
use crate::pattern::{fair_queue::QueueKey, subscriptions::PeerKey};

/// Octets that a driver takes at once. Large enough to fill a write, small enough not to hide the high-water mark.
const BATCH_OCTETS: usize = 128 * 1024;

/// A message that waits for a connection.
#[derive(Debug, Clone)]
pub(crate) enum Outgoing {
    Message(Message),
    /// Encoded once for many peers.
    Encoded(Encoded),
}

impl Outgoing {
    fn octets(&self) -> usize {
        match self {
            Outgoing::Message(message) => message.octets(),
            Outgoing::Encoded(encoded) => encoded.octets(),
        }
    }
}

/// A change of subscriptions to be told to a publisher. Not subject to the high-water mark: libzmq loses filters
/// that way.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    Subscribe(Bytes),
    Cancel(Bytes),
}

/// One peer of a socket, or for a dialled endpoint of a balancing socket every peer that ever answers there.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) id: u64,
    pub(crate) inbox_key: OnceLock<QueueKey>,
    pub(crate) peer: OnceLock<PeerAddress>,
    pub(crate) routing_id: OnceLock<RoutingId>,
    pub(crate) subscriptions: OnceLock<PeerKey>,
    options: Arc<Options>,
    outbox: Mutex<Outbox>,
}

#[derive(Debug, Default)]
struct Outbox {
    queue: VecDeque<Outgoing>,
    queued_octets: usize,
    /// Messages and octets taken by the driver and not yet written: they count as queued.
    in_flight: usize,
    in_flight_octets: usize,
    controls: VecDeque<Control>,
    driver: Option<Waker>,
    /// Messages ever queued, and ever taken.
    pushed: u64,
    taken: u64,
    dropped: u64,
    /// Something was refused since the queue was last half empty.
    refused: bool,
    /// And was dropped.
    dropping: bool,
    /// Takes no more messages; what is queued is still sent.
    closing: bool,
    /// Takes no more messages, and what is queued goes nowhere.
    gone: bool,
    kill: Option<ConnectionError>,
}

/// What the driver got out of a visit.
#[derive(Debug, Default)]
pub(crate) struct Visit {
    pub(crate) messages: VecDeque<Outgoing>,
    pub(crate) controls: VecDeque<Control>,
    /// Nothing more will come.
    pub(crate) finished: bool,
    /// Senders that were refused may try again.
    pub(crate) has_room: bool,
    /// The queue has drained after this many messages had ever been dropped.
    pub(crate) drained: Option<u64>,
    pub(crate) kill: Option<ConnectionError>,
}

impl Pipe {
    pub(crate) fn new(id: u64, options: Arc<Options>) -> Pipe {
        Pipe {
            id,
            inbox_key: OnceLock::new(),
            peer: OnceLock::new(),
            routing_id: OnceLock::new(),
            subscriptions: OnceLock::new(),
            options,
            outbox: Mutex::default(),
        }
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message; returns its place among all messages ever queued here.
    pub(crate) fn push(&self, item: Outgoing) -> Result<u64, (SendError, Outgoing)> {
        let mut outbox = self.outbox();
        if outbox.gone || outbox.closing {
            return Err((SendError::Unreachable, item));
        }
        let octets = item.octets();
        if self.options.conflate {
            outbox.discard_queued();
        }
        if outbox.is_full(&self.options, octets) {
            outbox.refused = true;
            return Err((SendError::Full, item));
        }
        outbox.queue.push_back(item);
        outbox.queued_octets += octets;
        outbox.pushed += 1;
        let sequence = outbox.pushed;
        let driver = outbox.driver.take();
        drop(outbox);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(sequence)
    }

    /// Queues a message or drops it. The count of dropped messages when this is the first of an episode.
    pub(crate) fn push_or_drop(&self, item: Outgoing) -> Option<u64> {
        let mut outbox = self.outbox();
        if outbox.gone || outbox.closing {
            return None;
        }
        let octets = item.octets();
        if self.options.conflate {
            outbox.discard_queued();
        }
        if outbox.is_full(&self.options, octets) {
            outbox.dropped += 1;
            outbox.refused = true;
            let first = !std::mem::replace(&mut outbox.dropping, true);
            return first.then_some(outbox.dropped);
        }
        outbox.queue.push_back(item);
        outbox.queued_octets += octets;
        outbox.pushed += 1;
        let driver = outbox.driver.take();
        drop(outbox);
        if let Some(driver) = driver {
            driver.wake();
        }
        None
    }

    pub(crate) fn push_control(&self, control: Control) {
        let mut outbox = self.outbox();
        if !outbox.gone {
            outbox.controls.push_back(control);
        }
        outbox.wake();
    }

    /// No more messages; the driver ends when what is queued has been written.
    pub(crate) fn close(&self) {
        let mut outbox = self.outbox();
        outbox.closing = true;
        outbox.wake();
    }

    /// The driver ends at once, for this reason.
    pub(crate) fn kill(&self, reason: ConnectionError) {
        let mut outbox = self.outbox();
        outbox.kill = Some(reason);
        outbox.wake();
    }

    /// The connection ended. With `keep`, what is still queued waits for the next connection; what was taken is
    /// lost. Returns how many messages had ever been taken.
    pub(crate) fn disconnected(&self, keep: bool) -> u64 {
        let mut outbox = self.outbox();
        outbox.driver = None;
        outbox.kill = None;
        outbox.in_flight = 0;
        outbox.in_flight_octets = 0;
        outbox.controls = VecDeque::new();
        if !keep {
            outbox.abandon();
        }
        outbox.taken
    }

    /// Visited by the driver. Asks to be woken for anything new; takes messages only with `room`, which also says
    /// that all that was taken before has been written.
    pub(crate) fn visit(&self, cx: &Context<'_>, room: bool, visit: &mut Visit) {
        let mut outbox = self.outbox();
        visit.kill = outbox.kill.take();
        visit.has_room = false;
        visit.finished = false;
        if room {
            outbox.in_flight = 0;
            outbox.in_flight_octets = 0;
            std::mem::swap(&mut visit.controls, &mut outbox.controls);
            outbox.take_batch(&self.options, &mut visit.messages);
            visit.finished = outbox.closing && visit.messages.is_empty() && visit.controls.is_empty();
            if outbox.refused && outbox.is_half_empty(&self.options) {
                outbox.refused = false;
                visit.has_room = true;
                visit.drained = std::mem::take(&mut outbox.dropping).then_some(outbox.dropped);
            }
        }
        match &mut outbox.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    /// Messages ever dropped here.
    pub(crate) fn dropped(&self) -> u64 {
        self.outbox().dropped
    }

    /// Some were dropped and nobody was told yet how many in all. Asked once, at the end.
    pub(crate) fn dropped_untold(&self) -> Option<u64> {
        let mut outbox = self.outbox();
        std::mem::take(&mut outbox.dropping).then_some(outbox.dropped)
    }

    /// Would refuse a message of this size.
    pub(crate) fn is_full(&self, octets: usize) -> bool {
        !self.options.conflate && self.outbox().is_full(&self.options, octets)
    }

    /// As a visit by a dialer between two connections: true when it is closing and nothing waits to be sent.
    pub(crate) fn is_finished(&self, cx: &Context<'_>) -> bool {
        let mut outbox = self.outbox();
        outbox.driver = Some(cx.waker().clone());
        outbox.closing && outbox.queue.is_empty()
    }
}

impl Outbox {
    fn discard_queued(&mut self) {
        self.queue.clear();
        self.queued_octets = 0;
    }

    /// The first message of an empty queue always fits the limit in octets.
    fn is_full(&self, options: &Options, octets: usize) -> bool {
        if options.conflate {
            return false;
        }
        let messages = self.queue.len() + self.in_flight;
        options.sndhwm.is_some_and(|hwm| messages >= hwm.max(1))
            || (messages > 0
                && options
                    .sndhwm_bytes
                    .is_some_and(|hwm| self.queued_octets + self.in_flight_octets + octets > hwm))
    }

    fn is_half_empty(&self, options: &Options) -> bool {
        options.sndhwm.is_none_or(|hwm| (self.queue.len() + self.in_flight) * 2 <= hwm)
            && options
                .sndhwm_bytes
                .is_none_or(|hwm| (self.queued_octets + self.in_flight_octets).saturating_mul(2) <= hwm)
    }

    /// Moves up to a batch into `messages`, which is empty.
    fn take_batch(&mut self, options: &Options, messages: &mut VecDeque<Outgoing>) {
        // Half of the queue at most, so that senders can fill the other half while it is written.
        let most = options.sndhwm.map_or(usize::MAX, |hwm| (hwm / 2).max(1));
        if self.queue.len() <= most && self.queued_octets <= BATCH_OCTETS {
            std::mem::swap(&mut self.queue, messages);
            self.in_flight = messages.len();
            self.in_flight_octets = std::mem::take(&mut self.queued_octets);
        } else {
            while self.in_flight < most
                && self.in_flight_octets < BATCH_OCTETS
                && let Some(item) = self.queue.pop_front()
            {
                let octets = item.octets();
                self.in_flight += 1;
                self.in_flight_octets += octets;
                self.queued_octets -= octets;
                messages.push_back(item);
            }
        }
        self.taken += self.in_flight as u64;
        if self.queue.is_empty() && self.queue.capacity() > 16 && messages.is_empty() {
            self.queue = VecDeque::new(); // an idle peer holds no memory
        }
    }

    fn abandon(&mut self) {
        self.gone = true;
        self.queue = VecDeque::new();
        self.queued_octets = 0;
        self.controls = VecDeque::new();
    }

    fn wake(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(options: Options, octets: usize) -> usize {
        let pipe = Pipe::new(1, Arc::new(options));
        let mut count = 0;
        while count < 5000 && pipe.push(Outgoing::Message(vec![0; octets].into())).is_ok() {
            count += 1;
        }
        count
    }

    /// Covers: pitfalls B3 B4; conformance 30
    #[test]
    fn marks_are_exact_in_messages_and_in_octets() {
        for hwm in [1, 10, 1000] {
            assert_eq!(pushed(Options { sndhwm: Some(hwm), ..Options::default() }, 100), hwm);
        }
        assert_eq!(pushed(Options { sndhwm: None, ..Options::default() }, 100), 5000, "no limit");
        let octets = |limit| Options { sndhwm: None, sndhwm_bytes: Some(limit), ..Options::default() };
        assert_eq!(pushed(octets(1000), 100), 10);
        assert_eq!(pushed(octets(1099), 100), 10);
        assert_eq!(pushed(octets(10), 100), 1, "the first always fits");
    }

    #[test]
    fn what_was_taken_counts_until_it_is_written() {
        let pipe = Pipe::new(1, Arc::new(Options { sndhwm: Some(4), ..Options::default() }));
        let push = || pipe.push(Outgoing::Message("m".into())).is_ok();
        assert!((0..4).all(|_| push()) && !push());
        let cx = Context::from_waker(Waker::noop());
        let mut visit = Visit::default();
        pipe.visit(&cx, true, &mut visit);
        assert_eq!(visit.messages.len(), 2, "half of the mark");
        assert!(!push(), "taken and not written");
        pipe.visit(&cx, true, &mut Visit::default());
        assert!(push(), "the first two were written");
    }
}
