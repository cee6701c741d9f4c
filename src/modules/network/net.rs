//! Networks in CIDR notation, as Python's `ipaddress` treats them. CPython: Lib/ipaddress.py.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::loader::Fault;
use crate::value::addresses::prefix_of_mask;
use crate::value::repr;

/// A network: its first address and how many bits it has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Net {
    pub address: IpAddr,
    pub prefix: u8,
}

/// Text of an address, or the error that Python raises.
pub(super) fn address(text: &str) -> Result<IpAddr, Fault> {
    text.parse().map_err(|_| {
        let text = format!("{} does not appear to be an IPv4 or IPv6 address", repr(&text.into()));
        Fault::exception("ValueError", text)
    })
}

impl Net {
    /// `address`, `address/bits` or `address/netmask`. With `strict`, bits beyond the prefix have to be 0.
    pub fn parse(text: &str, strict: bool) -> Result<Self, Fault> {
        let wrong = |why: &str| Fault::exception("ValueError", why.to_owned());
        let not_one =
            || wrong(&format!("{} does not appear to be an IPv4 or IPv6 network", repr(&text.into())));
        let (host, bits) = match text.split_once('/') {
            Some((host, bits)) => (host, Some(bits)),
            None => (text, None),
        };
        let host: IpAddr = host.parse().map_err(|_| not_one())?;
        let width = if host.is_ipv4() { 32 } else { 128 };
        let prefix = match bits {
            None => width,
            Some(bits) => match (bits.parse::<u8>(), bits.parse::<Ipv4Addr>()) {
                (Ok(bits), _) if bits <= width => bits,
                (Err(_), Ok(mask)) if host.is_ipv4() => prefix_of_mask(mask).ok_or_else(not_one)?,
                _ => return Err(not_one()),
            },
        };
        let net = Net { address: masked(host, prefix), prefix };
        if strict && net.address != host {
            return Err(wrong(&format!("{text} has host bits set")));
        }
        Ok(net)
    }

    /// The network that an address with a prefix is in.
    pub fn around(address: IpAddr, prefix: u8) -> Self {
        Net { address: masked(address, prefix), prefix }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && masked(address, self.prefix) == self.address
    }

    /// All bits of the prefix, and no other.
    pub fn netmask(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => Ipv4Addr::from_bits(mask4(self.prefix)).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(mask6(self.prefix)).into(),
        }
    }

    /// The last address.
    pub fn broadcast(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() | !mask4(self.prefix)).into(),
            IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits() | !mask6(self.prefix)).into(),
        }
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn mask4(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0)
}

fn mask6(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0)
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & mask4(prefix)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & mask6(prefix)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_in_every_notation() {
        let net = |text: &str| Net::parse(text, false).expect("a network").to_string();
        assert_eq!(net("10.1.2.3/255.255.0.0"), "10.1.0.0/16");
        assert_eq!(net("10.1.2.3/0.0.0.255"), "10.1.2.0/24");
        assert_eq!(net("fd00::1/64"), "fd00::/64");
        assert_eq!(net("10.1.2.3"), "10.1.2.3/32");
        assert_eq!(net("1.2.3.4/0"), "0.0.0.0/0");
        assert!(Net::parse("10.1.2.3/16", true).is_err());
        assert!(Net::parse("10.1.2.3/33", false).is_err());
    }
}
