//! Who this machine and this user are: the id from its cache or from the machine's names, the account, the home.
//! Salt: config/__init__.py (`get_id`), utils/network.py (`_generate_minion_id`), utils/xdg.py.

use std::cell::RefCell;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Id, IdRules, Notice, Severity, first_name, id_cache, is_ipv4, names_of_hosts_file};
use crate::host::{Command, FileOwner, Host, RealHost, run, write_atomic};
use crate::value::Map;

/// The name of the user who runs this program, or their number where it has no name.
pub fn user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    RealHost.user_by_uid(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

/// The home of the user who runs this program: `$HOME`, else the account's.
pub fn home() -> String {
    if let Some(home) = std::env::var("HOME").ok().filter(|home| !home.is_empty()) {
        return home;
    }
    let uid = rustix::process::geteuid().as_raw();
    RealHost.user_by_uid(uid).map_or_else(|| "/".to_owned(), |user| user.home)
}

/// A path with `~` and `~user` resolved, as Python's `expanduser` does; unknown users stay as they are.
pub fn expand_user(path: &str) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    let (name, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = if name.is_empty() { Some(home()) } else { RealHost.user(name).map(|user| user.home) };
    match home {
        Some(home) => format!("{}{below}", home.trim_end_matches('/')),
        None => path.to_owned(),
    }
}

/// The directory of a user's own Salt files, if it is there: `$XDG_CONFIG_HOME/salt` or `~/.config/salt`.
pub fn xdg_dir() -> Option<PathBuf> {
    let config = std::env::var("XDG_CONFIG_HOME").unwrap_or_else(|_| expand_user("~/.config"));
    Some(Path::new(&config).join("salt")).filter(|dir| dir.is_dir())
}

/// Octets of memory of this machine; 0 where it cannot be told.
pub fn memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default().saturating_mul(1024)
}

/// The id of this machine: from the cache, else from its names; then cached if asked to.
pub fn find_id(opts: &Map, cwd: &str, cache: bool, notices: &RefCell<Vec<Notice>>) -> Id {
    let path = id_cache(opts, cwd);
    let caching = opts.get("minion_id_caching").is_none_or(|caching| caching.truthy());
    if let Some(id) = caching.then(|| cached(&path)).flatten() {
        return Id { id, is_address: false };
    }
    let name = first_name(names(&host_name())).unwrap_or_else(|| "localhost".to_owned());
    let id = IdRules::of(opts).apply(&name);
    if cache
        && caching
        && let Err(error) = write_cache(Path::new(&path), &id)
    {
        let text = format!("Could not cache minion ID: {path}: {error}");
        notices.borrow_mut().push(Notice { severity: Severity::Error, text });
    }
    Id { is_address: is_ipv4(&id), id }
}

fn cached(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let name = text.lines().next().unwrap_or_default().trim_start_matches('\u{feff}').trim();
    (!name.is_empty() && name != "localhost").then(|| name.to_owned())
}

fn write_cache(path: &Path, id: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    write_atomic(path, id.as_bytes(), 0o644, FileOwner::default())
}

/// The name the kernel has for this machine.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Every name this machine may go by, best first.
fn names(host: &str) -> Vec<String> {
    let mut names = vec![full_name(host), host.to_owned()];
    for file in ["/etc/hostname", "/etc/nodename", "/etc/hosts"] {
        names.extend(names_of_hosts_file(&fs::read_to_string(file).unwrap_or_default()));
    }
    names.extend(addresses(&fs::read_to_string("/proc/net/fib_trie").unwrap_or_default()));
    names
}

/// Python's `getfqdn`: of the names of the address of this name, the first with a dot; the name itself if there is
/// none. A static binary has no resolver library for the way back, so the hosts file and `getent` are asked.
fn full_name(host: &str) -> String {
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    let found = names_of_address(&hosts, host).or_else(|| {
        let line = getent(host)?;
        let address = line.split_whitespace().next()?.to_owned();
        let line = getent(&address).unwrap_or(line);
        Some(line.split_whitespace().skip(1).map(str::to_owned).collect())
    });
    found.into_iter().flatten().find(|name| name.contains('.')).unwrap_or_else(|| host.to_owned())
}

/// The names of the address that a hosts file has for a name.
fn names_of_address(hosts: &str, host: &str) -> Option<Vec<String>> {
    let lines = || {
        hosts
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().split_whitespace().collect::<Vec<_>>())
    };
    let address =
        lines().find(|words| words.iter().skip(1).any(|word| *word == host))?.first().copied()?.to_owned();
    let names = lines().find(|words| words.first() == Some(&address.as_str()))?;
    Some(names.iter().skip(1).map(|name| (*name).to_owned()).collect())
}

fn getent(key: &str) -> Option<String> {
    if key.is_empty() || key.starts_with('-') {
        return None;
    }
    let mut command = Command::new("getent", ["hosts", key]);
    command.timeout = Some(Duration::from_secs(5));
    let output = run(&command).ok().filter(|output| output.code == 0)?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// The IPv4 addresses of this machine, loopback left out.
fn addresses(fib_trie: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut last: Option<Ipv4Addr> = None;
    for line in fib_trie.lines() {
        if let Some(address) = line.trim().strip_prefix("|-- ") {
            last = address.trim().parse().ok();
        } else if line.contains("/32 host LOCAL")
            && let Some(address) = last.filter(|address| !address.is_loopback())
            && !found.contains(&address.to_string())
        {
            found.push(address.to_string());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_name_is_that_of_the_address_of_the_name() {
        let hosts = "127.0.0.1 localhost\n10.0.0.5 web1.example.com web1 # here\n";
        assert_eq!(names_of_address(hosts, "web1").expect("known"), ["web1.example.com", "web1"]);
        assert_eq!(names_of_address(hosts, "db1"), None);
    }

    #[test]
    fn local_addresses_come_from_the_routing_trie() {
        let trie = "Local:\n        |-- 10.0.0.5\n           /32 host LOCAL\n        |-- 127.0.0.1\n           /32 host LOCAL\n        |-- 10.0.0.255\n           /32 link BROADCAST\n";
        assert_eq!(addresses(trie), ["10.0.0.5"]);
    }
}
