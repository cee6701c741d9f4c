//! Endpoints: where to listen or whom to call. Grammar after libzmq's zmq_tcp(7) and zmq_ipc(7).
//!
//! ```text
//! ipc://*            tcp://host:port    tcp://*:port    tcp://[v6]:port    tcp://source:port;host:port
//! ipc://path         ipc://@abstract-name   inproc://name
//! ```

use std::{fmt, path::PathBuf, str::FromStr};

use crate::error::EndpointError;

/// The longest path of a Unix socket: `sun_path` has 108 octets, the last for a NUL.
pub const MAX_IPC_PATH_OCTETS: usize = 107;
/// The longest inproc name, as in libzmq.
pub const MAX_INPROC_NAME_OCTETS: usize = 256;

/// A place to listen at or to connect to. Parsed once; names are resolved at every attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// TCP.
    Tcp {
        /// Local address to connect from; never set on listeners.
        source: Option<HostPort>,
        /// Where to listen or connect to.
        target: HostPort,
    },
    /// A Unix socket in the file system. `*` listens in a new directory of the system's for temporary files.
    Ipc(PathBuf),
    /// A Linux abstract Unix socket: no file, gone with its owner.
    IpcAbstract(String),
    /// Inside of this process.
    Inproc(String),
}

/// A host and a port, not yet resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Any interface, or a name or address (IPv6 without its brackets).
    pub host: Host,
    /// Port; 0 lets the system choose.
    pub port: u16,
}

/// The host part of a TCP endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// `*`
    Any,
    /// A name or address.
    Named(String),
}

impl Endpoint {
    /// `tcp://host:port`; `host` may be `*`, a name, an IPv4 or a bare IPv6 address.
    pub fn tcp(host: &str, port: u16) -> Endpoint {
        let host = match host {
            "*" => Host::Any,
            other => Host::Named(other.trim_start_matches('[').trim_end_matches(']').to_owned()),
        };
        Endpoint::Tcp { source: None, target: HostPort { host, port } }
    }

    /// `ipc://path`.
    ///
    /// # Errors
    /// When the path is empty or longer than the system allows.
    pub fn ipc(path: impl Into<PathBuf>) -> Result<Endpoint, EndpointError> {
        let path = path.into();
        let octets = path.as_os_str().len();
        let reason = match octets {
            0 => "the path is empty",
            1..=MAX_IPC_PATH_OCTETS => return Ok(Endpoint::Ipc(path)),
            _ => "the path of a Unix socket has at most 107 octets",
        };
        Err(EndpointError { text: format!("ipc://{}", path.display()), reason })
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        let fail = |reason| EndpointError { text: text.to_owned(), reason };
        let (transport, address) =
            text.split_once("://").ok_or(fail("no transport, as in tcp://host:port"))?;
        match transport {
            "tcp" => {
                let (source, target) = match address.split_once(';') {
                    Some((source, target)) => (Some(source.parse().map_err(fail)?), target),
                    None => (None, address),
                };
                Ok(Endpoint::Tcp { source, target: target.parse().map_err(fail)? })
            }
            "ipc" => match address.strip_prefix('@') {
                Some("") => Err(fail("the abstract name is empty")),
                Some(name) if name.len() <= MAX_IPC_PATH_OCTETS => Ok(Endpoint::IpcAbstract(name.to_owned())),
                Some(_) => Err(fail("an abstract name has at most 107 octets")),
                None => Endpoint::ipc(address),
            },
            "inproc" => match address.len() {
                0 => Err(fail("the name is empty")),
                1..=MAX_INPROC_NAME_OCTETS => Ok(Endpoint::Inproc(address.to_owned())),
                _ => Err(fail("an inproc name has at most 256 octets")),
            },
            _ => Err(fail("the transport is none of tcp, ipc and inproc")),
        }
    }
}

impl FromStr for HostPort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<HostPort, &'static str> {
        let (host, port) = text.rsplit_once(':').ok_or("no port")?;
        let port = match port {
            "*" => 0,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| "the port is not a number up to 65535")?
            }
            _ => return Err("the port is not a number up to 65535"),
        };
        let host = match host {
            "*" => Host::Any,
            "" => return Err("no host"),
            bracketed if bracketed.starts_with('[') => {
                let inner = bracketed.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
                Host::Named(inner.filter(|h| !h.is_empty()).ok_or("unbalanced brackets")?.to_owned())
            }
            bare if bare.contains(':') => return Err("an IPv6 address needs brackets"),
            name => Host::Named(name.to_owned()),
        };
        Ok(HostPort { host, port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { source: Some(source), target } => write!(f, "tcp://{source};{target}"),
            Endpoint::Tcp { source: None, target } => write!(f, "tcp://{target}"),
            Endpoint::Ipc(path) => write!(f, "ipc://{}", path.display()),
            Endpoint::IpcAbstract(name) => write!(f, "ipc://@{name}"),
            Endpoint::Inproc(name) => write!(f, "inproc://{name}"),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => write!(f, "*:{}", self.port),
            Host::Named(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Host::Named(host) => write!(f, "{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_endpoints_print_as_they_were_given() {
        for text in [
            "tcp://localhost:4505",
            "tcp://*:4506",
            "tcp://[::1]:0",
            "tcp://[fe80::1%eth0]:99",
            "tcp://10.0.0.1:0;master:4506",
            "tcp://*:0;[::1]:1",
            "ipc:///run/halite/workers.ipc",
            "ipc://relative",
            "ipc://@name",
        ] {
            assert_eq!(text.parse::<Endpoint>().expect(text).to_string(), text);
        }
        assert_eq!("tcp://*:*".parse::<Endpoint>().unwrap().to_string(), "tcp://*:0");
        assert_eq!(Endpoint::tcp("::1", 5), "tcp://[::1]:5".parse().unwrap());
        assert_eq!(Endpoint::tcp("*", 5), "tcp://*:5".parse().unwrap());
    }

    #[test]
    fn illegal_endpoints_say_what_is_wrong() {
        let long = format!("ipc://{}", "a".repeat(108));
        for text in [
            "",
            "tcp",
            "tcp://",
            "tcp://host",
            "tcp://host:",
            "tcp://host:65536",
            "tcp://host:+1",
            "tcp://:1",
            "tcp://::1:1",
            "tcp://[::1:1",
            "tcp://[]:1",
            "ipc://",
            "ipc://@",
            "inproc://",
            "udp://a",
            "udp://a:1",
            &long,
        ] {
            let parsed = text.parse::<Endpoint>();
            assert!(parsed.is_err(), "{text}");
        }
        assert!(format!("ipc://{}", "a".repeat(107)).parse::<Endpoint>().is_ok());
        let error = "tcp://host".parse::<Endpoint>().unwrap_err();
        assert_eq!(error.to_string(), "endpoint \"tcp://host\": no port");
    }
}
