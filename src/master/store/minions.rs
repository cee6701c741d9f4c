//! Minions: `id -> {grains, pillar}` and `(id, function) -> mine value`. Each function of a mine is an entry of its
//! own, so that asking many minions for one of them reads nothing else.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::engine::{Definition, Schema, Table, pair, second};

const DATA: Definition = Definition::new("data");
/// `(id, function)`.
const MINES: Definition = Definition::new("mines");

/// A write, with what its count means.
pub(super) enum MinionWrite {
    /// 1.
    Data { id: String, data: Vec<u8> },
    /// Entries removed and set.
    Mine { id: String, functions: Vec<(String, Vec<u8>)>, clear: bool },
    /// 0: it was not there.
    MineDelete { id: String, fun: String },
    /// Entries removed.
    Forget { id: String },
}

#[derive(Debug)]
pub(super) struct MinionTables;

impl Schema for MinionTables {
    type Write = MinionWrite;
    type Memory = ();

    fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
        Tables::open(transaction).map(drop)
    }

    fn apply(
        transaction: &WriteTransaction,
        writes: &[&MinionWrite],
        (): &mut (),
    ) -> Result<Vec<u64>, redb::Error> {
        let mut tables = Tables::open(transaction)?;
        writes.iter().map(|write| tables.apply(write)).collect()
    }

    fn octets(write: &MinionWrite) -> usize {
        match write {
            MinionWrite::Data { data, .. } => data.len(),
            MinionWrite::Mine { functions, .. } => {
                functions.iter().map(|(fun, value)| fun.len().saturating_add(value.len())).sum()
            }
            MinionWrite::MineDelete { .. } | MinionWrite::Forget { .. } => 0,
        }
    }
}

struct Tables<'t> {
    data: Table<'t>,
    mines: Table<'t>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Tables { data: transaction.open_table(DATA)?, mines: transaction.open_table(MINES)? })
    }

    fn apply(&mut self, write: &MinionWrite) -> Result<u64, redb::Error> {
        match write {
            MinionWrite::Data { id, data } => {
                self.data.insert(id.as_str(), data.as_slice())?;
                Ok(1)
            }
            MinionWrite::Mine { id, functions, clear } => {
                let mut touched = if *clear { self.clear_mine(id)? } else { 0 };
                for (fun, value) in functions {
                    self.mines.insert(pair(id, fun).as_str(), value.as_slice())?;
                    touched += 1;
                }
                Ok(touched)
            }
            MinionWrite::MineDelete { id, fun } => {
                Ok(u64::from(self.mines.remove(pair(id, fun).as_str())?.is_some()))
            }
            MinionWrite::Forget { id } => {
                let data = u64::from(self.data.remove(id.as_str())?.is_some());
                Ok(data + self.clear_mine(id)?)
            }
        }
    }

    fn clear_mine(&mut self, id: &str) -> Result<u64, redb::Error> {
        let all = pair(id, "");
        let mut keys = Vec::new();
        for entry in self.mines.range(all.as_str()..)? {
            let (key, _) = entry?;
            if !key.value().starts_with(&all) {
                break;
            }
            keys.push(key.value().to_owned());
        }
        for key in &keys {
            self.mines.remove(key.as_str())?;
        }
        Ok(keys.len() as u64)
    }
}

pub(super) fn data(read: &ReadTransaction, id: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(read.open_table(DATA)?.get(id)?.map(|data| data.value().to_vec()))
}

pub(super) fn each_data(
    read: &ReadTransaction,
    mut visit: impl FnMut(&str, &[u8]),
) -> Result<(), redb::Error> {
    for entry in read.open_table(DATA)?.iter()? {
        let (id, data) = entry?;
        visit(id.value(), data.value());
    }
    Ok(())
}

pub(super) fn ids(read: &ReadTransaction) -> Result<Vec<String>, redb::Error> {
    let mut ids = Vec::new();
    for entry in read.open_table(DATA)?.iter()? {
        ids.push(entry?.0.value().to_owned());
    }
    Ok(ids)
}

pub(super) fn mine(read: &ReadTransaction, id: &str) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
    let all = pair(id, "");
    let mut found = Vec::new();
    for entry in read.open_table(MINES)?.range(all.as_str()..)? {
        let (key, value) = entry?;
        if !key.value().starts_with(&all) {
            break;
        }
        found.push((second(key.value()).to_owned(), value.value().to_vec()));
    }
    Ok(found)
}

pub(super) fn mine_of(read: &ReadTransaction, id: &str, fun: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(read.open_table(MINES)?.get(pair(id, fun).as_str())?.map(|value| value.value().to_vec()))
}
