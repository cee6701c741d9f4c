//! The id of a minion that has none configured: which of a machine's names it becomes.
//! Salt: utils/network.py (`_generate_minion_id`), config/__init__.py (`get_id`, `_append_domain`).

use std::net::Ipv4Addr;

use crate::value::{Map, Value};

/// The first of the names that is not one every machine has.
pub fn first_name<S: AsRef<str>>(candidates: impl IntoIterator<Item = S>) -> Option<S> {
    candidates.into_iter().find(|name| !name.as_ref().is_empty() && !is_everyones(name.as_ref()))
}

fn is_everyones(name: &str) -> bool {
    let digit_after = |prefix: &str| {
        name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
    };
    ["localhost", "ip6-", "ipv6-", "0.0.0.0", "::1", "fe00::", "fe02::"]
        .iter()
        .any(|own| name.starts_with(own))
        || digit_after("127.")
        || (name.starts_with("1.0.0") && name.contains("ip6.arpa"))
}

/// The words of `/etc/hosts`, `/etc/hostname` or `/etc/nodename` that name this machine: lines of one word, and those
/// of loopback addresses.
pub fn names_of_hosts_file(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(first) = words.first() else { continue };
        if first.starts_with("127.") || first.starts_with("::1") || words.len() == 1 {
            names.extend(words.iter().map(|word| (*word).to_owned()));
        }
    }
    names
}

/// What the configuration says about made-up ids.
#[derive(Clone, Debug, Default)]
pub struct IdRules {
    lowercase: bool,
    remove_domain: Option<Domain>,
}

#[derive(Clone, Debug)]
enum Domain {
    Any,
    Named(String),
}

impl IdRules {
    /// `minion_id_lowercase` and `minion_id_remove_domain`.
    pub fn of(opts: &Map) -> Self {
        IdRules {
            lowercase: opts.get("minion_id_lowercase").is_some_and(Value::truthy),
            remove_domain: match opts.get("minion_id_remove_domain") {
                Some(Value::Bool(true)) => Some(Domain::Any),
                Some(Value::Text(domain)) if !domain.is_empty() => Some(Domain::Named(domain.clone())),
                _ => None,
            },
        }
    }

    /// The id that a name becomes.
    pub fn apply(&self, name: &str) -> String {
        let name = if self.lowercase { name.to_lowercase() } else { name.to_owned() };
        match &self.remove_domain {
            None => name,
            Some(Domain::Any) => name.split('.').next().unwrap_or_default().to_owned(),
            Some(Domain::Named(domain)) => {
                let suffix = format!(".{domain}");
                let cut = name.len().checked_sub(suffix.len());
                match cut.and_then(|cut| Some((name.get(..cut)?, name.get(cut..)?))) {
                    Some((short, tail)) if tail.eq_ignore_ascii_case(&suffix) => short.to_owned(),
                    _ => name,
                }
            }
        }
    }
}

/// The id with `append_domain` behind it, unless it ends with that, or with a dot.
pub(super) fn with_domain(id: &str, domain: &str) -> String {
    if id.ends_with(domain) || id.ends_with('.') { id.to_owned() } else { format!("{id}.{domain}") }
}

/// Whether an id is an IPv4 address: no domain is put behind it then.
pub fn is_ipv4(id: &str) -> bool {
    id.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn names_that_every_machine_has_are_passed_over() {
        let hosts = "127.0.0.1 localhost # me\n::1 ip6-localhost web1\n10.0.0.1 db1 db\n";
        let names = names_of_hosts_file(hosts);
        assert_eq!(names, ["127.0.0.1", "localhost", "::1", "ip6-localhost", "web1"]);
        assert_eq!(first_name(names).as_deref(), Some("web1"));
        assert_eq!(first_name(["localhost.localdomain", "127.0.1.1", ""]), None);
        assert_eq!(names_of_hosts_file("web2\n"), ["web2"]);
    }

    #[test]
    fn domains_and_case_are_taken_off_when_asked() {
        let check = |opts: Map, name: &str, expected: &str| {
            assert_eq!(IdRules::of(&opts).apply(name), expected);
        };
        check(map! {}, "Web1.Example.com", "Web1.Example.com");
        check(map! { "minion_id_lowercase" => true }, "Web1.Example.com", "web1.example.com");
        check(map! { "minion_id_remove_domain" => true }, "Web1.Example.com", "Web1");
        check(map! { "minion_id_remove_domain" => "example.COM" }, "Web1.Example.com", "Web1");
        check(map! { "minion_id_remove_domain" => "other.com" }, "Web1.Example.com", "Web1.Example.com");
        assert_eq!(with_domain("web1", "example.com"), "web1.example.com");
        assert_eq!(with_domain("web1.example.com", "example.com"), "web1.example.com");
        assert_eq!(with_domain("web1.", "example.com"), "web1.");
    }
}
