//! What `systemd-detect-virt` would say, from the same evidence: the container first, then the firmware, the
//! processor and the kernel. systemd: systemd-detect-virt(1), basic/virt.c.

use super::machine::Machine;

/// The word that `systemd-detect-virt` prints; `None` for its `none`.
pub(super) fn detect(machine: &Machine) -> Option<&'static str> {
    container(machine).or_else(|| virtual_machine(machine, processor_vendor()))
}

fn container(machine: &Machine) -> Option<&'static str> {
    if machine.exists("/proc/vz") && !machine.exists("/proc/bc") {
        return Some("openvz");
    }
    let release = machine.text("/proc/sys/kernel/osrelease").unwrap_or_default();
    if release.contains("Microsoft") || release.contains("WSL") {
        return Some("wsl");
    }
    let told = ["/run/host/container-manager", "/run/systemd/container"]
        .into_iter()
        .find_map(|path| machine.text(path));
    let told = told.or_else(|| {
        let environment = machine.octets("/proc/1/environ")?;
        let mut variables = environment.split(|octet| *octet == 0);
        let value = variables.find_map(|variable| variable.strip_prefix(b"container="))?;
        Some(String::from_utf8_lossy(value).into_owned())
    });
    match told.as_deref().map(str::trim) {
        None | Some("" | "oci") => {}
        Some(name) => return Some(known_container(name)),
    }
    if machine.exists("/run/.containerenv") {
        return Some("podman");
    }
    if machine.exists("/.dockerenv") {
        return Some("docker");
    }
    told.is_some().then_some("container-other")
}

fn known_container(name: &str) -> &'static str {
    const KNOWN: [&str; 8] =
        ["lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "proot", "pouch"];
    KNOWN.into_iter().find(|known| *known == name).unwrap_or("container-other")
}

fn virtual_machine(machine: &Machine, processor: Option<[u8; 12]>) -> Option<&'static str> {
    let firmware = by_firmware(machine);
    // These are more than their processor says, which is Xen's, KVM's or Hyper-V's.
    if let Some(found @ ("oracle" | "xen" | "amazon" | "parallels" | "google")) = firmware {
        return Some(found);
    }
    let cpuinfo = machine.text("/proc/cpuinfo").unwrap_or_default();
    let vendor = cpuinfo.lines().find_map(|line| line.strip_prefix("vendor_id")?.split_once(':'));
    if vendor.is_some_and(|(_, name)| name.trim() == "User Mode Linux") {
        return Some("uml");
    }
    if machine.exists("/proc/xen") && !xen_host(machine) {
        return Some("xen");
    }
    let by_processor = processor.map(by_processor);
    by_processor
        .filter(|name| *name != "vm-other")
        .or(firmware)
        .or(by_processor)
        .or_else(|| by_kernel(machine))
}

/// Xen's first domain is the host.
fn xen_host(machine: &Machine) -> bool {
    const DOM0: u64 = 1 << 11;
    if let Some(features) = machine.text("/sys/hypervisor/properties/features") {
        return u64::from_str_radix(features.trim(), 16).is_ok_and(|bits| bits & DOM0 != 0);
    }
    machine.text("/proc/xen/capabilities").is_some_and(|text| text.contains("control_d"))
}

fn by_firmware(machine: &Machine) -> Option<&'static str> {
    const FILES: [&str; 5] = ["product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"];
    const NAMES: [(&str, &str); 18] = [
        ("KVM", "kvm"),
        ("OpenStack", "kvm"),
        ("KubeVirt", "kvm"),
        ("Amazon EC2", "amazon"),
        ("QEMU", "qemu"),
        ("VMware", "vmware"),
        ("VMW", "vmware"),
        ("innotek GmbH", "oracle"),
        ("VirtualBox", "oracle"),
        ("Oracle Corporation", "oracle"),
        ("Xen", "xen"),
        ("Bochs", "bochs"),
        ("Parallels", "parallels"),
        ("BHYVE", "bhyve"),
        ("Hyper-V", "microsoft"),
        ("Apple Virtualization", "apple"),
        ("Google Compute Engine", "google"),
        ("Microsoft Corporation Virtual Machine", "microsoft"),
    ];
    FILES.into_iter().find_map(|file| {
        let text = machine.text(&format!("/sys/class/dmi/id/{file}"))?;
        NAMES.iter().find(|(start, _)| text.starts_with(start)).map(|(_, name)| *name)
    })
}

fn by_processor(signature: [u8; 12]) -> &'static str {
    match &signature {
        b"XenVMMXenVMM" => "xen",
        b"KVMKVMKVM\0\0\0" | b"Linux KVM Hv" => "kvm",
        b"TCGTCGTCGTCG" => "qemu",
        b"VMwareVMware" => "vmware",
        b"Microsoft Hv" => "microsoft",
        b"bhyve bhyve " => "bhyve",
        b"QNXQVMBSQG\0\0" => "qnx",
        b"ACRNACRNACRN" => "acrn",
        b"SRESRESRESRE" => "sre",
        b"Apple VZ\0\0\0\0" => "apple",
        _ => "vm-other",
    }
}

fn by_kernel(machine: &Machine) -> Option<&'static str> {
    if machine.text("/sys/hypervisor/type").is_some_and(|kind| kind.trim() == "xen") {
        return Some("xen");
    }
    let compatible = machine.text("/proc/device-tree/hypervisor/compatible").unwrap_or_default();
    match compatible.trim_end_matches('\0') {
        "linux,kvm" => return Some("kvm"),
        text if text.contains("xen") => return Some("xen"),
        text if text.contains("vmware") => return Some("vmware"),
        _ => {}
    }
    if machine.names_in("/proc/device-tree").iter().any(|name| name.contains("fw-cfg")) {
        return Some("qemu");
    }
    let sysinfo = machine.text("/proc/sysinfo").unwrap_or_default();
    let control = sysinfo.lines().find_map(|line| line.strip_prefix("VM00 Control Program:"));
    control.map(|program| if program.contains("z/VM") { "zvm" } else { "kvm" })
}

/// The twelve letters by which a hypervisor names itself. Intel SDM, CPUID leaf 0x40000000.
#[cfg(target_arch = "x86_64")]
fn processor_vendor() -> Option<[u8; 12]> {
    use std::arch::x86_64::__cpuid;
    const HYPERVISOR_PRESENT: u32 = 1 << 31;
    if __cpuid(1).ecx & HYPERVISOR_PRESENT == 0 {
        return None;
    }
    let leaf = __cpuid(0x4000_0000);
    let mut signature = [0; 12];
    for (part, register) in signature.chunks_mut(4).zip([leaf.ebx, leaf.ecx, leaf.edx]) {
        part.copy_from_slice(&register.to_le_bytes());
    }
    Some(signature)
}

#[cfg(not(target_arch = "x86_64"))]
fn processor_vendor() -> Option<[u8; 12]> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypervisors_are_known_by_their_signature() {
        assert_eq!(by_processor(*b"KVMKVMKVM\0\0\0"), "kvm");
        assert_eq!(by_processor(*b"what is this"), "vm-other");
        assert_eq!(known_container("lxc"), "lxc");
        assert_eq!(known_container("my-own"), "container-other");
    }
}
