//! Disks, RAID, volumes and storage networks. Salt: grains/{disks,mdadm,lvm,zfs,iscsi,nvme,fibre_channel}.py.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use super::machine::Machine;
use crate::host::Command;
use crate::map;
use crate::value::{Map, Value};

/// `disks`: devices that turn; `ssds`: those that do not.
pub(super) fn disks(machine: &Machine) -> Map {
    let (mut disks, mut ssds) = (Vec::new(), Vec::new());
    for name in machine.names_in("/sys/block").into_iter().filter(|name| !name.starts_with('.')) {
        let target = fs::read_link(machine.path("/sys/block").join(&name));
        if target.is_ok_and(|target| target.starts_with("../devices/virtual")) {
            continue;
        }
        let rotational = machine.text(&format!("/sys/block/{name}/queue/rotational")).unwrap_or_default();
        match rotational.chars().next() {
            Some('0') => ssds.push(name),
            Some('1') => disks.push(name),
            _ => {}
        }
    }
    map! { "disks" => Value::list(disks), "ssds" => Value::list(ssds) }
}

/// `mdadm`: RAID devices, sorted.
pub(super) fn mdadm(machine: &Machine) -> Map {
    let Some(text) = machine.text("/proc/mdstat") else { return Map::new() };
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("Personalities : ") && !line.starts_with("unused devices:"));
    let devices = crate::value::sort::into_set(lines.filter_map(|line| Some(line.split_once(" : ")?.0)));
    map! { "mdadm" => Value::list(devices) }
}

/// `lvm`: `{volume group: [logical volume]}`, where LVM is installed. Active volumes only: they are read from the
/// device mapper, without running LVM.
pub(super) fn lvm(machine: &Machine) -> Map {
    if machine.which("lvm").is_none() {
        return Map::new();
    }
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for block in machine.names_in("/sys/block") {
        let text = |file: &str| machine.text(&format!("/sys/block/{block}/dm/{file}")).unwrap_or_default();
        if let Some((group, volume)) = logical_volume(text("uuid").trim(), text("name").trim()) {
            groups.entry(group).or_default().insert(volume);
        }
    }
    let entries = groups.into_iter().map(|(group, volumes)| (group, Value::list(volumes)));
    map! { "lvm" => entries.collect::<Map>() }
}

/// Group and volume of a device-mapper name (`vg0-root`, with `--` for a dash inside); `None` for parts of volumes.
fn logical_volume(uuid: &str, name: &str) -> Option<(String, String)> {
    const BOTH_IDS: usize = 64;
    let ids = uuid.strip_prefix("LVM-")?;
    if ids.len() != BOTH_IDS {
        return None;
    }
    let mut at = 0;
    let dash = loop {
        let dash = at + name.get(at..)?.find('-')?;
        if name.get(dash + 1..)?.starts_with('-') { at = dash + 2 } else { break dash }
    };
    let plain = |text: &str| text.replace("--", "-");
    Some((plain(name.get(..dash)?), plain(name.get(dash + 1..)?)))
}

/// `zfs_support`, `zfs_feature_flags` and `zpool`: `{pool: octets}`.
pub(super) fn zfs(machine: &Machine) -> Map {
    let zpool = machine.which("zpool");
    let supported =
        zpool.is_some() && (machine.exists("/sys/module/zfs") || machine.which("zfs-fuse").is_some());
    let manuals = ["/usr/share/man/man5", "/usr/share/man/man7", "/usr/share/man/man8"];
    let documented = |directory: &&str| {
        let names = fs::read_dir(machine.path(directory)).into_iter().flatten().flatten();
        names.into_iter().any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"zpool-features."))
    };
    let mut grains = map! {
        "zfs_support" => supported,
        "zfs_feature_flags" => machine.which("man").is_some() && manuals.iter().any(documented),
    };
    // The size of a pool is known to `zpool` only; it is run where there are pools and nowhere else.
    let pools = machine
        .names_in("/proc/spl/kstat/zfs")
        .iter()
        .any(|name| machine.is_dir(&format!("/proc/spl/kstat/zfs/{name}")));
    if let Some(zpool) = zpool.filter(|_| supported && pools) {
        let command = Command {
            timeout: Some(Duration::from_secs(5)),
            ..Command::new(zpool.to_string_lossy(), ["list", "-H", "-p", "-o", "name,size"])
        };
        let output = machine.host.run(&command).map(|output| output.stdout).unwrap_or_default();
        let pools = pools_of(&String::from_utf8_lossy(&output));
        if !pools.is_empty() {
            grains.insert("zpool", pools);
        }
    }
    grains
}

fn pools_of(text: &str) -> Map {
    let pool = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse::<i64>().ok()?))
    };
    text.lines().filter_map(pool).collect()
}

/// `iscsi_iqn`, with `iscsi_grains: True`.
pub(super) fn iscsi(machine: &Machine) -> Map {
    if !machine.option("iscsi_grains", false) {
        return Map::new();
    }
    let text = machine.text("/etc/iscsi/initiatorname.iscsi").unwrap_or_default();
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("InitiatorName="));
    map! { "iscsi_iqn" => Value::list(names) }
}

/// `nvme_nqn`, with `nvme_grains: True`.
pub(super) fn nvme(machine: &Machine) -> Map {
    if !machine.option("nvme_grains", false) {
        return Map::new();
    }
    let text = machine.text("/etc/nvme/hostnqn").unwrap_or_default();
    let names = text.lines().map(str::trim).filter(|line| line.starts_with("nqn."));
    map! { "nvme_nqn" => Value::list(names) }
}

/// `fc_wwn`, with `fibre_channel_grains: True`.
pub(super) fn fibre_channel(machine: &Machine) -> Map {
    if !machine.option("fibre_channel_grains", false) {
        return Map::new();
    }
    let hosts = machine.names_in("/sys/class/fc_host").into_iter();
    let texts = hosts.filter_map(|host| machine.text(&format!("/sys/class/fc_host/{host}/port_name")));
    let names = texts.flat_map(|text| {
        text.lines().map(|line| line.trim_end().get(2..).unwrap_or_default().to_owned()).collect::<Vec<_>>()
    });
    map! { "fc_wwn" => Value::list(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_mapper_names_are_split_at_the_single_dash() {
        let uuid = format!("LVM-{}", "a".repeat(64));
        let pair = |group: &str, volume: &str| Some((group.to_owned(), volume.to_owned()));
        assert_eq!(logical_volume(&uuid, "vg0-root"), pair("vg0", "root"));
        assert_eq!(logical_volume(&uuid, "my--vg-a--b"), pair("my-vg", "a-b"));
        assert_eq!(logical_volume(&format!("{uuid}-tdata"), "vg0-pool_tdata"), None);
        assert_eq!(logical_volume("CRYPT-LUKS2-x", "vg0-root"), None);
        assert_eq!(logical_volume(&uuid, "odd"), None);
    }

    #[test]
    fn pools_have_sizes_in_octets() {
        assert_eq!(pools_of("tank\t1099511627776\nbad\n"), map! { "tank" => 1_099_511_627_776_i64 });
    }
}
