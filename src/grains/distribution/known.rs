//! Which distribution is which: the names that Salt has always used. Salt: grains/core.py (tables).

/// `os` by the first ten letters of the full name, in lower case without spaces and without "Linux".
pub(super) const OS_BY_SHORT_NAME: &[(&str, &str)] = &[
    ("Junos", "Junos"),
    ("alibabaclo", "Alinux"),
    ("almalinux", "AlmaLinux"),
    ("alt", "ALT"),
    ("amazonami", "Amazon"),
    ("antergos", "Antergos"),
    ("arch", "Arch"),
    ("archarm", "Arch ARM"),
    ("chapeau", "Chapeau"),
    ("cloudlinux", "CloudLinux"),
    ("cloudserve", "CloudLinux"),
    ("debian", "Debian"),
    ("enterprise", "OEL"),
    ("fedoraremi", "Fedora"),
    ("gentoobase", "Gentoo"),
    ("korora", "Korora"),
    ("linuxmint", "Mint"),
    ("manjaro", "Manjaro"),
    ("manjarolin", "Manjaro"),
    ("mendel", "Mendel"),
    ("neon", "KDE neon"),
    ("nilrt", "NILinuxRT"),
    ("oracleserv", "OEL"),
    ("photon", "VMware Photon OS"),
    ("pidora", "Fedora"),
    ("poky", "Poky"),
    ("pop", "Pop"),
    ("raspbian", "Raspbian"),
    ("redhatente", "RedHat"),
    ("rocky", "Rocky"),
    ("scientific", "ScientificLinux"),
    ("sles", "SUSE"),
    ("slesexpand", "RES"),
    ("synology", "Synology"),
    ("univention", "Univention"),
    ("void", "Void"),
];

/// `os` by ID and NAME of os-release.
pub(super) const OS_BY_ID_AND_NAME: &[(&str, &str, &str)] = &[
    ("astra", "Astra Linux (Orel)", "AstraLinuxCE"),
    ("astra", "Astra Linux (Smolensk)", "AstraLinuxSE"),
    ("pop", "Pop!_OS", "Pop"),
];

/// `os_family` by `os`; others are a family of their own.
pub(super) const FAMILY_BY_OS: &[(&str, &str)] = &[
    ("ALT", "RedHat"),
    ("Alinux", "RedHat"),
    ("AlmaLinux", "RedHat"),
    ("Amazon", "RedHat"),
    ("Antergos", "Arch"),
    ("Arch ARM", "Arch"),
    ("AstraLinuxCE", "Debian"),
    ("AstraLinuxSE", "Debian"),
    ("Bluewhite64", "Bluewhite"),
    ("CentOS", "RedHat"),
    ("CentOS Stream", "RedHat"),
    ("Chapeau", "RedHat"),
    ("CloudLinux", "RedHat"),
    ("Cumulus", "Debian"),
    ("Deepin", "Debian"),
    ("Devuan", "Debian"),
    ("EndeavourOS", "Arch"),
    ("FedBerry", "RedHat"),
    ("Fedora", "RedHat"),
    ("Funtoo", "Gentoo"),
    ("GCEL", "Debian"),
    ("GoOSe", "RedHat"),
    ("IDMS", "Debian"),
    ("KDE neon", "Debian"),
    ("Kali", "Debian"),
    ("Korora", "RedHat"),
    ("Linaro", "Debian"),
    ("Mandrake", "Mandriva"),
    ("Manjaro", "Arch"),
    ("Manjaro ARM", "Arch"),
    ("Mendel", "Debian"),
    ("Mint", "Debian"),
    ("NILinuxRT", "NILinuxRT"),
    ("OEL", "RedHat"),
    ("OSMC", "Debian"),
    ("OVS", "RedHat"),
    ("Parrot OS", "Debian"),
    ("Pop", "Debian"),
    ("RES", "RedHat"),
    ("Raspbian", "Debian"),
    ("Rocky", "RedHat"),
    ("SLED", "Suse"),
    ("SLES", "Suse"),
    ("SLES_SAP", "Suse"),
    ("SUSE", "Suse"),
    ("SUSE  Enterprise Server", "Suse"),
    ("SUSE Enterprise Server", "Suse"),
    ("Sangoma", "RedHat"),
    ("Scientific", "RedHat"),
    ("ScientificLinux", "RedHat"),
    ("Slamd64", "Slackware"),
    ("Trisquel", "Debian"),
    ("TurnKey", "Debian"),
    ("Ubuntu", "Debian"),
    ("Univention", "Debian"),
    ("VMware Photon OS", "RedHat"),
    ("VMwareESX", "VMware"),
    ("Void", "Void"),
    ("XCP", "RedHat"),
    ("XCP-ng", "RedHat"),
    ("XenServer", "RedHat"),
    ("antiX", "Debian"),
    ("elementary", "Debian"),
    ("elementary OS", "Debian"),
    ("neon", "Debian"),
    ("openSUSE", "Suse"),
    ("openSUSE Leap", "Suse"),
    ("openSUSE Tumbleweed", "Suse"),
];

/// The value beside `key`.
pub(super) fn find(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// The `os` grain of a full name (os-release's NAME, with its ID where there is one).
pub(super) fn os_of(full_name: &str, id: Option<&str>) -> String {
    let by_both = OS_BY_ID_AND_NAME.iter().find(|(own, name, _)| Some(*own) == id && *name == full_name);
    if let Some((_, _, os)) = by_both {
        return (*os).to_owned();
    }
    let name = without_linux(full_name);
    let name = name.trim();
    let short: String = name.replace(' ', "").to_lowercase().chars().take(10).collect();
    find(OS_BY_SHORT_NAME, &short).unwrap_or(name).to_owned()
}

/// Takes every ` Linux` and ` GNU/Linux` out, whatever their case and whatever the sign before them.
fn without_linux(name: &str) -> String {
    let mut left = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(char) = rest.chars().next() {
        let after = rest.get(char.len_utf8()..).unwrap_or_default();
        let word = char.is_alphanumeric() || char == '_';
        let cut = ["gnu/linux", "linux"].into_iter().find(|cut| {
            let start = after.get(..cut.len());
            !word && start.is_some_and(|start| start.eq_ignore_ascii_case(cut))
        });
        match cut {
            Some(cut) => rest = after.get(cut.len()..).unwrap_or_default(),
            None => {
                left.push(char);
                rest = after;
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_have_no_key_twice() {
        for table in [OS_BY_SHORT_NAME, FAMILY_BY_OS] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
        }
    }

    #[test]
    fn the_word_linux_is_left_out() {
        assert_eq!(without_linux("Debian GNU/Linux"), "Debian");
        assert_eq!(without_linux("Amazon Linux AMI"), "Amazon AMI");
        assert_eq!(without_linux("AlmaLinux"), "AlmaLinux");
        assert_eq!(os_of("Void", None), "Void");
        assert_eq!(os_of("Pop!_OS", Some("pop")), "Pop");
    }
}
