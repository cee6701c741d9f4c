//! Where a database lies: opening it, telling whether there is room again, moving a damaged one out of the way. Tests
//! put another disk in its place.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redb::{Builder, Database};

use super::StoreError;

use crate::value::sort;

/// A place for one database.
pub(super) trait Disk: Debug + Send + Sync + 'static {
    /// For messages.
    fn path(&self) -> &Path;

    /// Opens the database or makes a new one; with `check` every page is verified first.
    fn open(&self, check: bool) -> Result<Database, redb::Error>;

    /// Whether writing is worth a try, after it has failed.
    fn has_room(&self) -> io::Result<()>;

    /// Moves what is there to another name, and gives that name.
    fn set_aside(&self) -> io::Result<PathBuf>;
}

/// A file.
#[derive(Debug)]
pub(super) struct FileDisk {
    path: PathBuf,
    cache: usize,
}

/// Files up to this size are verified whenever they are opened: a second at most.
const CHECKED_ON_OPEN: u64 = 256 * 1024 * 1024;

/// What has to fit on the disk before a failed database is tried again.
const PROBE: usize = 256 * 1024;

/// Damaged files kept for an operator to look at.
const KEPT: usize = 3;

impl FileDisk {
    pub(super) fn new(path: PathBuf, cache: usize) -> Self {
        FileDisk { path, cache }
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Disk for FileDisk {
    fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self, check: bool) -> Result<Database, redb::Error> {
        // Pillars are in there: never readable by others, not even while it is being made.
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        let small = file.metadata()?.len() <= CHECKED_ON_OPEN;
        drop(file);
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache).set_check_integrity_on_open(check || small);
        Ok(builder.create(&self.path)?)
    }

    fn has_room(&self) -> io::Result<()> {
        let probe = self.path.with_extension("probe");
        let tried = File::create(&probe).and_then(|mut file| {
            file.write_all(&vec![0x5a; PROBE])?;
            file.sync_data()
        });
        let removed = fs::remove_file(&probe);
        tried.and(removed)
    }

    fn set_aside(&self) -> io::Result<PathBuf> {
        let stamp = crate::host::utc_now().strftime("%Y%m%dT%H%M%S%6f");
        let aside = self.path.with_file_name(format!("{}.damaged-{stamp}", self.name()));
        fs::rename(&self.path, &aside)?;
        self.forget_the_oldest();
        Ok(aside)
    }
}

impl FileDisk {
    fn forget_the_oldest(&self) {
        let prefix = format!("{}.damaged-", self.name());
        let Some(entries) = self.path.parent().and_then(|dir| fs::read_dir(dir).ok()) else { return };
        let mut damaged: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .map(|entry| entry.path())
            .collect();
        sort::all(&mut damaged);
        for old in damaged.iter().rev().skip(KEPT) {
            let _ = fs::remove_file(old);
        }
    }
}

/// Makes the directory of the databases, for nobody else to look into.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| StoreError::from_io(dir, &error))
}
