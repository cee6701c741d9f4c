//! What may be done to the machine: run a program, know accounts, put a file in place, tell the time. One real
//! host and, for tests, a fake one. The only room with `unsafe`.

mod accounts;
mod allocator;
mod atomic;
mod beside;
mod connections;
#[cfg(target_arch = "x86_64")]
mod copying;
pub mod daemon;
pub mod debug;
mod environment;
mod executables;
mod fake;
mod glob;
mod interfaces;
pub mod interrupt;
mod mode;
mod netlink;
mod ownership;
mod process;
mod processes;
pub mod resolver;
mod rewrite;
mod syslog;
pub mod tasks;
mod terminal;
pub mod unread;
mod usage;
mod which;
mod wide;
mod zone;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use accounts::{Group, User, all_groups, all_users};
pub use allocator::{Allocator, end_soon, give_back};
pub use atomic::{FileOwner, write_atomic, write_cache_file};
pub use beside::beside;
pub use connections::connections;
pub use executables::starting;
pub use fake::FakeHost;
pub use glob::glob;
pub use interfaces::{Address, Interface, Route};
pub use mode::{directory_mode, normalize_mode};
pub use ownership::give_tree;
pub use process::{run, stream};
pub use processes::{command_line, pids, process_name};
pub use rewrite::rewrite;
pub use syslog::syslog_facility;
pub use usage::Usage;
pub use which::{which, which_below};
pub use wide::{public_power, secret_powers};
pub use zone::{local_now, local_zone};

use crate::value::DateTime;

/// A program to run: never through a shell unless the program is one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Command {
    pub program: String,
    pub args: Vec<String>,
    pub cwd: Option<PathBuf>,
    /// Variables set on top of the environment, or taken out of it with `None`.
    pub env: Vec<(String, Option<String>)>,
    /// Begin with an empty environment.
    pub clean_env: bool,
    pub stdin: Option<Vec<u8>>,
    /// stderr goes to the same pipe as stdout.
    pub merge_stderr: bool,
    pub run_as: Option<Identity>,
    pub umask: Option<u32>,
    /// After this the program and all its children are killed.
    pub timeout: Option<Duration>,
    /// Leave it running and do not wait.
    pub background: bool,
    /// In a terminal of its own; what it prints is also printed here.
    pub terminal: bool,
    /// How many octets of each output are kept; the rest is read and forgotten.
    pub most: Option<usize>,
}

impl Command {
    /// A program with arguments.
    pub fn new<A: Into<String>>(program: impl Into<String>, args: impl IntoIterator<Item = A>) -> Self {
        Command {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            ..Default::default()
        }
    }
}

/// Who a program runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// What a program did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub pid: u32,
    /// The exit code, or minus the number of the signal that ended it, as in Python.
    pub code: i64,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// It was killed because its time was over.
    pub timed_out: bool,
}

/// The machine.
pub trait Host: Sync {
    /// Runs a program to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    fn run(&self, command: &Command) -> io::Result<Output>;

    /// The time, UTC.
    fn now(&self) -> DateTime;

    /// The account of a user.
    fn user(&self, name: &str) -> Option<User>;

    /// The account with a number.
    fn user_by_uid(&self, uid: u32) -> Option<User>;

    /// The group of a name.
    fn group(&self, name: &str) -> Option<Group>;

    /// The group with a number.
    fn group_by_gid(&self, gid: u32) -> Option<Group>;

    /// Every group that a user is in.
    fn groups_of(&self, user: &User) -> Vec<Group>;

    /// Puts a whole file in place: readers see the old content or the new, never a part.
    ///
    /// # Errors
    /// When the directory cannot be written or is full; the old file is then untouched.
    fn write_atomic(&self, path: &Path, content: &[u8], mode: u32, owner: FileOwner) -> io::Result<()>;

    /// An environment variable of this process.
    fn env(&self, name: &str) -> Option<String>;

    /// Network interfaces with their addresses; none where the kernel cannot be asked.
    fn interfaces(&self) -> Vec<Interface>;

    /// Routes, IPv4 first; none where the kernel cannot be asked.
    fn routes(&self) -> Vec<Route>;

    /// Every environment variable of this process.
    fn env_all(&self) -> BTreeMap<String, String>;

    /// Sets an environment variable of this process and of the programs it runs, or takes it out with `None`.
    fn set_env(&self, name: &str, value: Option<&str>);

    /// Sends a signal to one process.
    ///
    /// # Errors
    /// When there is no such process, it is somebody else's, or the number is no signal.
    fn signal(&self, pid: u32, signal: i32) -> io::Result<()>;

    /// Sends a signal to a process, to its group where it leads one, and to all its descendants, also those in
    /// groups of their own.
    ///
    /// # Errors
    /// As [`Host::signal`], about the process itself.
    fn signal_tree(&self, pid: u32, signal: i32) -> io::Result<()>;

    /// The pid of this process.
    fn pid(&self) -> u32;

    /// Does nothing for a while.
    fn sleep(&self, time: Duration);

    /// Sets the mask of mode bits that new files do not get, and gives the one before.
    fn set_umask(&self, mask: u32) -> u32 {
        mask
    }
}

/// This machine.
pub struct RealHost;

impl Host for RealHost {
    fn run(&self, command: &Command) -> io::Result<Output> {
        process::run(command)
    }

    fn now(&self) -> DateTime {
        utc_now()
    }

    fn user(&self, name: &str) -> Option<User> {
        accounts::user(name)
    }

    fn user_by_uid(&self, uid: u32) -> Option<User> {
        accounts::user_by_uid(uid)
    }

    fn group(&self, name: &str) -> Option<Group> {
        accounts::group(name)
    }

    fn group_by_gid(&self, gid: u32) -> Option<Group> {
        accounts::group_by_gid(gid)
    }

    fn groups_of(&self, user: &User) -> Vec<Group> {
        accounts::groups_of(user)
    }

    fn write_atomic(&self, path: &Path, content: &[u8], mode: u32, owner: FileOwner) -> io::Result<()> {
        write_atomic(path, content, mode, owner)
    }

    fn env(&self, name: &str) -> Option<String> {
        environment::get(name)
    }

    fn interfaces(&self) -> Vec<Interface> {
        interfaces::interfaces().unwrap_or_default()
    }

    fn routes(&self) -> Vec<Route> {
        interfaces::routes().unwrap_or_default()
    }

    fn env_all(&self) -> BTreeMap<String, String> {
        environment::all()
    }

    fn set_env(&self, name: &str, value: Option<&str>) {
        environment::set(name, value);
    }

    fn signal(&self, pid: u32, signal: i32) -> io::Result<()> {
        processes::signal(pid, signal)
    }

    fn signal_tree(&self, pid: u32, signal: i32) -> io::Result<()> {
        processes::signal_tree(pid, signal)
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn set_umask(&self, mask: u32) -> u32 {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask)).as_raw_mode()
    }
}

/// The owner of files that belong to `user`: nobody in particular where there is no such account, or it is our own.
pub fn owner_of(user: &str) -> FileOwner {
    match accounts::user(user) {
        Some(account) if account.uid != rustix::process::geteuid().as_raw() => {
            FileOwner { uid: Some(account.uid), gid: Some(account.gid) }
        }
        _ => FileOwner::default(),
    }
}

/// Who we are.
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether there is such an account.
pub fn has_user(name: &str) -> bool {
    accounts::user(name).is_some()
}

/// The time, UTC, to the microsecond.
pub fn utc_now() -> DateTime {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let micros = now.subsec_nanosecond() / 1000 * 1000;
    now.with().subsec_nanosecond(micros).build().unwrap_or(now)
}
