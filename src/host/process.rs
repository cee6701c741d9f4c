//! Running programs. One with a time limit, or one that is left running, gets a process group of its own, so that
//! the limit ends it with all its children; any other stays in the group of the job that runs it, and ends with the
//! job.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Gid, Pid, Signal, Uid, kill_process_group};

use super::{Command, Output, environment, executables, terminal};

/// How long the output of a killed program may stay open: a child that left the group may still hold it.
const AFTERMATH: Duration = Duration::from_secs(1);

/// How often a program that has closed its output is asked whether it has ended, when there is a time limit.
const POLL: Duration = Duration::from_millis(5);

/// Runs `command` and collects what it prints.
///
/// # Errors
/// When it cannot be started (not found, not executable, working directory gone, identity refused).
pub fn run(command: &Command) -> io::Result<Output> {
    if command.terminal {
        let (child, stdout, stderr) = terminal::start(command)?;
        return finish(command, child, Some(stdout), stderr);
    }
    let mut child = start(command)?;
    let pid = child.id();
    if command.background {
        // Nobody waits for it: a thread reaps it when it ends.
        thread::spawn(move || child.wait());
        return Ok(Output { pid, ..Default::default() });
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    finish(command, child, stdout, stderr)
}

/// Gives the program its input, and waits until it has ended, or its time is over.
fn finish(
    command: &Command,
    mut child: Child,
    stdout: Option<impl Read + Send + 'static>,
    stderr: Option<impl Read + Send + 'static>,
) -> io::Result<Output> {
    let pid = child.id();
    let deadline = command.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    if let Some((mut pipe, content)) = child.stdin.take().zip(command.stdin.clone()) {
        // A program that does not read its input is no error; the thread ends when the pipe closes.
        thread::spawn(move || drop(pipe.write_all(&content)));
    }
    let (done, finished) = mpsc::channel();
    let most = command.most.unwrap_or(usize::MAX);
    let stdout = stdout.map(|pipe| collect(pipe, done.clone(), most)).unwrap_or_default();
    let stderr = stderr.map(|pipe| collect(pipe, done.clone(), most)).unwrap_or_default();
    drop(done);
    let ended = if wait_closed(&finished, deadline) { wait_ended(&mut child, deadline)? } else { None };
    let timed_out = ended.is_none();
    let status = match ended {
        Some(status) => status,
        None => {
            kill(pid, &mut child);
            let status = child.wait()?;
            wait_closed(&finished, Instant::now().checked_add(AFTERMATH));
            status
        }
    };
    Ok(Output { pid, code: code(status), stdout: taken(&stdout), stderr: taken(&stderr), timed_out })
}

/// The output of a program that runs: it ends with an error where the program fails.
pub struct OutputStream {
    child: Child,
    stdout: std::process::ChildStdout,
    stderr: Collected,
    finished: mpsc::Receiver<()>,
    ended: bool,
    also_fine: i64,
}

/// Starts `command`, whose output is read while it runs. Its time limit is not looked at. `also_fine` is an exit code that
/// is no failure, beside 0.
///
/// # Errors
/// As [`run`].
pub fn stream(command: &Command, also_fine: i64) -> io::Result<OutputStream> {
    let mut child = start(command)?;
    if let Some((mut pipe, content)) = child.stdin.take().zip(command.stdin.clone()) {
        thread::spawn(move || drop(pipe.write_all(&content)));
    }
    let (done, finished) = mpsc::channel();
    let stderr = child.stderr.take().map(|pipe| collect(pipe, done, usize::MAX)).unwrap_or_default();
    match child.stdout.take() {
        Some(stdout) => Ok(OutputStream { child, stdout, stderr, finished, ended: false, also_fine }),
        None => Err(io::Error::other("it has no output")),
    }
}

impl Read for OutputStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stdout.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !std::mem::replace(&mut self.ended, true) {
            let status = self.child.wait()?;
            wait_closed(&self.finished, Instant::now().checked_add(AFTERMATH));
            if ![0, self.also_fine].contains(&code(status)) {
                let said = String::from_utf8_lossy(&taken(&self.stderr)).trim().to_owned();
                let said = if said.is_empty() { format!("it ended with {}", code(status)) } else { said };
                return Err(io::Error::other(said));
            }
        }
        Ok(count)
    }
}

impl Drop for OutputStream {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The exit code, or minus the signal.
fn code(status: ExitStatus) -> i64 {
    match (status.code(), status.signal()) {
        (Some(code), _) => i64::from(code),
        (None, signal) => -i64::from(signal.unwrap_or_default()),
    }
}

type Collected = Arc<Mutex<Vec<u8>>>;

/// Reads a pipe on a thread of its own, and keeps its beginning. What has been read can be taken at any time.
fn collect(mut pipe: impl Read + Send + 'static, done: mpsc::Sender<()>, most: usize) -> Collected {
    let collected = Collected::default();
    let into = Arc::clone(&collected);
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
                    let count = count.min(most.saturating_sub(into.len()));
                    into.extend_from_slice(buffer.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        drop(done);
    });
    collected
}

fn taken(collected: &Collected) -> Vec<u8> {
    std::mem::take(&mut *collected.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Waits until the program has closed its output, or its time is over (`false`).
fn wait_closed(finished: &mpsc::Receiver<()>, deadline: Option<Instant>) -> bool {
    match deadline {
        None => {
            let _ = finished.recv();
            true
        }
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            !matches!(finished.recv_timeout(left), Err(mpsc::RecvTimeoutError::Timeout))
        }
    }
}

/// Waits until the program has ended, or its time is over (`None`).
fn wait_ended(child: &mut Child, deadline: Option<Instant>) -> io::Result<Option<ExitStatus>> {
    let Some(deadline) = deadline else { return child.wait().map(Some) };
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Ends the group of a program, and the program itself should it have changed its group.
fn kill(pid: u32, child: &mut Child) {
    if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
}

fn start(command: &Command) -> io::Result<Child> {
    let mut builder = prepared(command);
    let output = || if command.background { Stdio::null() } else { Stdio::piped() };
    builder.stdout(output());
    // With one pipe for both, the program's stderr is replaced just before it starts.
    builder.stderr(if command.merge_stderr { Stdio::null() } else { output() });
    spawn(&mut builder)
}

pub(super) fn spawn(builder: &mut std::process::Command) -> io::Result<Child> {
    let _started = executables::none_being_written();
    builder.spawn()
}

/// Everything but where its output goes.
pub(super) fn prepared(command: &Command) -> std::process::Command {
    let mut builder = std::process::Command::new(&command.program);
    builder.args(&command.args);
    if (command.timeout.is_some() || command.background) && !command.terminal {
        builder.process_group(0);
    }
    if command.clean_env {
        builder.env_clear();
    } else {
        environment::apply(&mut builder);
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
    builder.stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    prepare(&mut builder, command);
    builder
}

/// What has to happen between fork and exec: a session with its terminal, identity, umask, one pipe for both outputs.
#[allow(unsafe_code)]
fn prepare(builder: &mut std::process::Command, command: &Command) {
    let Command { umask, terminal, .. } = *command;
    let merge_stderr = command.merge_stderr && !terminal;
    let identity = command.run_as.as_ref().map(|identity| {
        let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
        (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid), groups)
    });
    if identity.is_none() && umask.is_none() && !merge_stderr && !terminal {
        return;
    }
    let become_user = move || -> io::Result<()> {
        if terminal {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdout())?;
        }
        if let Some((uid, gid, groups)) = &identity {
            use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
            set_thread_groups(groups)?;
            set_thread_res_gid(*gid, *gid, *gid)?;
            set_thread_res_uid(*uid, *uid, *uid)?;
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
    // (setsid, ioctl, setgroups, setresgid, setresuid, umask, dup2) on values made before the fork, and takes no lock and no memory.
    unsafe {
        builder.pre_exec(become_user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        Command::new("/bin/sh", ["-c", script])
    }

    fn limited(script: &str) -> Command {
        Command { timeout: Some(Duration::from_millis(300)), ..sh(script) }
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
    fn a_time_out_ends_the_whole_group_and_keeps_what_was_printed() {
        let output = run(&limited("echo begun; sleep 60 & sleep 60; echo no")).expect("runs");
        assert!(output.timed_out);
        assert_eq!((output.code, output.stdout.as_slice()), (-9, &b"begun\n"[..]));
    }

    #[test]
    fn a_time_out_holds_for_programs_that_closed_their_output() {
        let output = run(&limited("exec >&- 2>&-; sleep 60")).expect("runs");
        assert!(output.timed_out);
        assert_eq!(output.code, -9);
    }

    #[test]
    fn a_program_in_time_is_not_timed_out() {
        let command = Command { timeout: Some(Duration::from_secs(60)), ..sh("echo 1; exit 4") };
        let output = run(&command).expect("runs");
        assert_eq!((output.timed_out, output.code), (false, 4));
    }

    #[test]
    fn more_input_than_a_pipe_holds_is_no_deadlock() {
        let command = Command { stdin: Some(vec![b'x'; 300_000]), ..sh("exec cat") };
        assert_eq!(run(&command).expect("runs").stdout.len(), 300_000);
        let command = Command { stdin: Some(vec![b'x'; 300_000]), ..sh("exec true") };
        assert_eq!(run(&command).expect("runs").code, 0);
    }

    #[test]
    fn the_output_of_a_program_ends_with_an_error_where_it_fails() {
        let read = |script: &str, also_fine| {
            let command = Command { stdin: Some(b"in".to_vec()), ..sh(script) };
            let mut text = String::new();
            stream(&command, also_fine).expect("runs").read_to_string(&mut text).map(|_| text)
        };
        assert_eq!(read("cat; echo out", 0).expect("fine"), "inout\n");
        assert_eq!(read("echo out; exit 8", 8).expect("fine"), "out\n");
        assert_eq!(read("echo out; echo why >&2; exit 8", 0).expect_err("not fine").to_string(), "why");
        let command = sh("exec sleep 60");
        drop(stream(&command, 0).expect("runs"));
    }

    #[test]
    fn a_program_in_a_terminal_is_in_one() {
        let in_terminal = |script: &str| Command { terminal: true, ..sh(script) };
        let output =
            run(&in_terminal("test -t 0 && test -t 1 && stty size; echo err >&2; exit 3")).expect("runs");
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"24 80\n"[..], &b"err\n"[..]));
        assert_eq!(output.code, 3);
        let command = Command { stdin: Some(b"given".to_vec()), ..in_terminal("cat; : < /dev/tty") };
        assert_eq!(run(&command).expect("runs").stdout, b"given");
        let timeout = Some(Duration::from_millis(300));
        let output =
            run(&Command { timeout, ..in_terminal("echo begun; sleep 60 & sleep 60") }).expect("runs");
        assert_eq!((output.timed_out, output.stdout.as_slice()), (true, &b"begun\n"[..]));
    }

    #[test]
    fn more_output_than_is_kept_is_read() {
        let script = "i=0; while [ $i -lt 20000 ]; do echo abcdefghi; echo x >&2; i=$((i+1)); done; exit 5";
        let output = run(&Command { most: Some(25), ..sh(script) }).expect("runs");
        assert_eq!((output.stdout.as_slice(), output.code), (&b"abcdefghi\nabcdefghi\nabcde"[..], 5));
        assert_eq!(output.stderr.len(), 25);
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let error = run(&Command::new("/no/such/program", [""; 0])).expect_err("not there");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
