//! Where a master is: the values of `master` and `master_port`. Salt: minion.py (`prep_ip_port`),
//! utils/network.py (`parse_host_port`).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;
use zmtp::Endpoint;

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("'{text}' is not the address of a master: {reason}")]
pub struct AddressError {
    pub text: String,
    pub reason: &'static str,
}

/// A host, by name or number, and the port of its request server (4506).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MasterAddress {
    /// Without brackets.
    pub host: String,
    pub port: u16,
}

impl MasterAddress {
    /// Reads `host`, `host:port`, `[v6]:port`, `[v6]` or a bare IPv6 address.
    ///
    /// # Errors
    /// When the host is empty or holds white space, brackets do not match, or the port is none.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, AddressError> {
        let error = |reason| AddressError { text: text.to_owned(), reason };
        let port_of = |port: &str| {
            port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(error("the port is not 1 to 65535"))
        };
        let trimmed = text.trim();
        let (host, port) = if let Some(rest) = trimmed.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or(error("a bracket is not closed"))?;
            if host.parse::<Ipv6Addr>().is_err() {
                return Err(error("brackets hold no IPv6 address"));
            }
            match after.strip_prefix(':') {
                Some(port) => (host, port_of(port)?),
                None if after.is_empty() => (host, default_port),
                None => return Err(error("there is more than a port after the bracket")),
            }
        } else if trimmed.matches(':').count() > 1 {
            let bare = trimmed.split('%').next().unwrap_or_default();
            if bare.parse::<Ipv6Addr>().is_err() {
                return Err(error("it has several colons but is no IPv6 address"));
            }
            (trimmed, default_port)
        } else if let Some((host, port)) = trimmed.split_once(':') {
            (host, port_of(port)?)
        } else {
            (trimmed, default_port)
        };
        if host.is_empty() {
            return Err(error("there is no host"));
        }
        if host.contains(|char: char| char.is_whitespace() || char == '/') {
            return Err(error("a host holds no blanks and no slashes"));
        }
        Ok(MasterAddress { host: host.to_owned(), port })
    }

    /// Reads a bare address and nothing else (`master_uri_format: ip_only`).
    ///
    /// # Errors
    /// When it is none.
    pub fn ip_only(text: &str, port: u16) -> Result<Self, AddressError> {
        let reason = "master_uri_format is ip_only, and this is no bare IP address";
        match text.trim().parse::<IpAddr>() {
            Ok(ip) => Ok(MasterAddress { host: ip.to_string(), port }),
            Err(_) => Err(AddressError { text: text.to_owned(), reason }),
        }
    }

    /// The endpoint of the request server.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::tcp(&self.host, self.port)
    }

    /// The endpoint of the publisher, whose port the master tells.
    pub fn publisher(&self, port: u16) -> Endpoint {
        Endpoint::tcp(&self.host, port)
    }

    /// `tcp://host:port`, as Salt's `master_uri`.
    pub fn uri(&self) -> String {
        format!("tcp://{self}")
    }
}

impl fmt::Display for MasterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let address = MasterAddress::parse(text, 4506).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(address.to_string(), expected, "{text}");
    }

    #[test]
    fn names_numbers_and_ports_are_told_apart() {
        check("salt", "salt:4506");
        check("salt.example.com:14506", "salt.example.com:14506");
        check("127.0.0.1", "127.0.0.1:4506");
        check("127.0.0.1:1234", "127.0.0.1:1234");
        check("[::1]:1234", "[::1]:1234");
        check("[::1]", "[::1]:4506");
        check("fe80::a00:27ff:fedc:ba98", "[fe80::a00:27ff:fedc:ba98]:4506");
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_reason() {
        for bad in
            ["", " ", "a b", "host:", "host:0", "host:70000", "host:x", "[::1", "[x]:1", "[::1]x", "a:b:c"]
        {
            let error = MasterAddress::parse(bad, 4506).expect_err(bad);
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
