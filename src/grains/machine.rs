//! `Machine`: what grains are read from. A tree of files below a root (`/`, or a recorded one in tests), the kernel,
//! the environment and the options of the daemon.

use std::cell::OnceCell;
use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::names::Names;
use crate::host::{Host, Interface, Route, which_below};
use crate::value::{Map, Value, sort};

/// The machine that grains describe.
pub(super) struct Machine<'a> {
    pub root: PathBuf,
    pub host: &'a dyn Host,
    pub opts: &'a Map,
    pub uname: Uname,
    interfaces: OnceCell<Vec<Interface>>,
    routes: OnceCell<Vec<Route>>,
    names: OnceCell<Names>,
}

/// uname(2).
#[derive(Clone, Debug, Default)]
pub(super) struct Uname {
    pub system: String,
    pub node: String,
    pub release: String,
    pub version: String,
    pub machine: String,
}

impl Uname {
    fn of_kernel() -> Self {
        let uname = rustix::system::uname();
        let text = |text: &CStr| text.to_string_lossy().into_owned();
        Uname {
            system: text(uname.sysname()),
            node: text(uname.nodename()),
            release: text(uname.release()),
            version: text(uname.version()),
            machine: text(uname.machine()),
        }
    }
}

/// No file that grains look at is longer than this.
const MAX_FILE_LEN: u64 = 0x40_0000;

impl<'a> Machine<'a> {
    /// This machine.
    pub fn here(host: &'a dyn Host, opts: &'a Map) -> Self {
        Machine::below(Path::new("/"), Uname::of_kernel(), host, opts)
    }

    /// A tree of files that stands for a machine.
    pub fn below(root: &Path, uname: Uname, host: &'a dyn Host, opts: &'a Map) -> Self {
        Machine {
            root: root.to_owned(),
            host,
            opts,
            uname,
            interfaces: OnceCell::new(),
            routes: OnceCell::new(),
            names: OnceCell::new(),
        }
    }

    /// The path as this process has to open it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The octets of a file.
    pub fn octets(&self, path: &str) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        File::open(self.path(path)).ok()?.take(MAX_FILE_LEN).read_to_end(&mut octets).ok()?;
        Some(octets)
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<String> {
        self.octets(path).map(|octets| match String::from_utf8(octets) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// Whether there is anything at the path.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Whether the path is a file.
    pub fn is_file(&self, path: &str) -> bool {
        self.path(path).is_file()
    }

    /// Whether the path is a directory.
    pub fn is_dir(&self, path: &str) -> bool {
        self.path(path).is_dir()
    }

    /// Names in a directory, in its own order.
    pub fn names_in(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Names in a directory, sorted.
    pub fn sorted_names_in(&self, path: &str) -> Vec<String> {
        let mut names = self.names_in(path);
        sort::all(&mut names);
        names
    }

    /// An environment variable.
    pub fn env(&self, name: &str) -> Option<String> {
        self.host.env(name)
    }

    /// Where a program is, as seen from inside the tree.
    pub fn which(&self, name: &str) -> Option<PathBuf> {
        which_below(&self.root, name, &self.env("PATH").unwrap_or_default())
    }

    /// Whether an option is true, with what it is where it is not set.
    pub fn option(&self, name: &str, default: bool) -> bool {
        self.opts.get(name).map_or(default, Value::truthy)
    }

    /// Network interfaces; the kernel is asked once.
    pub fn interfaces(&self) -> &[Interface] {
        self.interfaces.get_or_init(|| self.host.interfaces())
    }

    /// Routes; the kernel is asked once.
    pub fn routes(&self) -> &[Route] {
        self.routes.get_or_init(|| self.host.routes())
    }

    /// Names of this machine; name servers are asked once, all questions together.
    pub fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::ask(self))
    }
}
