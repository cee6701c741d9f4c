//! `<cachedir>/proc/<jid>`: which jobs run, for `saltutil.running`, `find_job` and `kill_job`. Salt: minion.py
//! (`_thread_return`), utils/minion.py; salt-wire.md §9.3.
//!
//! Each file is msgpack in the wire dialect: `pid` and the publish load.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::job::Job;
use crate::host::{FileOwner, write_atomic};
use crate::map;
use crate::value::Value;
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};

/// The directory of running jobs.
#[derive(Debug)]
pub struct ProcFiles {
    directory: PathBuf,
    /// Files of jobs that an earlier daemon started and that still ran when last looked at.
    earlier: Mutex<Vec<PathBuf>>,
}

impl ProcFiles {
    /// The directory below `cachedir`. Touches nothing.
    pub fn new(cachedir: &Path) -> Self {
        ProcFiles { directory: cachedir.join("proc"), earlier: Mutex::default() }
    }

    /// Makes the directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn prepare(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(&self.directory)
    }

    /// Says that a job runs in process `pid`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write(&self, job: &Job, pid: u32) -> io::Result<()> {
        let mut entry = map! { "pid" => pid };
        entry.extend(job.load.iter().map(|(key, value)| (key.clone(), value.clone())));
        // A reader sees a whole file or none; that it survives a power cut does not matter.
        let temporary = self.directory.join(format!(".{}", job.jid));
        fs::write(&temporary, encode_map(&entry, Dialect::Wire))?;
        fs::rename(&temporary, self.path(&job.jid))
    }

    /// Says that a job has ended.
    pub fn remove(&self, jid: &str) {
        let _ = fs::remove_file(self.path(jid));
    }

    /// Jobs of an earlier daemon that were cut short, whose files are removed, and how many still run. To be called
    /// with `first` before the first job of our own; later calls look only at those that still ran then.
    pub fn look_after_earlier(&self, first: bool) -> (Vec<Job>, usize) {
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        if first {
            let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
            *earlier = entries.map(|entry| entry.path()).collect();
        }
        let mut interrupted = Vec::new();
        earlier.retain(|path| {
            // Gone: it came to its end and wrote its return down.
            let Ok(octets) = fs::read(path) else { return false };
            let Ok(Value::Map(mut load)) = decode(&octets, Reading::Wire) else {
                let _ = fs::remove_file(path);
                return false;
            };
            let pid = load.remove("pid").and_then(|pid| pid.as_int());
            if pid.is_some_and(is_job_process) {
                return true;
            }
            // A job that ended just now has removed its file itself.
            if fs::remove_file(path).is_ok() {
                interrupted.extend(Job::parse(load));
            }
            false
        });
        (interrupted, earlier.len())
    }

    fn path(&self, jid: &str) -> PathBuf {
        self.directory.join(jid)
    }
}

/// Whether a job process of ours (or of Salt's) has this pid: numbers come round again.
fn is_job_process(pid: i64) -> bool {
    let own = i64::from(std::process::id());
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    pid != own && String::from_utf8_lossy(&line).contains("salt")
}

/// Puts a return into the minion's own job cache (`cache_jobs`): `<cachedir>/minion_jobs/<jid>/return.p`.
///
/// # Errors
/// When the disk does not take it.
pub fn cache_job(cachedir: &Path, load: &crate::value::Map) -> io::Result<()> {
    let jid = load.str("jid").unwrap_or_default();
    if jid.is_empty() || jid.starts_with('.') || jid.contains('/') {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let directory = cachedir.join("minion_jobs").join(jid);
    fs::create_dir_all(&directory)?;
    let mut entry = load.clone();
    entry.remove("cmd");
    entry.remove("id");
    write_atomic(&directory.join("return.p"), &encode_map(&entry, Dialect::Bin), 0o644, FileOwner::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_whose_process_is_gone_counts_as_interrupted_once() {
        let cachedir = std::env::temp_dir().join(format!("halite-proc-{}", std::process::id()));
        let files = ProcFiles::new(&cachedir);
        files.prepare().expect("made");
        let load = map! { "fun" => "cmd.run", "arg" => Value::list(["x"]), "jid" => "20260102030405678901", "tgt" => "*" };
        let job = Job::parse(load).expect("a job");
        // No process has the largest pid.
        files.write(&job, 4_194_304).expect("written");
        fs::write(cachedir.join("proc/broken"), b"\xc1").expect("written");
        let (interrupted, running) = files.look_after_earlier(true);
        assert_eq!(running, 0);
        assert_eq!(
            interrupted.iter().map(|job| job.jid.as_str()).collect::<Vec<_>>(),
            ["20260102030405678901"]
        );
        assert!(interrupted.iter().all(|job| !job.load.contains("pid")));
        assert!(files.look_after_earlier(true).0.is_empty());
        assert_eq!(fs::read_dir(cachedir.join("proc")).expect("listed").count(), 0);
        fs::remove_dir_all(cachedir).expect("removed");
    }

    #[test]
    fn a_return_is_kept_for_the_minion_itself() {
        let cachedir = std::env::temp_dir().join(format!("halite-jobs-{}", std::process::id()));
        let load =
            map! { "cmd" => "_return", "id" => "m", "jid" => "20260102030405678901", "return" => true };
        cache_job(&cachedir, &load).expect("written");
        let octets = fs::read(cachedir.join("minion_jobs/20260102030405678901/return.p")).expect("read");
        let expected = map! { "jid" => "20260102030405678901", "return" => true };
        assert_eq!(decode(&octets, Reading::Typed), Ok(expected.into()));
        assert!(cache_job(&cachedir, &map! { "jid" => "../x" }).is_err());
        fs::remove_dir_all(cachedir).expect("removed");
    }
}
