//! Grains of one's own: Python files in `extension_modules`/grains (`saltutil.sync_grains`) and in `grains_dirs`. Salt:
//! loader/__init__.py (`grains`).
//!
//! They run in a `python3` of this machine, which knows nothing of Salt but `__opts__` and `__grains__`. Where there is none,
//! or a file fails, its grains are missing, and the log says so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::machine::Machine;
use crate::host::{Command, which};
use crate::map;
use crate::value::{JsonStyle, Map, Value, sort};

const DRIVER: &str = include_str!("own.py");
/// For all files together.
const TIME: Duration = Duration::from_secs(60);

/// What the functions of the files give, each map as it came. `so_far` are the grains that they can look at.
pub(super) fn own(machine: &Machine, so_far: &Map) -> Vec<Map> {
    let files = files(machine.opts);
    if files.is_empty() {
        return Vec::new();
    }
    let path = machine.host.env("PATH").unwrap_or_default();
    let Some(python) = which("python3", &path) else {
        crate::log::error!(?files, "grains in Python need the program python3, which is not on this machine");
        return Vec::new();
    };
    let given = map! {
        "files" => Value::list(files.iter().map(|file| file.to_string_lossy().into_owned())),
        "grains" => so_far.clone(),
        "opts" => machine.opts.clone(),
    };
    let mut command = Command::new(python.to_string_lossy(), ["-c", DRIVER]);
    command.stdin = Some(Value::from(given).to_json(JsonStyle::default()).into_bytes());
    command.timeout = Some(TIME);
    let output = match machine.host.run(&command) {
        Ok(output) => output,
        Err(error) => {
            crate::log::error!(%error, "grains in Python: python3 could not be started");
            return Vec::new();
        }
    };
    if output.timed_out {
        crate::log::error!("grains in Python: python3 was stopped after {} s", TIME.as_secs());
    }
    if !output.stderr.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        crate::log::error!("Failed to load grains defined in grain files, error:\n{said}");
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let maps = lines.lines().filter_map(|line| match Value::from_json(line) {
        Ok(Value::Map(grains)) => Some(grains),
        _ => None,
    });
    maps.collect()
}

/// The files, each name once, by name.
fn files(opts: &Map) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(own) = opts.str("extension_modules").filter(|folder| !folder.is_empty()) {
        folders.push(Path::new(own).join("grains"));
    }
    let more = opts.get("grains_dirs").and_then(Value::as_list).unwrap_or_default();
    folders.extend(more.iter().filter_map(Value::as_str).map(PathBuf::from));
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten() {
        let path = entry.path();
        let is_wanted = path.extension().is_some_and(|end| end == "py")
            && !entry.file_name().to_string_lossy().starts_with('_')
            && !files.iter().any(|file| file.file_name() == path.file_name());
        if is_wanted {
            files.push(path);
        }
    }
    sort::by(&mut files, |a, b| a.file_name().cmp(&b.file_name()));
    files
}
