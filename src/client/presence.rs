//! Which minions have a connection to the publish port, as far as this machine can tell: remote addresses of
//! established connections, compared with the addresses in the minions' cached grains. Approximate by design.
//! salt-wire.md §14.5; Salt: utils/minions.py (`connected_ids`), utils/network.py.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use crate::config::Opts;
use crate::names::MinionId;
use crate::value::{Map, Value, msgpack};

/// State `ESTABLISHED` in /proc/net/tcp.
const ESTABLISHED: &str = "01";

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
        let mut addresses = BTreeSet::new();
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            addresses.extend(remote_addresses(&fs::read_to_string(table).unwrap_or_default(), port));
        }
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

/// Remote addresses of established connections to the local `port`, from a table of /proc/net.
fn remote_addresses(table: &str, port: u16) -> BTreeSet<IpAddr> {
    let line = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (_, local_port) = address_and_port(fields.next()?)?;
        let (remote, _) = address_and_port(fields.next()?)?;
        (fields.next()? == ESTABLISHED && local_port == port).then_some(remote)
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// `0100007F:1199`: the address in the machine's order of octets, four at a time, and the port, both in hex.
fn address_and_port(field: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = field.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut octets = Vec::with_capacity(16);
    for place in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(place..place + 8)?, 16).ok()?;
        octets.extend(word.to_ne_bytes());
    }
    let address = match octets.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_canonical(),
        _ => return None,
    };
    Some((address, port))
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
    #[cfg(target_endian = "little")]
    fn established_connections_to_the_port_are_found() {
        let table = "  sl  local_address rem_address   st\n   \
                     0: 0100007F:1199 00000000:0000 0A 0\n   \
                     1: 0100007F:1199 0100007F:9C40 01 0\n   \
                     2: 0100007F:1199 0500000A:9C40 06 0\n   \
                     3: 0100007F:119A 0600000A:9C40 01 0\n   \
                     4: 0000000000000000FFFF00000100007F:1199 0000000000000000FFFF00000700000A:9C40 01 0\n";
        let found: Vec<String> = remote_addresses(table, 4505).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.7", "127.0.0.1"]);
    }

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
