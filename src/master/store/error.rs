//! What can go wrong with the master's databases. One error may answer many writers, so it can be cloned.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why something was not written or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    #[error(
        "no room to write {}: {reason}. Free some space on this file system; the master goes on by itself then",
        path.display()
    )]
    Full { path: PathBuf, reason: String },
    #[error("cannot use {}: {reason}", path.display())]
    Io { path: PathBuf, reason: String },
    #[error("another process has {} open: is another master running on this cachedir?", .0.display())]
    InUse(PathBuf),
    #[error("{} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} was written by a newer Halite (format {format}): use that one, or move the file away", path.display())]
    Newer { path: PathBuf, format: u64 },
    #[error("{octets} octets are too many for one entry of {}", path.display())]
    TooLarge { path: PathBuf, octets: usize },
    #[error("{} is closed: the master is stopping", .0.display())]
    Closed(PathBuf),
}

impl StoreError {
    /// Sorts what the database says.
    pub(super) fn from_redb(path: &std::path::Path, error: redb::Error) -> Self {
        let path = path.to_owned();
        let reason = error.to_string();
        match error {
            redb::Error::DatabaseAlreadyOpen => StoreError::InUse(path),
            redb::Error::Io(error) => StoreError::from_io(&path, &error),
            redb::Error::Corrupted(_)
            | redb::Error::UpgradeRequired(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. } => StoreError::Damaged { path, reason },
            redb::Error::ValueTooLarge(octets) => StoreError::TooLarge { path, octets },
            _ => StoreError::Io { path, reason },
        }
    }

    pub(super) fn from_io(path: &std::path::Path, error: &io::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                StoreError::Full { path, reason }
            }
            // A file that is no database at all.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => StoreError::Damaged { path, reason },
            _ => StoreError::Io { path, reason },
        }
    }
}
