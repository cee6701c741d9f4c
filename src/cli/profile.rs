//! `--enable-profiling`: what a run has cost, and in which of its phases. Salt writes files of Python's profiler
//! (utils/profile.py); this is one text file, with the name of the one of these that is text:
//!
//! ```text
//! salt-call state.apply
//!
//!      0.412 s in all
//!      0.221 s of the processor and 0.040 s in the kernel
//!      23120 KiB of memory at most
//!      0.010 s of the processor and 0.004 s in the kernel, programs that it ran
//!       3012 KiB of memory at most, programs that it ran
//!
//!      0.300 s    1 x execution
//!      0.080 s    1 x grains
//! ```

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Opts;
use crate::crypt::{digest, random};
use crate::host::{Usage, local_now, write_cache_file};
use crate::log::{error, info};
use crate::value::sort;

/// Where the files go unless the options say it.
pub(super) const FOLDER: &str = "/tmp/stats";

/// The clock of one run.
pub(super) struct Profile {
    began: Instant,
    phases: Mutex<Phases>,
}

struct Phases {
    /// Up to then everything is counted.
    counted: Instant,
    /// Those that have begun and not ended, as they stand within each other.
    open: Vec<&'static str>,
    /// Time outside of phases within, how often, and in what.
    spent: Vec<(Duration, usize, &'static str)>,
}

impl Phases {
    /// Counts the time since the last change for the innermost open phase.
    fn count(&mut self) {
        let now = Instant::now();
        let time = now - std::mem::replace(&mut self.counted, now);
        self.add(self.open.last().copied().unwrap_or("all else"), time, 0);
    }

    fn add(&mut self, name: &'static str, time: Duration, count: usize) {
        match self.spent.iter_mut().find(|row| row.2 == name) {
            Some(row) => {
                row.0 += time;
                row.1 += count;
            }
            None => self.spent.push((time, count, name)),
        }
    }
}

/// Ends with this value.
pub(super) struct Phase<'a>(&'a Profile);

impl Drop for Phase<'_> {
    fn drop(&mut self) {
        let mut phases = self.0.phases();
        phases.count();
        phases.open.pop();
    }
}

impl Profile {
    /// The run begins.
    pub fn start() -> Self {
        let now = Instant::now();
        Profile {
            began: now,
            phases: Mutex::new(Phases { counted: now, open: Vec::new(), spent: Vec::new() }),
        }
    }

    fn phases(&self) -> MutexGuard<'_, Phases> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A phase begins, perhaps within another one.
    pub fn phase(&self, name: &'static str) -> Phase<'_> {
        let mut phases = self.phases();
        phases.count();
        phases.open.push(name);
        phases.add(name, Duration::ZERO, 1);
        Phase(self)
    }

    /// The run ends: writes the file where the options ask for it. The run is as good without.
    pub fn end(&self, opts: &Opts, prog: &str, fun: &str) {
        if !opts.bool("profiling_enabled") {
            return;
        }
        let folder =
            Path::new(Some(opts.str("profiling_path")).filter(|path| !path.is_empty()).unwrap_or(FOLDER));
        match write(folder, &self.text(prog, fun)) {
            Ok(path) => info!("PROFILING (cumulative): {} generated", path.display()),
            Err(problem) => error!("PROFILING: nothing can be written to {}: {problem}", folder.display()),
        }
    }

    fn text(&self, prog: &str, fun: &str) -> String {
        let mut phases = self.phases();
        phases.count();
        sort::all(&mut phases.spent);
        let mut text = format!("{prog} {fun}\n\n{:10.3} s in all\n", self.began.elapsed().as_secs_f64());
        for (usage, whose) in [(Usage::own(), ""), (Usage::children(), ", programs that it ran")] {
            let (user, system) = (usage.user.as_secs_f64(), usage.system.as_secs_f64());
            let _ = writeln!(text, "{user:10.3} s of the processor and {system:.3} s in the kernel{whose}");
            let _ = writeln!(text, "{:10} KiB of memory at most{whose}", usage.peak);
        }
        text.push('\n');
        for (time, count, name) in phases.spent.iter().rev() {
            let _ = writeln!(text, "{:10.3} s {count:4} x {name}", time.as_secs_f64());
        }
        text
    }
}

/// Into a new file of which nobody knows the name before.
fn write(folder: &Path, text: &str) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let id = digest::hex(&random::bytes::<16>());
    let path = folder.join(format!("{id}.{}.stats", local_now().strftime("%Y-%m-%dT%H:%M:%S%.6f")));
    write_cache_file(&path, text.as_bytes(), 0o600)?;
    Ok(path)
}
