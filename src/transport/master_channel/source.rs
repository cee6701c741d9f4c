//! Where connections to a master come from: `source_interface_name`, `source_address`, `source_ret_port` and
//! `source_publish_port`. Salt: minion.py (`resolve_dns`), transport/zeromq.py (`_get_master_uri`).

use zmtp::{Endpoint, Host, HostPort};

use crate::config::Opts;
use crate::host::Interface;
use crate::log::warn;

/// The local end of the connections to a master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceAddress {
    /// A name or address; any where only ports are given.
    host: Option<String>,
    ret_port: u16,
    publish_port: u16,
}

impl SourceAddress {
    /// Reads the options; `interfaces` are asked for only if one is named. What cannot be used is said and left out,
    /// as Salt does.
    pub fn from_opts(opts: &Opts, interfaces: impl FnOnce() -> Vec<Interface>) -> Self {
        let port = |option: &str| {
            let given = opts.int(option);
            u16::try_from(given).unwrap_or_else(|_| {
                warn!("{option}: {given} is no port. Ignoring.");
                0
            })
        };
        let name = opts.str("source_interface_name");
        let host = match (name, opts.str("source_address")) {
            ("", "") => None,
            ("", address) => Some(address.to_owned()),
            (name, _) => address_of(name, opts.bool("ipv6"), &interfaces()),
        };
        SourceAddress { host, ret_port: port("source_ret_port"), publish_port: port("source_publish_port") }
    }

    /// Whether requests all have to come from the same port, so that there can be one connection only.
    pub fn has_one_ret_port(&self) -> bool {
        self.ret_port != 0
    }

    /// An endpoint of a request server, with our end.
    pub fn for_requests(&self, endpoint: Endpoint) -> Endpoint {
        self.at(endpoint, self.ret_port)
    }

    /// An endpoint of a publisher, with our end.
    pub fn for_publishes(&self, endpoint: Endpoint) -> Endpoint {
        self.at(endpoint, self.publish_port)
    }

    fn at(&self, endpoint: Endpoint, port: u16) -> Endpoint {
        let host = match &self.host {
            None if port == 0 => return endpoint,
            None => Host::Any,
            Some(host) => Host::Named(host.trim_start_matches('[').trim_end_matches(']').to_owned()),
        };
        match endpoint {
            Endpoint::Tcp { target, .. } => Endpoint::Tcp { source: Some(HostPort { host, port }), target },
            other => other,
        }
    }
}

fn address_of(name: &str, ipv6: bool, interfaces: &[Interface]) -> Option<String> {
    let Some(interface) = interfaces.iter().find(|interface| interface.name == name) else {
        warn!("{name} is not a valid interface. Ignoring.");
        return None;
    };
    if !interface.up {
        warn!("The interface {name} is down so it cannot be used as source to connect to the Master");
        return None;
    }
    let first = interface.addresses.iter().find(|address| address.ip.is_ipv6() == ipv6);
    if first.is_none() {
        warn!("The interface {name} has no address to connect to the Master from. Ignoring.");
    }
    first.map(|address| address.ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use crate::host::Address;
    use crate::value::Value;

    fn check(options: &[(&str, Value)], requests: &str, publishes: &str) {
        let mut opts = Opts::defaults(Role::Minion);
        for (name, value) in options {
            opts.set(name, value.clone());
        }
        let address = |ip: &str| Address {
            ip: ip.parse().expect("an address"),
            prefix: 24,
            broadcast: None,
            peer: None,
            scope: "global",
            label: None,
            secondary: false,
        };
        let interface = |name: &str, up, addresses: &[&str]| Interface {
            name: name.to_owned(),
            up,
            addresses: addresses.iter().map(|ip| address(ip)).collect(),
            ..Interface::default()
        };
        let interfaces = || {
            vec![
                interface("eth1", true, &["fd00::7", "10.0.0.7", "10.0.0.8"]),
                interface("eth2", false, &["10.9.9.9"]),
            ]
        };
        let source = SourceAddress::from_opts(&opts, interfaces);
        assert_eq!(source.for_requests(Endpoint::tcp("m", 4506)).to_string(), requests);
        assert_eq!(source.for_publishes(Endpoint::tcp("m", 4505)).to_string(), publishes);
    }

    #[test]
    fn our_end_is_written_as_libzmq_has_it() {
        check(&[], "tcp://m:4506", "tcp://m:4505");
        check(&[("source_address", "10.0.0.1".into())], "tcp://10.0.0.1:0;m:4506", "tcp://10.0.0.1:0;m:4505");
        check(
            &[("source_ret_port", 4001.into()), ("source_publish_port", "4002".into())],
            "tcp://*:4001;m:4506",
            "tcp://*:4002;m:4505",
        );
        let both = [("source_address", "fd00::1".into()), ("source_ret_port", 4001.into())];
        check(&both, "tcp://[fd00::1]:4001;m:4506", "tcp://[fd00::1]:0;m:4505");
    }

    #[test]
    fn an_interface_gives_its_first_address_of_the_family() {
        let named = |name: &str| ("source_interface_name", Value::from(name));
        check(&[named("eth1")], "tcp://10.0.0.7:0;m:4506", "tcp://10.0.0.7:0;m:4505");
        let v6 = [named("eth1"), ("ipv6", true.into())];
        check(&v6, "tcp://[fd00::7]:0;m:4506", "tcp://[fd00::7]:0;m:4505");
        check(&[named("eth2")], "tcp://m:4506", "tcp://m:4505");
        check(&[named("eth9")], "tcp://m:4506", "tcp://m:4505");
    }
}
