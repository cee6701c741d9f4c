//! Fair queueing: a few messages from each peer that has some, in turn. RFC 28, 29 and 30: "SHALL receive incoming
//! messages from its peers using a fair-queuing strategy".

use std::collections::VecDeque;

/// A peer in its turn gives as many messages as this, as long as they are small: what it sent together is then answered together.
const RUN: usize = 4;
/// Octets after which its turn is over.
const RUN_OCTETS: usize = 4096;

/// A queue per peer and a turn among those that are not empty.
#[derive(Debug)]
pub struct FairQueue<P, T> {
    queues: Vec<Option<Queue<P, T>>>,
    free: Vec<usize>,
    /// Every queue that is not empty, once.
    turn: VecDeque<usize>,
    /// Octets of all queues.
    octets: usize,
}

#[derive(Debug)]
struct Queue<P, T> {
    peer: P,
    items: VecDeque<(T, usize)>,
    octets: usize,
    /// The peer is gone; the queue goes when it is empty.
    departed: bool,
}

/// Names a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueueKey(usize);

impl<P, T> Default for FairQueue<P, T> {
    fn default() -> Self {
        FairQueue { queues: Vec::new(), free: Vec::new(), turn: VecDeque::new(), octets: 0 }
    }
}

impl<P: Clone, T> FairQueue<P, T> {
    /// No queues.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an empty queue.
    pub fn add(&mut self, peer: P) -> QueueKey {
        let queue = Some(Queue { peer, items: VecDeque::new(), octets: 0, departed: false });
        let free = self.free.pop();
        if let Some((key, slot)) = free.and_then(|key| Some((key, self.queues.get_mut(key)?))) {
            *slot = queue;
            return QueueKey(key);
        }
        self.queues.push(queue);
        QueueKey(self.queues.len() - 1)
    }

    /// The peer is gone. What it sent stays to be received, unless `discard`.
    pub fn depart(&mut self, key: QueueKey, discard: bool) {
        let Some(queue) = self.queue_mut(key) else { return };
        queue.departed = true;
        if discard {
            queue.items.clear();
            let octets = std::mem::take(&mut queue.octets);
            self.octets -= octets;
            self.turn.retain(|waiting| *waiting != key.0);
        }
        self.release_if_done(key);
    }

    /// Appends to a queue.
    pub fn push(&mut self, key: QueueKey, item: T, octets: usize) {
        self.extend(key, [(item, octets)]);
    }

    /// Appends items and their octets to a queue.
    pub fn extend(&mut self, key: QueueKey, items: impl IntoIterator<Item = (T, usize)>) {
        let Some(queue) = self.queue_mut(key) else { return };
        let first = queue.items.is_empty();
        let mut sum = 0;
        queue.items.extend(items.into_iter().inspect(|(_, octets)| sum += octets));
        queue.octets += sum;
        let turn = first && !queue.items.is_empty();
        self.octets += sum;
        if turn {
            self.turn.push_back(key.0);
        }
    }

    /// Forgets what is in a queue.
    pub fn clear(&mut self, key: QueueKey) {
        let Some(queue) = self.queue_mut(key) else { return };
        if queue.items.is_empty() {
            return;
        }
        queue.items.clear();
        let octets = std::mem::take(&mut queue.octets);
        self.octets -= octets;
        self.turn.retain(|waiting| *waiting != key.0);
    }

    /// The next item, its peer and its queue.
    pub fn pop(&mut self) -> Option<(QueueKey, P, T)> {
        let mut next = None;
        self.pop_many(1, |key, peer, item| next = Some((key, peer.clone(), item)));
        next
    }

    /// As [`FairQueue::pop`], up to `most` times, giving `each` what it asks for: not every receiver asks who it was, and counting
    /// references across processors costs more than all the rest of this.
    pub fn pop_many(&mut self, most: usize, mut each: impl FnMut(QueueKey, &P, T)) {
        let mut left = most;
        while left > 0
            && let Some(key) = self.turn.pop_front().map(QueueKey)
        {
            // Who is alone has all the turns.
            let alone = self.turn.is_empty();
            let Some(queue) = self.queue_mut(key) else { continue };
            let most = if alone { left } else { left.min(RUN) };
            let (mut run, mut sum) = (0, 0);
            while run < most
                && (alone || sum < RUN_OCTETS)
                && let Some((item, octets)) = queue.items.pop_front()
            {
                run += 1;
                sum += octets;
                each(key, &queue.peer, item);
            }
            queue.octets -= sum;
            let more = !queue.items.is_empty();
            if !more && queue.items.capacity() > 32 {
                queue.items = VecDeque::new(); // an idle peer holds no memory
            }
            self.octets -= sum;
            left -= run;
            if more {
                self.turn.push_back(key.0);
            }
            self.release_if_done(key);
        }
    }

    fn release_if_done(&mut self, key: QueueKey) {
        if self.queue(key).is_some_and(|queue| queue.departed && queue.items.is_empty())
            && let Some(slot) = self.queues.get_mut(key.0)
        {
            *slot = None;
            self.free.push(key.0);
        }
    }

    /// Items in one queue.
    pub fn len(&self, key: QueueKey) -> usize {
        self.queue(key).map_or(0, |queue| queue.items.len())
    }

    /// Octets in one queue.
    pub fn octets(&self, key: QueueKey) -> usize {
        self.queue(key).map_or(0, |queue| queue.octets)
    }

    /// Octets in all queues.
    pub fn total_octets(&self) -> usize {
        self.octets
    }

    /// No queue has anything.
    pub fn is_empty(&self) -> bool {
        self.turn.is_empty()
    }

    fn queue(&self, key: QueueKey) -> Option<&Queue<P, T>> {
        self.queues.get(key.0)?.as_ref()
    }

    fn queue_mut(&mut self, key: QueueKey) -> Option<&mut Queue<P, T>> {
        self.queues.get_mut(key.0)?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_waits_its_turn() {
        let mut queue = FairQueue::new();
        let flood = queue.add('f');
        let light = queue.add('l');
        for i in 0..100 {
            queue.push(flood, i, 1);
        }
        queue.push(light, 1000, 5);
        assert_eq!(queue.total_octets(), 105);
        assert_eq!(queue.pop().map(|(_, peer, item)| (peer, item)), Some(('f', 0)));
        assert_eq!(queue.pop().map(|(_, peer, item)| (peer, item)), Some(('l', 1000)));
        assert_eq!(queue.pop().map(|(_, peer, item)| (peer, item)), Some(('f', 1)));
        assert_eq!(queue.len(flood), 98);
        queue.push(light, 1001, 5);
        let mut all = Vec::new();
        queue.pop_many(6, |_, peer, item| all.push((*peer, item)));
        assert_eq!(all, [('f', 2), ('f', 3), ('f', 4), ('f', 5), ('l', 1001), ('f', 6)]);
        queue.pop_many(1000, |_, _, item| all.push(('f', item)));
        assert_eq!((all.len(), all.last(), queue.total_octets()), (99, Some(&('f', 99)), 0));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_turn_is_over_after_a_large_message() {
        let mut queue = FairQueue::new();
        let (large, small) = (queue.add('l'), queue.add('s'));
        queue.extend(large, [(1, RUN_OCTETS), (2, RUN_OCTETS)]);
        queue.extend(small, [(3, 1), (4, 1)]);
        let mut all = Vec::new();
        queue.pop_many(9, |_, _, item| all.push(item));
        assert_eq!(all, [1, 3, 4, 2]);
    }

    #[test]
    fn what_a_departed_peer_sent_is_received_unless_discarded() {
        let mut queue = FairQueue::new();
        let a = queue.add('a');
        let b = queue.add('b');
        queue.push(a, 1, 1);
        queue.push(b, 2, 1);
        queue.depart(a, false);
        queue.depart(b, true);
        assert_eq!(queue.total_octets(), 1);
        assert_eq!(queue.pop().map(|(_, peer, item)| (peer, item)), Some(('a', 1)));
        assert!(queue.pop().is_none());
        assert!(queue.is_empty());
        assert_eq!(queue.free.len(), 2, "both slots are free again");
    }
}
