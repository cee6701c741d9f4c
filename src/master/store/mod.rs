//! What a master has to remember, in two databases below `<cachedir>/halite/`: `jobs.redb` with loads and returns,
//! `minions.redb` with grains, pillars and mines. No file per job, no file per return (user-needs N17).
//!
//! Writes are grouped: whatever waits while one commit goes to disk becomes the next one, and a call resolves when its
//! data is durable. Reads see the last commit and never wait for a write. They go to disk: call them from a blocking
//! thread.
//!
//! A database that cannot be read is set aside under another name and begun anew. A full disk is an error to whoever
//! wants to write, takes nothing that was acknowledged, and heals without a restart.

mod chunks;
mod disk;
mod engine;
mod error;
mod jobs;
mod minions;
mod parts;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use error::StoreError;
pub use parts::{Kept, whole};

use crate::names::{Jid, MinionId};
use crate::value::msgpack::{self, Dialect, Reading};
use crate::value::{Map, Value, sort};
use disk::FileDisk;
use engine::Engine;
use jobs::{JobTables, JobWrite};
use minions::{MinionTables, MinionWrite};

/// Both databases. Cheap to clone; the last clone to go finishes what was begun.
#[derive(Clone, Debug)]
pub struct Store {
    jobs: Engine<JobTables>,
    minions: Engine<MinionTables>,
    parts: parts::Parts,
}

/// What became of a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    New,
    /// The minion had returned for this job before: the first return stays.
    Duplicate,
}

/// Memory for pages of one database, in octets.
const CACHE: usize = 8 * 1024 * 1024;

impl Store {
    /// Opens or makes the databases in `dir` (`<cachedir>/halite`), which is made if needed.
    ///
    /// # Errors
    /// When the directory or a file cannot be used, or another master has it open. Damaged files are no error: they
    /// are set aside and logged.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        disk::make_dir(dir)?;
        Ok(Store {
            jobs: Engine::start("jobs", Box::new(FileDisk::new(dir.join("jobs.redb"), CACHE)))?,
            minions: Engine::start("minions", Box::new(FileDisk::new(dir.join("minions.redb"), CACHE)))?,
            parts: parts::Parts::default(),
        })
    }

    /// Keeps the load of a job and the minions it was meant for. A second load of the same jid takes the first one's
    /// place.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn save_load(&self, jid: &Jid, load: &Map, minions: &[String]) -> Result<(), StoreError> {
        let write = JobWrite::Load {
            jid: jid.as_str().to_owned(),
            load: pack(load),
            minions: pack_list(minions),
            now: unix_now(),
        };
        self.jobs.write(write).await.map(drop)
    }

    /// Adds the minions that a syndic knows to a job.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn add_minions(&self, jid: &Jid, syndic: &MinionId, ids: &[String]) -> Result<(), StoreError> {
        let write = JobWrite::Minions {
            jid: jid.as_str().to_owned(),
            syndic: syndic.as_str().to_owned(),
            minions: pack_list(ids),
            now: unix_now(),
        };
        self.jobs.write(write).await.map(drop)
    }

    /// Keeps what a minion returned: `{return, retcode?, success?, out?, …}`. The job need not be known.
    ///
    /// # Errors
    /// When it could not be made durable: the minion must not be told otherwise.
    pub async fn save_return(&self, jid: &Jid, id: &MinionId, ret: &Map) -> Result<Saved, StoreError> {
        let write = JobWrite::Return {
            jid: jid.as_str().to_owned(),
            id: id.as_str().to_owned(),
            ret: pack(ret),
            now: unix_now(),
        };
        Ok(if self.jobs.write(write).await? == 0 { Saved::Duplicate } else { Saved::New })
    }

    /// Removes jobs that came in longer ago than `older_than`, a few at a time, so that returns are not held up. Gives
    /// the number of jobs removed.
    ///
    /// # Errors
    /// When removing stopped half way; the next call goes on.
    pub async fn clean_jobs(&self, older_than: Duration) -> Result<u64, StoreError> {
        self.expire(jobs::aged(unix_now().saturating_sub(older_than.as_secs()), "")).await
    }

    /// Removes the oldest jobs until all loads and returns together have `octets` at most. Reads what is kept: call it
    /// from a blocking thread. Gives the number of jobs removed.
    ///
    /// # Errors
    /// As [`Store::clean_jobs`].
    pub fn clean_jobs_beyond(&self, octets: u64) -> Result<u64, StoreError> {
        match self.jobs.read(|read| jobs::beyond(read, octets))? {
            Some(end) => wait(self.expire(end)),
            None => Ok(0),
        }
    }

    async fn expire(&self, before: String) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            match self.jobs.write(JobWrite::Expire { before: before.clone() }).await? {
                0 => return Ok(removed),
                more => removed += more - 1,
            }
        }
    }

    /// Keeps `{"grains": map, "pillar": map}` of a minion.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn save_minion_data(&self, id: &MinionId, data: &Map) -> Result<(), StoreError> {
        self.save_packed_minion_data(id, pack(data)).await
    }

    /// The same with a map that is packed already, text and bytes told apart.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn save_packed_minion_data(&self, id: &MinionId, data: Vec<u8>) -> Result<(), StoreError> {
        let written =
            self.minions.write(MinionWrite::Data { id: id.as_str().to_owned(), data }).await.map(drop);
        self.parts.changed(id.as_str());
        written
    }

    /// Sets functions in the mine of a minion; with `clear` nothing else stays there.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn update_mine(&self, id: &MinionId, data: &Map, clear: bool) -> Result<(), StoreError> {
        let functions = data
            .iter()
            .filter_map(|(fun, value)| Some((fun.as_str()?.to_owned(), msgpack::encode(value, Dialect::Bin))))
            .collect();
        self.minions.write(MinionWrite::Mine { id: id.as_str().to_owned(), functions, clear }).await.map(drop)
    }

    /// Takes a function out of the mine of a minion; false if it was not there.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn delete_mine(&self, id: &MinionId, fun: &str) -> Result<bool, StoreError> {
        let write = MinionWrite::MineDelete { id: id.as_str().to_owned(), fun: fun.to_owned() };
        Ok(self.minions.write(write).await? > 0)
    }

    /// Empties the mine of a minion; false if it was empty.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn flush_mine(&self, id: &MinionId) -> Result<bool, StoreError> {
        let write = MinionWrite::Mine { id: id.as_str().to_owned(), functions: Vec::new(), clear: true };
        Ok(self.minions.write(write).await? > 0)
    }

    /// Forgets data and mine of a minion, as when its key is deleted.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn forget_minion(&self, id: &MinionId) -> Result<(), StoreError> {
        let written = self.minions.write(MinionWrite::Forget { id: id.as_str().to_owned() }).await.map(drop);
        self.parts.changed(id.as_str());
        written
    }

    /// The load of a job, as it was saved; `None` for a job that is not known.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn load(&self, jid: &str) -> Result<Option<Map>, StoreError> {
        self.jobs.read(|read| jobs::load(read, jid)).map(|load| load.and_then(|octets| unpack(&octets)))
    }

    /// The minions that a job was meant for, those of syndics too, sorted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn job_minions(&self, jid: &str) -> Result<Vec<String>, StoreError> {
        let mut all: Vec<String> = self
            .jobs
            .read(|read| jobs::minions(read, jid))?
            .iter()
            .flat_map(|octets| unpack_list(octets))
            .collect();
        sort::all(&mut all);
        all.dedup();
        Ok(all)
    }

    /// What minions returned for a job: `{id: {"return": any, "retcode"?, "success"?, "out"?, …}}`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn returns(&self, jid: &str) -> Result<Map, StoreError> {
        let found = self.jobs.read(|read| jobs::returns(read, jid))?;
        Ok(found.into_iter().filter_map(|(id, octets)| Some((id, unpack(&octets)?))).collect())
    }

    /// Jobs with a load, as `(jid, load)` by ascending jid: those from `from` on and before `to`, the newest `limit`
    /// of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn jobs(
        &self,
        from: Option<&str>,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Map)>, StoreError> {
        let found = self.jobs.read(|read| jobs::loads(read, from, to, limit))?;
        Ok(found.into_iter().filter_map(|(jid, octets)| Some((jid, unpack(&octets)?))).collect())
    }

    /// `{"grains": map, "pillar": map}` of a minion.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn minion_data(&self, id: &str) -> Result<Option<Map>, StoreError> {
        Ok(self.packed_minion_data(id)?.and_then(|octets| unpack(&octets)))
    }

    fn packed_minion_data(&self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.minions.read(|read| minions::data(read, id))
    }

    /// Whether this is what is known of a minion, octet for octet.
    pub fn has_minion_data(&self, id: &MinionId, packed: &[u8]) -> bool {
        let known = self.minions.read(|read| minions::data(read, id.as_str()));
        known.is_ok_and(|known| known.as_deref() == Some(packed))
    }

    /// Shows the data of every known minion to `visit`, by ascending id, one in memory at a time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn each_minion_data(&self, mut visit: impl FnMut(&str, &Map)) -> Result<(), StoreError> {
        self.minions.read(|read| {
            minions::each_data(read, |id, octets| {
                if let Some(data) = unpack(octets) {
                    visit(id, &data);
                }
            })
        })
    }

    /// Ids of minions with data, ascending.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn minions_with_data(&self) -> Result<Vec<String>, StoreError> {
        self.minions.read(minions::ids)
    }

    /// The mine of a minion: `{function: value or ACL wrapper}`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn mine(&self, id: &str) -> Result<Map, StoreError> {
        let found = self.minions.read(|read| minions::mine(read, id))?;
        Ok(found.into_iter().filter_map(|(fun, octets)| Some((fun, unpack_any(&octets)?))).collect())
    }

    /// One function in the mine of a minion.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn mine_of(&self, id: &str, fun: &str) -> Result<Option<Value>, StoreError> {
        self.minions
            .read(|read| minions::mine_of(read, id, fun))
            .map(|found| found.and_then(|octets| unpack_any(&octets)))
    }
}

/// Waits for a future on this thread, for synchronous code that writes: `store::wait(store.save_return(…))`. Not to
/// be called on a runtime's own threads.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// How long jobs are kept: `keep_jobs_seconds`, or the older `keep_jobs` (hours) where only that one was changed.
/// `None`: for ever.
pub fn retention(opts: &Map) -> Option<Duration> {
    let int = |key: &str| opts.get(key).and_then(Value::as_int);
    let seconds = int("keep_jobs_seconds").unwrap_or(86_400);
    let hours = int("keep_jobs").unwrap_or(24);
    let seconds = if seconds == 86_400 && hours != 24 { hours.saturating_mul(3_600) } else { seconds };
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

fn pack(map: &Map) -> Vec<u8> {
    msgpack::encode_map(map, Dialect::Bin)
}

fn pack_list(ids: &[String]) -> Vec<u8> {
    msgpack::encode(&Value::list(ids), Dialect::Bin)
}

fn unpack_any(octets: &[u8]) -> Option<Value> {
    msgpack::decode(octets, Reading::Typed).ok()
}

fn unpack(octets: &[u8]) -> Option<Map> {
    match unpack_any(octets) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    }
}

fn unpack_list(octets: &[u8]) -> Vec<String> {
    match unpack_any(octets) {
        Some(Value::List(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Seconds since 1970.
fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
