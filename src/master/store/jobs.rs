//! Jobs: `jid -> load`, `(jid, syndic) -> minions`, the returns in `chunks`, and when each job came in.

use crate::value::sort;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::chunks::{CHUNKS, Known, RETURNED, returns_of};
use super::engine::{Definition, Schema, Table, pair, second};

/// Jids that are known.
const JOBS: Definition = Definition::new("jobs");
/// `(seconds since 1970 at which it came in, in twenty digits; jid)`.
const AGES: Definition = Definition::new("ages");
const LOADS: Definition = Definition::new("loads");
/// `(jid, syndic)`; the syndic is empty for the master's own list.
const MINIONS: Definition = Definition::new("minions");

/// Entries that one [`JobWrite::Expire`] removes, about: a millisecond's work.
const EXPIRED_AT_ONCE: usize = 2_000;

/// A write, with what its count means.
pub(super) enum JobWrite {
    /// 1.
    Load { jid: String, load: Vec<u8>, minions: Vec<u8>, now: u64 },
    /// 1.
    Minions { jid: String, syndic: String, minions: Vec<u8>, now: u64 },
    /// 0: there was a return already, which stays. 1: stored.
    Return { jid: String, id: String, ret: Vec<u8>, now: u64 },
    /// Jobs whose key in [`AGES`] comes before this. 0: there are none. Otherwise the number of jobs removed, plus 1:
    /// there may be more.
    Expire { before: String },
}

#[derive(Debug)]
pub(super) struct JobTables;

impl Schema for JobTables {
    type Write = JobWrite;
    type Memory = Known;

    fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
        Tables::open(transaction).map(drop)
    }

    fn apply(
        transaction: &WriteTransaction,
        writes: &[&JobWrite],
        known: &mut Known,
    ) -> Result<Vec<u64>, redb::Error> {
        let mut tables = Tables::open(transaction)?;
        let counts = writes.iter().map(|write| tables.apply(write, known)).collect();
        known.write(&mut tables.chunks, &mut tables.returned)?;
        counts
    }

    fn octets(write: &JobWrite) -> usize {
        match write {
            JobWrite::Load { load, minions, .. } => load.len().saturating_add(minions.len()),
            JobWrite::Minions { minions, .. } => minions.len(),
            JobWrite::Return { ret, .. } => ret.len(),
            JobWrite::Expire { .. } => 0,
        }
    }
}

struct Tables<'t> {
    jobs: Table<'t>,
    ages: Table<'t>,
    loads: Table<'t>,
    minions: Table<'t>,
    chunks: Table<'t>,
    returned: Table<'t>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Tables {
            jobs: transaction.open_table(JOBS)?,
            ages: transaction.open_table(AGES)?,
            loads: transaction.open_table(LOADS)?,
            minions: transaction.open_table(MINIONS)?,
            chunks: transaction.open_table(CHUNKS)?,
            returned: transaction.open_table(RETURNED)?,
        })
    }

    fn apply(&mut self, write: &JobWrite, known: &mut Known) -> Result<u64, redb::Error> {
        match write {
            JobWrite::Load { jid, load, minions, now } => {
                self.note(jid, *now)?;
                self.loads.insert(jid.as_str(), load.as_slice())?;
                self.minions.insert(pair(jid, "").as_str(), minions.as_slice())?;
                Ok(1)
            }
            JobWrite::Minions { jid, syndic, minions, now } => {
                self.note(jid, *now)?;
                self.minions.insert(pair(jid, syndic).as_str(), minions.as_slice())?;
                Ok(1)
            }
            JobWrite::Return { jid, id, ret, now } => {
                if !known.has(jid) {
                    self.note(jid, *now)?;
                }
                known.add(&self.returned, jid, id, ret).map(u64::from)
            }
            JobWrite::Expire { before } => {
                known.write(&mut self.chunks, &mut self.returned)?;
                self.expire(before, known)
            }
        }
    }

    /// Every job gets its age from what comes first, load or return.
    fn note(&mut self, jid: &str, now: u64) -> Result<(), redb::Error> {
        if self.jobs.get(jid)?.is_none() {
            self.jobs.insert(jid, [].as_slice())?;
            self.ages.insert(aged(now, jid).as_str(), [].as_slice())?;
        }
        Ok(())
    }

    fn expire(&mut self, end: &str, known: &mut Known) -> Result<u64, redb::Error> {
        let mut room = EXPIRED_AT_ONCE;
        let mut removed = 0;
        loop {
            let oldest = match self.ages.first()? {
                Some((key, _)) if key.value() < end => key.value().to_owned(),
                _ => return Ok(if removed == 0 && room == EXPIRED_AT_ONCE { 0 } else { removed + 1 }),
            };
            let jid = second(&oldest);
            known.forget(jid);
            room = room.saturating_sub(remove_all(&mut self.chunks, jid, room)?);
            room = room.saturating_sub(remove_all(&mut self.returned, jid, room)?);
            room = room.saturating_sub(remove_all(&mut self.minions, jid, room)?);
            if room == 0 {
                // A job with more returns than this: the rest goes next time, its age last.
                return Ok(removed + 1);
            }
            self.loads.remove(jid)?;
            self.jobs.remove(jid)?;
            self.ages.remove(oldest.as_str())?;
            removed += 1;
            room = room.saturating_sub(3);
        }
    }
}

/// Where the jobs end that have no room any longer when `octets` are kept, the newest first; `None`: all have room.
pub(super) fn beyond(read: &ReadTransaction, octets: u64) -> Result<Option<String>, redb::Error> {
    let mut room = octets;
    let loads = read.open_table(LOADS)?;
    for entry in read.open_table(AGES)?.range::<&str>(..)?.rev() {
        let (key, _) = entry?;
        let jid = second(key.value());
        let mut size = loads.get(jid)?.map_or(0, |load| load.value().len());
        let all = pair(jid, "");
        for table in [MINIONS, CHUNKS, RETURNED] {
            for entry in read.open_table(table)?.range(all.as_str()..)? {
                let (key, value) = entry?;
                if !key.value().starts_with(&all) {
                    break;
                }
                size = size.saturating_add(value.value().len());
            }
        }
        match room.checked_sub(u64::try_from(size).unwrap_or(u64::MAX)) {
            Some(left) => room = left,
            // What comes right after this key.
            None => return Ok(Some(format!("{}\0", key.value()))),
        }
    }
    Ok(None)
}

/// A key of [`AGES`]: in the order of time.
pub(super) fn aged(seconds: u64, jid: &str) -> String {
    pair(&format!("{seconds:020}"), jid)
}

/// Removes entries of a jid, `limit` at most, and says how many there were.
fn remove_all(table: &mut Table, jid: &str, limit: usize) -> Result<usize, redb::Error> {
    let all = pair(jid, "");
    let mut keys = Vec::new();
    for entry in table.range(all.as_str()..)?.take(limit) {
        let (key, _) = entry?;
        if !key.value().starts_with(&all) {
            break;
        }
        keys.push(key.value().to_owned());
    }
    for key in &keys {
        table.remove(key.as_str())?;
    }
    Ok(keys.len())
}

pub(super) fn load(read: &ReadTransaction, jid: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(read.open_table(LOADS)?.get(jid)?.map(|load| load.value().to_vec()))
}

pub(super) fn minions(read: &ReadTransaction, jid: &str) -> Result<Vec<Vec<u8>>, redb::Error> {
    let all = pair(jid, "");
    let mut found = Vec::new();
    for entry in read.open_table(MINIONS)?.range(all.as_str()..)? {
        let (key, minions) = entry?;
        if !key.value().starts_with(&all) {
            break;
        }
        found.push(minions.value().to_vec());
    }
    Ok(found)
}

/// `(id, return)`, by ascending id.
pub(super) fn returns(read: &ReadTransaction, jid: &str) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
    let all = pair(jid, "");
    let mut found = Vec::new();
    for entry in read.open_table(CHUNKS)?.range(all.as_str()..)? {
        let (key, chunk) = entry?;
        if !key.value().starts_with(&all) {
            break;
        }
        found.extend(returns_of(chunk.value()).map(|(id, ret)| (id.to_owned(), ret.to_vec())));
    }
    sort::by(&mut found, |(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

/// By ascending jid, the newest `limit`.
pub(super) fn loads(
    read: &ReadTransaction,
    from: Option<&str>,
    to: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
    let table = read.open_table(LOADS)?;
    let from = from.unwrap_or_default();
    let range = match to {
        Some(to) if to <= from => return Ok(Vec::new()),
        Some(to) => table.range(from..to)?,
        None => table.range(from..)?,
    };
    let mut found = Vec::new();
    for entry in range.rev().take(limit) {
        let (jid, load) = entry?;
        found.push((jid.value().to_owned(), load.value().to_vec()));
    }
    found.reverse();
    Ok(found)
}
