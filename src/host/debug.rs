//! What a daemon is doing, on SIGUSR1: to the terminal, or to `salt-debug-<time>-<pid>.log` among the temporary files. Salt:
//! utils/debug.py, which shows the frames of Python there.

use std::fs;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{SignalKind, signal};

/// Listens for SIGUSR1, which would end the process otherwise. To be called on a runtime.
pub fn report_on_signal() {
    let Ok(mut asked) = signal(SignalKind::user_defined1()) else { return };
    super::tasks::spawn(async move {
        while asked.recv().await.is_some() {
            super::tasks::blocking(write);
        }
    });
}

fn write() {
    let text = report();
    if std::io::stderr().is_terminal() {
        let _ = std::io::stderr().write_all(text.as_bytes());
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let path = std::env::temp_dir().join(format!("salt-debug-{now}-{}.log", std::process::id()));
    // Others may write there, too: no link of theirs is followed.
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
        crate::log::error!(path = %path.display(), %error, "the report could not be written");
    }
}

/// Threads with their state, memory, open files.
fn report() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let count = |path: &str| fs::read_dir(path).map_or(0, Iterator::count);
    let mut text = format!(
        "======== Salt Debug Stack Trace =========\nprocess {}: {}, {} open files\n",
        std::process::id(),
        super::command_line(std::process::id()).join(" "),
        count("/proc/self/fd")
    );
    let shown = ["State:", "VmRSS:", "VmHWM:", "Threads:"];
    for line in read("/proc/self/status").lines() {
        if shown.iter().any(|name| line.starts_with(name)) {
            text.push_str(&format!("{line}\n"));
        }
    }
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let of = |what: &str| read(&task.path().join(what).to_string_lossy()).trim().to_owned();
        let (id, syscall) = (task.file_name(), of("syscall"));
        let state = of("stat").rsplit(')').next().unwrap_or_default().trim().chars().next().unwrap_or('?');
        let number = syscall.split(' ').next().unwrap_or_default();
        text.push_str(&format!(
            "thread {} {:?} {state}, in {} (call {number})\n",
            id.to_string_lossy(),
            of("comm"),
            of("wchan")
        ));
    }
    text.push_str("=========================================\n");
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_report_names_every_thread() {
        let text = super::report();
        assert!(text.contains("open files") && text.contains("thread "), "{text}");
    }
}
