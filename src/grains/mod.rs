//! Grains: what a minion knows of its machine. Salt: grains/*.py, loader/__init__.py (`grains`).
//!
//! Everything is read from files, the kernel and the environment; no program is run (but `zpool`, where there are
//! pools, and `python3`, where there are grains in Python), and name servers get at most half a second. Names and values are Salt's.

mod cache;
mod custom;
mod distribution;
mod graphics;
mod hardware;
mod hypervisor;
mod locale;
mod machine;
mod names;
mod network;
mod process;
mod python;
mod shlex;
mod storage;
mod system;
mod virtualization;

pub use cache::load;

use machine::Machine;

use crate::host::Host;
use crate::patterns::expr_match;
use crate::value::{Map, MergeStrategy, Value, merge_maps};

/// One source of grains.
struct Grain {
    /// Salt's file, for the reader.
    file: &'static str,
    name: &'static str,
    run: fn(&Machine) -> Map,
}

const fn core(name: &'static str, run: fn(&Machine) -> Map) -> Grain {
    Grain { file: "core", name, run }
}

const fn more(file: &'static str, name: &'static str, run: fn(&Machine) -> Map) -> Grain {
    Grain { file, name, run }
}

/// In Salt's order: of two that give the same grain, the later one counts.
static ALL: &[Grain] = &[
    core("cwd", process::cwd),
    core("default_gateway", network::default_gateway),
    core("dns", network::dns),
    core("fqdns", names::fqdns),
    core("get_machine_id", system::machine_id),
    core("hostname", names::hostname),
    core("hwaddr_interfaces", network::hwaddr_interfaces),
    core("id_", process::identity),
    core("ip4_interfaces", network::ip4_interfaces),
    core("ip6_interfaces", network::ip6_interfaces),
    core("ip_fqdn", network::ip_fqdn),
    core("ip_interfaces", network::ip_interfaces),
    core("kernelparams", system::kernelparams),
    core("locale_info", locale::grains),
    core("os_data", system::os_data),
    core("path", process::path),
    core("pythonversion", process::python),
    core("saltversion", process::versions),
    more("disks", "disks", storage::disks),
    more("extra", "config", custom::file),
    more("extra", "shell", process::shell),
    more("extra", "transactional", process::transactional),
    more("extra", "uefi", process::uefi),
    more("fibre_channel", "fibre_channel_wwns", storage::fibre_channel),
    more("iscsi", "iscsi_iqn", storage::iscsi),
    more("lvm", "lvm", storage::lvm),
    more("mdadm", "mdadm", storage::mdadm),
    more("minion_process", "grains", process::user),
    more("nvme", "nvme_nqn", storage::nvme),
    more("opts", "opts", process::opts),
    more("zfs", "zfs", storage::zfs),
];

/// Every grain of this machine: the built-in ones, those of the grains file, those of the option `grains`.
///
/// Options that count: `id`, `master`, `conf_file`, `grains`, `skip_grains`, `grains_blacklist`, `grains_deep_merge`,
/// `enable_fqdns_grains`, `enable_gpu_grains`, `enable_lspci`, `grain_opts`, `iscsi_grains`, `nvme_grains`,
/// `fibre_channel_grains`.
pub fn collect(host: &dyn Host, opts: &Map) -> Map {
    if opts.get("skip_grains").is_some_and(Value::truthy) {
        return Map::new();
    }
    collect_from(&Machine::here(host, opts))
}

fn collect_from(machine: &Machine) -> Map {
    let deep = machine.opts.get("grains_deep_merge") == Some(&Value::Bool(true));
    let strategy = if deep { MergeStrategy::Recurse } else { MergeStrategy::Overwrite };
    let unwanted: Vec<&str> = machine
        .opts
        .get("grains_blacklist")
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut grains = Map::with_capacity(128);
    let add = |grains: &mut Map, mut found: Map| {
        if !unwanted.is_empty() {
            found.retain(|name, _| {
                !name.as_str().is_some_and(|name| unwanted.iter().any(|unwanted| expr_match(name, unwanted)))
            });
        }
        merge_maps(grains, found, strategy);
    };
    for grain in ALL {
        crate::log::trace!(file = grain.file, name = grain.name, "Loading grain");
        add(&mut grains, (grain.run)(machine));
    }
    for found in python::own(machine, &grains) {
        add(&mut grains, found);
    }
    // Salt quirk (3006.25): the option replaces whole grains, even where grains are merged deeply.
    if let Some(Value::Map(own)) = machine.opts.get("grains") {
        merge_maps(&mut grains, own.clone(), MergeStrategy::Overwrite);
    }
    grains
}

#[cfg(test)]
mod tests;
