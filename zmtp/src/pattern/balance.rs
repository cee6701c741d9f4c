//! Round-robin among the peers that can take a message. RFC 28, "REQ" and "DEALER".

/// Peers in a ring.
#[derive(Debug)]
pub struct Balancer<P> {
    peers: Vec<P>,
    /// Who is asked first; below `peers.len()` unless there are none.
    next: usize,
}

impl<P> Default for Balancer<P> {
    fn default() -> Self {
        Balancer { peers: Vec::new(), next: 0 }
    }
}

impl<P> Balancer<P> {
    /// No peers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a peer at the end of the ring.
    pub fn add(&mut self, peer: P) {
        self.peers.push(peer);
    }

    /// Removes every peer that `gone` names.
    pub fn remove(&mut self, gone: impl Fn(&P) -> bool) {
        self.peers.retain(|peer| !gone(peer));
        if self.next >= self.peers.len() {
            self.next = 0;
        }
    }

    /// All peers.
    pub fn peers(&self) -> &[P] {
        &self.peers
    }

    /// RFC 28 and 30: "SHALL route outgoing messages to available peers using a round-robin strategy", "SHALL consider a
    /// peer as available only when it has a outgoing queue that is not full", "SHALL NOT discard messages that it cannot
    /// queue". Offers something to one peer after the other until one takes it. `offer` gives back what it did not take.
    ///
    /// # Errors
    /// The thing itself when nobody took it.
    pub fn offer<T, R>(
        &mut self,
        mut thing: T,
        mut offer: impl FnMut(&P, T) -> Result<R, T>,
    ) -> Result<R, T> {
        let (before, after) = self.peers.split_at(self.next.min(self.peers.len()));
        for (turn, peer) in after.iter().chain(before).enumerate() {
            match offer(peer, thing) {
                Ok(taken) => {
                    self.next = (self.next + turn + 1) % self.peers.len();
                    return Ok(taken);
                }
                Err(back) => thing = back,
            }
        }
        Err(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_take_turns_and_full_ones_are_skipped() {
        let mut ring = Balancer::new();
        assert_eq!(ring.offer("m", |_: &u8, _| Ok(())), Err("m"));
        for peer in 0..3_u8 {
            ring.add(peer);
        }
        let mut taken = Vec::new();
        for full in [9, 9, 9, 9, 1, 9] {
            let peer = ring.offer((), |peer, ()| if *peer == full { Err(()) } else { Ok(*peer) }).unwrap();
            taken.push(peer);
        }
        assert_eq!(taken, [0, 1, 2, 0, 2, 0]);
        assert_eq!(ring.offer(7, |_, m| Err::<(), _>(m)), Err(7));
        ring.remove(|peer| *peer == 2);
        assert_eq!(ring.peers(), [0, 1]);
    }
}
