//! `salt-call --proxyid`: a minion that stands for a device. The modules that speak to devices are in Python, so it comes as
//! far as its pillar, and says which one is wanted. Salt: minion.py (`SProxyMinion`), grains/core.py.

use super::surroundings::Surroundings;
use crate::cli::{Exit, Stop};
use crate::loader::Source as _;
use crate::log::error;
use crate::value::{Map, Value, str_of};

/// The types that Salt has.
const TYPES: [&str; 24] = [
    "chronos",
    "cimc",
    "cisconso",
    "deltaproxy",
    "docker",
    "dummy",
    "esxcluster",
    "esxdatacenter",
    "esxi",
    "esxvm",
    "fx2",
    "junos",
    "marathon",
    "napalm",
    "netmiko",
    "nxos",
    "nxos_api",
    "panos",
    "philips_hue",
    "pyeapi",
    "rest_sample",
    "restconf",
    "ssh_sample",
    "vcenter",
];

/// What no such minion has of the host.
const UNKNOWN: [&str; 7] =
    ["kernel", "kernelrelease", "kernelversion", "os", "os_family", "osfullname", "osrelease"];

/// Grains of the host become those of a proxy minion.
pub fn disguise(grains: &mut Map) {
    for name in UNKNOWN {
        grains.insert(name, "proxy");
    }
    grains.insert("osfinger", "proxy-proxy");
    grains.insert("osrelease_info", Value::list(["proxy"]));
}

/// Why nothing can be called.
///
/// # Errors
/// When the pillar cannot be had.
pub fn why_not(surroundings: &Surroundings) -> anyhow::Result<Stop> {
    surroundings.connect()?;
    let (opts, pillar) = (surroundings.opts(), surroundings.map());
    let why = match opts.get("proxy").or_else(|| pillar.get("proxy")) {
        None => format!(
            "No \"proxy\" configuration key found in pillar or opts dictionaries for id {}. Check your pillar/options \
             configuration and contents. Salt-proxy aborted.",
            opts.id()
        ),
        Some(proxy) => match proxy.get("proxytype").map(str_of) {
            None => format!("The \"proxy\" configuration of {} has no \"proxytype\".", opts.id()),
            Some(kind) if TYPES.contains(&&*kind) => {
                format!("The proxytype {kind} is not supported by Halite. Salt-proxy aborted.")
            }
            Some(kind) => format!(
                "Proxymodule {kind} is missing an init() or a shutdown() or both. Check your proxymodule.  Salt-proxy \
                 aborted."
            ),
        },
    };
    error!("{why}");
    Ok(Stop::failed(Exit::GENERIC, format!("{why}\n")))
}
