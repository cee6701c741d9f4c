//! One process. Python: psutil, `Process.as_dict`.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::fields;
use crate::host::{self, Host, RealHost};
use crate::loader::{Context, Fault};
use crate::map;
use crate::value::{Map, Value};

/// What `/proc/<pid>/stat` tells: words from the state on.
pub(super) struct Process {
    pub pid: u32,
    pub name: String,
    words: Vec<String>,
}

/// The user that a process runs as.
pub(super) fn owner(pid: u32) -> Option<String> {
    let uid = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
    Some(RealHost.user_by_uid(uid).map_or_else(|| uid.to_string(), |user| user.name))
}

impl Process {
    pub(super) fn read(pid: u32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let words = stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect();
        Some(Process { pid, name: host::process_name(pid)?, words })
    }

    /// The n-th field of proc(5)'s list, from 3 on.
    fn field(&self, number: usize) -> i64 {
        self.words.get(number - 3).and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    pub(super) fn status(&self) -> &'static str {
        match self.words.first().map(String::as_str) {
            Some("R") => "running",
            Some("S") => "sleeping",
            Some("D") => "disk-sleep",
            Some("T") => "stopped",
            Some("t") => "tracing-stop",
            Some("Z") => "zombie",
            Some("X" | "x") => "dead",
            Some("K") => "wake-kill",
            Some("W") => "waking",
            Some("I") => "idle",
            Some("P") => "parked",
            _ => "?",
        }
    }

    /// What is known, or only what `wanted` names.
    pub(super) fn info(&self, cx: &Context, wanted: &[Value]) -> Result<Value, Fault> {
        let all = self.all(cx);
        if wanted.is_empty() {
            return Ok(all.into());
        }
        let mut some = Map::new();
        for name in wanted {
            let Some(value) = all.get_value(name) else {
                let text = format!("invalid attr name {}", crate::value::repr(name));
                return Err(Fault::exception("ValueError", text));
            };
            some.insert(name.clone(), value.clone());
        }
        Ok(some.into())
    }

    fn all(&self, cx: &Context) -> Map {
        let pid = self.pid;
        let path = |name: &str| format!("/proc/{pid}/{name}");
        let link = |name: &str| match fs::read_link(path(name)) {
            Ok(target) => Value::from(target.to_string_lossy().into_owned()),
            Err(_) => Value::Null,
        };
        let count = |name: &str| match fs::read_dir(path(name)) {
            Ok(entries) => Value::from(i64::try_from(entries.count()).unwrap_or_default()),
            Err(_) => Value::Null,
        };
        let status = fields(&path("status"));
        let ids = |name: &str| -> Vec<i64> {
            let words = status.str(name).unwrap_or_default().split_whitespace();
            words.filter_map(|word| word.parse().ok()).take(3).collect()
        };
        let environment = fs::read(path("environ")).unwrap_or_default();
        let environment: Map = String::from_utf8_lossy(&environment)
            .split('\0')
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let pages: Vec<i64> = fs::read_to_string(path("statm"))
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|word| word.parse::<i64>().ok()?.checked_mul(4096))
            .collect();
        let page = |index: usize| Value::from(pages.get(index).copied().unwrap_or_default());
        let memory: Vec<Value> = [1, 0, 2, 3, 4, 5, 6].map(page).into();
        let switches = |name: &str| {
            Value::from(status.str(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default())
        };
        let total = cx.call("ps.total_physical_memory", crate::loader::Call::default());
        let total = total.ok().as_ref().and_then(Value::as_int).unwrap_or_default();
        let resident = pages.get(1).copied().unwrap_or_default();
        #[allow(clippy::cast_precision_loss, reason = "a percentage")]
        let memory_percent = if total > 0 { resident as f64 / total as f64 * 100.0 } else { 0.0 };
        map! {
            "pid" => pid,
            "ppid" => self.field(4),
            "name" => self.name.as_str(),
            "cmdline" => Value::list(host::command_line(pid)),
            "exe" => match link("exe") { Value::Null => "".into(), path => path },
            "cwd" => link("cwd"),
            "status" => self.status(),
            "username" => owner(pid),
            "uids" => Value::list(ids("Uid")),
            "gids" => Value::list(ids("Gid")),
            "create_time" => self.started(),
            "nice" => self.field(19),
            "num_threads" => self.field(20),
            "num_fds" => count("fd"),
            "num_ctx_switches" =>
                Value::list([switches("voluntary_ctxt_switches"), switches("nonvoluntary_ctxt_switches")]),
            "cpu_times" => Value::list([14, 15, 16, 17, 42].map(|number| seconds(self.field(number)))),
            "cpu_num" => self.field(39),
            "memory_info" => Value::List(memory),
            "memory_percent" => memory_percent,
            "environ" => environment,
        }
    }

    /// Seconds since 1970.
    fn started(&self) -> f64 {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let boot = text.lines().find_map(|line| str::parse::<f64>(line.strip_prefix("btime ")?.trim()).ok());
        boot.unwrap_or_default() + seconds(self.field(22))
    }
}

/// Of the clock ticks that `/proc` counts in: a hundred a second on every Linux.
fn seconds(ticks: i64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a time")]
    let seconds = ticks as f64 / 100.0;
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_or_sleeps() {
        let process = Process::read(std::process::id()).expect("ourselves");
        assert!(matches!(process.status(), "running" | "sleeping"));
        assert!(process.field(4) > 0 && process.started() > 1e9);
        assert!(owner(process.pid).is_some_and(|name| !name.is_empty()));
        assert!(Process::read(0).is_none());
        assert_eq!(seconds(150), 1.5);
    }
}
