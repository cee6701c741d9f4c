//! Jobs whose returns are also written as files: those of Python's clients, which look there for what a job has
//! returned (`LocalClient.get_cache_returns` after `cmd_async`). Ours ask the master, and say so when they publish. Salt:
//! client/__init__.py, returners/local_cache.py.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::names::Jid;

/// Jobs that are remembered. Of those before them, and before the start of the master, the job's directory tells.
const MOST: usize = 4096;

#[derive(Debug)]
pub(super) struct Readers(Mutex<Known>);

#[derive(Debug)]
struct Known {
    jobs: HashSet<Jid>,
    order: VecDeque<Jid>,
    /// All that came after this one are known.
    since: Jid,
}

impl Readers {
    pub(super) fn new(since: Jid) -> Self {
        Readers(Mutex::new(Known { jobs: HashSet::new(), order: VecDeque::new(), since }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns of this job are looked for in files.
    pub(super) fn add(&self, jid: &Jid) {
        let mut known = self.known();
        if known.jobs.insert(jid.clone()) {
            known.order.push_back(jid.clone());
        }
        if known.order.len() > MOST
            && let Some(oldest) = known.order.pop_front()
        {
            known.jobs.remove(&oldest);
            known.since = oldest.max(known.since.clone());
        }
    }

    /// Whether they are; `None` where only the job's directory knows.
    pub(super) fn has(&self, jid: &Jid) -> Option<bool> {
        let known = self.known();
        (*jid > known.since || known.jobs.contains(jid)).then(|| known.jobs.contains(jid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_jobs_are_known() {
        let jid = |number: usize| Jid::parse(&format!("202601020304{number:08}")).expect("a jid");
        let readers = Readers::new(jid(1));
        assert_eq!([0, 1, 2].map(|number| readers.has(&jid(number))), [None, None, Some(false)]);
        for number in 2..=MOST + 2 {
            readers.add(&jid(number));
            readers.add(&jid(number));
        }
        let has = [2, 3, MOST + 2, MOST + 3].map(|number| readers.has(&jid(number)));
        assert_eq!(has, [None, Some(true), Some(true), Some(false)]);
    }
}
