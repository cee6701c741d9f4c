//! Signals to running processes and their descendants. Linux: proc(5), `/proc/<pid>/stat`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

use crate::value::sort;

/// Sends a signal; 0 only asks whether the process is there.
pub(super) fn signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = pid_of(pid)?;
    match signal {
        0 => test_kill_process(pid)?,
        number => kill_process(pid, named(number)?)?,
    }
    Ok(())
}

/// Sends a signal to a process, its group and its descendants. Those are collected before the first signal is
/// sent: once a parent is gone, nobody knows whose children they were.
pub(super) fn signal_tree(pid: u32, number: i32) -> io::Result<()> {
    if number == 0 {
        return signal(pid, 0);
    }
    let root = pid_of(pid)?;
    let signal = named(number)?;
    let running = running();
    let mut groups = BTreeSet::new();
    let mut tree = vec![pid];
    let mut at = 0;
    while let Some(&parent) = tree.get(at) {
        at += 1;
        // A group belongs to the tree when a process of the tree leads it.
        if running.get(&parent).is_some_and(|process| process.group == parent) {
            groups.insert(parent);
        }
        let children = running.iter().filter(|(_, process)| process.parent == parent).map(|(pid, _)| *pid);
        let fresh: Vec<u32> = children.filter(|child| !tree.contains(child)).collect();
        tree.extend(fresh);
    }
    let sent = kill_process(root, signal);
    for group in groups.into_iter().filter_map(|group| pid_of(group).ok()) {
        let _ = kill_process_group(group, signal);
    }
    let grouped = |pid: &u32| running.get(pid).is_some_and(|process| tree.contains(&process.group));
    for child in tree.iter().skip(1).filter(|pid| !grouped(pid)).filter_map(|pid| pid_of(*pid).ok()) {
        let _ = kill_process(child, signal);
    }
    Ok(sent?)
}

fn pid_of(pid: u32) -> io::Result<Pid> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

fn named(number: i32) -> io::Result<Signal> {
    Signal::from_named_raw(number).ok_or_else(|| io::Error::from_raw_os_error(22))
}

struct Process {
    parent: u32,
    group: u32,
}

/// The ids of all processes, in ascending order.
pub fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).collect();
    sort::all(&mut pids);
    pids
}

/// The words of a process's command line; none for threads of the kernel and processes that are gone. A title that
/// was written over it is one line: it is split at blanks (psutil does so, too).
pub fn command_line(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&line);
    let separator = if text.ends_with('\0') { '\0' } else { ' ' };
    let words: Vec<String> =
        text.strip_suffix(separator).unwrap_or(&text).split(separator).map(str::to_owned).collect();
    match words.as_slice() {
        [one] if one.is_empty() => Vec::new(),
        [one] if separator == '\0' && one.contains(' ') => one.split(' ').map(str::to_owned).collect(),
        _ => words,
    }
}

/// The name of a process's program: the kernel keeps 15 characters, the command line may know the rest. Python:
/// psutil, `Process.name`.
pub fn process_name(pid: u32) -> Option<String> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let name = stat.split_once('(')?.1.rsplit_once(')')?.0.to_owned();
    if name.len() >= 15
        && let Some(program) = command_line(pid).first()
        && let Some(whole) = program.rsplit('/').next()
        && whole.starts_with(&name)
    {
        return Some(whole.to_owned());
    }
    Some(name)
}

fn running() -> BTreeMap<u32, Process> {
    let pids = pids().into_iter();
    sort::into_map(pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, parse_stat(&stat)?))
    }))
}

/// The name of the program is in parentheses and may itself hold some.
fn parse_stat(stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
    Some(Process { parent: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn stat_lines_are_read() {
        let process = parse_stat("12 (a) b) S 7 12 12 0 -1").expect("a line");
        assert_eq!((process.parent, process.group), (7, 12));
        assert!(parse_stat("12").is_none());
    }

    #[test]
    fn a_process_has_a_name_and_a_command_line() {
        let own = std::process::id();
        assert!(pids().contains(&own));
        let program = command_line(own).into_iter().next().expect("a program");
        let name = process_name(own).expect("a name");
        assert!(program.ends_with(&name), "{program} {name}");
        assert_eq!((process_name(0), command_line(0)), (None, Vec::new()));
    }

    #[test]
    fn descendants_in_groups_of_their_own_are_reached() {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "setsid sh -c 'echo ready; sleep 20; echo late' & wait"]).stdout(Stdio::piped());
        let mut child = crate::host::starting(|| shell.spawn()).expect("a shell");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        signal_tree(child.id(), 9).expect("sent");
        assert_eq!(child.wait().expect("ended").signal(), Some(9));
        // Every holder of the pipe is gone, and none came to its second line.
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("the end");
        assert_eq!(rest, "");
    }

    #[test]
    fn what_is_no_signal_or_no_process_is_refused() {
        assert!(signal(std::process::id(), 0).is_ok());
        assert_eq!(signal(std::process::id(), 999).expect_err("no signal").raw_os_error(), Some(22));
        assert!(signal(0, 15).is_err());
        assert!(signal_tree(std::process::id(), 0).is_ok());
    }
}
