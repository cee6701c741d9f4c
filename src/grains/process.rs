//! The running program: user, directory, search path, versions. Salt: grains/core.py, grains/minion_process.py,
//! grains/extra.py.

use sha2::{Digest, Sha256};

use super::machine::Machine;
use crate::map;
use crate::names::SALT_VERSION;
use crate::value::{Map, Value};

/// The Python that Salt's own packages of this release bring. Templates ask for its first numbers.
const PYTHON_VERSION: [i64; 3] = [3, 10, 19];
/// The libzmq whose behaviour our transport has.
const ZMQ_VERSION: &str = "4.3.5";

/// `cwd`.
pub(super) fn cwd(_: &Machine) -> Map {
    let directory = std::env::current_dir().unwrap_or_default();
    map! { "cwd" => directory.to_string_lossy().as_ref() }
}

/// `path`, `systempath`.
pub(super) fn path(machine: &Machine) -> Map {
    let path = machine.env("PATH").unwrap_or_default();
    let path = path.trim();
    map! { "path" => path, "systempath" => Value::list(path.split(':')) }
}

/// `pythonversion`, `pythonexecutable`, `pythonpath`, `saltpath`: there is no Python; states and templates that look
/// at them still find what the packages of Salt would have said, and where this program is.
pub(super) fn python(_: &Machine) -> Map {
    let program = std::env::current_exe().unwrap_or_default();
    let directory = program.parent().unwrap_or(&program).to_string_lossy();
    let mut version: Vec<Value> = PYTHON_VERSION.into_iter().map(Value::Int).collect();
    version.extend([Value::text("final"), Value::Int(0)]);
    map! {
        "pythonversion" => Value::List(version),
        "pythonexecutable" => program.to_string_lossy().as_ref(),
        "pythonpath" => Value::List(Vec::new()),
        "saltpath" => directory.as_ref(),
    }
}

/// `saltversion`, `saltversioninfo`, `zmqversion`.
pub(super) fn versions(_: &Machine) -> Map {
    let numbers = SALT_VERSION.split('.').filter_map(|number| number.parse::<i64>().ok());
    map! {
        "saltversion" => SALT_VERSION,
        "saltversioninfo" => Value::list(numbers),
        "zmqversion" => ZMQ_VERSION,
    }
}

/// `id`, `master`, `server_id`, and `append_domain` where it is set.
pub(super) fn identity(machine: &Machine) -> Map {
    let id = machine.opts.str("id").unwrap_or_default();
    // The last 31 bits of the digest: a number for MySQL's `server_id`.
    let digest = Sha256::digest(id.as_bytes());
    let server_id = digest.last_chunk().map_or(0, |tail| u32::from_be_bytes(*tail) & 0x7fff_ffff);
    let master = machine.opts.get("master").cloned().unwrap_or_else(|| Value::text(""));
    let mut grains = map! { "id" => id, "master" => master, "server_id" => server_id };
    if let Some(domain) = machine.opts.get("append_domain").filter(|domain| !domain.is_null()) {
        grains.insert("append_domain", domain.clone());
    }
    grains
}

/// `shell`.
pub(super) fn shell(machine: &Machine) -> Map {
    map! { "shell" => machine.env("SHELL").unwrap_or_else(|| "/bin/sh".to_owned()) }
}

/// `username`, `groupname`, `uid`, `gid`, `pid`.
pub(super) fn user(machine: &Machine) -> Map {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let user = machine.host.user_by_uid(uid);
    let group = user.as_ref().and_then(|user| machine.host.group_by_gid(user.gid)).map(|group| group.name);
    map! {
        "username" => user.map_or_else(|| uid.to_string(), |user| user.name),
        "groupname" => group.unwrap_or_default(),
        "pid" => std::process::id(),
        "gid" => gid,
        "uid" => uid,
    }
}

/// `transactional`.
pub(super) fn transactional(machine: &Machine) -> Map {
    map! { "transactional" => machine.which("transactional-update").is_some() }
}

/// `efi`, `efi-secure-boot`.
pub(super) fn uefi(machine: &Machine) -> Map {
    let directories = ["/sys/firmware/efi/efivars", "/sys/firmware/efi/vars"];
    let found = directories.into_iter().find(|path| machine.exists(path));
    let secure = found.is_some_and(|directory| {
        let names = machine.names_in(directory);
        let mut variables = names.iter().filter(|name| name.starts_with("SecureBoot-"));
        let Some(name) = variables.next().filter(|_| variables.next().is_none()) else { return false };
        let file = if directory.ends_with("efivars") { name.clone() } else { format!("{name}/data") };
        machine.octets(&format!("{directory}/{file}")).is_some_and(|octets| octets.last() == Some(&1))
    });
    map! { "efi" => found.is_some(), "efi-secure-boot" => secure }
}

/// `opts`: the options of the daemon, with `grain_opts: True`.
pub(super) fn opts(machine: &Machine) -> Map {
    if machine.option("grain_opts", false) {
        map! { "opts" => machine.opts.clone() }
    } else {
        Map::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;

    #[test]
    fn the_server_id_is_the_tail_of_a_digest() {
        // Salt 3006.25 says 657099175 for this id.
        let (host, opts) = (FakeHost::default(), map! { "id" => "web1.example.org" });
        let grains = identity(&Machine::here(&host, &opts));
        assert_eq!(grains.get("server_id"), Some(&Value::Int(657_099_175)));
        assert!(!grains.contains("append_domain"));
    }
}
