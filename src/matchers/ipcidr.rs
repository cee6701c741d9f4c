//! `-S`, `S@`: does a minion have an address, or an address of a network. Salt: matchers/ipcidr_match.py; Python:
//! ipaddress.py (3.9.5 and later: no leading zeros, no host bits in a network).

use std::net::IpAddr;

use ipnet::IpNet;

use crate::value::addresses::prefix_of_mask;
use crate::value::{Map, Value};

/// An address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpTarget {
    Address(IpAddr),
    Network(IpNet),
}

impl IpTarget {
    /// `None` where Python's `ip_address` and `ip_network` both refuse the text.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(IpTarget::Address(address));
        }
        let (address, prefix) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let net = IpNet::new(address, prefix_of(prefix, address.is_ipv4())?).ok()?;
        (net.network() == address).then_some(IpTarget::Network(net))
    }

    /// Whether the grains `ipv4` or `ipv6` hold the address or one of the network.
    pub fn matches(&self, grains: &Map) -> bool {
        let is_v4 = match self {
            IpTarget::Address(address) => address.is_ipv4(),
            IpTarget::Network(net) => net.addr().is_ipv4(),
        };
        let fits = |item: &Value| {
            item.as_str().and_then(|text| text.parse::<IpAddr>().ok()).is_some_and(|address| match self {
                IpTarget::Address(wanted) => *wanted == address,
                IpTarget::Network(net) => net.contains(&address),
            })
        };
        match grains.get(if is_v4 { "ipv4" } else { "ipv6" }) {
            Some(Value::List(items)) => items.iter().any(fits),
            Some(one) => fits(one),
            None => false,
        }
    }
}

/// The length of a prefix: decimal digits or, for IPv4, a netmask or host mask.
fn prefix_of(text: &str, is_v4: bool) -> Option<u8> {
    if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) {
        return text.parse().ok();
    }
    if !is_v4 {
        return None;
    }
    prefix_of_mask(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_as_python_takes_them() {
        for good in
            ["10.0.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.0/0.255.255.255", "fe80::/64", "::1", "0.0.0.0/0"]
        {
            assert!(IpTarget::parse(good).is_some(), "{good}");
        }
        for bad in
            ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/255.0.255.0", "010.0.0.1", "x", "::/x", ""]
        {
            assert!(IpTarget::parse(bad).is_none(), "{bad}");
        }
    }
}
