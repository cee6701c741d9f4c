//! Memory, processors and file systems. Python: psutil (`virtual_memory`, `swap_memory`, `disk_partitions`,
//! `disk_usage`).

use std::fs;

use rustix::fs::statvfs;

use super::{fields, tenths};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value};

/// Octets from `/proc/meminfo`.
fn octets(info: &Map, name: &str) -> u64 {
    let word = info.str(name).and_then(|text| text.split_whitespace().next());
    word.and_then(|word| word.parse::<u64>().ok()).unwrap_or_default().saturating_mul(1024)
}

fn number(octets: u64) -> i64 {
    i64::try_from(octets).unwrap_or(i64::MAX)
}

pub(super) fn memory() -> Map {
    let info = fields("/proc/meminfo");
    let of = |name: &str| octets(&info, name);
    let (total, free, buffers) = (of("MemTotal"), of("MemFree"), of("Buffers"));
    let cached = of("Cached").saturating_add(of("SReclaimable"));
    let available = of("MemAvailable").min(total);
    let used = total.checked_sub(free + cached + buffers).unwrap_or(total.saturating_sub(free));
    let values = [
        ("used", used),
        ("free", free),
        ("active", of("Active")),
        ("inactive", of("Inactive")),
        ("buffers", buffers),
        ("cached", cached),
        ("shared", of("Shmem")),
        ("slab", of("Slab")),
    ];
    let mut memory = map! {
        "total" => number(total), "available" => number(available),
        "percent" => tenths(total.saturating_sub(available), total),
    };
    memory.extend(values.map(|(name, octets)| (name, number(octets))));
    memory
}

pub(super) fn swap() -> Map {
    let info = fields("/proc/meminfo");
    let (total, free) = (octets(&info, "SwapTotal"), octets(&info, "SwapFree"));
    let used = total.saturating_sub(free);
    let statistics = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let pages = |name: &str| {
        let found = statistics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        number(found.unwrap_or_default().saturating_mul(4096))
    };
    map! {
        "total" => number(total), "used" => number(used), "free" => number(free),
        "percent" => tenths(used, total), "sin" => pages("pswpin "), "sout" => pages("pswpout "),
    }
}

pub(super) fn processors() -> i64 {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let count = text.lines().filter(|line| line.starts_with("processor")).count();
    i64::try_from(count).unwrap_or(1).max(1)
}

pub(super) fn boot_time(_: &Context, args: &Args) -> Result<Value, Fault> {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let seconds = text
        .lines()
        .find_map(|line| line.strip_prefix("btime ")?.trim().parse::<i64>().ok())
        .unwrap_or_default();
    let Some(format) = args.opt_str("time_format")?.filter(|format| !format.is_empty()) else {
        return Ok(seconds.into());
    };
    let wrong = |problem: jiff::Error| Fault::invocation(format!("Invalid format string: {problem}"));
    let time = jiff::Timestamp::from_second(seconds).map_err(wrong)?.to_zoned(crate::host::local_zone());
    Ok(jiff::fmt::strtime::format(&format, &time).map_err(wrong)?.into())
}

/// `/proc/self/mounts`; without `all` only file systems that live on devices.
pub(super) fn partitions(all: bool) -> Vec<Map> {
    let kinds = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let mut on_devices: Vec<&str> = kinds.lines().filter_map(|line| line.strip_prefix('\t')).collect();
    on_devices.push("zfs");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut found = Vec::new();
    for line in mounts.lines() {
        let mut words = line.split(' ').map(unescaped);
        let (Some(device), Some(place), Some(kind), Some(options)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let device = if device == "none" { String::new() } else { device };
        if all || !device.is_empty() && on_devices.contains(&kind.as_str()) {
            found.push(
                map! { "device" => device, "mountpoint" => place, "fstype" => kind, "opts" => options },
            );
        }
    }
    found
}

/// Blanks and backslashes stand as octal numbers.
fn unescaped(word: &str) -> String {
    let mut text = word.to_owned();
    for (escape, char) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(escape, char);
    }
    text
}

pub(super) fn usage(path: &str) -> Result<Map, Fault> {
    let found = statvfs(path).map_err(|error| Fault::os(&error.into(), path))?;
    let size = found.f_frsize;
    let (total, free) = (found.f_blocks.saturating_mul(size), found.f_bavail.saturating_mul(size));
    let used = total.saturating_sub(found.f_bfree.saturating_mul(size));
    Ok(map! {
        "total" => number(total), "used" => number(used), "free" => number(free),
        "percent" => tenths(used, used.saturating_add(free)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_mounted_and_has_a_size() {
        assert!(partitions(true).iter().any(|partition| partition.str("mountpoint") == Some("/")));
        let usage = usage("/").expect("a file system");
        let percent = usage.get("percent").and_then(Value::as_float).expect("a number");
        assert!((0.0..=100.0).contains(&percent));
        assert!(super::usage("/no/such/place").is_err());
        assert_eq!(unescaped("a\\040b\\134"), "a b\\");
    }

    #[test]
    fn memory_adds_up() {
        let memory = memory();
        let of = |name: &str| memory.get(name).and_then(Value::as_int).expect("a number");
        assert!(of("total") > of("available") && of("available") > 0);
        assert_eq!((tenths(1, 3), tenths(1, 0)), (33.3, 0.0));
    }
}
