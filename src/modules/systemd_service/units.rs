//! Names and files of units, and what systemctl prints of them. Salt: modules/systemd_service.py.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::loader::{Args, Context, Fault};
use crate::value::{Map, Value, sort, str_of};

const KINDS: [&str; 9] =
    ["service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer"];

/// `ssh` as `ssh.service`; names that end in a kind of unit as they are (Salt looks for no dot).
pub(super) fn canonical(name: &str) -> String {
    if KINDS.iter().any(|kind| name.ends_with(kind)) { name.to_owned() } else { format!("{name}.service") }
}

/// A name without `.service`; none for what is no unit.
fn short(full: &str) -> Option<&str> {
    let (name, kind) = full.rsplit_once('.')?;
    KINDS.contains(&kind).then_some(if kind == "service" { name } else { full })
}

pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
        || name.split_once('[').is_some_and(|(_, rest)| rest.find(']').is_some_and(|at| at > 0))
}

/// A path below the argument `root`.
pub(super) fn in_root(path: &str, args: &Args) -> PathBuf {
    match args.given("root").filter(|root| root.truthy()) {
        Some(root) => Path::new(&str_of(root)).join(path.trim_start_matches('/')),
        None => PathBuf::from(path),
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// Units that have a file.
pub(super) fn unit_files(args: &Args) -> BTreeSet<String> {
    ["/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/system"]
        .into_iter()
        .map(|path| in_root(path, args))
        .filter(|path| !path.is_symlink())
        .flat_map(|path| names_in(&path))
        .filter_map(|name| short(&name).map(str::to_owned))
        .collect()
}

/// Scripts in `/etc/init.d` that no unit replaces.
pub(super) fn sysv_services(args: &Args) -> Vec<String> {
    let directory = in_root("/etc/init.d", args);
    let mut names = names_in(&directory);
    if names.is_empty() {
        return names;
    }
    let units = unit_files(args);
    names.retain(|name| access(directory.join(name), Access::EXEC_OK).is_ok() && !units.contains(name));
    sort::all(&mut names);
    names
}

/// Whether the links of the current runlevel start a script.
pub(super) fn sysv_enabled(cx: &Context, args: &Args, name: &str) -> Result<bool, Fault> {
    let said = match cx.which("runlevel") {
        Some(program) => cx.program(&[program])?.stdout,
        None => String::new(),
    };
    let level = said.split_whitespace().nth(1).unwrap_or("2");
    let is_link = |link: String| {
        let rest = link.strip_prefix('S').and_then(|rest| rest.strip_suffix(name));
        rest.is_some_and(|digits| digits.len() <= 2 && digits.chars().all(|char| char.is_ascii_digit()))
    };
    Ok(names_in(&in_root(&format!("/etc/rc{level}.d"), args)).into_iter().any(is_link))
}

/// Names of units whose word at `column` is `state`.
pub(super) fn listed(text: &str, column: usize, state: &str) -> BTreeSet<String> {
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let wanted = rows.filter(|words| words.get(column) == Some(&state));
    wanted.filter_map(|words| short(words.first()?).map(str::to_owned)).collect()
}

/// What `systemctl show` prints: lists for some keys, maps for `{ a=b ; c=d }`.
pub(super) fn properties(text: &str) -> Map {
    let mut found = Map::new();
    for line in text.lines() {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let value: Value = if value.starts_with('{') {
            let inner = value.replace(['{', '}'], "");
            let pairs = inner.split(" ; ").filter_map(|item| {
                let mut parts = item.split('=');
                Some((parts.next()?.trim().to_owned(), parts.next()?.trim().to_owned()))
            });
            pairs.collect::<Map>().into()
        } else if ["Before", "After", "Wants"].contains(&name) {
            Value::list(value.split_whitespace())
        } else {
            value.into()
        };
        found.insert(name, value);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_prints_is_read() {
        let units = "ssh.service enabled enabled\ncups.socket disabled\nx.slice enabled\n";
        assert_eq!(listed(units, 1, "enabled"), BTreeSet::from(["ssh".to_owned()]));
        assert_eq!(listed(units, 1, "disabled"), BTreeSet::from(["cups.socket".to_owned()]));
        let shown =
            properties("Id=ssh.service\nAfter=a b\nExecStart={ path=/bin/x ; argv[]=/bin/x -D ; pid=0 }\n");
        assert_eq!(shown.get("After"), Some(&Value::list(["a", "b"])));
        assert_eq!(shown.get("ExecStart").and_then(|start| start.get("path")), Some(&"/bin/x".into()));
        assert!(is_pattern("ss*") && is_pattern("[ab]c") && !is_pattern("ssh@[]"));
    }
}
