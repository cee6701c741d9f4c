//! The returns of a job, as they came in: what one commit takes for a job is one value, `length id length return` again
//! and again. A thousand minions that answer at once so cost a few pages for each commit, not a leaf of the tree each.
//!
//! Who has returned for a job is known in memory while returns come in for it, and read from the chunks before that.

use std::collections::{HashSet, VecDeque};

use redb::ReadableTable;

use super::engine::{Definition, Table, pair};

/// `(jid, number in eight digits)`.
pub(super) const CHUNKS: Definition = Definition::new("chunks");

/// Jobs, and ids of all of them together, that are remembered. The job that is written to is remembered in any case.
const MOST_JOBS: usize = 64;
const MOST_IDS: usize = 100_000;

/// Adds a return to a chunk.
fn push(chunk: &mut Vec<u8>, id: &str, ret: &[u8]) {
    for part in [id.as_bytes(), ret] {
        chunk.extend_from_slice(&(part.len() as u64).to_be_bytes());
        chunk.extend_from_slice(part);
    }
}

/// The returns of a chunk: `(id, return)`. Ends where it is not what [`push`] writes.
pub(super) fn returns_of(mut chunk: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let mut part = move || {
        let (len, rest) = chunk.split_first_chunk::<8>()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*len)).ok()?)?;
        chunk = rest;
        Some(part)
    };
    std::iter::from_fn(move || Some((std::str::from_utf8(part()?).ok()?, part()?)))
}

/// What is remembered of jobs that returns come in for; the latest stands last. Empty after a commit that failed.
#[derive(Debug, Default)]
pub(super) struct Known {
    jobs: VecDeque<Job>,
    ids: usize,
}

#[derive(Debug)]
struct Job {
    jid: String,
    returned: HashSet<Box<str>>,
    /// The number of its next chunk.
    next: u32,
    /// What this commit adds.
    chunk: Vec<u8>,
}

impl Known {
    /// Takes a return in; false if the minion has returned for this job before. [`Known::write`] has to follow.
    pub(super) fn add(
        &mut self,
        chunks: &Table,
        jid: &str,
        id: &str,
        ret: &[u8],
    ) -> Result<bool, redb::Error> {
        let place = match self.jobs.iter().rposition(|job| job.jid == jid) {
            Some(place) => place,
            None => {
                let job = Job::read(chunks, jid)?;
                self.ids += job.returned.len();
                self.jobs.push_back(job);
                self.jobs.len() - 1
            }
        };
        let Some(job) = self.jobs.get_mut(place) else { return Ok(false) };
        if !job.returned.insert(id.into()) {
            return Ok(false);
        }
        self.ids += 1;
        push(&mut job.chunk, id, ret);
        Ok(true)
    }

    /// Writes what was added, and forgets the oldest jobs of too many.
    pub(super) fn write(&mut self, chunks: &mut Table) -> Result<(), redb::Error> {
        for job in self.jobs.iter_mut().filter(|job| !job.chunk.is_empty()) {
            chunks.insert(numbered(&job.jid, job.next).as_str(), job.chunk.as_slice())?;
            job.next += 1;
            job.chunk = Vec::new();
        }
        while self.jobs.len() > 1 && (self.jobs.len() > MOST_JOBS || self.ids > MOST_IDS) {
            let gone = self.jobs.pop_front();
            self.ids -= gone.map_or(0, |job| job.returned.len());
        }
        Ok(())
    }

    /// Whether returns of this job are remembered: then it has its entry and its age.
    pub(super) fn has(&self, jid: &str) -> bool {
        self.jobs.iter().rev().any(|job| job.jid == jid)
    }

    pub(super) fn forget(&mut self, jid: &str) {
        self.jobs.retain(|job| job.jid != jid);
        self.ids = self.jobs.iter().map(|job| job.returned.len()).sum();
    }
}

impl Job {
    fn read(chunks: &Table, jid: &str) -> Result<Self, redb::Error> {
        let mut job = Job { jid: jid.to_owned(), returned: HashSet::new(), next: 0, chunk: Vec::new() };
        let all = pair(jid, "");
        for entry in chunks.range(all.as_str()..)? {
            let (key, chunk) = entry?;
            let Some(number) = key.value().strip_prefix(&all) else { break };
            job.next = number.parse().map_or(job.next, |number: u32| number.saturating_add(1));
            job.returned.extend(returns_of(chunk.value()).map(|(id, _)| Box::from(id)));
        }
        Ok(job)
    }
}

fn numbered(jid: &str, number: u32) -> String {
    pair(jid, &format!("{number:08}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_gives_back_what_was_put_in_and_ends_where_it_is_damaged() {
        let mut chunk = Vec::new();
        push(&mut chunk, "web1", b"one");
        push(&mut chunk, "web2", b"");
        let all = vec![("web1", b"one".as_slice()), ("web2", b"".as_slice())];
        assert_eq!(returns_of(&chunk).collect::<Vec<_>>(), all);
        for cut in 0..chunk.len() {
            let found: Vec<_> = returns_of(&chunk[..cut]).collect();
            assert!(all.starts_with(&found) && found.len() < 2, "{cut}: {found:?}");
        }
        chunk[0] = 0xff;
        assert_eq!(returns_of(&chunk).count(), 0);
    }
}
