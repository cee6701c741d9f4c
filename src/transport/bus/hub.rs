//! Where events meet listeners: each listener has a bounded queue of its own, an event is packed and framed once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Notify, watch};

use super::BusError;
use super::server::Door;
use crate::event::{self, Event, Filter};
use crate::value::Map;

/// The handle of a daemon on its own bus. Cheap to clone; never blocks; may be used from any thread.
#[derive(Clone, Debug)]
pub struct Bus(Arc<Hub>);

/// What a bus has seen since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusCounters {
    /// Events fired, whoever fired them.
    pub fired: u64,
    /// Listeners at the moment, in and out of the process.
    pub listeners: u64,
    /// Listeners disconnected because they did not read what piled up for them.
    pub too_slow: u64,
    /// Events that a listener in the process lost for the same reason.
    pub lost: u64,
    /// Connections closed because they sent what is no event, or were too many.
    pub refused: u64,
}

#[derive(Debug)]
pub(super) struct Hub {
    listeners: Mutex<Vec<Arc<Listener>>>,
    /// Where listeners of other processes come in.
    door: Option<Door>,
    max_event_size: usize,
    /// Octets that may wait for one listener.
    max_queued: usize,
    fired: AtomicU64,
    too_slow: AtomicU64,
    lost: AtomicU64,
    refused: AtomicU64,
}

/// One listener: a connection, or a task of this process.
#[derive(Debug)]
pub(super) struct Listener {
    queue: Mutex<Queue>,
    wake: Notify,
    /// `Some`: in this process, with the events it wants.
    filter: Option<Filter>,
    /// Only events of other processes.
    others_only: bool,
}

#[derive(Debug, Default)]
struct Queue {
    /// Frames for connections, bare events for the process's own.
    waiting: VecDeque<Bytes>,
    /// Octets in `waiting` and in the hands of the writer.
    octets: usize,
    /// Nothing more will come.
    closed: bool,
}

impl Bus {
    pub(super) fn new(max_event_size: usize, max_queued: usize, door: Option<Door>) -> Self {
        Bus(Arc::new(Hub {
            listeners: Mutex::default(),
            door,
            max_event_size,
            max_queued,
            fired: AtomicU64::default(),
            too_slow: AtomicU64::default(),
            lost: AtomicU64::default(),
            refused: AtomicU64::default(),
        }))
    }

    /// Fires an event; `_stamp` is set. Nothing is packed that nobody wants.
    ///
    /// # Errors
    /// When the tag is empty.
    pub fn fire(&self, tag: &str, data: Map) -> Result<(), BusError> {
        if tag.is_empty() {
            return Err(BusError::NoTag);
        }
        if !lock(&self.0.listeners).iter().any(|listener| listener.wants(tag, true)) {
            self.0.fired.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.pass(&event::pack(tag, data, crate::host::utc_now(), self.0.max_event_size), true);
        Ok(())
    }

    /// Passes the bytes of another process's event to every listener as they are.
    pub fn fire_packed(&self, body: &Bytes) {
        self.pass(body, false);
    }

    fn pass(&self, body: &Bytes, own: bool) {
        self.0.fired.fetch_add(1, Ordering::Relaxed);
        let tag = event::tag_of(body).unwrap_or_default();
        let mut framed: Option<Bytes> = None;
        let mut listeners = lock(&self.0.listeners);
        listeners.retain(|listener| match &listener.filter {
            Some(_) => {
                if listener.wants(tag, own) {
                    self.0.lost.fetch_add(listener.push_dropping(body, self.0.max_queued), Ordering::Relaxed);
                }
                true
            }
            None => {
                let frame = framed.get_or_insert_with(|| event::frame(body));
                let kept = listener.push_or_close(frame, self.0.max_queued);
                if !kept {
                    self.0.too_slow.fetch_add(1, Ordering::Relaxed);
                    crate::log::warn!(
                        waiting_octets = self.0.max_queued,
                        "a listener of the event bus does not read: disconnected"
                    );
                }
                kept
            }
        });
    }

    /// Listens in this process. Events that pile up beyond the limit are lost from the oldest on, and counted.
    pub fn subscribe(&self, filter: Filter) -> LocalEvents {
        self.listen(filter, false)
    }

    /// Listens in this process, as [`Bus::subscribe`], to what other processes fire.
    pub fn subscribe_to_others(&self, filter: Filter) -> LocalEvents {
        self.listen(filter, true)
    }

    fn listen(&self, filter: Filter, others_only: bool) -> LocalEvents {
        LocalEvents { listener: self.add(Some(filter), others_only), hub: Arc::downgrade(&self.0) }
    }

    /// What happened so far.
    pub fn counters(&self) -> BusCounters {
        let hub = &self.0;
        BusCounters {
            fired: hub.fired.load(Ordering::Relaxed),
            listeners: lock(&hub.listeners).len() as u64,
            too_slow: hub.too_slow.load(Ordering::Relaxed),
            lost: hub.lost.load(Ordering::Relaxed),
            refused: hub.refused.load(Ordering::Relaxed),
        }
    }

    pub(super) fn add(&self, filter: Option<Filter>, others_only: bool) -> Arc<Listener> {
        let listener =
            Arc::new(Listener { queue: Mutex::default(), wake: Notify::new(), filter, others_only });
        lock(&self.0.listeners).push(Arc::clone(&listener));
        listener
    }

    pub(super) fn remove(&self, listener: &Arc<Listener>) {
        self.0.remove(listener);
    }

    pub(super) fn door(&self) -> Option<&Door> {
        self.0.door.as_ref()
    }

    pub(super) fn count_refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends every listener: the server is going away.
    pub(super) fn close(&self) {
        for listener in lock(&self.0.listeners).drain(..) {
            listener.close();
        }
    }
}

/// Events one after the other.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) octets: Bytes,
    /// Nothing else waits.
    pub(super) last: bool,
}

/// Salt's clients read so many octets at once. transport/tcp.py, `PublishClient.recv`.
const READ_TOGETHER: usize = 4096;

impl Hub {
    fn remove(&self, listener: &Arc<Listener>) {
        lock(&self.listeners).retain(|other| !Arc::ptr_eq(other, listener));
    }
}

impl Listener {
    /// Whether an event is for this listener: one of this process (`own`), or of another.
    fn wants(&self, tag: &str, own: bool) -> bool {
        !(own && self.others_only) && self.filter.as_ref().is_none_or(|filter| filter.matches(tag))
    }

    /// For a connection: one that does not read is ended. False when it is.
    fn push_or_close(&self, frame: &Bytes, limit: usize) -> bool {
        let mut queue = lock(&self.queue);
        // A single frame may be larger than the limit, and then waits alone.
        if queue.octets > 0 && queue.octets.saturating_add(frame.len()) > limit {
            queue.closed = true;
            queue.waiting.clear();
        } else {
            queue.octets += frame.len();
            queue.waiting.push_back(frame.clone());
        }
        let kept = !queue.closed;
        drop(queue);
        self.wake.notify_one();
        kept
    }

    /// For a task of this process: the oldest make room. Gives the number of events lost.
    fn push_dropping(&self, body: &Bytes, limit: usize) -> u64 {
        let mut queue = lock(&self.queue);
        let mut lost = 0;
        while queue.octets > 0 && queue.octets.saturating_add(body.len()) > limit {
            let Some(oldest) = queue.waiting.pop_front() else { break };
            queue.octets -= oldest.len();
            lost += 1;
        }
        queue.octets += body.len();
        queue.waiting.push_back(body.clone());
        drop(queue);
        self.wake.notify_one();
        lost
    }

    fn close(&self) {
        lock(&self.queue).closed = true;
        self.wake.notify_one();
    }

    /// Completes when the listener was closed. Only for the writer, while it holds a batch.
    pub(super) async fn closed(&self) {
        while !lock(&self.queue).closed {
            self.wake.notified().await;
        }
    }

    /// What there is to write, up to about `limit` octets; `None` once closed. Cancel-safe.
    pub(super) async fn batch(&self, limit: usize) -> Option<Batch> {
        loop {
            if let Some(batch) = self.take(limit)? {
                return Some(batch);
            }
            self.wake.notified().await;
        }
    }

    fn take(&self, limit: usize) -> Option<Option<Batch>> {
        let mut queue = lock(&self.queue);
        let Some(first) = queue.waiting.pop_front() else {
            return if queue.closed { None } else { Some(None) };
        };
        if queue.waiting.is_empty() || first.len() >= limit {
            return Some(Some(Batch { octets: first, last: queue.waiting.is_empty() }));
        }
        let together = queue.octets <= READ_TOGETHER;
        let mut batch = BytesMut::from(first);
        while batch.len() < limit && (together || queue.waiting.len() > 1) {
            let Some(next) = queue.waiting.pop_front() else { break };
            batch.extend_from_slice(&next);
        }
        Some(Some(Batch { octets: batch.freeze(), last: queue.waiting.is_empty() }))
    }

    /// A batch of `octets` has been written.
    pub(super) fn written(&self, octets: usize) {
        let mut queue = lock(&self.queue);
        queue.octets = queue.octets.saturating_sub(octets);
    }
}

/// The events that a task of this process listens to.
#[derive(Debug)]
pub struct LocalEvents {
    listener: Arc<Listener>,
    hub: Weak<Hub>,
}

impl LocalEvents {
    /// The next event; `None` when the bus is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let body = self.listener.batch(0).await?.octets;
            self.listener.written(body.len());
            match event::unpack(&body) {
                Ok(event) => return Some(event),
                Err(error) => crate::log::debug!(%error, "an event of the bus is left out"),
            }
        }
    }

    /// The next event within `wait`; `None` when there was none, or the bus is gone.
    pub async fn next_within(&mut self, wait: Duration) -> Option<Event> {
        tokio::time::timeout(wait, self.next()).await.ok().flatten()
    }

    /// The next event until `stop` says so, then those that wait already; `None` after them.
    pub async fn next_until(&mut self, stop: &mut watch::Receiver<bool>) -> Option<Event> {
        tokio::select! {
            biased;
            event = self.next() => event,
            _ = stop.wait_for(|stop| *stop) => self.next_within(Duration::ZERO).await,
        }
    }
}

impl Drop for LocalEvents {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.remove(&self.listener);
        }
    }
}

/// The data behind these locks is whole after every step, whatever panicked meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
