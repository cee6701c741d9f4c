//! Processors, memory and firmware. Salt: grains/core.py (`_linux_cpudata`, `_linux_memdata`, `_hw_data`,
//! `_linux_devicetree_platform_data`).

use super::machine::Machine;
use crate::map;
use crate::value::{Map, Value};

/// `num_cpus`, `cpu_model`, `cpu_flags`.
pub(super) fn cpu(machine: &Machine) -> Map {
    cpu_of(&machine.text("/proc/cpuinfo").unwrap_or_default())
}

fn cpu_of(text: &str) -> Map {
    let mut count = 0;
    let mut model = "Unknown".to_owned();
    let mut flags: Option<&str> = None;
    for line in text.lines() {
        let mut parts = line.split(':');
        let (Some(key), Some(value)) = (parts.next(), parts.next()) else { continue };
        let value = value.trim();
        match key.trim() {
            "processor" => count += 1,
            "# processors" => count = value.parse().unwrap_or(count),
            "vendor_id" | "model name" | "cpu" => model = value.to_owned(),
            "flags" | "Features" => flags = Some(value),
            "Processor" => {
                model = value.split('-').next().unwrap_or_default().to_owned();
                count = 1;
            }
            _ => {}
        }
    }
    let flags = flags.unwrap_or_default().split_whitespace();
    map! { "num_cpus" => count, "cpu_model" => model, "cpu_flags" => Value::list(flags) }
}

/// `mem_total`, `swap_total` in MiB.
pub(super) fn memory(machine: &Machine) -> Map {
    let text = machine.text("/proc/meminfo").unwrap_or_default();
    let mib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<i64>().ok());
        kib.unwrap_or_default() / 1024
    };
    map! { "mem_total" => mib("MemTotal"), "swap_total" => mib("SwapTotal") }
}

/// `biosversion`, `productname`, `serialnumber` … as far as the firmware tells and this user may read.
pub(super) fn firmware(machine: &Machine) -> Map {
    const FILES: [(&str, &str); 8] = [
        ("biosversion", "bios_version"),
        ("biosvendor", "bios_vendor"),
        ("boardname", "board_name"),
        ("productname", "product_name"),
        ("manufacturer", "sys_vendor"),
        ("biosreleasedate", "bios_date"),
        ("uuid", "product_uuid"),
        ("serialnumber", "product_serial"),
    ];
    let mut grains = Map::new();
    for (grain, file) in FILES {
        if let Some(text) = machine.text(&format!("/sys/class/dmi/id/{file}")) {
            let text = text.trim();
            grains.insert(grain, if grain == "uuid" { text.to_lowercase() } else { text.to_owned() });
        }
    }
    grains
}

/// `manufacturer`, `productname`, `serialnumber` of machines with a device tree.
pub(super) fn device_tree(machine: &Machine) -> Map {
    let text = |name: &str| {
        let text = machine.text(&format!("/proc/device-tree/{name}"))?;
        Some(text.trim_end_matches('\0').to_owned()).filter(|text| !text.is_empty())
    };
    let mut grains = Map::new();
    if let Some(model) = text("model") {
        match model.split_once(',') {
            Some((manufacturer, product)) => {
                grains.insert("manufacturer", manufacturer);
                grains.insert("productname", product);
            }
            None => {
                grains.insert("productname", model);
            }
        }
    }
    if let Some(serial) = text("serial-number").or_else(|| text("system-id")) {
        grains.insert("serialnumber", serial);
    }
    grains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_of_other_architectures_are_understood() {
        let check = |text, count: i64, model, flags: &[&str]| {
            let expected = map! { "num_cpus" => count, "cpu_model" => model,
            "cpu_flags" => Value::list(flags.iter().copied()) };
            assert_eq!(cpu_of(text), expected);
        };
        check(
            "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon: E5\nflags\t\t: fpu vme\n\nprocessor\t: 1\n",
            2,
            "Xeon",
            &["fpu", "vme"],
        );
        check(
            "Processor\t: ARMv6-compatible processor rev 7 (v6l)\nFeatures\t: swp half\nRevision\t: 0002\n",
            1,
            "ARMv6",
            &["swp", "half"],
        );
        check("vendor_id       : IBM/S390\n# processors    : 2\n", 2, "IBM/S390", &[]);
        check(
            "processor\t: 0\ncpu\t\t: POWER9 (architected), altivec supported\n",
            1,
            "POWER9 (architected), altivec supported",
            &[],
        );
        check("", 0, "Unknown", &[]);
    }
}
