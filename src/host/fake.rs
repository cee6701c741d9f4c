//! A host for tests: programs answer from a table, accounts are given, files stay in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::{Command, FileOwner, Group, Host, Interface, Output, Route, User};
use crate::value::DateTime;

/// Answers what it was told to, and remembers what was asked.
#[derive(Default)]
pub struct FakeHost {
    /// What the program whose command line begins with the key prints.
    pub answers: BTreeMap<String, Output>,
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    pub now: DateTime,
    pub env: Mutex<BTreeMap<String, String>>,
    pub interfaces: Vec<Interface>,
    pub routes: Vec<Route>,
    /// Command lines that were run.
    pub ran: Mutex<Vec<Command>>,
    /// Signals that were sent, as `(pid, signal)`.
    pub signalled: Mutex<Vec<(u32, i32)>>,
    /// Files that were written.
    pub written: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
}

impl Host for FakeHost {
    fn run(&self, command: &Command) -> io::Result<Output> {
        let line =
            std::iter::once(&command.program).chain(&command.args).cloned().collect::<Vec<_>>().join(" ");
        if let Ok(mut ran) = self.ran.lock() {
            ran.push(command.clone());
        }
        let answer = self.answers.iter().rev().find(|(start, _)| line.starts_with(start.as_str()));
        answer.map(|(_, output)| output.clone()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn now(&self) -> DateTime {
        self.now
    }

    fn user(&self, name: &str) -> Option<User> {
        self.users.iter().find(|user| user.name == name).cloned()
    }

    fn user_by_uid(&self, uid: u32) -> Option<User> {
        self.users.iter().find(|user| user.uid == uid).cloned()
    }

    fn group(&self, name: &str) -> Option<Group> {
        self.groups.iter().find(|group| group.name == name).cloned()
    }

    fn group_by_gid(&self, gid: u32) -> Option<Group> {
        self.groups.iter().find(|group| group.gid == gid).cloned()
    }

    fn groups_of(&self, user: &User) -> Vec<Group> {
        let is_in = |group: &&Group| group.gid == user.gid || group.members.contains(&user.name);
        self.groups.iter().filter(is_in).cloned().collect()
    }

    fn write_atomic(&self, path: &Path, content: &[u8], _: u32, _: FileOwner) -> io::Result<()> {
        if let Ok(mut written) = self.written.lock() {
            written.insert(path.to_owned(), content.to_owned());
        }
        Ok(())
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env_all().remove(name)
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.interfaces.clone()
    }

    fn routes(&self) -> Vec<Route> {
        self.routes.clone()
    }

    fn env_all(&self) -> BTreeMap<String, String> {
        self.env.lock().map(|env| env.clone()).unwrap_or_default()
    }

    fn set_env(&self, name: &str, value: Option<&str>) {
        if let Ok(mut env) = self.env.lock() {
            match value {
                Some(value) => env.insert(name.to_owned(), value.to_owned()),
                None => env.remove(name),
            };
        }
    }

    fn signal(&self, pid: u32, signal: i32) -> io::Result<()> {
        if let Ok(mut signalled) = self.signalled.lock() {
            signalled.push((pid, signal));
        }
        Ok(())
    }

    fn signal_tree(&self, pid: u32, signal: i32) -> io::Result<()> {
        self.signal(pid, signal)
    }

    fn pid(&self) -> u32 {
        4711
    }

    fn sleep(&self, _: Duration) {}
}
