//! The files of the master's cache that Python's own tools read: job loads and minion data. Halite itself reads the
//! store. Salt: returners/local_cache.py; salt-wire.md §14.4, §15.2.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::crypt::HashType;
use crate::host::write_cache_file;
use crate::names::{Jid, MinionId};
use crate::value::msgpack::{Dialect, encode};
use crate::value::{Map, Value};

/// In the directory of a job: its returns are written there, too. Salt passes over names with a dot.
const FOLLOWED: &str = ".followed";

/// The cache directory of a master. Every method blocks on the disk.
#[derive(Clone, Debug)]
pub struct DiskCache {
    cachedir: PathBuf,
    hash_type: HashType,
}

impl DiskCache {
    /// The one in `cachedir`; jobs are filed under the hash of their jid.
    pub fn new(cachedir: PathBuf, hash_type: HashType) -> Self {
        DiskCache { cachedir, hash_type }
    }

    /// Writes the load of a job and its minions: what the command line reads as soon as it is told the jid. `followed`:
    /// its reader looks there for the returns as well.
    ///
    /// # Errors
    /// When the disk is full or the directory is not ours.
    pub fn write_load(&self, jid: &Jid, load: &Map, minions: &[String], followed: bool) -> io::Result<()> {
        let dir = self.job_dir(jid);
        fs::create_dir_all(&dir)?;
        if followed {
            write_cache_file(&dir.join(FOLLOWED), b"", 0o644)?;
        }
        write_cache_file(&dir.join("jid"), jid.as_str().as_bytes(), 0o644)?;
        write_cache_file(&dir.join(".load.p"), &encode(&load.clone().into(), Dialect::Bin), 0o644)?;
        let minions = Value::list(minions.to_vec());
        write_cache_file(&dir.join(".minions.p"), &encode(&minions, Dialect::Bin), 0o644)
    }

    /// Writes a return that is too big for an event, so that its reader finds it: `{"return": any, …}`.
    ///
    /// # Errors
    /// When the disk is full or the directory is not ours.
    pub fn write_return(&self, jid: &Jid, id: &MinionId, entry: &Map) -> io::Result<()> {
        let dir = self.job_dir(jid);
        fs::create_dir_all(dir.join(id.as_str()))?;
        write_cache_file(&dir.join("jid"), jid.as_str().as_bytes(), 0o644)?;
        let octets = encode(&entry.clone().into(), Dialect::Bin);
        write_cache_file(&dir.join(id.as_str()).join("return.p"), &octets, 0o600)
    }

    /// Whether the returns of a job are looked for in files.
    pub fn is_followed(&self, jid: &Jid) -> bool {
        self.job_dir(jid).join(FOLLOWED).is_file()
    }

    /// Whether the return of a minion is there as a file.
    pub fn has_return(&self, jid: &Jid, id: &MinionId) -> bool {
        self.job_dir(jid).join(id.as_str()).join("return.p").is_file()
    }

    /// Writes `{"grains": map, "pillar": map}` of a minion, packed, unless it is there already.
    ///
    /// # Errors
    /// When the disk is full or the directory is not ours.
    pub fn write_minion_data(&self, id: &MinionId, packed: &[u8]) -> io::Result<()> {
        self.write_of_minion(id, "data.p", packed)
    }

    /// Writes the mine of a minion, `{function: value}`, unless it is there already. An empty one has no file.
    ///
    /// # Errors
    /// When the disk is full or the directory is not ours.
    pub fn write_mine(&self, id: &MinionId, mine: Map) -> io::Result<()> {
        const FILE: &str = "mine.p";
        if !mine.is_empty() {
            return self.write_of_minion(id, FILE, &encode(&mine.into(), Dialect::Bin));
        }
        match fs::remove_file(self.cachedir.join("minions").join(id.as_str()).join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write_of_minion(&self, id: &MinionId, name: &str, packed: &[u8]) -> io::Result<()> {
        let dir = self.cachedir.join("minions").join(id.as_str());
        let path = dir.join(name);
        if fs::read(&path).is_ok_and(|known| known == packed) {
            return Ok(());
        }
        fs::create_dir_all(&dir)?;
        write_cache_file(&path, packed, 0o600)
    }

    /// Removes jobs older than `keep`, and the directories that this leaves empty. How many there were.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn clean_jobs(&self, keep: Duration) -> io::Result<usize> {
        let jobs = self.cachedir.join("jobs");
        let now = SystemTime::now();
        let mut removed = 0;
        for shelf in subdirectories(&jobs)? {
            for job in subdirectories(&shelf)? {
                let dated = fs::metadata(job.join("jid")).or_else(|_| fs::metadata(&job));
                let Ok(made) = dated.and_then(|stat| stat.modified()) else { continue };
                if now.duration_since(made).is_ok_and(|age| age > keep) && fs::remove_dir_all(&job).is_ok() {
                    removed += 1;
                }
            }
            // Fails where something is left in it.
            let _ = fs::remove_dir(&shelf);
        }
        Ok(removed)
    }

    fn job_dir(&self, jid: &Jid) -> PathBuf {
        let hash = self.hash_type.hex(jid.as_str());
        let (shelf, rest) = hash.split_at_checked(2).unwrap_or((&hash, ""));
        self.cachedir.join("jobs").join(shelf).join(rest)
    }
}

fn subdirectories(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;
    use crate::value::msgpack::{Reading, decode};

    #[test]
    fn a_job_is_where_python_looks_for_it_and_goes_when_it_is_old() {
        let root = std::env::temp_dir().join(format!("halite-disk-cache-{}", std::process::id()));
        let cache = DiskCache::new(root.clone(), HashType::Sha256);
        let jid = Jid::parse("20260102030405678901").expect("a jid");
        let load = map! { "fun" => "test.ping", "tgt" => "*" };
        cache.write_load(&jid, &load, &["web1".to_owned()], false).expect("written");
        // By `printf %s 20260102030405678901 | sha256sum`.
        let dir = root.join("jobs/52/b972a91a45b6ed2fb44bac3517fdf8f52f74212de6ebbb5d3670441a5498dc");
        let read =
            |name: &str| decode(&fs::read(dir.join(name)).expect("read"), Reading::Typed).expect("msgpack");
        assert_eq!(read(".load.p"), load.into());
        assert_eq!(read(".minions.p"), Value::list(["web1"]));
        assert_eq!(fs::read_to_string(dir.join("jid")).expect("read"), jid.as_str());
        assert_eq!(cache.clean_jobs(Duration::from_secs(3600)).expect("cleaned"), 0);
        assert_eq!(cache.clean_jobs(Duration::ZERO).expect("cleaned"), 1);
        assert_eq!(subdirectories(&root.join("jobs")).expect("listed"), Vec::<PathBuf>::new());
        fs::remove_dir_all(root).expect("removed");
    }
}
