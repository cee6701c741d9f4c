//! `os`, `os_family`, `osfullname`, `osrelease`, `oscodename` and what is derived from them.
//! Salt: grains/core.py (`_linux_distribution_data`, `_osrelease_data`).
//!
//! Salt's minions come with a Python of their own that lacks the distribution's `lsb_release` module; so Salt always
//! takes the path that it calls legacy, and so do we.

mod distro;
mod known;
pub(crate) mod os_release;

use std::cell::OnceCell;

use distro::Distro;
use os_release::Cpe;

use super::machine::Machine;
use crate::value::{Map, Value};

/// Grains of the distribution.
pub(super) fn grains(machine: &Machine) -> Map {
    let mut grains =
        machine.text("/etc/lsb-release").map(|text| os_release::parse_lsb(&text)).unwrap_or_default();
    let files = ["/etc/os-release", "/usr/lib/os-release"];
    let os_release =
        files.into_iter().find_map(|path| machine.text(path)).map(|text| os_release::parse(&text));
    if let Some(os_release) = &os_release {
        let text = |name: &str| os_release.str(name).unwrap_or_default();
        grains.insert("os", known::os_of(text("NAME"), Some(text("ID"))));
        grains.insert("osfullname", text("NAME").trim());
        if let Some(codename) = codename(os_release) {
            grains.insert("oscodename", codename);
        }
    }
    fill_lsb(machine, os_release.as_ref(), &mut grains);
    finish(machine, &mut grains);
    grains
}

fn codename(os_release: &Map) -> Option<String> {
    let text = |name: &str| os_release.str(name).filter(|value| !value.is_empty());
    text("VERSION_CODENAME").map(str::to_owned).or_else(|| match os_release.str("ID") {
        Some("astra") => text("VARIANT_ID").map(str::to_owned),
        Some("almalinux" | "rocky") => bracketed(text("VERSION")?),
        _ => None,
    })
}

/// The codename in `9.3 (Shamrock Pampas Cat)`.
fn bracketed(version: &str) -> Option<String> {
    let (number, rest) = version.split_once(" (")?;
    let digits = |char: char| char.is_ascii_digit() || char.is_ascii_lowercase() || ".+-".contains(char);
    if !number.starts_with(|char: char| char.is_ascii_digit()) || !number.chars().all(digits) {
        return None;
    }
    rest.rfind(')').and_then(|end| rest.get(..end)).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// `lsb_distrib_*` where there is no lsb-release file.
fn fill_lsb(machine: &Machine, os_release: Option<&Map>, grains: &mut Map) {
    let description = grains.str("lsb_distrib_description").unwrap_or_default();
    if description.to_lowercase().starts_with("antergos") {
        grains.insert("osfullname", "Antergos Linux");
    } else if !grains.contains("lsb_distrib_id") {
        if let Some(os_release) = os_release {
            lsb_from_os_release(os_release, grains);
        } else if let Some(text) = file(machine, "/etc/SuSE-release") {
            lsb_from_suse(&text, grains);
        } else if let Some(text) = file(machine, "/etc/altlinux-release") {
            lsb_from_alt(&text, grains);
        } else if let Some(text) = file(machine, "/etc/centos-release") {
            lsb_from_centos(&text, grains);
        } else if let Some(text) = file(machine, "/etc.defaults/VERSION")
            && machine.is_file("/etc.defaults/synoinfo.conf")
        {
            synology(&text, grains);
        }
    }
}

fn file(machine: &Machine, path: &str) -> Option<String> {
    machine.text(path).filter(|_| machine.is_file(path))
}

fn lsb_from_os_release(os_release: &Map, grains: &mut Map) {
    let text = |name: &str| os_release.str(name);
    let name = text("NAME").unwrap_or_default();
    grains.insert("lsb_distrib_id", name.trim());
    if let Some(version) = text("VERSION_ID") {
        grains.insert("lsb_distrib_release", version);
    }
    if let Some(codename) = text("VERSION_CODENAME").or_else(|| text("PRETTY_NAME")) {
        grains.insert("lsb_distrib_codename", codename);
    }
    if let Some(cpe) = text("CPE_NAME").and_then(Cpe::parse)
        && ["suse", "opensuse"].contains(&cpe.vendor.to_lowercase().as_str())
    {
        grains.insert("os", "SUSE");
        if name == "openSUSE Leap" {
            grains.insert("osfullname", "Leap");
        } else if text("VERSION") == Some("Tumbleweed") {
            grains.insert("osfullname", "Tumbleweed");
        }
        if cpe.vendor == "opensuse" && !cpe.version.is_empty() {
            grains.insert("lsb_distrib_release", cpe.version);
        }
    }
    if text("ID").map(str::trim) == Some("mendel") {
        // Mendel says its version only in PRETTY_NAME: `Mendel GNU/Linux 5 (Eagle)`.
        if let Some(version) = text("PRETTY_NAME").and_then(|name| name.split_whitespace().nth(2)) {
            grains.insert("lsb_distrib_release", version);
        }
    }
}

fn lsb_from_suse(text: &str, grains: &mut Map) {
    grains.insert("lsb_distrib_id", "SUSE");
    let digits = |line: &str| line.chars().filter(char::is_ascii_digit).collect::<String>();
    let (mut version, mut patch, mut codename) = (String::new(), String::new(), String::new());
    for line in text.lines() {
        let lower = line.to_lowercase();
        if lower.contains("enterprise") {
            grains.insert("lsb_distrib_id", "SLES");
            codename = match (line.find('('), line.rfind(')')) {
                (Some(start), Some(end)) if start + 1 < end => {
                    let ends = [line.get(..start), line.get(end + 1..)];
                    ends.map(Option::unwrap_or_default).concat().trim().to_owned()
                }
                _ => line.trim().to_owned(),
            };
        } else if lower.contains("version") {
            version = digits(line);
        } else if lower.contains("patchlevel") {
            patch = digits(line);
        }
    }
    if !patch.is_empty() {
        version = format!("{version}.{patch}");
        let pack = format!("SP{patch}");
        if !codename.is_empty() && !codename.contains(&pack) {
            codename = format!("{codename} {pack}");
        }
    }
    grains.insert("lsb_distrib_release", version);
    grains.insert("lsb_distrib_codename", if codename.is_empty() { "n.a".to_owned() } else { codename });
}

fn lsb_from_alt(text: &str, grains: &mut Map) {
    grains.insert("lsb_distrib_id", "altlinux");
    for line in text.lines() {
        if let ["ALT", _, release, codename, ..] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
            grains.insert("lsb_distrib_release", *release);
            grains.insert("lsb_distrib_codename", codename.replace(['(', ')'], ""));
        }
    }
}

fn lsb_from_centos(text: &str, grains: &mut Map) {
    grains.insert("lsb_distrib_id", "CentOS");
    for line in text.lines() {
        if let Some(release) = first_decimal(line) {
            grains.insert("lsb_distrib_release", release);
        }
        let codename = line.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        if let Some((codename, _)) = codename {
            grains.insert("lsb_distrib_codename", codename);
        }
    }
}

/// The first `<digits>.<digits>` of a line.
fn first_decimal(line: &str) -> Option<String> {
    let numbers: Vec<&str> = line.split(|char: char| !char.is_ascii_digit() && char != '.').collect();
    numbers.into_iter().find_map(|number| {
        let mut parts = number.split('.');
        let mut before = parts.next()?;
        for part in parts {
            if !before.is_empty() && !part.is_empty() {
                return Some(format!("{before}.{part}"));
            }
            before = part;
        }
        None
    })
}

fn synology(text: &str, grains: &mut Map) {
    grains.insert("osfullname", "Synology");
    let value = |name: &str| {
        let found = text.lines().filter_map(|line| line.split_once('=')).rfind(|(key, _)| *key == name);
        found.map(|(_, value)| value.trim_matches('"').to_owned())
    };
    if let (Some(major), Some(minor), Some(build)) =
        (value("majorversion"), value("minorversion"), value("buildnumber"))
    {
        grains.insert("osrelease", format!("{major}.{minor}-{build}"));
    }
}

fn finish(machine: &Machine, grains: &mut Map) {
    let asked = OnceCell::new();
    let bare = |text: &str| text.trim_matches('"').trim_matches('\'').to_owned();
    let distro = || asked.get_or_init(|| Distro::of(machine));
    let text = |grains: &Map, name: &str| grains.str(name).map(str::to_owned);
    if !grains.contains("osfullname") {
        let id = text(grains, "lsb_distrib_id");
        let name = match &id {
            Some(id) if id.to_lowercase().starts_with("nilrt") => "nilrt".to_owned(),
            Some(id) => id.trim().to_owned(),
            None => bare(&distro().name).trim().to_owned(),
        };
        grains.insert("osfullname", name);
    }
    if !grains.contains("osrelease") {
        // CentOS 7 and 8 leave the minor release out of os-release.
        let codename = text(grains, "lsb_distrib_codename").unwrap_or_default();
        if codename.contains("CentOS Linux 7") || codename.contains("CentOS Linux 8") {
            grains.remove("lsb_distrib_release");
        }
        let release = text(grains, "lsb_distrib_release").unwrap_or_else(|| bare(&distro().version));
        grains.insert("osrelease", release.trim());
    }
    shorten_codename(grains);
    let codename = text(grains, "lsb_distrib_codename").unwrap_or_default().trim().to_owned();
    let codename =
        if codename.is_empty() || codename.contains("Red Hat") { bare(&distro().codename) } else { codename };
    grains.insert("oscodename", codename);
    if !grains.contains("os") {
        let os = known::os_of(grains.str("osfullname").unwrap_or_default(), None);
        grains.insert("os", os);
    }
    let os = text(grains, "os").unwrap_or_default();
    grains.insert("os_family", known::find(known::FAMILY_BY_OS, &os).unwrap_or(&os));
}

/// Some distributions say their codename in brackets after name and version.
fn shorten_codename(grains: &mut Map) {
    let os = grains.str("os").unwrap_or_default();
    if !["Rocky", "AlmaLinux", "AstraLinuxSE"].iter().any(|name| os.contains(name)) {
        return;
    }
    let codename = grains.str("lsb_distrib_codename").unwrap_or_default();
    let Some((_, inside)) = codename.split_once('(') else { return };
    let inside = inside.split(')').next().unwrap_or_default();
    let short = match os {
        "AstraLinuxSE" => inside.split_whitespace().next().unwrap_or_default().to_lowercase(),
        _ => inside.to_owned(),
    };
    grains.insert("lsb_distrib_codename", short);
}

/// `osrelease_info`, `osmajorrelease` and `osfinger`.
pub(super) fn release_grains(os: &str, full_name: &str, release: &str) -> Map {
    let part = |part: &str| match part.parse::<i64>() {
        Ok(int) if part.bytes().all(|octet| octet.is_ascii_digit()) => Value::Int(int),
        _ => Value::text(part),
    };
    let info: Vec<Value> = release.split('.').map(part).collect();
    let mut grains = Map::new();
    let first = info.first().cloned().unwrap_or_default();
    let major = match &first {
        Value::Int(int) => Some(*int),
        // Python's `int()` takes a sign, underscores and spaces around.
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    grains.insert("osrelease_info", Value::List(info));
    if let Some(major) = major {
        grains.insert("osmajorrelease", major);
    }
    let name = if ["Debian", "Raspbian"].contains(&os) { os } else { full_name };
    let version =
        if ["Ubuntu", "Pop"].contains(&os) { release.to_owned() } else { crate::value::str_of(&first) };
    grains.insert("osfinger", format!("{name}-{version}"));
    grains
}

#[cfg(test)]
mod tests;
