//! The peers of a ROUTER by their routing ids. RFC 28, "ROUTER".

use std::collections::HashMap;

use crate::message::RoutingId;

/// Routing ids in use.
#[derive(Debug)]
pub struct Routes<P> {
    peers: HashMap<RoutingId, P>,
    /// Number of the next generated id.
    next: u32,
}

/// Somebody else has this routing id, and it is not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse;

impl<P> Routes<P> {
    /// No peers. `first` numbers the first generated id; random, so that ids do not repeat after a restart.
    pub fn new(first: u32) -> Self {
        Routes { peers: HashMap::new(), next: first }
    }

    /// RFC 28: "SHALL identify each double queue using a unique "identity" binary string." Gives `peer` the id that it announced or a generated one. The second value is the peer that had the id
    /// before and has to go.
    ///
    /// # Errors
    /// [`InUse`] when another peer has the id and `handover` is off.
    pub fn claim(
        &mut self,
        announced: Option<RoutingId>,
        peer: P,
        handover: bool,
    ) -> Result<(RoutingId, Option<P>), InUse> {
        let id = match announced {
            Some(id) if !handover && self.peers.contains_key(&id) => return Err(InUse),
            Some(id) => id,
            None => self.generate(),
        };
        let old = self.peers.insert(id.clone(), peer);
        Ok((id, old))
    }

    fn generate(&mut self) -> RoutingId {
        loop {
            let id = RoutingId::generated(self.next);
            self.next = self.next.wrapping_add(1);
            if !self.peers.contains_key(&id) {
                return id;
            }
        }
    }

    /// Frees an id, if it still belongs to the peer that `is_it` recognises.
    pub fn release(&mut self, id: &RoutingId, is_it: impl Fn(&P) -> bool) {
        if self.peers.get(id).is_some_and(is_it) {
            self.peers.remove(id);
        }
    }

    /// The peer with this id.
    pub fn find(&self, id: &RoutingId) -> Option<&P> {
        self.peers.get(id)
    }

    /// Number of peers.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// No peers.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: conformance 45
    #[test]
    fn generated_ids_count_up_and_wrap_around() {
        let mut routes = Routes::new(u32::MAX);
        let (first, _) = routes.claim(None, 'a', false).unwrap();
        let (second, _) = routes.claim(None, 'b', false).unwrap();
        assert_eq!(first.as_bytes(), [0, 255, 255, 255, 255]);
        assert_eq!(second.as_bytes(), [0, 0, 0, 0, 0]);
    }

    #[test]
    fn an_id_in_use_is_refused_or_handed_over() {
        let id = RoutingId::new(b"web1").unwrap();
        let mut routes = Routes::new(0);
        routes.claim(Some(id.clone()), 'a', false).unwrap();
        assert_eq!(routes.claim(Some(id.clone()), 'b', false), Err(InUse));
        assert_eq!(routes.find(&id), Some(&'a'));
        assert_eq!(routes.claim(Some(id.clone()), 'c', true), Ok((id.clone(), Some('a'))));
        routes.release(&id, |peer| *peer == 'a');
        assert_eq!(routes.find(&id), Some(&'c'), "the old owner's end does not take the new one's id");
        routes.release(&id, |peer| *peer == 'c');
        assert!(routes.is_empty());
    }
}
