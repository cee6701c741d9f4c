//! `virtual`, `virtual_subtype` and Xen's `virtual_hv_*`. Salt: grains/core.py (`_virtual`, `_virtual_hv`).
//!
//! Salt runs the first of `virt-what`, `systemd-detect-virt`, `dmidecode` and `lspci` that is installed. Here the same
//! evidence is read directly, but only where Salt would have had the program: both then say the same.

use std::os::unix::fs::MetadataExt;

use super::hypervisor;
use super::machine::Machine;
use crate::map;
use crate::value::{Map, Value};

#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    kind: String,
    subtype: Option<String>,
}

impl Found {
    fn is(&mut self, kind: &str) {
        kind.clone_into(&mut self.kind);
    }

    fn is_a(&mut self, kind: &str, subtype: &str) {
        self.is(kind);
        self.subtype = Some(subtype.to_owned());
    }
}

/// `virtual` and, where it is known more exactly, `virtual_subtype`.
pub(super) fn grains(machine: &Machine) -> Map {
    let mut found = Found { kind: "physical".to_owned(), subtype: None };
    if machine.uname.version == "BrandZ virtual linux" {
        return map! { "virtual" => "zone" };
    }
    by_programs(machine, &mut found);
    by_files(machine, &mut found);
    if found.subtype.is_some() && found.kind == "physical" {
        found.is("virtual");
    }
    amazon(machine, &mut found);
    let mut grains = map! { "virtual" => found.kind.as_str() };
    if let Some(subtype) = found.subtype {
        grains.insert("virtual_subtype", subtype);
    }
    if found.kind.contains("xen") {
        grains.extend(xen_version(machine));
    }
    grains
}

fn by_programs(machine: &Machine, found: &mut Found) {
    if machine.which("virt-what").is_some() {
        if let Some(word) = hypervisor::detect(machine) {
            from_virt_what(word, found);
        }
        return;
    }
    if machine.which("systemd-detect-virt").is_some()
        && hypervisor::detect(machine).is_some_and(|word| from_systemd(word, found))
    {
        return;
    }
    if machine.which("dmidecode").is_some() && rustix::process::geteuid().is_root() {
        from_firmware(machine, found);
        return;
    }
    if machine.option("enable_lspci", true)
        && machine.exists("/proc/bus/pci")
        && machine.which("lspci").is_some()
    {
        from_pci(machine, found);
    }
}

/// What Salt makes of a word of `systemd-detect-virt`; `false` where it makes nothing of it and looks further.
fn from_systemd(word: &str, found: &mut Found) -> bool {
    match word {
        "qemu" | "kvm" | "oracle" | "xen" | "bochs" | "chroot" | "uml" | "systemd-nspawn" => found.is(word),
        "vmware" => found.is("VMware"),
        "microsoft" => found.is("VirtualPC"),
        "lxc" | "lxc-libvirt" => found.is_a("container", "LXC"),
        "podman" => found.is_a("container", "Podman"),
        "docker" => found.is_a("container", "Docker"),
        "amazon" => found.is_a("Nitro", "Amazon EC2"),
        _ => return false,
    }
    true
}

/// What Salt makes of the words that `virt-what` has for the same things.
fn from_virt_what(word: &str, found: &mut Found) {
    match word {
        "kvm" | "qemu" | "uml" | "xen" => found.is(word),
        // On Amazon's and Google's machines it says "kvm" as well.
        "amazon" | "google" => found.is("kvm"),
        "lxc" | "lxc-libvirt" => found.is_a("container", "LXC"),
        "docker" => found.is_a("container", "Docker"),
        "vmware" => found.is("VMware"),
        "parallels" => found.is("Parallels"),
        "microsoft" => found.is("HyperV"),
        _ => {}
    }
}

fn from_firmware(machine: &Machine, found: &mut Found) {
    let text =
        |file: &str| machine.text(&format!("/sys/class/dmi/id/{file}")).unwrap_or_default().trim().to_owned();
    let vendor = text("bios_vendor");
    let makers = ["sys_vendor", "board_vendor", "chassis_vendor"].map(text);
    let products = ["product_name", "board_name", "bios_version", "product_version"].map(text);
    let all: Vec<&str> = [&vendor].into_iter().chain(&makers).chain(&products).map(String::as_str).collect();
    let made_by = |name: &str| makers.iter().any(|maker| maker.starts_with(name));
    let says = |name: &str| all.iter().any(|text| text.contains(name));
    if ["QEMU", "Bochs"].iter().any(|name| vendor.starts_with(name) || made_by(name)) {
        found.is("kvm");
    }
    if says("BHYVE") {
        found.is("bhyve");
    } else if made_by("oVirt") {
        found.is_a("kvm", "ovirt");
    } else if products.iter().any(|product| product.starts_with("RHEV Hypervisor")) {
        found.is_a("kvm", "rhev");
    } else if says("VirtualBox") {
        found.is("VirtualBox");
    } else if says("VMware") {
        found.is("VMware");
    } else if all.iter().any(|text| text.starts_with("Microsoft")) && says("Virtual Machine") {
        found.is("VirtualPC");
    } else if says("Parallels Software") {
        found.is("Parallels");
    } else if made_by("Google") || vendor.starts_with("SeaBIOS") {
        found.is("kvm");
    }
}

fn from_pci(machine: &Machine, found: &mut Found) {
    let slots = machine.names_in("/sys/bus/pci/devices");
    let vendors: Vec<String> = slots
        .iter()
        .filter_map(|slot| machine.text(&format!("/sys/bus/pci/devices/{slot}/vendor")))
        .map(|vendor| vendor.trim().to_owned())
        .collect();
    let has = |id: &str| vendors.iter().any(|vendor| vendor == id);
    if has("0x15ad") {
        found.is("VMware");
    } else if has("0x80ee") {
        found.is("VirtualBox");
    } else if has("0x1b36") || has("0x1af4") {
        found.is("kvm");
    }
}

fn by_files(machine: &Machine, found: &mut Found) {
    let same = |path: &str| std::fs::metadata(machine.path(path)).map(|meta| (meta.dev(), meta.ino()));
    if let (Ok(own), Ok(init)) = (same("/"), same("/proc/1/root"))
        && own != init
    {
        found.subtype = Some("chroot".to_owned());
    }
    open_vz(machine, found);
    xen(machine, found);
    if machine.text("/proc/cpuinfo").is_some_and(|text| text.contains("QEMU Virtual CPU")) {
        found.is("kvm");
    }
    product(&machine.text("/sys/devices/virtual/dmi/id/product_name").unwrap_or_default(), found);
    control_groups(&machine.text("/proc/1/cgroup").unwrap_or_default(), found);
    if found.subtype.as_deref() != Some("LXC")
        && machine.text("/proc/1/environ").is_some_and(|text| text.contains("container=lxc"))
    {
        found.is_a("container", "LXC");
    }
}

fn open_vz(machine: &Machine, found: &mut Found) {
    if machine.is_file("/proc/vz/version") {
        found.is("openvzhn");
    } else if machine.is_file("/proc/vz/veinfo") {
        found.is("openvzve");
    }
    let status = machine.text("/proc/self/status").unwrap_or_default();
    let id = status.lines().find_map(|line| line.strip_prefix("envID:")?.trim().parse::<u64>().ok());
    match id {
        Some(0) => found.is("openvzhn"),
        Some(_) => found.is("openvzve"),
        None => {}
    }
}

fn xen(machine: &Machine, found: &mut Found) {
    if !["/proc/sys/xen", "/sys/bus/xen", "/proc/xen"].iter().any(|path| machine.is_dir(path)) {
        return;
    }
    let product = machine.text("/sys/class/dmi/id/product_name").unwrap_or_default();
    let subtype = if machine.is_file("/proc/xen/xsd_kva") {
        Some("Xen Dom0")
    } else if product.trim() == "HVM domU" {
        Some("Xen HVM DomU")
    } else if let Some(capabilities) = machine.text("/proc/xen/capabilities") {
        Some(if capabilities.contains("control_d") { "Xen Dom0" } else { "Xen PV DomU" })
    } else if machine.is_dir("/sys/bus/xen/drivers/xenconsole") {
        Some("Xen PV DomU")
    } else {
        None
    };
    if let Some(subtype) = subtype {
        found.subtype = Some(subtype.to_owned());
    }
    if found.subtype.as_deref().is_some_and(|subtype| subtype.to_lowercase().contains("dom")) {
        found.is("xen");
    }
}

fn product(name: &str, found: &mut Found) {
    if name.contains("VirtualBox") {
        found.is("VirtualBox");
    } else if name.contains("RHEV Hypervisor") {
        found.is_a("kvm", "rhev");
    } else if name.contains("oVirt Node") {
        found.is_a("kvm", "ovirt");
    } else if name.contains("Google") {
        found.is("gce");
    } else if name.contains("BHYVE") {
        found.is("bhyve");
    }
}

fn control_groups(text: &str, found: &mut Found) {
    if text.contains(":/lxc/") {
        found.is_a("container", "LXC");
    } else if text.contains(":/kubepods/") {
        found.subtype = Some("kubernetes".to_owned());
    } else if text.contains(":/libpod_parent/") {
        found.subtype = Some("libpod".to_owned());
    } else if [":/system.slice/docker", ":/docker/", ":/docker-ce/"].iter().any(|path| text.contains(path)) {
        found.is_a("container", "Docker");
    }
}

fn amazon(machine: &Machine, found: &mut Found) {
    if !["qemu", "kvm", "xen", "amazon"].contains(&found.kind.as_str())
        || machine.which("dmidecode").is_none()
    {
        return;
    }
    let text =
        |file: &str| machine.text(&format!("/sys/class/dmi/id/{file}")).unwrap_or_default().trim().to_owned();
    if text("sys_vendor") == "Amazon EC2" {
        if found.kind != "xen" {
            found.is("Nitro");
        }
        let product = text("product_name");
        found.subtype = Some(if product.is_empty() {
            "Amazon EC2".to_owned()
        } else {
            format!("Amazon EC2 ({product})")
        });
    } else if text("product_version").contains(".amazon") {
        found.subtype = Some("Amazon EC2".to_owned());
    }
}

fn xen_version(machine: &Machine) -> Map {
    let mut grains = Map::new();
    let part = |name: &str| Some(machine.text(&format!("/sys/hypervisor/version/{name}"))?.trim().to_owned());
    if let (Some(major), Some(minor), Some(extra)) = (part("major"), part("minor"), part("extra")) {
        grains.insert("virtual_hv_version", format!("{major}.{minor}{extra}"));
        grains.insert("virtual_hv_version_info", Value::list([major, minor, extra]));
    }
    if let Some(features) = machine.text("/sys/hypervisor/properties/features") {
        let bits = u64::from_str_radix(features.trim().trim_start_matches("0x"), 16).unwrap_or_default();
        let names = XEN_FEATURES.iter().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, name)| *name);
        grains.insert("virtual_hv_features", features.trim());
        grains.insert("virtual_hv_features_list", Value::list(names));
    }
    grains
}

/// Bits of Xen's `include/public/features.h`.
const XEN_FEATURES: [(u32, &str); 14] = [
    (0, "writable_page_tables"),
    (1, "writable_descriptor_tables"),
    (2, "auto_translated_physmap"),
    (3, "supervisor_mode_kernel"),
    (4, "pae_pgdir_above_4gb"),
    (5, "mmu_pt_update_preserve_ad"),
    (7, "gnttab_map_avail_bits"),
    (8, "hvm_callback_vector"),
    (9, "hvm_safe_pvclock"),
    (10, "hvm_pirqs"),
    (11, "dom0"),
    (12, "grant_map_identity"),
    (13, "memory_op_vnode_supported"),
    (14, "ARM_SMCCC_supported"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_detectors_become_salts_words() {
        let systemd = |word| {
            let mut found = Found::default();
            (from_systemd(word, &mut found), found.kind, found.subtype)
        };
        assert_eq!(systemd("docker"), (true, "container".to_owned(), Some("Docker".to_owned())));
        assert_eq!(systemd("kvm"), (true, "kvm".to_owned(), None));
        assert_eq!(systemd("amazon"), (true, "Nitro".to_owned(), Some("Amazon EC2".to_owned())));
        assert!(!systemd("wsl").0);
    }

    #[test]
    fn control_groups_tell_containers() {
        let check = |text, kind: &str, subtype: Option<&str>| {
            let mut found = Found::default();
            control_groups(text, &mut found);
            assert_eq!((found.kind.as_str(), found.subtype.as_deref()), (kind, subtype), "{text}");
        };
        check("1:name=systemd:/lxc/web\n", "container", Some("LXC"));
        check("1:cpu:/docker/0123\n", "container", Some("Docker"));
        check("1:cpu:/kubepods/besteffort/pod\n", "", Some("kubernetes"));
        check("0::/init.scope\n", "", None);
    }
}
