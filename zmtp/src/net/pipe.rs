//! RFC 28: "If this peer disconnects, the [...] socket SHALL destroy its double queue and SHALL discard any messages it
//! contains"; a dialled endpoint's queue lives "whether or not the connection is established". The way to one peer: a bounded queue that sockets fill and one driver empties.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::Context,
};

use super::{
    SendError, TrySendError,
    outbox::{Control, Outbox, Outgoing, Queued, Rest, Round, most_together},
    pending::Run,
    stream::{PeerAddress, Writer},
};
use crate::codec::Output;
use crate::error::ConnectionError;
use crate::message::{Message, RoutingId};
use crate::options::Options;
use crate::pattern::{fair_queue::QueueKey, subscriptions::PeerKey};

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

/// What became of published messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Published {
    /// Something is queued, and a walker has to come.
    pub(crate) waits: bool,
    /// One was the first of an episode to be dropped; so many ever were.
    pub(crate) dropped: Option<u64>,
}

/// What the driver got out of a visit.
#[derive(Debug, Default)]
pub(crate) struct Visit {
    pub(crate) messages: Vec<Queued>,
    pub(crate) controls: VecDeque<Control>,
    /// More is about to come, to be written together: visit again soon.
    pub(crate) again: bool,
    /// Somebody else writes, and wakes the driver afterwards.
    pub(crate) busy: bool,
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
    pub(crate) fn push(&self, message: Message) -> Result<u64, TrySendError> {
        let mut outbox = self.outbox();
        if outbox.gone || outbox.closing {
            return Err(TrySendError { reason: SendError::Unreachable, message });
        }
        if outbox.is_full(&self.options, message.octets()) {
            outbox.refused = true;
            return Err(TrySendError { reason: SendError::Full, message });
        }
        outbox.enqueue(&self.options, Outgoing::Message(message));
        let sequence = outbox.pushed;
        let driver = outbox.waker();
        drop(outbox);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(sequence)
    }

    /// Queues a message or drops it. The count of dropped messages when this is the first of an episode.
    pub(crate) fn push_or_drop(&self, item: Outgoing<'_>) -> Option<u64> {
        let mut outbox = self.outbox();
        let mut published = Published::default();
        if outbox.gone || outbox.closing || !self.offer(&mut outbox, item, &mut published) {
            return published.dropped;
        }
        let driver = outbox.waker();
        drop(outbox);
        if let Some(driver) = driver {
            driver.wake();
        }
        None
    }

    /// As [`Pipe::push_or_drop`], where with `walked` somebody else may do the driver's work.
    pub(crate) fn publish(&self, item: Outgoing<'_>, walked: bool) -> Published {
        let mut outbox = self.outbox();
        let mut published = Published::default();
        if outbox.gone || outbox.closing || !self.offer(&mut outbox, item, &mut published) {
            return published;
        }
        self.call_writer(outbox, walked, published)
    }

    /// Queues a message as [`Pipe::publish`] does, or says why it cannot.
    pub(crate) fn answer(&self, message: Message, walked: bool) -> Result<Published, SendError> {
        let mut outbox = self.outbox();
        if outbox.gone || outbox.closing {
            return Err(SendError::Unreachable);
        }
        if outbox.is_full(&self.options, message.octets()) {
            outbox.refused = true;
            return Err(SendError::Full);
        }
        outbox.enqueue(&self.options, Outgoing::Message(message));
        Ok(self.call_writer(outbox, walked, Published::default()))
    }

    /// The same for a run of messages, and a walker.
    pub(crate) fn publish_run(&self, run: Run<'_>) -> Published {
        let mut outbox = self.outbox();
        let mut published = Published::default();
        if outbox.gone || outbox.closing {
            return published;
        }
        let mut any = false;
        for chunk in run.chunks(most_together(&self.options)) {
            if outbox.takes_all(&self.options, chunk) {
                outbox.enqueue(&self.options, Outgoing::Run(chunk));
                any = true;
            } else {
                for one in chunk.chunks(1) {
                    any |= self.offer(&mut outbox, Outgoing::Run(one), &mut published);
                }
            }
        }
        if any { self.call_writer(outbox, true, published) } else { published }
    }

    /// Queues or drops; true when it is queued.
    fn offer(&self, outbox: &mut Outbox, item: Outgoing<'_>, published: &mut Published) -> bool {
        if outbox.is_full(&self.options, item.octets()) {
            outbox.dropped += 1;
            outbox.refused = true;
            if !std::mem::replace(&mut outbox.dropping, true) {
                published.dropped = Some(outbox.dropped);
            }
            return false;
        }
        outbox.enqueue(&self.options, item);
        true
    }

    fn call_writer(
        &self,
        mut outbox: MutexGuard<'_, Outbox>,
        walked: bool,
        published: Published,
    ) -> Published {
        match outbox.round {
            Round::Nothing if walked && outbox.writer.is_some() => {
                outbox.round = Round::Listed;
                return Published { waits: true, ..published };
            }
            Round::Nothing => {}
            _ => return published, // somebody comes, or comes again
        }
        let driver = outbox.waker_to_write();
        drop(outbox);
        if let Some(driver) = driver {
            driver.wake();
        }
        published
    }

    /// Whoever writes in the place of the driver should come later, since more is about to be queued by somebody who is `at_work`.
    pub(crate) fn hesitates(&self, at_work: bool) -> bool {
        let mut outbox = self.outbox();
        let answers = outbox.answers;
        at_work && outbox.writer.is_some() && outbox.hesitates(&self.options, answers)
    }

    /// Writes what is queued in the place of the driver, as far as the stream takes it; the driver is woken for the rest, and for
    /// everything else. True when more was queued meanwhile. `taken` is empty, before and afterwards.
    pub(crate) fn write_in_round(&self, taken: &mut Vec<Queued>) -> bool {
        let mut outbox = self.outbox();
        outbox.round = Round::Nothing;
        // Or else the driver was here.
        let Some(writer) = outbox.take_writer() else { return false };
        outbox.round = Round::Writing;
        outbox.clear_in_flight();
        outbox.take_batch(&self.options, taken);
        drop(outbox);
        let mut output = Output::new();
        let only = if taken.len() == 1 { taken.pop().map(Queued::into_piece) } else { None };
        match only {
            // Most often, and without anything to be allocated.
            Some(Ok(piece)) => writer.write_piece(piece).into_iter().for_each(|left| output.push_piece(left)),
            Some(Err(other)) => other.encode_to(&mut output),
            None => taken.drain(..).for_each(|queued| queued.encode_to(&mut output)),
        }
        let done = writer.write_out(&mut output);
        self.after_round(writer, &mut output, done)
    }

    fn after_round(&self, writer: Arc<Writer>, output: &mut Output, done: bool) -> bool {
        let mut outbox = self.outbox();
        let round = std::mem::take(&mut outbox.round);
        if !round.is_writing() {
            return false; // the connection ended
        }
        if !done {
            let pieces = std::iter::from_fn(|| output.take_piece()).collect();
            outbox.rest = Some(Box::new(Rest { pieces, messages: outbox.in_flight }));
        }
        if done {
            outbox.clear_in_flight();
        }
        if !done || round == Round::Awaited || outbox.refused || outbox.closing {
            outbox.blocked = false;
            wake(&mut outbox);
            return false;
        }
        outbox.writer = Some(writer);
        outbox.forget_queue();
        let more = !outbox.is_empty();
        if more {
            outbox.round = Round::Listed;
        }
        more
    }

    pub(crate) fn push_control(&self, control: Control) {
        let mut outbox = self.outbox();
        if !outbox.gone {
            outbox.controls.push_back(control);
        }
        if let Some(driver) = outbox.waker() {
            driver.wake();
        }
    }

    /// No more messages; the driver ends when what is queued has been written.
    pub(crate) fn close(&self) {
        let mut outbox = self.outbox();
        outbox.closing = true;
        wake(&mut outbox);
    }

    /// The driver ends at once, for this reason.
    pub(crate) fn kill(&self, reason: ConnectionError) {
        let mut outbox = self.outbox();
        outbox.kill = Some(Box::new(reason));
        wake(&mut outbox);
    }

    /// The connection ended. With `keep`, what is still queued waits for the next connection; what was taken is
    /// lost. Returns how many messages had ever been taken.
    pub(crate) fn disconnected(&self, keep: bool) -> u64 {
        let mut outbox = self.outbox();
        outbox.driver = None;
        outbox.kill = None;
        outbox.clear_in_flight();
        outbox.writer = None;
        outbox.rest = None;
        outbox.round = Round::Nothing;
        outbox.controls = VecDeque::new();
        if !keep {
            outbox.abandon();
        }
        outbox.taken
    }

    /// Visited by the driver. Takes messages only with `room`, which also says that all that was taken before has been
    /// written. A driver that got nothing is woken for anything new; one without room only to be ended. When it got
    /// nothing, senders may use `writer` until it is withdrawn; true for that. So many `answers` are expected to be queued in all,
    /// and waited for as long as somebody is `at_work` and they keep coming.
    pub(crate) fn visit(
        &self,
        cx: &Context<'_>,
        room: bool,
        (answers, at_work): (u32, bool),
        writer: Option<&Arc<Writer>>,
        visit: &mut Visit,
    ) -> bool {
        let mut outbox = self.outbox();
        outbox.answers = answers;
        visit.kill = outbox.kill.take().map(|reason| *reason);
        visit.busy = outbox.round.is_writing();
        let room = room && !visit.busy;
        outbox.blocked = !room;
        if visit.busy {
            outbox.round = Round::Awaited;
        }
        outbox.writer = None;
        if room {
            outbox.clear_in_flight();
            if visit.kill.is_none() && at_work && outbox.hesitates(&self.options, answers) {
                visit.again = true;
                return false;
            }
            std::mem::swap(&mut visit.controls, &mut outbox.controls);
            outbox.take_batch(&self.options, &mut visit.messages);
            let nothing = visit.messages.is_empty() && visit.controls.is_empty();
            visit.finished = outbox.closing && nothing;
            if outbox.refused && outbox.is_half_empty(&self.options) {
                outbox.refused = false;
                visit.has_room = true;
                visit.drained = std::mem::take(&mut outbox.dropping).then_some(outbox.dropped);
            }
            if !nothing {
                return false; // it comes again
            }
            outbox.writer = writer.cloned();
        }
        match &mut outbox.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        outbox.writer.is_some()
    }

    /// The driver has something to write. False while somebody else writes, or when that left something that comes first: the driver
    /// is woken then.
    pub(crate) fn withdraw_writer(&self, cx: &Context<'_>) -> bool {
        let mut outbox = self.outbox();
        if outbox.round.is_writing() {
            outbox.round = Round::Awaited;
            outbox.driver = Some(cx.waker().clone());
            return false;
        }
        outbox.writer = None;
        outbox.rest.is_none()
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
        outbox.blocked = false;
        outbox.closing && outbox.is_empty()
    }
}

/// Wakes the driver, whatever it waits for.
fn wake(outbox: &mut Outbox) {
    if let Some(driver) = outbox.driver.take() {
        driver.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        task::{Poll, Wake, Waker},
    };

    use bytes::BytesMut;

    use super::*;
    use crate::net::{memory, stream::Stream};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A pipe whose driver waits for more, how often it was woken, what it writes to, and the other end.
    fn offered(options: Options) -> (Pipe, Arc<Count>, Waker, Arc<Writer>, memory::End) {
        let pipe = Pipe::new(1, Arc::new(options));
        let count = Arc::<Count>::default();
        let waker = Waker::from(count.clone());
        let (ours, theirs) = memory::pair();
        let writer = Stream::from(ours).writer;
        let idle =
            pipe.visit(&Context::from_waker(&waker), true, (0, false), Some(&writer), &mut Visit::default());
        assert!(idle);
        (pipe, count, waker, writer, theirs)
    }

    const QUEUED: Published = Published { waits: false, dropped: None };
    const WAITS: Published = Published { waits: true, dropped: None };

    fn read(end: &memory::End) -> usize {
        let mut buffer = BytesMut::with_capacity(1 << 20);
        match end.poll_read(&Context::from_waker(Waker::noop()), &mut buffer) {
            Poll::Ready(octets) => octets.unwrap(),
            Poll::Pending => 0,
        }
    }

    #[test]
    fn a_round_writes_for_a_driver_that_waits_and_does_not_wake_it() {
        let (pipe, woken, waker, writer, end) = offered(Options::default());
        let publish = || pipe.publish(Outgoing::Message("12345678".into()), true);
        assert_eq!([publish(), publish()], [WAITS, QUEUED], "listed once");
        assert!(!pipe.write_in_round(&mut Vec::new()));
        assert_eq!(read(&end), 20);
        assert_eq!(publish(), WAITS, "and again afterwards");
        // The driver comes for a reason of its own, and takes what there is; the round finds nothing to do.
        let mut visit = Visit::default();
        let cx = Context::from_waker(&waker);
        assert!(!pipe.visit(&cx, true, (0, false), Some(&writer), &mut visit));
        assert_eq!(visit.messages.len(), 1);
        assert!(!pipe.write_in_round(&mut Vec::new()));
        assert_eq!((read(&end), woken.0.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn answers_wait_for_the_others_as_long_as_somebody_makes_them() {
        let (pipe, woken, waker, writer, end) = offered(Options::default());
        let cx = Context::from_waker(&waker);
        assert!(pipe.visit(&cx, true, (4, true), Some(&writer), &mut Visit::default()));
        let answer = || pipe.answer("12345678".into(), true).ok();
        assert_eq!([answer(), answer()], [Some(WAITS), Some(QUEUED)]);
        assert!(!pipe.hesitates(false), "nobody is at work");
        assert!((0..4).all(|_| pipe.hesitates(true)), "two of four");
        assert!(!pipe.hesitates(true), "no other came in all this time");
        assert_eq!(answer(), Some(QUEUED));
        assert!(pipe.hesitates(true), "three of four");
        assert_eq!(answer(), Some(QUEUED));
        assert!(!pipe.hesitates(true), "that is all");
        assert!(!pipe.write_in_round(&mut Vec::new()));
        assert_eq!((read(&end), woken.0.load(Ordering::Relaxed)), (40, 0));
    }

    #[test]
    fn a_driver_takes_nothing_while_a_round_writes_and_is_woken_afterwards() {
        let (pipe, woken, waker, writer, _end) = offered(Options::default());
        let cx = Context::from_waker(&waker);
        pipe.publish(Outgoing::Message("m".into()), true);
        pipe.outbox().round = Round::Writing;
        let mut visit = Visit::default();
        assert!(
            !pipe.visit(&cx, true, (0, false), Some(&writer), &mut visit)
                && visit.busy
                && visit.messages.is_empty()
        );
        assert!(!pipe.withdraw_writer(&cx));
        assert_eq!(pipe.outbox().round, Round::Awaited);
        assert!(!pipe.after_round(writer, &mut Output::new(), true));
        assert_eq!((woken.0.load(Ordering::Relaxed), pipe.outbox().round), (1, Round::Nothing));
    }

    #[test]
    fn what_the_stream_does_not_take_comes_first_and_counts_until_it_is_written() {
        let options = Options { sndhwm: Some(4), ..Options::default() };
        let (pipe, woken, waker, writer, end) = offered(options);
        let publish = || pipe.publish(Outgoing::Message(vec![7; 300_000].into()), true);
        assert_eq!(publish(), WAITS);
        assert!((0..3).all(|_| publish() == QUEUED));
        assert_eq!(publish(), Published { waits: false, dropped: Some(1) });
        assert!(!pipe.write_in_round(&mut Vec::new()), "what is left is the driver's");
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(publish(), QUEUED, "dropped as well: nothing was written whole");
        assert_eq!(pipe.dropped(), 2);
        let first = read(&end);
        assert!(first < 300_009, "{first}");
        let cx = Context::from_waker(&waker);
        assert!(!pipe.withdraw_writer(&cx), "a word of the driver's own would be in the middle of a message");
        let mut octets = first;
        for _ in 0..3 {
            let mut visit = Visit::default();
            pipe.visit(&cx, true, (0, false), Some(&writer), &mut visit);
            let mut output = Output::new();
            visit.messages.into_iter().for_each(|queued| queued.encode_to(&mut output));
            octets += output.octets();
        }
        assert_eq!(octets, 4 * 300_009);
    }

    fn pushed(options: Options, octets: usize) -> usize {
        let pipe = Pipe::new(1, Arc::new(options));
        let mut count = 0;
        while count < 5000 && pipe.push(vec![0; octets].into()).is_ok() {
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
        let push = || pipe.push("m".into()).is_ok();
        assert!((0..4).all(|_| push()) && !push());
        let cx = Context::from_waker(Waker::noop());
        let mut visit = Visit::default();
        pipe.visit(&cx, true, (0, false), None, &mut visit);
        assert_eq!(visit.messages.len(), 2, "half of the mark");
        assert!(!push(), "taken and not written");
        pipe.visit(&cx, true, (0, false), None, &mut Visit::default());
        assert!(push(), "the first two were written");
    }
}
