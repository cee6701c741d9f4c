//! Jobs whose returns are also written as files: those of Python's clients, which look there for what a job has
//! returned (`LocalClient.get_cache_returns` after `cmd_async`). Ours ask the master, and say so when they publish. Salt:
//! client/__init__.py, returners/local_cache.py.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::names::Jid;

/// Jobs that are remembered. Returns that come after so many later jobs, or after a restart, are in the store alone.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Readers(Mutex<(HashSet<Jid>, VecDeque<Jid>)>);

impl Readers {
    /// Returns of this job are looked for in files.
    pub(super) fn add(&self, jid: &Jid) {
        let (known, order) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.insert(jid.clone()) {
            order.push_back(jid.clone());
        }
        if order.len() > MOST
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }

    pub(super) fn has(&self, jid: &Jid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.contains(jid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_jobs_are_known() {
        let jid = |number: usize| Jid::parse(&format!("202601020304{number:08}")).expect("a jid");
        let readers = Readers::default();
        for number in 0..=MOST {
            readers.add(&jid(number));
            readers.add(&jid(number));
        }
        assert!(!readers.has(&jid(0)) && readers.has(&jid(1)) && readers.has(&jid(MOST)));
    }
}
