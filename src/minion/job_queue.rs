//! `<cachedir>/job_queue`: jobs that wait because `process_count_max` others run. They are there after a restart, too.
//! Salt: minion.py (`process_process_queue`).
//!
//! A file is `queued_<microseconds>_<jid>.p`, msgpack of the publish load, as `saltutil.find_job` reads it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::job::Job;
use crate::host::{FileOwner, write_atomic};
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::{Value, sort};

/// The directory of waiting jobs.
#[derive(Debug)]
pub struct JobQueue(PathBuf);

impl JobQueue {
    /// The directory below `cachedir`. Touches nothing.
    pub fn new(cachedir: &Path) -> Self {
        JobQueue(cachedir.join("job_queue"))
    }

    /// Writes a job down: its file, to be removed when it runs.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add(&self, job: &Job) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.0)?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let path = self.0.join(format!("queued_{}_{}.p", now.as_micros(), job.jid));
        write_atomic(&path, &encode_map(&job.load, Dialect::Wire), 0o600, FileOwner::default())?;
        Ok(path)
    }

    /// The jobs that an earlier daemon left, in order. They are no longer in the queue.
    pub fn take_all(&self) -> Vec<Job> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        sort::all(&mut paths);
        let mut jobs = Vec::new();
        for path in paths {
            let content = fs::read(&path).ok().and_then(|octets| decode(&octets, Reading::Wire).ok());
            let _ = fs::remove_file(&path);
            if let Some(Value::Map(load)) = content {
                jobs.extend(Job::parse(load));
            }
        }
        jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn what_waits_is_there_after_a_restart_once() {
        let cachedir = std::env::temp_dir().join(format!("halite-queue-{}", std::process::id()));
        let queue = JobQueue::new(&cachedir);
        assert!(queue.take_all().is_empty());
        for jid in ["20260102030405678902", "20260102030405678901"] {
            let load = map! { "fun" => "test.echo", "arg" => Value::list(["x"]), "jid" => jid, "tgt" => "*" };
            let file = queue.add(&Job::parse(load).expect("a job")).expect("written");
            assert!(file.to_string_lossy().ends_with(&format!("_{jid}.p")));
            // The next one has a later time in its name.
            while queue.0.join(format!("queued_{}", micros())).as_path() <= file.as_path() {}
        }
        fs::write(cachedir.join("job_queue/queued_1_x.p"), b"\xc1").expect("written");
        let jids: Vec<String> = queue.take_all().into_iter().map(|job| job.jid).collect();
        assert_eq!(jids, ["20260102030405678902", "20260102030405678901"]);
        assert!(queue.take_all().is_empty());
        fs::remove_dir_all(cachedir).expect("removed");
    }

    fn micros() -> u128 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros()
    }
}
