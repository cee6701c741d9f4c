//! A shell script on hosts of the roster, through the program `ssh` of this host. Salt: client/ssh/shell.py.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::roster::Hosts;
use crate::host::{Command, Output, beside};
use crate::loader::Context;
use crate::loader::shlex::quote;
use crate::value::{Map, Value, str_of};

/// What is kept of each output of a host: enough for the largest script that is shown.
const MAX_OUTPUT: usize = 512 << 10;

/// Letters that are shown of what is no answer.
const MAX_PROBLEM: usize = 1000;

/// Makes words of ssh of what the roster says, which it has in variables; its argument is what the shell over there is to
/// run, whichever that is.
const SSH: &str = include_str!("ssh.sh");

/// What it has to know: what the roster says of a host, and the option of the master that says it of all.
const VARIABLES: [(&str, &str); 20] = [
    ("cmd_umask", ""),
    ("host", ""),
    ("identities_only", "ssh_identities_only"),
    ("ignore_host_keys", "ignore_host_keys"),
    ("known_hosts_file", "known_hosts_file"),
    ("no_host_keys", "no_host_keys"),
    ("passwd", "ssh_passwd"),
    ("port", "ssh_port"),
    ("priv", "ssh_priv"),
    ("priv_passwd", "ssh_priv_passwd"),
    ("remote_port_forwards", "ssh_remote_port_forwards"),
    ("set_path", ""),
    ("ssh_options", "ssh_options"),
    ("ssh_pre_flight", ""),
    ("sudo", "ssh_sudo"),
    ("sudo_user", "ssh_sudo_user"),
    ("timeout", "ssh_timeout"),
    ("tty", ""),
    ("user", "ssh_user"),
    ("winrm", ""),
];

/// Runs a script with arguments on all hosts, and gives what became of it in their order. Whatever keeps ssh from it is in
/// `stderr`.
pub(super) fn run_on(
    cx: &Context,
    hosts: &Hosts,
    script: &str,
    words: &[String],
    limit: Duration,
) -> Vec<Output> {
    let mut there = format!("/bin/sh -c {} sh", quote(script));
    for word in words {
        there.push(' ');
        there.push_str(&quote(word));
    }
    let machine = cx.host;
    let run = |said: &Map| {
        let mut command = Command::new("/bin/sh", ["-c", SSH, "sh", &there]);
        for (name, option) in VARIABLES {
            let mut text = String::new();
            match said.get(name).or_else(|| hosts.opts.get(option)).filter(|value| value.truthy()) {
                Some(Value::List(lines)) => {
                    lines.iter().for_each(|line| text = format!("{text}{}\n", str_of(line)))
                }
                Some(value) => text = str_of(value),
                None => {}
            }
            command.env.push((name.to_owned(), Some(text)));
        }
        command.timeout = Some(limit);
        command.most = Some(MAX_OUTPUT);
        let mut output = machine.run(&command).unwrap_or_else(|error| Output {
            stderr: error.to_string().into(),
            code: 255,
            ..Output::default()
        });
        if output.timed_out {
            output.stderr = format!("no end within {} seconds", limit.as_secs()).into();
        }
        output
    };
    let work: Vec<(&Map, Mutex<Output>)> =
        hosts.all.iter().map(|(_, said)| (said, Mutex::default())).collect();
    let next = AtomicUsize::new(0);
    let at_once = cx.opts.get("ssh_max_procs").and_then(Value::as_int).unwrap_or(25);
    let at_once = usize::try_from(at_once).unwrap_or(1).max(1);
    beside(at_once.min(work.len()), &|_| {
        while let Some((said, slot)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let output = run(said);
            if let Ok(mut slot) = slot.lock() {
                *slot = output;
            }
        }
    });
    work.into_iter().map(|(_, slot)| slot.into_inner().unwrap_or_default()).collect()
}

/// Why there is no good answer: the beginning of what a host has said instead, fit for a terminal.
pub(super) fn problem(output: &Output) -> String {
    let said = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
    let said = String::from_utf8_lossy(said.trim_ascii());
    if said.is_empty() {
        return format!("exit code {}", output.code);
    }
    shown(&said)
}

/// The beginning of what a host says.
pub(super) fn shown(said: &str) -> String {
    said.chars().take(MAX_PROBLEM).map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect()
}
