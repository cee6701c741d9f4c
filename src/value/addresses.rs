//! What Python's `ipaddress` knows of addresses. CPython 3.11: Lib/ipaddress.py.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// Not to be reached from outside (the registries of IANA, as Python 3.11 has them).
const PRIVATE: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/29",
    "192.0.0.170/31",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::1/128",
    "::/128",
    "::ffff:0:0/96",
    "100::/64",
    "2001::/23",
    "2001:2::/48",
    "2001:db8::/32",
    "2001:10::/28",
    "fc00::/7",
    "fe80::/10",
];

/// `ipaddress.ip_address(…).is_private`
pub fn is_private(address: IpAddr) -> bool {
    is_in_any(address, PRIVATE)
}

/// Whether one of the networks, in CIDR notation, holds the address.
pub fn is_in_any(address: IpAddr, nets: &[&str]) -> bool {
    nets.iter().any(|net| net.parse::<IpNet>().is_ok_and(|net| net.contains(&address)))
}

/// The length of the prefix that a netmask or, the other way round, a hostmask says.
pub fn prefix_of_mask(mask: Ipv4Addr) -> Option<u8> {
    let length = |mask: u32| {
        let ones = mask.leading_ones();
        (ones + mask.trailing_zeros() >= 32).then_some(ones).and_then(|ones| u8::try_from(ones).ok())
    };
    length(mask.to_bits()).or_else(|| length(!mask.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// python3.11 -c "import ipaddress; print(ipaddress.ip_network('0.0.0.0/<mask>').prefixlen)"
    #[test]
    fn masks_are_read_from_both_ends() {
        let prefix = |mask: &str| prefix_of_mask(mask.parse().expect("an address"));
        let rows = [
            ("255.255.0.0", Some(16)),
            ("0.0.255.255", Some(16)),
            ("255.255.255.255", Some(32)),
            ("0.0.0.0", Some(0)),
            ("255.0.255.0", None),
            ("0.255.0.255", None),
        ];
        for (mask, expected) in rows {
            assert_eq!(prefix(mask), expected, "{mask}");
        }
    }
}
