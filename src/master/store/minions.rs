//! Minions: `id -> {grains, pillar}` and `(id, function) -> mine value`. Each function of a mine is an entry of its
//! own, so that asking many minions for one of them reads nothing else.

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::engine::Schema;

const DATA: TableDefinition<&str, &[u8]> = TableDefinition::new("data");
const MINES: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("mines");

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

    fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
        Tables::open(transaction).map(drop)
    }

    fn apply(transaction: &WriteTransaction, writes: &[&MinionWrite]) -> Result<Vec<u64>, redb::Error> {
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
    data: redb::Table<'t, &'static str, &'static [u8]>,
    mines: redb::Table<'t, (&'static str, &'static str), &'static [u8]>,
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
                    self.mines.insert((id.as_str(), fun.as_str()), value.as_slice())?;
                    touched += 1;
                }
                Ok(touched)
            }
            MinionWrite::MineDelete { id, fun } => {
                Ok(u64::from(self.mines.remove((id.as_str(), fun.as_str()))?.is_some()))
            }
            MinionWrite::Forget { id } => {
                let data = u64::from(self.data.remove(id.as_str())?.is_some());
                Ok(data + self.clear_mine(id)?)
            }
        }
    }

    fn clear_mine(&mut self, id: &str) -> Result<u64, redb::Error> {
        let mut functions = Vec::new();
        for entry in self.mines.range((id, "")..)? {
            let (key, _) = entry?;
            let (other, fun) = key.value();
            if other != id {
                break;
            }
            functions.push(fun.to_owned());
        }
        for fun in &functions {
            self.mines.remove((id, fun.as_str()))?;
        }
        Ok(functions.len() as u64)
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
    let mut found = Vec::new();
    for entry in read.open_table(MINES)?.range((id, "")..)? {
        let (key, value) = entry?;
        let (other, fun) = key.value();
        if other != id {
            break;
        }
        found.push((fun.to_owned(), value.value().to_vec()));
    }
    Ok(found)
}

pub(super) fn mine_of(read: &ReadTransaction, id: &str, fun: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(read.open_table(MINES)?.get((id, fun))?.map(|value| value.value().to_vec()))
}
