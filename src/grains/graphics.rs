//! `num_gpus`, `gpus`: display controllers, as `lspci` would list them, from sysfs and its database of names.
//! Salt: grains/core.py (`_linux_gpu_data`); pci.ids(5).

use super::machine::Machine;
use crate::map;
use crate::value::{Map, Value};

const KNOWN_VENDORS: [&str; 8] =
    ["nvidia", "amd", "ati", "intel", "cirrus logic", "vmware", "matrox", "aspeed"];
/// VGA, 3D and display controllers, and processing accelerators.
const CLASSES: [&str; 4] = ["0x0300", "0x0302", "0x0380", "0x1200"];
const DATABASES: [&str; 4] = [
    "/usr/share/misc/pci.ids",
    "/usr/share/hwdata/pci.ids",
    "/usr/share/pci.ids",
    "/var/lib/pciutils/pci.ids",
];

/// `num_gpus` and `gpus`: `[{"vendor": text, "model": text}]`. Without `lspci` Salt does not look.
pub(super) fn grains(machine: &Machine) -> Map {
    let mut gpus = Vec::new();
    let wanted = ["enable_lspci", "enable_gpu_grains"].iter().all(|option| machine.option(option, true));
    if wanted && machine.which("lspci").is_some() {
        let mut database = None;
        for (vendor, device) in devices(machine) {
            let database = database.get_or_insert_with(|| {
                DATABASES.iter().find_map(|path| machine.text(path)).unwrap_or_default()
            });
            let (vendor_name, model) = look_up(database, &vendor, &device);
            gpus.push(map! { "vendor" => short_vendor(&vendor_name), "model" => model }.into());
        }
    }
    map! { "num_gpus" => gpus.len(), "gpus" => Value::List(gpus) }
}

/// Vendor and device numbers (four hex digits) of every display controller, in bus order.
fn devices(machine: &Machine) -> Vec<(String, String)> {
    let slots = machine.sorted_names_in("/sys/bus/pci/devices").into_iter();
    let number = |slot: &str, file: &str| {
        let text = machine.text(&format!("/sys/bus/pci/devices/{slot}/{file}"))?;
        Some(text.trim().to_owned())
    };
    let graphics = slots.filter(|slot| {
        number(slot, "class")
            .is_some_and(|class| class.get(..6).is_some_and(|class| CLASSES.contains(&class)))
    });
    let numbers = |slot: String| {
        let hex = |file| number(&slot, file).map(|text| text.trim_start_matches("0x").to_owned());
        Some((hex("vendor")?, hex("device")?))
    };
    graphics.filter_map(numbers).collect()
}

/// Names of a vendor and its device; numbers where the database does not have them.
fn look_up(database: &str, vendor: &str, device: &str) -> (String, String) {
    let mut vendor_name = None;
    for line in database.lines() {
        if vendor_name.is_none() {
            vendor_name = line.strip_prefix(vendor).and_then(|rest| rest.strip_prefix("  "));
            continue;
        }
        if !line.starts_with(['\t', '#']) && !line.is_empty() {
            break;
        }
        let found = line.strip_prefix('\t').and_then(|line| line.strip_prefix(device)?.strip_prefix("  "));
        if let (Some(model), Some(vendor)) = (found, vendor_name) {
            return (vendor.to_owned(), model.to_owned());
        }
    }
    (vendor_name.map_or_else(|| format!("Vendor {vendor}"), str::to_owned), format!("Device {device}"))
}

fn short_vendor(name: &str) -> &'static str {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|char: char| !char.is_ascii_alphanumeric()).collect();
    KNOWN_VENDORS.into_iter().find(|vendor| words.contains(vendor)).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: &str = "# comment\n1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t1304  Kaveri\n10de  NVIDIA \
        Corporation\n\t1304  No\n\t1b80  GP104 [GeForce GTX 1080]\n\t\t1043 85a0  Sub\n1af4  Red Hat, Inc.\n";

    #[test]
    fn names_come_from_the_database() {
        assert_eq!(
            look_up(DATABASE, "10de", "1b80"),
            ("NVIDIA Corporation".to_owned(), "GP104 [GeForce GTX 1080]".to_owned())
        );
        assert_eq!(look_up(DATABASE, "1002", "9999").1, "Device 9999");
        assert_eq!(look_up(DATABASE, "ffff", "0001").0, "Vendor ffff");
        assert_eq!(short_vendor("Advanced Micro Devices, Inc. [AMD/ATI]"), "amd");
        assert_eq!(short_vendor("Red Hat, Inc."), "unknown");
    }
}
