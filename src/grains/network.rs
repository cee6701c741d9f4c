//! Addresses, interfaces, gateways and name servers. Salt: grains/core.py, utils/network.py, utils/dns.py
//! (`parse_resolv`).

use std::net::IpAddr;

use ipnet::IpNet;

use super::machine::Machine;
use crate::host::Interface;
use crate::map;
use crate::value::{Map, Value};

/// `ip_interfaces`: `{interface: [address]}`, IPv4, IPv6, then secondary ones.
pub(super) fn ip_interfaces(machine: &Machine) -> Map {
    map! { "ip_interfaces" => by_interface(machine, |interface| {
        let of = |v6: bool| addresses(interface, v6, false);
        [of(false), of(true), addresses(interface, false, true)].concat()
    }) }
}

/// `ip4_interfaces`: the same, IPv4 only.
pub(super) fn ip4_interfaces(machine: &Machine) -> Map {
    map! { "ip4_interfaces" => by_interface(machine, |interface| {
        [addresses(interface, false, false), addresses(interface, false, true)].concat()
    }) }
}

/// `ip6_interfaces`: the same, IPv6 only.
pub(super) fn ip6_interfaces(machine: &Machine) -> Map {
    map! { "ip6_interfaces" => by_interface(machine, |interface| addresses(interface, true, false)) }
}

/// `hwaddr_interfaces`: `{interface: hardware address}`.
pub(super) fn hwaddr_interfaces(machine: &Machine) -> Map {
    let named = |interface: &Interface| Some((interface.name.clone(), interface.hwaddr.clone()?));
    map! { "hwaddr_interfaces" => machine.interfaces().iter().filter_map(named).collect::<Map>() }
}

/// `ipv4`, `ipv6`: every address, sorted; `fqdn_ip4`, `fqdn_ip6`.
pub(super) fn ip_fqdn(machine: &Machine) -> Map {
    let all = |v6: bool| {
        let ips =
            machine.interfaces().iter().flat_map(|interface| &interface.addresses).map(|address| address.ip);
        let sorted = crate::value::sort::into_set(ips.filter(|ip| ip.is_ipv6() == v6));
        Value::list(sorted.into_iter().map(|ip| ip.to_string()))
    };
    let names = machine.names();
    map! {
        "ipv4" => all(false),
        "ipv6" => all(true),
        "fqdn_ip4" => Value::list(names.fqdn_ip4.clone()),
        "fqdn_ip6" => Value::list(names.fqdn_ip6.clone()),
    }
}

fn by_interface(machine: &Machine, addresses: impl Fn(&Interface) -> Vec<String>) -> Map {
    let entry = |interface: &Interface| (interface.name.clone(), Value::list(addresses(interface)));
    machine.interfaces().iter().map(entry).collect()
}

fn addresses(interface: &Interface, v6: bool, secondary: bool) -> Vec<String> {
    let wanted = interface.addresses.iter().filter(|it| it.ip.is_ipv6() == v6 && it.secondary == secondary);
    wanted.map(|address| address.ip.to_string()).collect()
}

/// `ip_gw`, `ip4_gw`, `ip6_gw`: the gateway, or whether there is a default route.
pub(super) fn default_gateway(machine: &Machine) -> Map {
    const MAIN_TABLE: u32 = 254;
    let gateway = |v6: bool| {
        let mut routes = machine.routes().iter();
        let route = routes.find(|route| {
            route.ipv6 == v6 && route.destination.is_none() && route.table == MAIN_TABLE && route.unicast
        });
        match route {
            None => Value::Bool(false),
            // Salt quirk (3006.25): of `default via inet6 fe80::1` it takes the word after `via`.
            Some(route) if route.gateway.is_some_and(|ip| ip.is_ipv6() != v6) => {
                Value::text(if v6 { "inet" } else { "inet6" })
            }
            Some(route) => route.gateway.map_or(Value::Bool(true), |ip| Value::text(ip.to_string())),
        }
    };
    let (v4, v6) = (gateway(false), gateway(true));
    map! { "ip_gw" => v4.truthy() || v6.truthy(), "ip4_gw" => v4, "ip6_gw" => v6 }
}

/// `dns`: what resolv.conf says; `nameservers`, `ip4_nameservers`, `ip6_nameservers`, `sortlist`, `domain`, `search`,
/// `options`.
pub(super) fn dns(machine: &Machine) -> Map {
    let resolved = "/run/systemd/resolve/resolv.conf";
    let path = if machine.exists(resolved) { resolved } else { "/etc/resolv.conf" };
    machine.text(path).map(|text| map! { "dns" => resolv(&text) }).unwrap_or_default()
}

fn resolv(text: &str) -> Map {
    let [mut v4, mut v6, mut all, mut sortlist, mut options] = [const { Vec::<String>::new() }; 5];
    let (mut domain, mut search) = (String::new(), Vec::new());
    let add = |list: &mut Vec<String>, item: String| {
        if !list.contains(&item) {
            list.push(item);
        }
    };
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let directive = words.next().unwrap_or_default().to_lowercase();
        let args: Vec<&str> = words.take_while(|word| !word.starts_with(['#', ';'])).collect();
        match (directive.as_str(), args.as_slice()) {
            ("nameserver", [address, ..]) => {
                if let Some((address, is_v6)) = name_server(address) {
                    add(if is_v6 { &mut v6 } else { &mut v4 }, address.clone());
                    add(&mut all, address);
                }
            }
            ("domain", [name, ..]) => domain = (*name).to_owned(),
            ("search", names) => search = names.iter().map(|&name| name.to_owned()).collect(),
            ("sortlist", nets) => {
                for net in nets.iter().filter_map(|net| sort_net(net)) {
                    add(&mut sortlist, net);
                }
            }
            ("options", [option, ..]) => add(&mut options, (*option).to_owned()),
            _ => {}
        }
    }
    map! {
        "nameservers" => Value::list(all),
        "ip4_nameservers" => Value::list(v4),
        "ip6_nameservers" => Value::list(v6),
        "sortlist" => Value::list(sortlist),
        "domain" => domain,
        "search" => Value::list(search),
        "options" => Value::list(options),
    }
}

/// The address in its usual form (a zone such as `%eth0` stays), and whether it is IPv6.
fn name_server(text: &str) -> Option<(String, bool)> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let ip: IpAddr = address.parse().ok()?;
    match zone {
        Some(zone) if ip.is_ipv6() => Some((format!("{ip}%{zone}"), true)),
        Some(_) => None,
        None => Some((ip.to_string(), ip.is_ipv6())),
    }
}

/// `network/netmask` of one item of a sort list; without a mask, the one of the address class.
fn sort_net(text: &str) -> Option<String> {
    let net = match text.split_once('/') {
        None => {
            let ip: IpAddr = text.parse().ok()?;
            let prefix = match ip {
                IpAddr::V4(ip) => match ip.octets() {
                    [0..=127, ..] => 8,
                    [128..=191, ..] => 16,
                    _ => 24,
                },
                IpAddr::V6(_) => 128,
            };
            IpNet::new(ip, prefix).ok()?.trunc()
        }
        Some((address, mask)) => {
            let ip: IpAddr = address.parse().ok()?;
            let net = match mask.parse::<u8>() {
                Ok(prefix) => IpNet::new(ip, prefix).ok()?,
                Err(_) => IpNet::with_netmask(ip, mask.parse().ok()?).ok()?,
            };
            // A network with bits of a host in it is none.
            if net.trunc() != net {
                return None;
            }
            net
        }
    };
    Some(match net {
        IpNet::V4(net) => format!("{}/{}", net.addr(), net.netmask()),
        IpNet::V6(net) => format!("{}/{}", net.addr(), net.prefix_len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_read_as_salt_reads_it() {
        let text = "# comment\nnameserver 192.0.2.1\nnameserver 192.0.2.1 ; again\nnameserver 2001:DB8::1\n\
            nameserver fe80::1%eth0\nnameserver bad\nsearch a.org b.org # c.org\ndomain a.org\n\
            options ndots:2 timeout:1\noptions edns0\nsortlist 130.155.160.0/255.255.240.0 130.155.0.0 10.1.2.3/8\n";
        let dns = resolv(text);
        assert_eq!(dns.get("nameservers"), Some(&Value::list(["192.0.2.1", "2001:db8::1", "fe80::1%eth0"])));
        assert_eq!(dns.get("ip6_nameservers"), Some(&Value::list(["2001:db8::1", "fe80::1%eth0"])));
        assert_eq!(dns.get("search"), Some(&Value::list(["a.org", "b.org"])));
        assert_eq!(dns.get("options"), Some(&Value::list(["ndots:2", "edns0"])));
        assert_eq!(
            dns.get("sortlist"),
            Some(&Value::list(["130.155.160.0/255.255.240.0", "130.155.0.0/255.255.0.0"]))
        );
    }
}
