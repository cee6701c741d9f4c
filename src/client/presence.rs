//! Which minions have a connection to the publish port, as far as this machine can tell: remote addresses of
//! established connections, compared with the addresses in the minions' cached grains. Approximate by design.
//! salt-wire.md §14.5; Salt: utils/minions.py (`connected_ids`), utils/network.py.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use crate::config::Opts;
use crate::host::connections;
use crate::names::MinionId;
use crate::value::{Map, Value, msgpack};

/// What is connected, and what is known of minions.
pub struct Presence {
    addresses: BTreeSet<IpAddr>,
    cache: PathBuf,
    cached: bool,
}

impl Presence {
    /// Looks at the connections of this machine.
    pub fn look(opts: &Opts) -> Self {
        let port = u16::try_from(opts.int("publish_port")).unwrap_or_default();
        let at_port = connections().into_iter().filter(|(own, _)| own.port() == port);
        let mut addresses = crate::value::sort::into_set(at_port.map(|(_, remote)| remote.ip()));
        // A connection over loopback is one of a minion on this machine: it is known by its other addresses.
        if addresses.remove(&IpAddr::V4(Ipv4Addr::LOCALHOST)) {
            let table = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
            addresses.extend(local_v4(&table).into_iter().map(IpAddr::V4));
        }
        if addresses.remove(&IpAddr::V6(Ipv6Addr::LOCALHOST)) {
            let table = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
            addresses.extend(local_v6(&table).into_iter().map(IpAddr::V6));
        }
        Presence {
            addresses,
            cache: opts.path("cachedir").join("minions"),
            cached: opts.bool("minion_data_cache"),
        }
    }

    /// Ids of minions whose cached addresses have a connection, sorted.
    pub fn connected_ids(&self) -> BTreeSet<String> {
        if !self.cached {
            return BTreeSet::new();
        }
        let entries = fs::read_dir(&self.cache).into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().into_string().ok());
        ids.filter(|id| self.addresses_of(id).is_some_and(|own| !own.is_disjoint(&self.addresses))).collect()
    }

    /// Whether the minion was ever heard of: its grains are cached.
    pub fn knows(&self, id: &str) -> bool {
        self.cached && data_file(&self.cache, id).is_some_and(|file| file.exists())
    }

    /// Whether Salt would call the minion `[Not connected]`: known, others are connected, it is not.
    pub fn is_disconnected(&self, id: &str) -> bool {
        if !self.knows(id) {
            return false;
        }
        let connected = self.connected_ids();
        !connected.is_empty() && !connected.contains(id)
    }

    fn addresses_of(&self, id: &str) -> Option<BTreeSet<IpAddr>> {
        let grains = minion_data(&self.cache, id)?.remove("grains")?;
        let list = |key: &str| grains.get(key).and_then(Value::as_list).unwrap_or_default();
        let texts = list("ipv4").iter().chain(list("ipv6")).filter_map(Value::as_str);
        Some(texts.filter_map(|text| text.parse().ok()).collect())
    }
}

fn data_file(cache: &Path, id: &str) -> Option<PathBuf> {
    let id = MinionId::parse(id).ok()?;
    Some(cache.join(id.as_str()).join("data.p"))
}

/// The cached `{"grains": map, "pillar": map}` of a minion, from `<cachedir>/minions/<id>/data.p`.
pub(super) fn minion_data(cache: &Path, id: &str) -> Option<Map> {
    let octets = fs::read(data_file(cache, id)?).ok()?;
    match msgpack::decode(&octets, msgpack::Reading::Typed).ok()? {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

/// Addresses of this machine in /proc/net/fib_trie, without loopback.
fn local_v4(table: &str) -> BTreeSet<Ipv4Addr> {
    let mut found = BTreeSet::new();
    let mut last = None;
    for line in table.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last.filter(|address| !address.is_loopback()));
        }
    }
    found
}

/// Addresses of this machine in /proc/net/if_inet6, without loopback.
fn local_v6(table: &str) -> BTreeSet<Ipv6Addr> {
    let line = |line: &str| {
        let number = u128::from_str_radix(line.split_whitespace().next()?, 16).ok()?;
        Some(Ipv6Addr::from(number)).filter(|address| !address.is_loopback())
    };
    table.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_read_without_loopback() {
        let table = "Local:\n  +-- 0.0.0.0/0 2 0 2\n     |-- 10.0.0.5\n        /32 host LOCAL\n     |-- 10.0.0.255\n        \
                     /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(local_v4(table).into_iter().collect::<Vec<_>>(), [Ipv4Addr::new(10, 0, 0, 5)]);
        let table = "00000000000000000000000000000001 01 80 10 80       lo\nfe800000000000000000000000000005 02 40 20 80     eth0\n";
        let found: Vec<String> = local_v6(table).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["fe80::5"]);
    }
}
