//! Versions and names of RPM packages. Source: rpm-version(7); Salt: utils/pkg/rpm.py.

use std::cmp::Ordering;

/// What `rpm --queryformat` is asked for.
pub(super) const FORMAT: &str =
    "%{NAME}_|-%{EPOCH}_|-%{VERSION}_|-%{RELEASE}_|-%{ARCH}_|-(none)_|-%{INSTALLTIME}";

const ARCHES: [&str; 22] = [
    "x86_64", "athlon", "amd64", "ia32e", "ia64", "geode", "i386", "i486", "i586", "i686", "ppc", "ppc64",
    "ppc64le", "s390", "s390x", "aarch64", "armv7hl", "alpha", "sparc", "sparc64", "noarch", "src",
];
const ARCHES_32: [&str; 4] = ["i386", "i486", "i586", "i686"];

/// A name without its architecture, and the architecture.
pub(super) fn split_arch(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((short, arch)) if ARCHES.contains(&arch) => (short, Some(arch)),
        _ => (name, None),
    }
}

/// Whether two architectures are the same for a host: all of 32 bits are.
fn is_own(arch: &str, osarch: &str) -> bool {
    arch == osarch || arch == "noarch" || (ARCHES_32.contains(&arch) && ARCHES_32.contains(&osarch))
}

/// A name without the host's own architecture.
pub(super) fn normal(name: &str, osarch: &str) -> String {
    match split_arch(name) {
        (short, Some(arch)) if is_own(arch, osarch) => short.to_owned(),
        _ => name.to_owned(),
    }
}

/// The name that Salt calls a package by.
pub(super) fn full_name(name: &str, arch: &str, osarch: &str) -> String {
    if is_own(arch, osarch) { name.to_owned() } else { format!("{name}.{arch}") }
}

/// Name and version in a line of [`FORMAT`]: `vim` and `2:9.0-1.el9`.
pub(super) fn parse(line: &str, osarch: &str) -> Option<(String, String)> {
    let fields: Vec<&str> = line.split("_|-").collect();
    let [name, epoch, version, release, arch, ..] = fields.as_slice() else { return None };
    let release = if release.is_empty() { String::new() } else { format!("-{release}") };
    let epoch = if ["(none)", "0", ""].contains(epoch) { String::new() } else { format!("{epoch}:") };
    Some((full_name(name, arch, osarch), format!("{epoch}{version}{release}")))
}

/// Which of two versions is the later one; a release that only one of them has does not count.
pub(super) fn compare(a: &str, b: &str, ignore_epoch: bool) -> Ordering {
    let split = |version: &str| {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (version, release) = rest.split_once('-').unwrap_or((rest, ""));
        (epoch.parse::<u64>().unwrap_or(0), version.to_owned(), release.to_owned())
    };
    let ((epoch_a, version_a, release_a), (epoch_b, version_b, release_b)) = (split(a), split(b));
    let epochs = if ignore_epoch { Ordering::Equal } else { epoch_a.cmp(&epoch_b) };
    let releases = || {
        if release_a.is_empty() || release_b.is_empty() {
            Ordering::Equal
        } else {
            parts(&release_a, &release_b)
        }
    };
    epochs.then_with(|| parts(&version_a, &version_b)).then_with(releases)
}

/// Runs of digits and of letters in turn; `~` sorts before the end and `^` after it.
fn parts(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let skip = |text: &mut &str| {
            *text = text
                .trim_start_matches(|char: char| !char.is_ascii_alphanumeric() && char != '~' && char != '^')
        };
        skip(&mut a);
        skip(&mut b);
        for (mark, order) in [('~', Ordering::Less), ('^', Ordering::Greater)] {
            match (a.strip_prefix(mark), b.strip_prefix(mark)) {
                (Some(rest_a), Some(rest_b)) => (a, b) = (rest_a, rest_b),
                (Some(_), None) if mark == '^' && !b.is_empty() => return Ordering::Less,
                (None, Some(_)) if mark == '^' && !a.is_empty() => return Ordering::Greater,
                (Some(_), None) => return order,
                (None, Some(_)) => return order.reverse(),
                (None, None) => {}
            }
        }
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let digits = a.starts_with(|char: char| char.is_ascii_digit());
        let run = |text: &mut &str| {
            let end =
                text.find(|char: char| !char.is_ascii_alphanumeric() || char.is_ascii_digit() != digits);
            let (run, rest) = text.split_at(end.unwrap_or(text.len()));
            *text = rest;
            run.to_owned()
        };
        let (one, other) = (run(&mut a), run(&mut b));
        if other.is_empty() {
            // Numbers are later than letters.
            return if digits { Ordering::Greater } else { Ordering::Less };
        }
        let order = if digits {
            let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        } else {
            one.cmp(&other)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_rpm_does() {
        for (a, b, expected) in [
            ("1.0", "1.0", Ordering::Equal),
            ("1.0-1", "1.0", Ordering::Equal),
            ("1.0-1", "1.0-2", Ordering::Less),
            ("1:1.0", "2.0", Ordering::Greater),
            ("1.10", "1.9", Ordering::Greater),
            ("1.0~rc1", "1.0", Ordering::Less),
            ("1.0^git1", "1.0", Ordering::Greater),
            ("1.0^git1", "1.0.1", Ordering::Less),
            ("2a", "2.0", Ordering::Less),
            ("1.05", "1.5", Ordering::Equal),
            ("5.5p1", "5.5p10", Ordering::Less),
            ("10.0001", "10.1", Ordering::Equal),
            ("1.0aa", "1.0a", Ordering::Greater),
        ] {
            assert_eq!(compare(a, b, false), expected, "{a} {b}");
        }
    }

    #[test]
    fn lines_of_rpm_are_read() {
        let line = "vim_|-2_|-9.0_|-1.el9_|-x86_64_|-(none)_|-1700000000";
        assert_eq!(parse(line, "x86_64"), Some(("vim".into(), "2:9.0-1.el9".into())));
        let line = "glibc_|-(none)_|-2.34_|-1_|-i686_|-(none)_|-1";
        assert_eq!(parse(line, "x86_64"), Some(("glibc.i686".into(), "2.34-1".into())));
        assert_eq!(parse("odd", "x86_64"), None);
        assert_eq!(normal("vim.x86_64", "x86_64"), "vim");
    }
}
