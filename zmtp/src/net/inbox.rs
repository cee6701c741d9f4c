//! What peers sent and the application has not received yet: fair over peers, bounded for each.
//!
//! A peer whose queue is full is not read until the application has taken half of it; nobody else notices.

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;

use super::{lend::Lent, pipe::Pipe};
use crate::message::Message;
use crate::options::Options;
use crate::pattern::fair_queue::{FairQueue, QueueKey};

/// Messages that a receiver takes out at once. The turn of the peers is kept.
const TAKE: usize = 32;
/// Messages that a driver puts in at once.
pub(crate) const PUT: usize = 64;

/// Something from a peer.
#[derive(Debug)]
pub(crate) enum Item {
    Message(Message),
    /// XPUB: a topic got its first subscriber.
    Subscribed(Bytes),
    /// XPUB: a topic lost its last one.
    Unsubscribed(Bytes),
    /// REQ: the connection ended after this many messages had been taken from the queue of its pipe.
    Lost(u64),
}

/// An item and who sent it.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Only where the socket asks, see [`Inbox::anonymous`].
    pub(crate) pipe: Option<Arc<Pipe>>,
    pub(crate) item: Item,
}

#[derive(Debug)]
/// RFC 28 and 30: "SHALL maintain a double queue for each connected peer, allowing outgoing and incoming messages to be queued
/// independently". RFC 29 lets a SUB "silently discard messages if the queue for a publisher is full"; as in libzmq, the
/// publisher is not read instead, and drops at its side.
pub(crate) struct Inbox {
    state: Mutex<State>,
    options: Arc<Options>,
    /// Items come with their pipes.
    named: bool,
    /// The receiver took several items and has not come for more.
    at_work: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    queue: FairQueue<Arc<Pipe>, Item>,
    receiver: Option<Waker>,
    /// Drivers that wait for room in their queue.
    stopped: HashMap<QueueKey, Waker>,
    /// The sum of all queues was too large for some of them.
    stopped_by_total: bool,
    /// Connections whose drivers may be lent, and the driver while there is one of them.
    lenders: usize,
    lent: Option<Weak<Lent>>,
}

impl Inbox {
    pub(crate) fn new(options: Arc<Options>) -> Inbox {
        Inbox { state: Mutex::default(), options, named: true, at_work: AtomicBool::new(false) }
    }

    /// An inbox for sockets that do not ask who sent an item.
    pub(crate) fn anonymous(options: Arc<Options>) -> Inbox {
        Inbox { state: Mutex::default(), options, named: false, at_work: AtomicBool::new(false) }
    }

    /// The receiver is likely to send more answers at once.
    pub(crate) fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a new pipe its queue.
    pub(crate) fn add(&self, pipe: &Arc<Pipe>) {
        let key = self.state().queue.add(pipe.clone());
        // A pipe is added once, by its maker.
        let _first = pipe.inbox_key.set(key);
    }

    /// The peer is gone for good. What it sent can still be received, unless there is too much of everything.
    pub(crate) fn depart(&self, pipe: &Pipe) {
        let Some(&key) = pipe.inbox_key.get() else { return };
        let mut state = self.state();
        let discard = state.queue.total_octets() > self.options.max_queued_octets;
        state.queue.depart(key, discard);
        state.stopped.remove(&key);
    }

    /// A connection whose driver may be lent is complete.
    pub(crate) fn lend(&self, lent: &Weak<Lent>) {
        let mut state = self.state();
        state.lenders += 1;
        state.lent = if state.lenders == 1 { Some(lent.clone()) } else { None };
    }

    /// And has ended.
    pub(crate) fn take_back(&self, lent: &Weak<Lent>) {
        let mut state = self.state();
        state.lenders -= 1;
        state.lent.take_if(|other| other.ptr_eq(lent));
    }

    /// How many more messages this peer may put in. With 0 the driver is woken when there is room.
    pub(crate) fn room(&self, pipe: &Pipe, cx: &Context<'_>) -> usize {
        let Some(&key) = pipe.inbox_key.get() else { return usize::MAX };
        let mut state = self.state();
        let room = state.room(key, &self.options);
        if room == 0 {
            state.stopped.insert(key, cx.waker().clone());
        }
        room
    }

    /// Puts items in, emptying `items`, and wakes the receiver.
    pub(crate) fn put(&self, pipe: &Pipe, items: &mut Vec<Item>) {
        let (_room, receiver) = self.put_quietly(pipe, items);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    /// Puts items in, emptying `items`; returns how many more may follow without asking for room, and the receiver, to be woken.
    pub(crate) fn put_quietly(&self, pipe: &Pipe, items: &mut Vec<Item>) -> (usize, Option<Waker>) {
        let Some(&key) = pipe.inbox_key.get() else { return (0, None) };
        let mut state = self.state();
        if self.options.conflate {
            let newest = items.iter().rposition(|item| matches!(item, Item::Message(_)));
            if let Some(newest) = newest {
                state.queue.clear(key);
                items.drain(..newest);
            }
        }
        state.queue.extend(
            key,
            items.drain(..).map(|item| {
                let octets = match &item {
                    Item::Message(message) => message.octets(),
                    Item::Subscribed(topic) | Item::Unsubscribed(topic) => topic.len(),
                    Item::Lost(_) => 0,
                };
                (item, octets)
            }),
        );
        (state.room(key, &self.options), state.receiver.take())
    }

    /// The next items in fair order into `taken`, which is empty. When there is none, gives the driver that may bring some, if the
    /// receiver wants it, or else keeps the waker, if it has one.
    fn take(&self, waker: Option<&Waker>, drives: bool, taken: &mut VecDeque<Incoming>) -> Option<Arc<Lent>> {
        let mut state = self.state();
        let (mut popped, mut woken) = (Vec::new(), Vec::new());
        let most = if self.options.conflate { 1 } else { TAKE };
        let stopped = !state.stopped.is_empty();
        state.queue.pop_many(most, |key, pipe, item| {
            taken.push_back(Incoming { pipe: self.named.then(|| pipe.clone()), item });
            popped.extend(stopped.then_some(key));
        });
        for key in popped {
            state.resume(key, &self.options, &mut woken);
        }
        if state.stopped_by_total && state.queue.total_octets() <= self.options.max_queued_octets / 2 {
            state.stopped_by_total = false;
            woken.extend(state.stopped.drain().map(|(_, waker)| waker));
        }
        let lent = state.lent.as_ref().filter(|_| drives && taken.is_empty()).and_then(Weak::upgrade);
        state.receiver = waker.filter(|_| lent.is_none() && taken.is_empty()).cloned();
        drop(state);
        self.at_work.store(taken.len() > 1, Ordering::Relaxed);
        woken.into_iter().for_each(Waker::wake);
        lent
    }
}

impl State {
    fn room(&mut self, key: QueueKey, options: &Options) -> usize {
        if options.conflate {
            return PUT;
        }
        let queued = self.queue.len(key);
        if queued > 0 {
            if options.rcvhwm_bytes.is_some_and(|hwm| self.queue.octets(key) >= hwm) {
                return 0;
            }
            if self.queue.total_octets() > options.max_queued_octets {
                self.stopped_by_total = true;
                return 0;
            }
        }
        let room = options.rcvhwm.map_or(PUT, |hwm| hwm.max(1).saturating_sub(queued));
        // With a limit in octets, look again after every message.
        if options.rcvhwm_bytes.is_some() { room.min(1) } else { room }
    }

    fn resume(&mut self, key: QueueKey, options: &Options, woken: &mut Vec<Waker>) {
        let half_empty = options.rcvhwm.is_none_or(|hwm| self.queue.len(key) * 2 <= hwm)
            && options.rcvhwm_bytes.is_none_or(|hwm| self.queue.octets(key).saturating_mul(2) <= hwm);
        if half_empty && let Some(waker) = self.stopped.remove(&key) {
            woken.push(waker);
        }
    }
}

/// The application's end of an inbox.
/// RFC 28 to 31: "SHALL deliver these to its calling application".
#[derive(Debug)]
pub(crate) struct Receiver {
    inbox: Arc<Inbox>,
    /// Taken out and not yet received: kept here, so that a dropped future loses nothing.
    taken: VecDeque<Incoming>,
    /// The driver that wakes this receiver, while it waits.
    held: Option<Arc<Lent>>,
}

/// A receiver that waits for the next item. Dropping it loses nothing.
struct Recv<'a>(&'a mut Receiver);

impl Receiver {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Receiver {
        Receiver { inbox, taken: VecDeque::new(), held: None }
    }

    /// The next item. Cancel-safe.
    pub(crate) fn recv(&mut self) -> impl Future<Output = Incoming> {
        Recv(self)
    }

    /// What is there already.
    pub(crate) fn try_recv(&mut self) -> Option<Incoming> {
        if self.taken.is_empty() {
            self.inbox.take(None, false, &mut self.taken);
        }
        self.taken.pop_front()
    }

    /// Looks for items, and drives the only connection for some.
    fn look(&mut self, cx: &Context<'_>) {
        let lent = self.inbox.take(Some(cx.waker()), true, &mut self.taken);
        let Some(lent) = lent else { return self.let_go() };
        if self.held.as_ref().is_some_and(|held| !Arc::ptr_eq(held, &lent)) {
            self.let_go();
        }
        lent.drive(cx);
        self.held = Some(lent);
        self.inbox.take(Some(cx.waker()), false, &mut self.taken);
    }

    fn let_go(&mut self) {
        if let Some(held) = self.held.take() {
            held.let_go();
        }
    }
}

impl Future for Recv<'_> {
    type Output = Incoming;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Incoming> {
        if self.0.taken.is_empty() {
            self.0.look(cx);
        }
        self.0.taken.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Recv<'_> {
    fn drop(&mut self) {
        self.0.let_go();
    }
}
