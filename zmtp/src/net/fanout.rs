//! From one publisher to many subscribers.
//!
//! Whoever publishes a small message adds it to [`Pending`] and is done. A walker, a task that is there as long as there is something
//! to do, looks up who wants what waits, puts runs of messages into the queues, and writes for those whose drivers wait for nothing
//! but more to write. So a burst costs each subscriber one lock, one entry in its queue and one write, and a task for each subscriber
//! sleeps on. A walker never waits: what a stream does not take is its driver's, as everything else is.
//!
//! Nobody sees that messages wait: who gets them is decided before subscriptions change, and they are in the queues before a message
//! that travels alone, and before the socket closes.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::runtime::Handle;

use super::{
    monitor::{Event, Monitor},
    outbox::{HANDLE_OCTETS, Outgoing, PACK_OCTETS},
    pending::{self, Pending, Segment},
    pipe::{Pipe, Published},
};
use crate::codec::Encoded;
use crate::message::Message;
use crate::pattern::subscriptions::Subscriptions;

/// From so many subscribers on, walkers write. A few have a task each that writes while the publisher goes on. In tests of this crate
/// everybody is one of many.
const MANY: usize = if cfg!(any(test, feature = "fuzzing")) { 1 } else { 8 };
/// Peers that a walker writes to before it looks again what waits, and others have their turn: half a millisecond.
const STEP: usize = 128;
/// Another walker comes, as long as the runtime has threads, for so many peers: fewer are not worth waking a thread.
const PER_WALKER: usize = 256;

type Peers = Subscriptions<Arc<Pipe>>;

#[derive(Debug)]
pub(crate) struct Fanout {
    /// Of the three locks, the one that is taken first.
    subscriptions: Mutex<Peers>,
    /// And last.
    pending: Mutex<Pending>,
    /// There are many subscribers.
    many: AtomicBool,
    /// There were when something was published, so that something may wait.
    begun: AtomicBool,
    inverted: bool,
    monitor: Arc<Monitor>,
    runtime: Handle,
    most_walkers: usize,
    round: Mutex<Round>,
}

#[derive(Debug, Default)]
struct Round {
    /// Peers for whom something is queued.
    listed: VecDeque<Arc<Pipe>>,
    /// And for whom something is about to be.
    delivery: Option<Delivery>,
    walkers: usize,
}

/// Messages that all go to the same peers, and come into a queue just before they are written: so the queues of thousands are not
/// filled all at once, and what a peer needs is fetched into the processor's cache once.
#[derive(Debug)]
struct Delivery {
    segments: Vec<Segment>,
    peers: std::vec::IntoIter<Arc<Pipe>>,
}

impl Round {
    fn waiting(&self) -> usize {
        self.listed.len() + self.delivery.as_ref().map_or(0, |delivery| delivery.peers.len())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fanout {
    pub(crate) fn new(inverted: bool, monitor: Arc<Monitor>) -> Arc<Fanout> {
        let runtime = Handle::current();
        Arc::new(Fanout {
            subscriptions: Mutex::default(),
            pending: Mutex::default(),
            many: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            inverted,
            monitor,
            most_walkers: runtime.metrics().num_workers(),
            runtime,
            round: Mutex::default(),
        })
    }

    /// The subscriptions, with nothing that was published before in need of them.
    pub(crate) fn subscriptions(self: &Arc<Self>) -> MutexGuard<'_, Peers> {
        let mut subscriptions = lock(&self.subscriptions);
        if self.begun.load(Ordering::Relaxed) {
            self.distribute(&mut subscriptions);
        }
        subscriptions
    }

    /// The same, with all that was published before in the queues.
    pub(crate) fn flushed(self: &Arc<Self>) -> MutexGuard<'_, Peers> {
        let subscriptions = self.subscriptions();
        if self.begun.load(Ordering::Relaxed) {
            self.deliver_all(&mut lock(&self.round));
        }
        subscriptions
    }

    /// To be told of every change.
    pub(crate) fn set_subscribers(&self, subscribers: usize) {
        self.many.store(subscribers >= MANY, Ordering::Relaxed);
    }

    /// Takes a small message for many, to be put into their queues soon. False when it has to be put there now.
    pub(crate) fn take(self: &Arc<Self>, message: &Message) -> bool {
        if !self.many.load(Ordering::Relaxed) || message.wire_octets() > pending::LONGEST {
            return false;
        }
        self.begun.store(true, Ordering::Relaxed);
        let mut pending = lock(&self.pending);
        let first = pending.is_empty();
        pending.push(message);
        let full = pending.is_full();
        drop(pending);
        if full {
            drop(self.subscriptions());
        } else if first {
            self.call_walkers(lock(&self.round));
        }
        true
    }

    /// Queues a message for every peer that wants it and has room, with the subscriptions [`Fanout::flushed`].
    pub(crate) fn publish(self: &Arc<Self>, message: &Message, subscriptions: &mut Peers) {
        // Encoded once and shared. For a single subscriber, or where a handle would be as long, the queue has a copy.
        let single = subscriptions.subscribers() == 1 && !self.inverted;
        let copied = message.wire_octets() <= if single { PACK_OCTETS } else { HANDLE_OCTETS };
        let encoded = (!copied).then(|| Encoded::message(message));
        let mut listed = Vec::new();
        subscriptions.for_each_wanting(message.first(), self.inverted, |pipe| {
            let item = encoded.as_ref().map_or(Outgoing::Copied(message), Outgoing::Shared);
            self.published(pipe, pipe.publish(item, self.many.load(Ordering::Relaxed)), &mut listed);
        });
        if !listed.is_empty() {
            let mut round = lock(&self.round);
            round.listed.extend(listed);
            self.call_walkers(round);
        }
    }

    fn published(&self, pipe: &Arc<Pipe>, published: Published, listed: &mut Vec<Arc<Pipe>>) {
        if let (Some(total), Some(peer)) = (published.dropped, pipe.peer.get()) {
            self.monitor.report(|| Event::Dropped { peer: peer.clone(), total });
        }
        if published.waits {
            listed.push(pipe.clone());
        }
    }

    /// Decides who gets what waits, and puts it into the queues unless a walker may do that as it goes.
    fn distribute(self: &Arc<Self>, subscriptions: &mut Peers) {
        let segments = lock(&self.pending).take();
        let Some(first) = segments.first().and_then(|segment| segment.topics().next()) else { return };
        let place = subscriptions.place_of(first);
        let alike = |segment: &Segment| segment.topics().all(|topic| subscriptions.place_of(topic) == place);
        let all_alike = segments.iter().all(alike);
        let mut round = lock(&self.round);
        self.deliver_all(&mut round);
        if all_alike && round.listed.is_empty() {
            let mut peers = Vec::new();
            subscriptions.for_each_wanting(first, self.inverted, |pipe| peers.push(pipe.clone()));
            if !peers.is_empty() {
                round.delivery = Some(Delivery { segments, peers: peers.into_iter() });
            }
            return self.call_walkers(round);
        }
        let mut listed = Vec::new();
        for segment in &segments {
            let places: Vec<_> = segment.topics().map(|topic| subscriptions.place_of(topic)).collect();
            for run in segment.runs(&places) {
                subscriptions.for_each_wanting(run.topic(), self.inverted, |pipe| {
                    self.published(pipe, pipe.publish_run(run), &mut listed);
                });
            }
        }
        round.listed.extend(listed);
        self.call_walkers(round);
    }

    /// Puts what is on its way into the queues.
    fn deliver_all(&self, round: &mut Round) {
        let mut listed = Vec::new();
        if let Some(Delivery { segments, peers }) = round.delivery.take() {
            peers.for_each(|pipe| self.deliver(&segments, &pipe, &mut listed));
        }
        round.listed.extend(listed);
    }

    fn deliver(&self, segments: &[Segment], pipe: &Arc<Pipe>, listed: &mut Vec<Arc<Pipe>>) {
        for segment in segments {
            self.published(pipe, pipe.publish_run(segment.all()), listed);
        }
    }

    /// Sees to it that there are as many walkers as there should be.
    fn call_walkers(self: &Arc<Self>, mut round: MutexGuard<'_, Round>) {
        let wanted = round.waiting().div_ceil(PER_WALKER).clamp(1, self.most_walkers);
        let more = wanted.saturating_sub(round.walkers);
        round.walkers += more;
        drop(round);
        for _ in 0..more {
            self.runtime.spawn(self.clone().walk());
        }
    }

    async fn walk(self: Arc<Self>) {
        let (mut again, mut taken) = (Vec::new(), Vec::new());
        loop {
            if !lock(&self.pending).is_empty() {
                drop(self.subscriptions());
            }
            let Some(pipes) = self.next(&mut again) else { return };
            again.extend(pipes.into_iter().filter(|pipe| pipe.write_in_round(&mut taken)));
            tokio::task::yield_now().await;
        }
    }

    /// The next step of a walker. None when it has come to the end.
    fn next(&self, again: &mut Vec<Arc<Pipe>>) -> Option<Vec<Arc<Pipe>>> {
        let mut round = lock(&self.round);
        round.listed.extend(again.drain(..));
        let step = round.listed.len().min(STEP);
        let mut pipes: Vec<_> = round.listed.drain(..step).collect();
        if let Some(delivery) = &mut round.delivery {
            while pipes.len() < STEP
                && let Some(pipe) = delivery.peers.next()
            {
                self.deliver(&delivery.segments, &pipe, &mut pipes);
            }
            if delivery.peers.len() == 0 {
                round.delivery = None;
            }
        } else if pipes.is_empty() && lock(&self.pending).is_empty() {
            round.walkers -= 1;
            round.listed = VecDeque::new();
            return None;
        }
        Some(pipes)
    }
}
