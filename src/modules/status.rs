//! `status`: how the machine is doing, from `/proc` (proc(5)). Salt: modules/status.py.
//!
//! Each function is a file and a pure reading of its text.

mod connection;

use std::collections::BTreeSet;
use std::fs;

use rustix::fs::statvfs;

use crate::loader::{Args, Call, Context, Default, Fault, Function, Module, always, opt, req, rest};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "status",
    provides: "status",
    available: always,
    functions: &[
        Function::new("all_status", &[], "All that the functions of this module tell.", all_status),
        Function::new("cpuinfo", &[], "The last processor of `/proc/cpuinfo`.", |_, _| {
            from("/proc/cpuinfo", cpuinfo)
        }),
        Function::new("cpustats", &[], "What the processors have done since the start.", |_, _| {
            from("/proc/stat", cpustats)
        }),
        Function::new("diskstats", &[], "What the block devices have done since the start.", |_, _| {
            from("/proc/diskstats", diskstats)
        }),
        Function::new(
            "diskusage",
            &[rest("args")],
            "Total and available octets of mounted file systems: all, or those of these kinds or mount points.",
            diskusage,
        ),
        Function::new("loadavg", &[], "The load of the last minute, 5 minutes and 15 minutes.", |_, _| {
            from("/proc/loadavg", loadavg)
        }),
        Function::new(
            "master",
            &[opt("master", Default::None), opt("connected", Default::True)],
            "Whether there is a connection to a master's publish port; an event where that is not as it is said.",
            connection::master,
        ),
        Function::new("meminfo", &[], "`/proc/meminfo`: `{name: {value, unit}}`.", |_, _| {
            from("/proc/meminfo", meminfo)
        }),
        Function::new("netdev", &[], "What the network interfaces have carried.", |_, _| {
            from("/proc/net/dev", netdev)
        }),
        Function::new("netstats", &[], "Counters of the network protocols.", |_, _| {
            from("/proc/net/netstat", netstats)
        }),
        Function::new("nproc", &[], "How many processors a program may use.", |cx, _| {
            Ok(number(run(cx, "nproc", false)?.trim()))
        }),
        Function::new(
            "pid",
            &[req("sig")],
            "The process ids of programs whose line in `ps` holds a text.",
            pid,
        ),
        Function::new(
            "ping_master",
            &[req("master")],
            "Whether a master answers; a minion with `master_type: failover` whose first master it is goes back to it then.",
            connection::ping_master,
        ),
        Function::new("procs", &[], "The processes: `{pid: {user, cmd}}`.", procs),
        Function::new(
            "time",
            &[opt("format", Default::Str("%A, %d. %B %Y %I:%M%p"))],
            "The local time, as `strftime` writes it.",
            |_, args| Ok(crate::host::local_now().strftime(&args.str("format")?).to_string().into()),
        ),
        Function::new("uptime", &[], "Since when the machine runs, and how many users are there.", uptime),
        Function::new("version", &[], "The version of the kernel.", |_, _| {
            Ok(fs::read_to_string("/proc/version")
                .map_or_else(|_| Map::new().into(), |text| text.trim().into()))
        }),
        Function::new("vmstats", &[], "Counters of the virtual memory.", |_, _| {
            from("/proc/vmstat", vmstats)
        }),
        Function::new("w", &[], "Who is logged in and what they do.", |cx, _| {
            Ok(w(&run(cx, "w -fh", false)?))
        }),
    ],
};

fn from(path: &str, read: fn(&str) -> Map) -> Result<Value, Fault> {
    Ok(read(&fs::read_to_string(path).unwrap_or_default()).into())
}

fn run(cx: &Context, command: &str, python_shell: bool) -> Result<String, Fault> {
    let mut call = Call::positional([command.into()]);
    if python_shell {
        call.kwargs.insert("python_shell", true);
    }
    Ok(str_of(&cx.call("cmd.run", call)?))
}

/// A number where it is one, otherwise the text.
fn number(text: &str) -> Value {
    if !text.is_empty() && text.chars().all(|char| char.is_ascii_digit()) {
        return match text.parse::<i64>() {
            Ok(int) => int.into(),
            Err(_) => text.parse().map(Value::from_bigint).unwrap_or_else(|_| text.into()),
        };
    }
    text.parse::<f64>().map_or_else(|_| text.into(), Value::Float)
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn numbers(words: &[&str]) -> Value {
    Value::List(words.iter().map(|word| number(word)).collect())
}

/// Names for columns, from `first` on; `None` if there are too few.
fn columns(words: &[&str], first: usize, names: &[&str]) -> Option<Map> {
    let values = words.get(first..first + names.len())?;
    Some(names.iter().zip(values).map(|(name, word)| (*name, number(word))).collect())
}

fn sorted(mut map: Map) -> Map {
    map.sort_by(|a, b| str_of(a).cmp(&str_of(b)));
    map
}

fn cpuinfo(text: &str) -> Map {
    let mut found = Map::new();
    for line in text.lines() {
        let mut parts = line.split(':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        match name.trim() {
            "flags" => found.insert("flags", Value::list(value.split_whitespace())),
            name => found.insert(name, value.trim()),
        };
    }
    found
}

fn cpustats(text: &str) -> Map {
    let mut found = Map::new();
    for words in text.lines().map(words) {
        let (Some(name), Some(first)) = (words.first(), words.get(1)) else { continue };
        let rest = || numbers(words.get(2..).unwrap_or_default());
        match *name {
            "cpu" => {
                let names = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
                found.insert("cpu", columns(&words, 1, &names).map(sorted).unwrap_or_default())
            }
            "intr" => found.insert("intr", map! { "total" => number(first), "irqs" => rest() }),
            "softirq" => found.insert("softirq", map! { "total" => number(first), "softirqs" => rest() }),
            name => found.insert(name, number(first)),
        };
    }
    found
}

fn diskstats(text: &str) -> Map {
    const NAMES: [&str; 11] = [
        "reads_issued",
        "reads_merged",
        "sectors_read",
        "ms_spent_reading",
        "writes_completed",
        "writes_merged",
        "sectors_written",
        "ms_spent_writing",
        "io_in_progress",
        "ms_spent_in_io",
        "weighted_ms_spent_in_io",
    ];
    let mut found = Map::new();
    for words in text.lines().map(words) {
        let Some(name) = words.get(2) else { continue };
        let Some(counts) = columns(&words, 3, &NAMES) else { continue };
        let mut entry = map! { "major" => words.first().map(|word| number(word)), "minor" => words.get(1).map(|word| number(word)), "device" => *name };
        entry.extend(counts);
        found.insert(*name, entry);
    }
    found
}

fn loadavg(text: &str) -> Map {
    let words = words(text);
    columns(&words, 0, &["1-min", "5-min", "15-min"]).unwrap_or_default()
}

fn meminfo(text: &str) -> Map {
    let mut found = Map::new();
    for words in text.lines().map(words) {
        let (Some(name), Some(value)) = (words.first(), words.get(1)) else { continue };
        let mut entry = map! { "value" => *value };
        if let Some(unit) = words.get(2) {
            entry.insert("unit", *unit);
        }
        found.insert(name.replace(':', ""), entry);
    }
    found
}

fn netdev(text: &str) -> Map {
    const NAMES: [&str; 16] = [
        "rx_bytes",
        "rx_packets",
        "rx_errs",
        "rx_drop",
        "rx_fifo",
        "rx_frame",
        "rx_compressed",
        "rx_multicast",
        "tx_bytes",
        "tx_packets",
        "tx_errs",
        "tx_drop",
        "tx_fifo",
        "tx_colls",
        "tx_carrier",
        "tx_compressed",
    ];
    let mut found = Map::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let name = name.trim();
        let Some(counts) = columns(&words(rest), 0, &NAMES) else { continue };
        let mut entry = map! { "iface" => name };
        entry.extend(sorted(counts));
        found.insert(name, entry);
    }
    found
}

fn netstats(text: &str) -> Map {
    let mut found = Map::new();
    let mut headers: Vec<&str> = Vec::new();
    for words in text.lines().map(words).filter(|words| !words.is_empty()) {
        if words.first() != headers.first() {
            headers = words;
            continue;
        }
        let row: Map = headers.iter().zip(&words).skip(1).map(|(name, word)| (*name, number(word))).collect();
        found.insert(headers.first().copied().unwrap_or_default().replace(':', ""), row);
    }
    found
}

fn vmstats(text: &str) -> Map {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, value)| (name, number(value.trim())))
        .collect()
}

fn w(text: &str) -> Value {
    let row = |line: &str| {
        let words = words(line);
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        Value::from(map! {
            "idle" => word(3),
            "jcpu" => word(4),
            "login" => word(2),
            "pcpu" => word(5),
            "tty" => word(1),
            "user" => word(0),
            "what" => words.get(6..).unwrap_or_default().join(" "),
        })
    };
    Value::List(text.lines().filter(|line| !line.trim().is_empty()).map(row).collect())
}

/// What `ps` prints, by the command that the grain `ps` names.
fn ps(cx: &Context) -> Result<String, Fault> {
    run(cx, cx.grains.str("ps").unwrap_or("ps -efHww"), true)
}

fn procs(cx: &Context, _: &Args) -> Result<Value, Fault> {
    Ok(processes(&ps(cx)?).into())
}

fn processes(text: &str) -> Map {
    let mut lines = text.lines();
    let guide = words(lines.next().unwrap_or_default());
    let column = |names: [&str; 2]| {
        names.iter().find_map(|name| guide.iter().position(|word| word == name)).unwrap_or_default()
    };
    let (user, pid, cmd) = (column(["USER", "UID"]), column(["PID", ""]), column(["COMMAND", "CMD"]));
    let mut found = Map::new();
    for words in lines.map(words) {
        if let (Some(user), Some(pid)) = (words.get(user), words.get(pid)) {
            let cmd = words.get(cmd..).unwrap_or_default().join(" ");
            found.insert(*pid, map! { "user" => *user, "cmd" => cmd });
        }
    }
    found
}

fn pid(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let own = cx.host.pid().to_string();
    let signature = args.str("sig")?;
    let searched = format!("[\\s\\S]*?(?:{signature})");
    let regex = crate::patterns::PyRegex::new(&searched)
        .map_err(|error| Fault::exception("re.error", error.to_string()))?;
    let found: Vec<String> = ps(cx)?
        .lines()
        .filter(|line| !line.contains(&own) && regex.matches(line))
        .filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
        .collect();
    Ok(found.join("\n").into())
}

fn uptime(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let text = fs::read_to_string("/proc/uptime")
        .map_err(|_| Fault::execution("File /proc/uptime was not found."))?;
    let seconds = text.split('.').next().and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    let boot = cx.host.now().saturating_sub(jiff::SignedDuration::from_secs(seconds));
    let since = boot.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
    let micros = boot.subsec_nanosecond() / 1000;
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    let mut found = map! {
        "seconds" => seconds,
        "since_iso" => format!("{}{fraction}", boot.strftime("%Y-%m-%dT%H:%M:%S")),
        "since_t" => since,
        "days" => seconds / 86_400,
        "time" => format!("{}:{}", seconds % 86_400 / 3600, seconds % 3600 / 60),
    };
    if cx.call("cmd.which", Call::positional(["who".into()]))?.truthy() {
        // Salt quirk: nobody counts as one, 3006.25.
        found.insert(
            "users",
            i64::try_from(run(cx, "who -s", false)?.split('\n').count()).unwrap_or_default(),
        );
    }
    Ok(found.into())
}

/// Kinds of file systems that hold files, not tells of the kernel.
fn diskusage(_: &Context, args: &Args) -> Result<Value, Fault> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mut selected: BTreeSet<String> = BTreeSet::new();
    let mut kinds: Vec<String> = Vec::new();
    for given in args.rest.iter().map(str_of) {
        if given.starts_with('/') {
            selected.insert(given);
        } else {
            kinds.push(given);
        }
    }
    let everything = args.rest.is_empty();
    for words in mounts.lines().map(words) {
        let (Some(mount), Some(kind)) = (words.get(1), words.get(2)) else { continue };
        if everything || kinds.iter().any(|wanted| crate::patterns::Glob::new(wanted).matches(kind)) {
            selected.insert((*mount).to_owned());
        }
    }
    let mut found = Map::new();
    for path in selected {
        let stats = statvfs(&path).map_err(|error| Fault::os(&error.into(), &path))?;
        found.insert(
            path,
            map! {
                "available" => stats.f_bavail.saturating_mul(stats.f_bsize),
                "total" => stats.f_blocks.saturating_mul(stats.f_bsize),
            },
        );
    }
    Ok(found.into())
}

fn all_status(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let mut found = Map::new();
    for name in [
        "cpuinfo",
        "cpustats",
        "diskstats",
        "diskusage",
        "loadavg",
        "meminfo",
        "netdev",
        "netstats",
        "uptime",
        "vmstats",
        "w",
    ] {
        found.insert(name, cx.call(&format!("status.{name}"), Call::default())?);
    }
    Ok(found.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::JsonStyle;

    fn check(found: Map, expected: &str) {
        assert_eq!(Value::Map(found).to_json(JsonStyle::default()), expected);
    }

    #[test]
    fn files_of_the_kernel_are_read_as_salt_reads_them() {
        check(loadavg("0.50 1.25 2.00 1/100 4242\n"), r#"{"1-min": 0.5, "5-min": 1.25, "15-min": 2.0}"#);
        check(
            meminfo("MemTotal:  100 kB\nHugePages_Total:  0\n"),
            r#"{"MemTotal": {"value": "100", "unit": "kB"}, "HugePages_Total": {"value": "0"}}"#,
        );
        check(vmstats("nr_free 7\nnr_x 8\n"), r#"{"nr_free": 7, "nr_x": 8}"#);
        check(
            netstats("TcpExt: a b\nTcpExt: 1 -2\nIpExt: c\nIpExt: 3\n"),
            r#"{"TcpExt": {"a": 1, "b": -2.0}, "IpExt": {"c": 3}}"#,
        );
        check(
            cpuinfo("processor\t: 0\nflags\t: a b\n\nprocessor\t: 1\nbugs\t:\n"),
            r#"{"processor": "1", "flags": ["a", "b"], "bugs": ""}"#,
        );
        check(
            processes("UID  PID PPID CMD\nroot  1 0 /sbin/init  x\n"),
            r#"{"1": {"user": "root", "cmd": "/sbin/init x"}}"#,
        );
    }
}
