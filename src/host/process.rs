//! Running programs, each in a process group of its own so that a time-out ends it with all its children.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Command, Output};

/// Runs `command` and collects what it prints.
///
/// # Errors
/// When it cannot be started (not found, not executable, working directory gone, identity refused).
pub fn run(command: &Command) -> io::Result<Output> {
    let mut child = start(command)?;
    let pid = child.id();
    if command.background {
        // Nobody waits for it: a thread reaps it when it ends.
        thread::spawn(move || child.wait());
        return Ok(Output { pid, ..Default::default() });
    }
    let stdin = child.stdin.take().zip(command.stdin.clone());
    let feeder = stdin.map(|(mut pipe, content)| {
        // A program that does not read its input is no error.
        thread::spawn(move || drop(pipe.write_all(&content)))
    });
    let (done, finished) = mpsc::channel();
    let readers = [
        child.stdout.take().map(|pipe| collect(pipe, done.clone())),
        child.stderr.take().map(|pipe| collect(pipe, done.clone())),
    ];
    drop(done);
    let timed_out = !wait_closed(&finished, command);
    if timed_out && let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait()?;
    let [stdout, stderr] =
        readers.map(|reader| reader.and_then(|reader| reader.join().ok()).unwrap_or_default());
    if let Some(feeder) = feeder {
        let _ = feeder.join();
    }
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => i64::from(code),
        (None, signal) => -i64::from(signal.unwrap_or_default()),
    };
    Ok(Output { pid, code, stdout, stderr, timed_out })
}

fn collect(mut pipe: impl Read + Send + 'static, done: mpsc::Sender<()>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut octets = Vec::new();
        let _ = pipe.read_to_end(&mut octets);
        drop(done);
        octets
    })
}

/// Waits until the program has closed its output, or its time is over (`false`).
fn wait_closed(finished: &mpsc::Receiver<()>, command: &Command) -> bool {
    match command.timeout {
        None => {
            let _ = finished.recv();
            true
        }
        Some(timeout) => {
            let deadline = Instant::now() + timeout;
            let left = deadline.saturating_duration_since(Instant::now());
            !matches!(finished.recv_timeout(left), Err(mpsc::RecvTimeoutError::Timeout))
        }
    }
}

fn start(command: &Command) -> io::Result<Child> {
    let mut builder = std::process::Command::new(&command.program);
    builder.args(&command.args).process_group(0);
    if command.clean_env {
        builder.env_clear();
    }
    for (name, value) in &command.env {
        match value {
            Some(value) => builder.env(name, value),
            None => builder.env_remove(name),
        };
    }
    if let Some(cwd) = &command.cwd {
        builder.current_dir(cwd);
    }
    let output = || if command.background { Stdio::null() } else { Stdio::piped() };
    builder.stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    builder.stdout(output()).stderr(output());
    prepare(&mut builder, command);
    builder.spawn()
}

/// What has to happen between fork and exec: identity, umask, one pipe for both outputs.
#[allow(unsafe_code)]
fn prepare(builder: &mut std::process::Command, command: &Command) {
    let Command { run_as, umask, merge_stderr, .. } = command.clone();
    if run_as.is_none() && umask.is_none() && !merge_stderr {
        return;
    }
    let become_user = move || -> io::Result<()> {
        if let Some(identity) = &run_as {
            use rustix::process::{Gid, Uid};
            use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
            let gid = Gid::from_raw(identity.gid);
            let uid = Uid::from_raw(identity.uid);
            let (mut groups, count) = ([Gid::ROOT; 64], identity.groups.len().min(64));
            for (slot, group) in groups.iter_mut().zip(&identity.groups) {
                *slot = Gid::from_raw(*group);
            }
            set_thread_groups(groups.get(..count).unwrap_or_default())?;
            set_thread_res_gid(gid, gid, gid)?;
            set_thread_res_uid(uid, uid, uid)?;
        }
        if let Some(umask) = umask {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
        }
        if merge_stderr {
            rustix::stdio::dup2_stderr(rustix::stdio::stdout())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes system calls
    // (setgroups, setresgid, setresuid, umask, dup2) and takes no lock and no memory.
    unsafe {
        builder.pre_exec(become_user);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sh(script: &str) -> Command {
        Command::new("/bin/sh", ["-c", script])
    }

    #[test]
    fn output_and_exit_code_are_collected() {
        let output = run(&sh("echo out; echo err >&2; exit 3")).expect("runs");
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice(), output.code),
            (&b"out\n"[..], &b"err\n"[..], 3)
        );
    }

    #[test]
    fn outputs_are_merged_in_order() {
        let output = run(&Command { merge_stderr: true, ..sh("echo 1; echo 2 >&2; echo 3") }).expect("runs");
        assert_eq!(output.stdout, b"1\n2\n3\n");
    }

    #[test]
    fn input_environment_and_umask_reach_the_program() {
        let command = Command {
            stdin: Some(b"hello".to_vec()),
            env: vec![("A".to_owned(), Some("b".to_owned()))],
            umask: Some(0o027),
            ..sh("cat; echo $A; umask")
        };
        assert_eq!(run(&command).expect("runs").stdout, b"hellob\n0027\n");
    }

    #[test]
    fn a_time_out_ends_the_whole_group() {
        let command =
            Command { timeout: Some(Duration::from_millis(200)), ..sh("sleep 60 & sleep 60; echo no") };
        let output = run(&command).expect("runs");
        assert!(output.timed_out);
        assert_eq!((output.code, output.stdout.as_slice()), (-9, &b""[..]));
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let error = run(&Command::new("/no/such/program", [""; 0])).expect_err("not there");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
