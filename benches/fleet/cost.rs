//! What a process and all that descend from it have used: `/proc/<pid>/stat` and `smaps_rollup`, proc(5).

use std::collections::HashMap;
use std::fs;

use anyhow::Context as _;
use serde_json::json;

/// Ticks of `utime` and `stime` per second: USER_HZ, 100 on every Linux.
const USER_HZ: f64 = 100.0;

/// The use so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Seconds of user and system time, of ended children too.
    pub cpu: f64,
    /// Octets.
    pub rss: u64,
    /// Octets; pages that processes share count once.
    pub pss: u64,
    pub processes: usize,
}

impl Cost {
    /// Of `root` and its descendants.
    pub fn of(root: u32) -> anyhow::Result<Self> {
        let stats = all();
        anyhow::ensure!(stats.contains_key(&root), "the master {root} is gone");
        let mut cost = Cost::default();
        for (pid, stat) in &stats {
            if !descends(*pid, root, &stats) {
                continue;
            }
            cost.processes += 1;
            cost.cpu += stat.ticks as f64 / USER_HZ;
            // A child may have ended meanwhile; a master never does.
            let rollup = match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
                Err(_) if *pid != root => continue,
                rollup => rollup.with_context(|| format!("the memory of {pid}"))?,
            };
            cost.rss += kib(&rollup, "Rss:") * 1024;
            cost.pss += kib(&rollup, "Pss:") * 1024;
        }
        Ok(cost)
    }

    /// As shown in the report: MiB.
    pub fn shown(&self) -> serde_json::Value {
        let mib = |octets: u64| octets as f64 / f64::from(1 << 20);
        json!({ "rss": mib(self.rss), "pss": mib(self.pss) })
    }
}

struct Stat {
    parent: u32,
    ticks: u64,
}

fn all() -> HashMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

/// `None` when the process has ended meanwhile.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in front may hold spaces and parentheses.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // utime, stime, cutime, cstime.
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks })
}

fn descends(mut pid: u32, root: u32, stats: &HashMap<u32, Stat>) -> bool {
    while pid != root {
        match stats.get(&pid) {
            Some(stat) if stat.parent != 0 => pid = stat.parent,
            _ => return false,
        }
    }
    true
}

fn kib(rollup: &str, name: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or_default()
}
