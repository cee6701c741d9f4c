//! A disk in memory that fills up, fails at a chosen call, or loses what was not synced when the power goes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{Builder, Database, StorageBackend};

use crate::master::store::disk::Disk;

#[derive(Clone, Debug)]
pub(super) struct FaultyDisk(Arc<Mutex<Platter>>);

/// What is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Full {
    #[default]
    Nothing,
    /// Pages that have no place yet, as on most file systems.
    NewPages,
    /// Every write, as where nothing is overwritten in place.
    Everything,
}

#[derive(Debug, Default)]
struct Platter {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What was there at the last sync.
    synced: Vec<u8>,
    /// What was written since.
    pending: Vec<Change>,
    syncs: u64,
    full: Full,
    /// Pages of 4 KiB that have a place on the disk.
    allocated: BTreeSet<usize>,
    /// Calls until one fails.
    fail_in: Option<u64>,
    /// Writes until the power goes.
    cut_in: Option<u64>,
    power_off: bool,
    seed: u64,
    set_aside: u64,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

impl FaultyDisk {
    pub(super) fn new() -> Self {
        FaultyDisk(Arc::default())
    }

    pub(super) fn boxed(&self) -> Box<dyn Disk> {
        Box::new(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().expect("no panic")
    }

    pub(super) fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// From now on this is refused.
    pub(super) fn fill(&self, full: Full) {
        self.lock().full = full;
    }

    /// The `n`th call from now fails, once.
    pub(super) fn fail_call(&self, n: u64) {
        self.lock().fail_in = Some(n);
    }

    /// The power goes at the `n`th write from now.
    pub(super) fn cut_power_after(&self, n: u64, seed: u64) {
        let mut platter = self.lock();
        (platter.cut_in, platter.seed) = (Some(n), seed);
    }

    pub(super) fn power_is_off(&self) -> bool {
        self.lock().power_off
    }

    /// Of what was not synced, each write is there, or is not, or is torn.
    pub(super) fn power_on(&self) {
        let mut platter = self.lock();
        let mut image = std::mem::take(&mut platter.synced);
        let mut random = platter.seed * 2_654_435_761 + 1;
        for change in std::mem::take(&mut platter.pending) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match (random >> 33) % 4 {
                0 => {}
                1 => match change {
                    Change::Write(at, octets) => {
                        let torn = octets.len() / 2;
                        Change::Write(at, octets[..torn].to_vec()).apply(&mut image);
                    }
                    Change::Len(_) => {}
                },
                _ => change.apply(&mut image),
            }
        }
        platter.seen.clone_from(&image);
        platter.synced = image;
        (platter.power_off, platter.cut_in) = (false, None);
    }

    pub(super) fn set_aside(&self) -> u64 {
        self.lock().set_aside
    }
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Change::Len(len) => image.resize(*len, 0),
            Change::Write(at, octets) => {
                if image.len() < at + octets.len() {
                    image.resize(at + octets.len(), 0);
                }
                image[*at..at + octets.len()].copy_from_slice(octets);
            }
        }
    }
}

impl Disk for FaultyDisk {
    fn path(&self) -> &Path {
        Path::new("in-memory")
    }

    fn open(&self, check: bool) -> Result<Database, redb::Error> {
        let mut builder = Builder::new();
        builder.set_cache_size(1 << 20).set_check_integrity_on_open(check);
        Ok(builder.create_with_backend(self.clone())?)
    }

    fn has_room(&self) -> io::Result<()> {
        if self.lock().full == Full::Nothing { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn set_aside(&self) -> io::Result<PathBuf> {
        let mut platter = self.lock();
        platter.set_aside += 1;
        platter.seen.clear();
        platter.synced.clear();
        platter.pending.clear();
        Ok(PathBuf::from("in-memory.damaged"))
    }
}

impl Platter {
    fn call(&mut self) -> io::Result<()> {
        if self.power_off {
            return Err(io::Error::other("no power"));
        }
        match self.fail_in {
            Some(0) => {
                self.fail_in = None;
                Err(io::Error::other("the disk failed"))
            }
            Some(n) => {
                self.fail_in = Some(n - 1);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.call()?;
        let pages = match &change {
            Change::Write(at, octets) => at / 4_096..(at + octets.len()).div_ceil(4_096),
            Change::Len(_) => 0..0,
        };
        let new = pages.clone().any(|page| !self.allocated.contains(&page));
        if self.full == Full::Everything || (self.full == Full::NewPages && new) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.allocated.extend(pages);
        match self.cut_in {
            Some(0) => {
                self.pending.push(change);
                self.power_off = true;
                return Err(io::Error::other("no power"));
            }
            Some(n) => self.cut_in = Some(n - 1),
            None => {}
        }
        change.apply(&mut self.seen);
        self.pending.push(change);
        Ok(())
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut platter = self.lock();
        platter.call()?;
        let at = usize::try_from(offset).expect("small");
        let octets = platter.seen.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(octets);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.lock().change(Change::Len(usize::try_from(len).expect("small")))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.lock();
        platter.call()?;
        platter.synced = platter.seen.clone();
        platter.pending.clear();
        platter.syncs += 1;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.lock().change(Change::Write(usize::try_from(offset).expect("small"), data.to_vec()))
    }
}
