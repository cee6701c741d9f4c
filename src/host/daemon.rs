//! What a daemon does to its own process: become another user, raise limits, detach, write its PID file, tell the service
//! manager. Salt: utils/process.py (`daemonize`, `set_pidfile`, `notify_systemd`), utils/verify.py (`check_user`).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Gid, Resource, Rlimit, Uid};

use super::accounts;

/// Tells the service manager (`NOTIFY_SOCKET`, see sd_notify(3)) a state such as `READY=1`. Does nothing where no
/// manager listens.
pub fn notify(state: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let Some(name) = name.to_str() else { return };
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    };
    let sent = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        crate::log::debug!(%error, "the service manager could not be told");
    }
}

/// Raises the soft limit of open files to `wanted`, as far as the hard limit lets us. Gives the limit that holds then.
pub fn raise_open_files(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nofile);
    let now = current.unwrap_or(u64::MAX);
    let goal = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if goal <= now {
        return now;
    }
    match rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(goal), maximum }) {
        Ok(()) => goal,
        Err(_) => now,
    }
}

/// The name of the user who runs us.
pub fn current_user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    accounts::user_by_uid(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

/// Becomes `name`, with its groups. To be called before the process has a second thread: only the calling one changes.
///
/// # Errors
/// When there is no such user, or we may not become it.
pub fn become_user(name: &str) -> io::Result<()> {
    let user = accounts::user(name).ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, format!("there is no user {name:?} on this machine"))
    })?;
    if rustix::process::geteuid().as_raw() == user.uid {
        return Ok(());
    }
    let groups: Vec<Gid> = accounts::groups_of(&user).iter().map(|group| Gid::from_raw(group.gid)).collect();
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    rustix::thread::set_thread_groups(&groups)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// Writes our process id.
///
/// # Errors
/// When the file cannot be written.
pub fn write_pidfile(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    super::write_cache_file(path, std::process::id().to_string().as_bytes(), 0o644)
}

/// Asks a child to end, and ends it after `grace`.
pub fn terminate(child: &mut Child, grace: Duration) {
    if let Ok(pid) = i32::try_from(child.id())
        && let Some(pid) = rustix::process::Pid::from_raw(pid)
    {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let deadline = Instant::now() + grace;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// In the environment of a detached child.
const DETACHED: &str = "HALITE_DETACHED";

/// Whether [`start_detached`] started us: the words still say `-d`.
pub fn is_detached() -> bool {
    std::env::var_os(DETACHED).is_some()
}

/// Starts this program again with `words`, in a session of its own and without our terminal (`-d`). The child goes on
/// when we end.
///
/// # Errors
/// When it cannot be started.
pub fn start_detached(words: impl IntoIterator<Item = OsString>) -> io::Result<u32> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(DETACHED, "1").args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec only `setsid` is called, which is async-signal-safe and allocates nothing.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(io::Error::from));
    }
    Ok(super::starting(|| command.spawn())?.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_holds_our_number() {
        let path = std::env::temp_dir().join(format!("halite-pid-{}/run/x.pid", std::process::id()));
        write_pidfile(&path).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), std::process::id().to_string());
        fs::remove_dir_all(path.parent().and_then(Path::parent).expect("a parent")).expect("removed");
    }

    #[test]
    fn limits_are_only_raised() {
        let before = raise_open_files(0);
        assert!(before > 0);
        assert_eq!(raise_open_files(before), before);
    }

    #[test]
    fn nobody_can_become_who_does_not_exist() {
        let error = become_user("no-such-user-here").expect_err("there is none");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
