//! Running jobs: `<cachedir>/proc/<jid>` holds the publish load and the pid of the job's process, msgpack. Salt:
//! utils/minion.py (`running`), modules/saltutil.py; salt-wire.md §9.3.

use std::fs;
use std::path::{Path, PathBuf};

use crate::loader::{Args, Context, Fault};
use crate::patterns::Glob;
use crate::value::msgpack::{Reading, decode};
use crate::value::{Map, Value, sort, str_of};

pub(super) const KILL: i32 = 9;
pub(super) const TERM: i32 = 15;

/// The longest job file that is read.
const LONGEST: u64 = 256 << 20;

fn folder(cx: &Context) -> PathBuf {
    Path::new(cx.opt_str("cachedir")).join("proc")
}

/// Jobs that run now, but for the one that asks. Files of processes that are gone are removed.
pub(super) fn running(cx: &Context) -> Vec<Map> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder(cx))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        // A file that is being written.
        .filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')))
        .collect();
    sort::all(&mut paths);
    let own = cx.published.str("jid");
    let jobs = paths.iter().filter_map(|path| job(cx, path));
    jobs.filter(|job| own.is_none() || job.str("jid") != own).collect()
}

fn job(cx: &Context, path: &Path) -> Option<Map> {
    if fs::metadata(path).ok()?.len() > LONGEST {
        return None;
    }
    let octets = fs::read(path).ok()?;
    let Ok(Value::Map(job)) = decode(&octets, Reading::Wire) else {
        if octets.is_empty() {
            let _ = fs::remove_file(path);
        }
        return None;
    };
    let pid = job.get("pid").and_then(Value::as_int).and_then(|pid| u32::try_from(pid).ok());
    if pid.is_some_and(|pid| is_of_salt(cx, pid)) {
        return Some(job);
    }
    let _ = fs::remove_file(path);
    None
}

/// Whether the process is there and one of Salt's: numbers of processes come round again.
fn is_of_salt(cx: &Context, pid: u32) -> bool {
    if pid == cx.host.pid() {
        return true;
    }
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    line.contains("salt") || line.contains("halite")
}

/// A running job, or an empty map.
pub(super) fn find_job(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let jid = str_of(args.get("jid"));
    let found = running(cx).into_iter().find(|job| is(job, &jid));
    Ok(found.or_else(|| queued(cx, &jid)).unwrap_or_default().into())
}

/// A job that waits for others to end, as 3007 tells of it.
fn queued(cx: &Context, jid: &str) -> Option<Map> {
    let suffix = format!("_{jid}.p");
    let directory = Path::new(cx.opt_str("cachedir")).join("job_queue");
    let mut files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let file = files.find(|entry| entry.file_name().to_string_lossy().ends_with(&suffix))?;
    let Ok(Value::Map(mut load)) = decode(&std::fs::read(file.path()).ok()?, Reading::Wire) else {
        return None;
    };
    load.extend([("pid", Value::Int(0)), ("queued", true.into()), ("queue_type", "job_queue".into())]);
    Some(load)
}

fn is(job: &Map, jid: &str) -> bool {
    job.get("jid").is_some_and(|own| str_of(own) == jid)
}

/// Jobs whose function matches a pattern.
pub(super) fn is_running(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let pattern = str_of(args.get("fun"));
    let matching = |job: &Map| Glob::new(&pattern).matches(job.str("fun").unwrap_or_default());
    Ok(Value::list(running(cx).into_iter().filter(matching).map(Value::Map)))
}

/// Sends a signal to the process of a job and all its descendants, and says so; empty where there is no such job.
pub(super) fn signal(cx: &Context, jid: &str, signal: i32) -> String {
    let Some(job) = running(cx).into_iter().find(|job| is(job, jid)) else { return String::new() };
    let pid = job.get("pid").and_then(Value::as_int).and_then(|pid| u32::try_from(pid).ok());
    // A job inside the daemon has no process of its own that could be ended.
    let sent = match pid.filter(|pid| *pid != cx.host.pid()) {
        Some(pid) => cx.host.signal_tree(pid, signal),
        None => return format!("Job {jid} runs inside the minion and cannot be signalled"),
    };
    match sent {
        Ok(()) => format!("Signal {signal} sent to job {jid} at pid {}", pid.unwrap_or_default()),
        Err(_) => {
            if !jid.contains('/') {
                let _ = fs::remove_file(folder(cx).join(jid));
            }
            format!("Job {jid} was not running and job data has been cleaned up")
        }
    }
}

/// Sends a signal to every job: one text for each.
pub(super) fn signal_all(cx: &Context, number: i32) -> Result<Value, Fault> {
    let jids = running(cx).into_iter().filter_map(|job| job.get("jid").map(str_of));
    Ok(Value::list(jids.map(|jid| signal(cx, &jid, number))))
}

/// The return of a job from the minion's own job cache.
pub(super) fn find_cached_job(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let jid = str_of(args.get("jid"));
    let folder = Path::new(cx.opt_str("cachedir")).join("minion_jobs").join(&jid);
    let is_name = !jid.is_empty() && !jid.starts_with('.') && !jid.contains('/');
    if !is_name || !folder.is_dir() {
        return Ok(if cx.opts.get("cache_jobs").is_some_and(Value::truthy) {
            format!("Local jobs cache directory {} not found", folder.display()).into()
        } else {
            "Local jobs cache directory not found; you may need to enable cache_jobs on this minion".into()
        });
    }
    let octets = fs::read(folder.join("return.p"))?;
    match decode(&octets, Reading::Wire) {
        Ok(job @ Value::Map(_)) => Ok(job),
        _ => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;
    use crate::loader::{Nowhere, Registry, Scope};
    use crate::map;
    use crate::value::msgpack::{Dialect, encode_map};

    /// Runs `check` with jobs whose processes are: this one (never signalled), pid 4711 (the fake minion), and one
    /// that cannot be there.
    fn with_jobs(name: &str, check: impl FnOnce(&Context, &FakeHost)) {
        let cachedir = std::env::temp_dir().join(format!("halite-jobs-{name}-{}", std::process::id()));
        fs::create_dir_all(cachedir.join("proc")).expect("a folder");
        for (jid, pid) in [("1", std::process::id()), ("2", 4711), ("3", 4_000_000_000)] {
            let job = map! { "jid" => jid, "pid" => pid, "fun" => "test.sleep" };
            let octets = encode_map(&job, Dialect::Wire);
            fs::write(cachedir.join("proc").join(jid), octets).expect("written");
        }
        fs::write(cachedir.join("proc/4"), "").expect("written");
        let opts = map! { "cachedir" => cachedir.to_string_lossy().into_owned() };
        let (none, published) = (Map::new(), map! { "jid" => "2" });
        let (registry, host) = (Registry::new(&[]), FakeHost::default());
        let scope = Scope {
            opts: &opts,
            grains: (&none).into(),
            pillar: (&none).into(),
            published: &published,
            registry: &registry,
            host: &host,
            minion: &Nowhere,
            master: &Nowhere,
        };
        check(&Context::new(scope), &host);
        fs::remove_dir_all(cachedir).expect("removed");
    }

    #[test]
    fn jobs_that_run_are_listed_and_the_others_cleaned_away() {
        with_jobs("list", |cx, _| {
            let jobs = running(cx);
            // The test's own command line names halite; job 2 asks, 3 and 4 are leftovers.
            assert_eq!(jobs.iter().filter_map(|job| job.str("jid")).collect::<Vec<_>>(), ["1"]);
            let left = fs::read_dir(folder(cx)).expect("listed").count();
            assert_eq!(left, 2);
        });
    }

    #[test]
    fn signals_go_to_the_process_of_the_job() {
        with_jobs("signal", |cx, host| {
            let pid = std::process::id();
            assert_eq!(signal(cx, "1", KILL), format!("Signal 9 sent to job 1 at pid {pid}"));
            assert_eq!(*host.signalled.lock().expect("no panic"), [(pid, 9)]);
            assert_eq!(signal(cx, "9", KILL), "");
        });
    }
}
