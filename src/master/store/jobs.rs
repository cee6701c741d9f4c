//! Jobs: `jid -> load`, `(jid, syndic) -> minions`, `(jid, id) -> return`, and when each job came in.

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::engine::Schema;

/// `jid -> seconds since 1970 at which it came in`.
const JOBS: TableDefinition<&str, u64> = TableDefinition::new("jobs");
/// The same by time.
const AGES: TableDefinition<(u64, &str), ()> = TableDefinition::new("ages");
const LOADS: TableDefinition<&str, &[u8]> = TableDefinition::new("loads");
/// The syndic is empty for the master's own list.
const MINIONS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("minions");
const RETURNS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("returns");

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
    /// 0: nothing is that old. Otherwise the number of jobs removed, plus 1: there may be more.
    Expire { before: u64 },
}

#[derive(Debug)]
pub(super) struct JobTables;

impl Schema for JobTables {
    type Write = JobWrite;

    fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
        Tables::open(transaction).map(drop)
    }

    fn apply(transaction: &WriteTransaction, writes: &[&JobWrite]) -> Result<Vec<u64>, redb::Error> {
        let mut tables = Tables::open(transaction)?;
        writes.iter().map(|write| tables.apply(write)).collect()
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
    jobs: redb::Table<'t, &'static str, u64>,
    ages: redb::Table<'t, (u64, &'static str), ()>,
    loads: redb::Table<'t, &'static str, &'static [u8]>,
    minions: redb::Table<'t, (&'static str, &'static str), &'static [u8]>,
    returns: redb::Table<'t, (&'static str, &'static str), &'static [u8]>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Tables {
            jobs: transaction.open_table(JOBS)?,
            ages: transaction.open_table(AGES)?,
            loads: transaction.open_table(LOADS)?,
            minions: transaction.open_table(MINIONS)?,
            returns: transaction.open_table(RETURNS)?,
        })
    }

    fn apply(&mut self, write: &JobWrite) -> Result<u64, redb::Error> {
        match write {
            JobWrite::Load { jid, load, minions, now } => {
                self.note(jid, *now)?;
                self.loads.insert(jid.as_str(), load.as_slice())?;
                self.minions.insert((jid.as_str(), ""), minions.as_slice())?;
                Ok(1)
            }
            JobWrite::Minions { jid, syndic, minions, now } => {
                self.note(jid, *now)?;
                self.minions.insert((jid.as_str(), syndic.as_str()), minions.as_slice())?;
                Ok(1)
            }
            JobWrite::Return { jid, id, ret, now } => {
                let key = (jid.as_str(), id.as_str());
                if self.returns.get(key)?.is_some() {
                    return Ok(0);
                }
                self.note(jid, *now)?;
                self.returns.insert(key, ret.as_slice())?;
                Ok(1)
            }
            JobWrite::Expire { before } => self.expire(*before),
        }
    }

    /// Every job gets its age from what comes first, load or return.
    fn note(&mut self, jid: &str, now: u64) -> Result<(), redb::Error> {
        if self.jobs.get(jid)?.is_none() {
            self.jobs.insert(jid, now)?;
            self.ages.insert((now, jid), ())?;
        }
        Ok(())
    }

    fn expire(&mut self, before: u64) -> Result<u64, redb::Error> {
        let mut room = EXPIRED_AT_ONCE;
        let mut removed = 0;
        loop {
            let oldest = match self.ages.first()? {
                Some((key, _)) if key.value().0 < before => (key.value().0, key.value().1.to_owned()),
                _ => return Ok(if removed == 0 && room == EXPIRED_AT_ONCE { 0 } else { removed + 1 }),
            };
            let (age, jid) = (oldest.0, oldest.1.as_str());
            room = room.saturating_sub(remove_all(&mut self.returns, jid, room)?);
            room = room.saturating_sub(remove_all(&mut self.minions, jid, room)?);
            if room == 0 {
                // A job with more returns than this: the rest goes next time, its age last.
                return Ok(removed + 1);
            }
            self.loads.remove(jid)?;
            self.jobs.remove(jid)?;
            self.ages.remove((age, jid))?;
            removed += 1;
            room = room.saturating_sub(3);
        }
    }
}

/// Removes entries of a jid, `limit` at most, and says how many there were.
fn remove_all(
    table: &mut redb::Table<'_, (&'static str, &'static str), &'static [u8]>,
    jid: &str,
    limit: usize,
) -> Result<usize, redb::Error> {
    let mut ids = Vec::new();
    for entry in table.range((jid, "")..)?.take(limit) {
        let (key, _) = entry?;
        let (other, id) = key.value();
        if other != jid {
            break;
        }
        ids.push(id.to_owned());
    }
    for id in &ids {
        table.remove((jid, id.as_str()))?;
    }
    Ok(ids.len())
}

pub(super) fn load(read: &ReadTransaction, jid: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(read.open_table(LOADS)?.get(jid)?.map(|load| load.value().to_vec()))
}

pub(super) fn minions(read: &ReadTransaction, jid: &str) -> Result<Vec<Vec<u8>>, redb::Error> {
    let mut found = Vec::new();
    for entry in read.open_table(MINIONS)?.range((jid, "")..)? {
        let (key, minions) = entry?;
        if key.value().0 != jid {
            break;
        }
        found.push(minions.value().to_vec());
    }
    Ok(found)
}

pub(super) fn returns(read: &ReadTransaction, jid: &str) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
    let mut found = Vec::new();
    for entry in read.open_table(RETURNS)?.range((jid, "")..)? {
        let (key, ret) = entry?;
        let (other, id) = key.value();
        if other != jid {
            break;
        }
        found.push((id.to_owned(), ret.value().to_vec()));
    }
    Ok(found)
}

pub(super) fn return_of(read: &ReadTransaction, jid: &str, id: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(read.open_table(RETURNS)?.get((jid, id))?.map(|ret| ret.value().to_vec()))
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
