//! Addresses of masters as the configuration has them: `host`, `host:port`, `[v6]:port`, bare v6.
//! Salt: utils/network.py (`parse_host_port`).

use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("the address is empty")]
    Empty,
    #[error("host_port \"{address}\" port value \"{port}\" is not an integer.")]
    Port { address: String, port: String },
    #[error("found ambiguous \"{rest}\" port in \"{address}\"")]
    Ambiguous { address: String, rest: String },
    #[error("'{0}' does not appear to be an IPv6 address")]
    NotIpv6(String),
    #[error("bad hostname: \"{0}\"")]
    Hostname(String),
}

/// Host and, where the text has one, port. IP addresses come back in their shortest form, v6 without brackets.
///
/// # Errors
/// When the text is empty, its port is no number from 0 to 65535, or the host has characters that no host name has.
pub fn parse_host_port(address: &str) -> Result<(String, Option<u16>), AddressError> {
    let port_of = |port: &str| {
        port.parse::<u16>()
            .map_err(|_| AddressError::Port { address: address.to_owned(), port: port.to_owned() })
    };
    if let Some((host, rest)) = address.strip_prefix('[').and_then(|inner| inner.rsplit_once(']')) {
        let ip: Ipv6Addr = host.parse().map_err(|_| AddressError::NotIpv6(host.to_owned()))?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((ip.to_string(), Some(port_of(port)?))),
            None if rest.is_empty() => Ok((ip.to_string(), None)),
            None => Err(AddressError::Ambiguous { address: address.to_owned(), rest: rest.to_owned() }),
        };
    }
    let (host, port) = match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port_of(port)?)),
        _ => (address, None),
    };
    if host.is_empty() {
        return Err(AddressError::Empty);
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok((ip.to_string(), port));
    }
    let is_known = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_');
    if host.chars().all(is_known) {
        Ok((host.to_owned(), port))
    } else {
        Err(AddressError::Hostname(host.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_come_apart() {
        let check = |text: &str, host: &str, port: Option<u16>| {
            assert_eq!(parse_host_port(text), Ok((host.to_owned(), port)), "{text}")
        };
        check("salt", "salt", None);
        check("salt.example.com:4506", "salt.example.com", Some(4506));
        check("10.0.0.1", "10.0.0.1", None);
        check("[1234::5]:5678", "1234::5", Some(5678));
        check("[0:0::1]", "::1", None);
        check("fe80::a00:27ff:fedc:ba98", "fe80::a00:27ff:fedc:ba98", None);
        for bad in ["", "salt:x", "salt:99999", "[::1]x", "[salt]:1", "a b", "salt/x"] {
            assert!(parse_host_port(bad).is_err(), "{bad}");
        }
    }
}
