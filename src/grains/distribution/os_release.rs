//! `/etc/os-release`, `/etc/lsb-release` and CPE names. os-release(5); Python: platform.py
//! (`freedesktop_os_release`); Salt: grains/core.py.

use crate::value::Map;

/// The variables of an os-release file, with the defaults that the standard gives.
pub(crate) fn parse(text: &str) -> Map {
    let mut variables = Map::new();
    for (name, value) in [("NAME", "Linux"), ("ID", "linux"), ("PRETTY_NAME", "Linux")] {
        variables.insert(name, value);
    }
    for (name, value) in text.lines().filter_map(line) {
        variables.insert(name, value);
    }
    variables
}

fn line(line: &str) -> Option<(&str, String)> {
    let (name, value) = line.split_once('=')?;
    if name.is_empty() || !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
        return None;
    }
    let quoted = ['"', '\''].iter().find_map(|quote| {
        let inner = value.strip_prefix(*quote)?;
        inner.strip_suffix(*quote)
    });
    Some((name, unescape(quoted.unwrap_or(value))))
}

fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(char) = chars.next() {
        let escaped = chars.peek().copied().filter(|next| "\\$\"'`".contains(*next));
        match escaped {
            Some(next) if char == '\\' => {
                text.push(next);
                chars.next();
            }
            _ => text.push(char),
        }
    }
    text
}

/// `lsb_distrib_{id,release,codename,description}` from an lsb-release file.
pub(super) fn parse_lsb(text: &str) -> Map {
    const NAMES: [&str; 4] = ["DISTRIB_ID", "DISTRIB_RELEASE", "DISTRIB_CODENAME", "DISTRIB_DESCRIPTION"];
    let mut grains = Map::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=').filter(|(name, _)| NAMES.contains(name)) else {
            continue;
        };
        let value = value.strip_prefix(['\'', '"']).unwrap_or(value);
        let inner = |char: char| char.is_alphanumeric() || char.is_whitespace() || "._-".contains(char);
        let end = value.find(|char| !inner(char)).unwrap_or(value.len());
        let value = value.get(..end).unwrap_or_default();
        if !value.is_empty() {
            grains.insert(format!("lsb_{}", name.to_lowercase()), value.trim_end());
        }
    }
    grains
}

/// What a CPE name says of vendor and version.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cpe<'a> {
    pub vendor: &'a str,
    pub version: &'a str,
}

impl<'a> Cpe<'a> {
    /// A CPE name in one of the forms that distributions use; `None` for others.
    pub fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let any = |part: &'a str| if part == "*" { "" } else { part };
        match parts.as_slice() {
            ["cpe", uri, vendor, _, version, ..] if uri.starts_with('/') => Some(Cpe { vendor, version }),
            ["cpe", "2.3", _, vendor, _, version, ..]
                if parts.len() == 6 || (8..=13).contains(&parts.len()) =>
            {
                Some(Cpe { vendor: any(vendor), version: any(version) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn quotes_and_escapes_are_taken_off() {
        let text = "NAME=\"A \\\"b\\\" \\$c\"\nID='x'\n# no\nVERSION_ID=12\nODD=\"open\n a=b\nX-Y=z\nE=\n";
        assert_eq!(
            parse(text),
            map! { "NAME" => "A \"b\" $c", "ID" => "x", "PRETTY_NAME" => "Linux", "VERSION_ID" => "12",
            "ODD" => "\"open", "E" => "" }
        );
    }

    #[test]
    fn lsb_values_end_where_salt_ends_them() {
        let text =
            "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE='10.10'\nDISTRIB_DESCRIPTION=\"Ubuntu 10.10 (x)\"\nLSB=1\n";
        assert_eq!(
            parse_lsb(text),
            map! { "lsb_distrib_id" => "Ubuntu", "lsb_distrib_release" => "10.10",
            "lsb_distrib_description" => "Ubuntu 10.10" }
        );
    }

    #[test]
    fn cpe_names_have_three_forms() {
        let check = |text, expected: Option<(&str, &str)>| {
            assert_eq!(Cpe::parse(text), expected.map(|(vendor, version)| Cpe { vendor, version }), "{text}");
        };
        check("cpe:/o:opensuse:leap:15.5", Some(("opensuse", "15.5")));
        check("cpe:2.3:o:amazon:amazon_linux:2", Some(("amazon", "2")));
        check("cpe:2.3:o:amazon:amazon_linux:2:*:*:*", Some(("amazon", "2")));
        check("cpe:/o:opensuse", None);
        check("nonsense", None);
    }
}
