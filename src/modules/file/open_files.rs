//! Which files are open, and by whom. Salt: modules/file.py (`open_files`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::loader::{Args, Context, Fault};
use crate::value::{Map, Value, sort};

fn entries(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// The files that a process has open in any of its threads, its program among them.
fn of_process(process: &Path) -> BTreeSet<PathBuf> {
    let mut all: Vec<PathBuf> = entries(&process.join("fd")).collect();
    for thread in entries(&process.join("task")) {
        all.extend(entries(&thread.join("fd")));
        all.push(thread.join("exe"));
    }
    // What is no file of this name any more, or never was one (sockets, pipes), has no real path.
    let targets = all.into_iter().filter_map(|descriptor| fs::read_link(descriptor).ok());
    sort::into_set(targets.filter_map(|target| fs::canonicalize(target).ok()))
}

/// `{path: [pid]}`, or with `by_pid` `{pid: [path]}`.
pub(super) fn open_files(_: &Context, args: &Args) -> Result<Value, Fault> {
    let pid_of = |path: &Path| path.file_name()?.to_str()?.parse::<i64>().ok();
    let mut by_pid: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut by_path: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for process in entries(Path::new("/proc")) {
        let Some(pid) = pid_of(&process) else { continue };
        by_pid.entry(pid).or_default();
        let files = of_process(&process).into_iter().map(|path| path.to_string_lossy().into_owned());
        for file in files {
            by_path.entry(file.clone()).or_default().push(pid);
            by_pid.entry(pid).or_default().push(file);
        }
    }
    Ok(if args.truthy("by_pid") {
        by_pid.into_iter().map(|(pid, files)| (pid, Value::list(files))).collect::<Map>().into()
    } else {
        let sorted = |mut pids: Vec<i64>| {
            sort::all(&mut pids);
            Value::list(pids)
        };
        by_path.into_iter().map(|(file, pids)| (file, sorted(pids))).collect::<Map>().into()
    })
}
