//! Kernel, init system, systemd, SELinux, package architecture, boot parameters, machine id.
//! Salt: grains/core.py; utils/platform.py (`get_machine_identifier`); utils/pkg/rpm.py (`get_osarch`).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::machine::Machine;
use super::{distribution, graphics, hardware, shlex, virtualization};
use crate::map;
use crate::value::{Map, Value, sort};

/// Everything that Salt's `os_data` finds.
pub(super) fn os_data(machine: &Machine) -> Map {
    let uname = &machine.uname;
    let mut grains = map! {
        "kernel" => &uname.system,
        "nodename" => &uname.node,
        "kernelrelease" => &uname.release,
        "kernelversion" => &uname.version,
        "cpuarch" => &uname.machine,
    };
    if machine.which("selinuxenabled").is_some() {
        grains.insert("selinux", selinux(machine));
    }
    if machine.which("systemctl").is_some() && machine.which("localectl").is_some() {
        grains.insert("systemd", systemd(machine));
    }
    grains.insert("init", init(machine));
    grains.extend(distribution::grains(machine));
    grains.extend(hardware::cpu(machine));
    grains.extend(graphics::grains(machine));
    if machine.is_dir("/proc/device-tree") {
        grains.extend(hardware::device_tree(machine));
    }
    let text = |grains: &Map, name: &str| grains.str(name).unwrap_or_default().to_owned();
    let family = text(&grains, "os_family");
    grains.insert("osarch", osarch(machine, &family));
    grains.extend(hardware::memory(machine));
    grains.extend(hardware::firmware(machine));
    grains.extend(virtualization::grains(machine));
    grains.insert("ps", ps(&family, &text(&grains, "virtual")));
    let release = text(&grains, "osrelease");
    if !release.is_empty() {
        let more = distribution::release_grains(&text(&grains, "os"), &text(&grains, "osfullname"), &release);
        grains.extend(more);
    }
    grains
}

/// `{"enabled": bool, "enforced": text}`: what `selinuxenabled` and `getenforce` say.
fn selinux(machine: &Machine) -> Map {
    let mounts = machine.text("/proc/self/mounts").unwrap_or_default();
    let mounted = mounts.lines().any(|line| line.split(' ').nth(2) == Some("selinuxfs"));
    let enabled = mounted && machine.exists("/etc/selinux/config");
    let mut selinux = map! { "enabled" => enabled };
    if machine.which("getenforce").is_some() {
        let flag = machine.text("/sys/fs/selinux/enforce").filter(|_| enabled);
        selinux.insert(
            "enforced",
            match flag.as_deref().map(str::trim) {
                Some("1") => "Enforcing",
                Some(_) => "Permissive",
                None => "Disabled",
            },
        );
    }
    selinux
}

/// `{"version": text, "features": text}`: what `systemctl --version` says, from the library that it is part of: the
/// name of the file holds the version, and its constants the list of features.
fn systemd(machine: &Machine) -> Map {
    const LIBRARIES: [&str; 8] = [
        "/usr/lib/systemd",
        "/lib/systemd",
        "/usr/lib64/systemd",
        "/usr/lib/x86_64-linux-gnu/systemd",
        "/usr/lib/aarch64-linux-gnu/systemd",
        "/usr/lib/arm-linux-gnueabihf/systemd",
        "/usr/lib/i386-linux-gnu/systemd",
        "/lib64/systemd",
    ];
    let library = LIBRARIES.into_iter().find_map(|directory| {
        let names = machine.names_in(directory);
        let name =
            names.into_iter().find(|name| name.starts_with("libsystemd-shared-") && name.ends_with(".so"))?;
        let version = name.strip_prefix("libsystemd-shared-")?.strip_suffix(".so")?;
        let number = version.split(|char: char| !char.is_ascii_digit()).next()?.to_owned();
        Some((number, machine.path(directory).join(&name)))
    });
    match library {
        Some((version, path)) => {
            map! { "version" => version, "features" => features(&path).unwrap_or_default() }
        }
        None => map! { "version" => "UNDEFINED", "features" => "" },
    }
}

/// The text between NULs that ends in `default-hierarchy=…` and lists features with `+` and `-`. The constants of such a
/// library are half a megabyte: they are looked through in pieces.
fn features(path: &PathBuf) -> Option<String> {
    const MAX_LEN: usize = 2048;
    const PIECE: u64 = 0x1_0000;
    const NAME: &[u8] = b"default-hierarchy=";
    let mut constants = elf_constants(path)?;
    let mut window = Vec::new();
    while (&mut constants).take(PIECE).read_to_end(&mut window).ok()? > 0 {
        let whole = find(&window, NAME).and_then(|found| {
            let start = window.get(..found)?.iter().rposition(|octet| *octet == 0)? + 1;
            let end = window.get(found..)?.iter().position(|octet| *octet == 0)? + found;
            window.get(start..end)
        });
        if let Some(text) = whole {
            let is_list = text.len() <= MAX_LEN && matches!(text.first(), Some(b'+' | b'-'));
            return String::from_utf8(text.to_owned()).ok().filter(|_| is_list);
        }
        // It may have begun.
        window.drain(..window.len().saturating_sub(2 * MAX_LEN));
    }
    None
}

/// Where `name` begins. Over most of the octets it goes by the length of the name (Horspool's search).
fn find(octets: &[u8], name: &[u8]) -> Option<usize> {
    let mut end = name.len();
    loop {
        let start = end.checked_sub(name.len())?;
        let window = octets.get(start..end)?;
        if window == name {
            return Some(start);
        }
        let last = window.last()?;
        end += name.iter().rev().skip(1).position(|octet| octet == last).map_or(name.len(), |at| at + 1);
    }
}

/// The section `.rodata` of a 64-bit ELF file, or the whole file where it is another kind. elf(5).
fn elf_constants(path: &PathBuf) -> Option<impl Read> {
    const MAX_LEN: u64 = 0x200_0000;
    let mut file = File::open(path).ok()?;
    let mut read_at = |offset: u64, length: u64| {
        let mut octets = Vec::new();
        file.seek(SeekFrom::Start(offset)).ok()?;
        (&mut file).take(length.min(MAX_LEN)).read_to_end(&mut octets).ok()?;
        Some(octets)
    };
    let header = read_at(0, 64)?;
    let (offset, length) = rodata(&header, &mut read_at).unwrap_or((0, MAX_LEN));
    file.seek(SeekFrom::Start(offset)).ok()?;
    Some(file.take(length.min(MAX_LEN)))
}

fn rodata(header: &[u8], read_at: &mut impl FnMut(u64, u64) -> Option<Vec<u8>>) -> Option<(u64, u64)> {
    const SECTION_LEN: usize = 64;
    let u64_at =
        |octets: &[u8], at: usize| Some(u64::from_le_bytes(octets.get(at..at + 8)?.try_into().ok()?));
    let u32_at =
        |octets: &[u8], at: usize| Some(u32::from_le_bytes(octets.get(at..at + 4)?.try_into().ok()?));
    let u16_at =
        |octets: &[u8], at: usize| Some(u16::from_le_bytes(octets.get(at..at + 2)?.try_into().ok()?));
    // 64 bits, little endian, sections of the usual size.
    if header.get(..6)? != b"\x7fELF\x02\x01" || u16_at(header, 0x3a)? != 64 {
        return None;
    }
    let (count, names) = (u16_at(header, 0x3c)?, usize::from(u16_at(header, 0x3e)?));
    let table = read_at(u64_at(header, 0x28)?, u64::from(count) * 64)?;
    let section = |index: usize| table.get(index * SECTION_LEN..(index + 1) * SECTION_LEN);
    let place = |section: &[u8]| Some((u64_at(section, 24)?, u64_at(section, 32)?));
    let (offset, length) = place(section(names)?)?;
    let names = read_at(offset, length)?;
    (0..usize::from(count)).filter_map(section).find_map(|section| {
        let name = usize::try_from(u32_at(section, 0)?).ok()?;
        if names.get(name..)?.starts_with(b".rodata\0") { place(section) } else { None }
    })
}

/// The init system.
fn init(machine: &Machine) -> &'static str {
    if machine.exists("/run/systemd/system") {
        return "systemd";
    }
    let command = machine.text("/proc/1/cmdline").unwrap_or_default().replace('\0', " ");
    let words: Vec<&str> = command.split_whitespace().collect();
    let program = words.first().and_then(|word| machine.which(word));
    if let Some(program) = program.filter(|program| program.to_string_lossy().ends_with("bin/init")) {
        return init_binary(machine, &program.to_string_lossy());
    }
    let runs = |name: &str| {
        machine.which(name).is_some_and(|path| words.iter().any(|word| *word == path.to_string_lossy()))
    };
    ["supervisord", "dumb-init", "tini"].into_iter().find(|name| runs(name)).unwrap_or({
        if words == ["runit"] || words.contains(&"/sbin/my_init") { "runit" } else { "unknown" }
    })
}

/// What `/sbin/init` says of itself: in each stretch of the file the first of the three names counts.
fn init_binary(machine: &Machine, path: &str) -> &'static str {
    const CHUNK: usize = 262_144;
    const LONGEST: usize = 8;
    let octets = machine.octets(path).unwrap_or_default().to_ascii_lowercase();
    let mut start = 0;
    while start < octets.len() {
        let end = octets.len().min(start + CHUNK);
        let stretch = octets.get(start.saturating_sub(LONGEST - 1)..end).unwrap_or_default();
        let has = |name: &&str| regex::bytes::Regex::new(name).is_ok_and(|name| name.is_match(stretch));
        if let Some(found) = ["upstart", "sysvinit", "systemd"].into_iter().find(has) {
            return found;
        }
        start = end;
    }
    "unknown"
}

/// The architecture that packages are named by: text, or a list by priority with opkg.
fn osarch(machine: &Machine, family: &str) -> Value {
    let cpu = machine.uname.machine.as_str();
    let found = match family {
        "Debian" => machine.which("dpkg").and_then(|path| elf_architecture(machine, &path.to_string_lossy())),
        "RedHat" | "Suse" => machine.text("/usr/lib/rpm/macros").and_then(|text| host_cpu(&text)),
        "NILinuxRT" | "Poky" => return opkg(machine),
        _ => None,
    };
    Value::text(found.unwrap_or_else(|| cpu.to_owned()))
}

/// Debian's name for the machine that a program was built for.
fn elf_architecture(machine: &Machine, path: &str) -> Option<String> {
    let mut header = [0; 64];
    File::open(machine.path(path)).ok()?.read_exact(&mut header).ok()?;
    debian_architecture(&header).map(str::to_owned)
}

fn debian_architecture(header: &[u8; 64]) -> Option<&'static str> {
    const HARD_FLOAT: u32 = 0x400;
    if !header.starts_with(b"\x7fELF") {
        return None;
    }
    let (wide, little) = (header[4] == 2, header[5] == 1);
    let u16_of =
        |octets: [u8; 2]| if little { u16::from_le_bytes(octets) } else { u16::from_be_bytes(octets) };
    let flags_at = if wide { 0x30 } else { 0x24 };
    let flags: [u8; 4] = header.get(flags_at..flags_at + 4)?.try_into().ok()?;
    let flags = if little { u32::from_le_bytes(flags) } else { u32::from_be_bytes(flags) };
    Some(match (u16_of([header[18], header[19]]), wide, little) {
        (62, true, _) => "amd64",
        (62, false, _) => "x32",
        (3, ..) => "i386",
        (183, _, true) => "arm64",
        (40, ..) if flags & HARD_FLOAT != 0 => "armhf",
        (40, ..) => "armel",
        (21, _, true) => "ppc64el",
        (21, _, false) => "ppc64",
        (20, ..) => "powerpc",
        (22, true, _) => "s390x",
        (243, true, _) => "riscv64",
        (258, true, _) => "loong64",
        (8, true, true) => "mips64el",
        (8, false, true) => "mipsel",
        (8, false, false) => "mips",
        (43, ..) => "sparc64",
        (15, ..) => "hppa",
        (4, ..) => "m68k",
        _ => return None,
    })
}

/// `%_host_cpu` of rpm's macros.
fn host_cpu(macros: &str) -> Option<String> {
    let value = macros.lines().find_map(|line| line.strip_prefix("%_host_cpu"))?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn opkg(machine: &Machine) -> Value {
    let mut found: Vec<(i64, String)> = Vec::new();
    for name in machine.sorted_names_in("/etc/opkg") {
        let text = machine.text(&format!("/etc/opkg/{name}")).unwrap_or_default();
        for line in text.lines() {
            if let ["arch", name, priority] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
                found.push((priority.parse().unwrap_or_default(), (*name).to_owned()));
            }
        }
    }
    sort::by_key(&mut found, |(priority, _)| std::cmp::Reverse(*priority));
    Value::list(found.into_iter().map(|(_, name)| name))
}

fn ps(family: &str, kind: &str) -> &'static str {
    match (family, kind) {
        (_, "openvzhn") => concat!(
            r#"ps -fH -p $(grep -l "^envID:[[:space:]]*0\$" /proc/[0-9]*/status | sed -e "s=/proc/\([0-9]*\)/.*=\1=") "#,
            r#" | awk '{ $7=""; print }'"#
        ),
        ("NILinuxRT", _) => "ps -o user,pid,ppid,tty,time,comm",
        _ => "ps -efHww",
    }
}

/// `kernelparams`: `[[name, value or None]]`.
pub(super) fn kernelparams(machine: &Machine) -> Map {
    let Some(line) = machine.text("/proc/cmdline") else { return Map::new() };
    let pair = |word: &String| {
        let parts: Vec<&str> = word.split('=').collect();
        let value = match parts.as_slice() {
            [_, value] => Value::text(value.trim_matches('"')),
            _ => Value::Null,
        };
        Value::List(vec![Value::text(parts.first().copied().unwrap_or_default()), value])
    };
    map! { "kernelparams" => Value::List(shlex::split(&line, false).iter().map(pair).collect()) }
}

/// `machine_id`.
pub(super) fn machine_id(machine: &Machine) -> Map {
    let files = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
    let text = files.into_iter().find(|path| machine.exists(path)).and_then(|path| machine.text(path));
    text.map(|text| map! { "machine_id" => text.trim() }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_names_architectures_by_the_elf_header() {
        let header = |class: u8, machine: u8, flags: u8| {
            let mut header = [0; 64];
            header[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
            header[18] = machine;
            header[0x25] = flags;
            debian_architecture(&header)
        };
        assert_eq!(header(2, 62, 0), Some("amd64"));
        assert_eq!(header(1, 40, 4), Some("armhf"));
        assert_eq!(header(1, 40, 2), Some("armel"));
        assert_eq!(header(2, 183, 0), Some("arm64"));
        assert_eq!(debian_architecture(&[0; 64]), None);
    }

    #[test]
    fn rpm_says_its_processor() {
        assert_eq!(
            host_cpu("%_os linux\n%_host_cpu\t\tx86_64\n%_host_vendor x\n").as_deref(),
            Some("x86_64")
        );
        assert_eq!(host_cpu("%_os linux\n"), None);
    }
}
