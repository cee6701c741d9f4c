//! The returns of a job, as they came in: what one commit takes for a job is one value, `length id length return` again
//! and again. A thousand minions that answer at once so cost a few pages for each commit, not a leaf of the tree each.
//!
//! Who has returned for a job is known in memory while returns come in for it. Before that it is read from a table of ids
//! alone: the returns of a job may be a thousand times as much.

use std::collections::{HashMap, HashSet};

use redb::ReadableTable;

use super::engine::{Definition, Table, pair};

use crate::value::sort;

/// `(jid, number in eight digits)`.
pub(super) const CHUNKS: Definition = Definition::new("chunks");
/// The same keys: the ids in that chunk, with [`BETWEEN`] between them.
pub(super) const RETURNED: Definition = Definition::new("returned");

/// No id has it.
const BETWEEN: &str = "\0";

/// Jobs, and ids of all of them together, that are remembered. Of more, those go that returns came in for longest ago.
const MOST_JOBS: usize = 1_000;
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

/// What is remembered of jobs that returns come in for. Empty after a commit that failed.
#[derive(Debug, Default)]
pub(super) struct Known {
    jobs: HashMap<String, Job>,
    /// Ids of all jobs together.
    ids: usize,
    /// Commits so far.
    commits: u64,
}

#[derive(Debug, Default)]
struct Job {
    returned: HashSet<Box<str>>,
    /// The number of its next chunk.
    next: u32,
    /// What this commit adds, and whom.
    chunk: Vec<u8>,
    ids: String,
    /// The last commit that had to do with it.
    used: u64,
}

impl Known {
    /// Takes a return in; false if the minion has returned for this job before. [`Known::write`] has to follow.
    pub(super) fn add(
        &mut self,
        returned: &Table,
        jid: &str,
        id: &str,
        ret: &[u8],
    ) -> Result<bool, redb::Error> {
        if !self.jobs.contains_key(jid) {
            let job = Job::read(returned, jid)?;
            self.ids += job.returned.len();
            self.jobs.insert(jid.to_owned(), job);
        }
        let Some(job) = self.jobs.get_mut(jid) else { return Ok(false) };
        job.used = self.commits;
        if !job.returned.insert(id.into()) {
            return Ok(false);
        }
        self.ids += 1;
        push(&mut job.chunk, id, ret);
        if !job.ids.is_empty() {
            job.ids.push_str(BETWEEN);
        }
        job.ids.push_str(id);
        Ok(true)
    }

    /// Writes what was added, and forgets jobs when there are too many.
    pub(super) fn write(&mut self, chunks: &mut Table, returned: &mut Table) -> Result<(), redb::Error> {
        for (jid, job) in self.jobs.iter_mut().filter(|(_, job)| !job.chunk.is_empty()) {
            let key = numbered(jid, job.next);
            chunks.insert(key.as_str(), std::mem::take(&mut job.chunk).as_slice())?;
            returned.insert(key.as_str(), std::mem::take(&mut job.ids).as_bytes())?;
            job.next += 1;
        }
        if self.jobs.len() > MOST_JOBS || self.ids > MOST_IDS {
            // The older half at once, so that it is rarely done.
            let mut used: Vec<u64> = self.jobs.values().map(|job| job.used).collect();
            sort::all(&mut used);
            let middle = used.get(used.len() / 2).copied().unwrap_or_default();
            self.retain(|_, job| job.used >= middle);
        }
        self.commits += 1;
        Ok(())
    }

    /// Whether returns of this job are remembered: then it has its entry and its age.
    pub(super) fn has(&self, jid: &str) -> bool {
        self.jobs.contains_key(jid)
    }

    pub(super) fn forget(&mut self, jid: &str) {
        self.retain(|known, _| known != jid);
    }

    fn retain(&mut self, stays: impl Fn(&str, &Job) -> bool) {
        self.jobs.retain(|jid, job| stays(jid, job));
        self.ids = self.jobs.values().map(|job| job.returned.len()).sum();
    }
}

impl Job {
    fn read(returned: &Table, jid: &str) -> Result<Self, redb::Error> {
        let mut job = Job::default();
        let all = pair(jid, "");
        for entry in returned.range(all.as_str()..)? {
            let (key, ids) = entry?;
            let Some(number) = key.value().strip_prefix(&all) else { break };
            job.next = number.parse().map_or(job.next, |number: u32| number.saturating_add(1));
            let ids = std::str::from_utf8(ids.value()).unwrap_or_default();
            job.returned.extend(ids.split(BETWEEN).map(Box::from));
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
