//! Jobs that were already started: the same job may arrive twice (two masters, a filtering master, a replay). Salt:
//! minion.py (`jid_queue`).

use std::collections::{HashSet, VecDeque};

/// The last jids, as many as `minion_jid_queue_hwm` says.
#[derive(Debug)]
pub struct SeenJids {
    order: VecDeque<String>,
    known: HashSet<String>,
    most: usize,
}

impl SeenJids {
    /// Remembers `most` jids, at least one.
    pub fn new(most: usize) -> Self {
        SeenJids { order: VecDeque::new(), known: HashSet::new(), most: most.max(1) }
    }

    /// Whether this is the first time; remembers it.
    pub fn first_time(&mut self, jid: &str) -> bool {
        if !self.known.insert(jid.to_owned()) {
            return false;
        }
        self.order.push_back(jid.to_owned());
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jid_is_new_once_and_old_ones_are_forgotten() {
        let mut seen = SeenJids::new(2);
        assert!(seen.first_time("1") && !seen.first_time("1"));
        assert!(seen.first_time("2") && seen.first_time("3"));
        assert!(!seen.first_time("2") && !seen.first_time("3"));
        assert!(seen.first_time("1"), "pushed out by 3");
    }
}
