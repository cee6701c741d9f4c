//! Network interfaces, their addresses, and routes, as `ip link`, `ip addr` and `ip route` show them. rtnetlink(7).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::netlink::{attributes, dump, text, u16_at, u32_at};

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    pub index: u32,
    pub name: String,
    pub up: bool,
    /// As `ip` prints it: `02:fc:00:00:00:01`, or an address for tunnels.
    pub hwaddr: Option<String>,
    /// The interface it lies on, where there is one: a name, or `if<index>` in another namespace, or `NONE`.
    pub parent: Option<String>,
    /// In the kernel's order.
    pub addresses: Vec<Address>,
}

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub ip: IpAddr,
    pub prefix: u8,
    pub broadcast: Option<Ipv4Addr>,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// `global`, `link`, `host`, `site` …
    pub scope: &'static str,
    pub label: Option<String>,
    /// A further IPv4 address of the same network.
    pub secondary: bool,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `None` is the default route.
    pub destination: Option<(IpAddr, u8)>,
    pub ipv6: bool,
    pub gateway: Option<IpAddr>,
    /// Outgoing interface.
    pub interface: Option<u32>,
    /// Preferred source address.
    pub source: Option<IpAddr>,
    pub metric: u32,
    /// Routing table; 254 is the main one.
    pub table: u32,
    /// A plain route (not `local`, `unreachable`, `blackhole` …).
    pub unicast: bool,
    /// More than one next hop.
    pub multipath: bool,
    /// Who made it (`RTPROT_*`), and its scope (`RT_SCOPE_*`).
    pub protocol: u8,
    pub scope: u8,
}

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Every interface with its addresses.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let links = dump(RTM_GETLINK, AF_UNSPEC, RTM_NEWLINK)?;
    let addresses = dump(RTM_GETADDR, AF_UNSPEC, RTM_NEWADDR)?;
    Ok(assemble(&links, &addresses))
}

/// Every route, IPv4 first.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn routes() -> io::Result<Vec<Route>> {
    let mut routes = dump(RTM_GETROUTE, AF_INET, RTM_NEWROUTE)?;
    routes.extend(dump(RTM_GETROUTE, AF_INET6, RTM_NEWROUTE)?);
    Ok(routes.iter().filter_map(|body| route(body)).collect())
}

fn assemble(links: &[Vec<u8>], addresses: &[Vec<u8>]) -> Vec<Interface> {
    let parsed: Vec<Link> = links.iter().filter_map(|body| link(body)).collect();
    let names: Vec<(u32, String)> =
        parsed.iter().map(|link| (link.interface.index, link.interface.name.clone())).collect();
    let mut interfaces: Vec<Interface> = Vec::with_capacity(parsed.len());
    for link in parsed {
        let mut interface = link.interface;
        interface.parent = link.lies_on.map(|index| match names.iter().find(|(other, _)| *other == index) {
            _ if index == 0 => "NONE".to_owned(),
            Some((_, name)) if !link.other_namespace => name.clone(),
            _ => format!("if{index}"),
        });
        interfaces.push(interface);
    }
    // `ip` shows the IPv4 addresses of an interface before the IPv6 ones; the kernel's dump has that order too.
    for (index, address) in addresses.iter().filter_map(|body| address(body)) {
        if let Some(interface) = interfaces.iter_mut().find(|interface| interface.index == index) {
            interface.addresses.push(address);
        }
    }
    interfaces
}

struct Link {
    interface: Interface,
    lies_on: Option<u32>,
    other_namespace: bool,
}

/// `struct ifinfomsg`: family u8, pad u8, type u16, index i32, flags u32, change u32.
fn link(body: &[u8]) -> Option<Link> {
    const FIXED: usize = 16;
    const IFF_UP: u32 = 0x1;
    const IFLA_ADDRESS: u16 = 1;
    const IFLA_IFNAME: u16 = 3;
    const IFLA_LINK: u16 = 5;
    const IFLA_LINK_NETNSID: u16 = 37;
    let kind = u16_at(body, 2)?;
    let mut interface =
        Interface { index: u32_at(body, 4)?, up: u32_at(body, 8)? & IFF_UP != 0, ..Default::default() };
    let (mut lies_on, mut other_namespace) = (None, false);
    for (attribute, value) in attributes(body, FIXED) {
        match attribute {
            IFLA_IFNAME => interface.name = text(value),
            IFLA_ADDRESS => interface.hwaddr = hardware_address(kind, value),
            IFLA_LINK => lies_on = u32_at(value, 0),
            IFLA_LINK_NETNSID => other_namespace = true,
            _ => {}
        }
    }
    Some(Link { interface, lies_on, other_namespace })
}

/// Tunnels have an address in place of a hardware address. iproute2, `ll_addr_n2a`.
fn hardware_address(kind: u16, octets: &[u8]) -> Option<String> {
    const TUNNELS: [u16; 3] = [768, 776, 778];
    const TUNNELS6: [u16; 2] = [769, 823];
    if octets.is_empty() {
        return None;
    }
    let tunnel = TUNNELS.contains(&kind) || TUNNELS6.contains(&kind);
    if let Some(ip) = ip(octets).filter(|_| tunnel) {
        return Some(ip.to_string());
    }
    Some(octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":"))
}

/// `struct ifaddrmsg`: family u8, prefix length u8, flags u8, scope u8, index u32.
fn address(body: &[u8]) -> Option<(u32, Address)> {
    const FIXED: usize = 8;
    const IFA_F_SECONDARY: u32 = 0x1;
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    const IFA_LABEL: u16 = 3;
    const IFA_BROADCAST: u16 = 4;
    const IFA_FLAGS: u16 = 8;
    let [family, prefix, flags, scope] = *body.first_chunk()?;
    let index = u32_at(body, 4)?;
    let mut flags = u32::from(flags);
    let (mut far, mut local, mut label, mut broadcast) = (None, None, None, None);
    for (attribute, value) in attributes(body, FIXED) {
        match attribute {
            IFA_ADDRESS => far = ip(value),
            IFA_LOCAL => local = ip(value),
            IFA_LABEL => label = Some(text(value)),
            IFA_BROADCAST => broadcast = <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from),
            IFA_FLAGS => flags = u32_at(value, 0).unwrap_or(flags),
            _ => {}
        }
    }
    let ip = local.or(far)?;
    let address = Address {
        ip,
        prefix,
        broadcast,
        peer: far.filter(|far| *far != ip),
        scope: scope_name(scope),
        label,
        // The same bit means "temporary" for IPv6.
        secondary: family == AF_INET && flags & IFA_F_SECONDARY != 0,
    };
    Some((index, address))
}

fn scope_name(scope: u8) -> &'static str {
    match scope {
        0 => "global",
        200 => "site",
        253 => "link",
        254 => "host",
        255 => "nowhere",
        _ => "unknown",
    }
}

/// `struct rtmsg`: family u8, destination length u8, source length u8, tos u8, table u8, protocol u8, scope u8,
/// type u8, flags u32.
fn route(body: &[u8]) -> Option<Route> {
    const FIXED: usize = 12;
    const RTN_UNICAST: u8 = 1;
    const RTM_F_CLONED: u32 = 0x200;
    const RTA_DST: u16 = 1;
    const RTA_OIF: u16 = 4;
    const RTA_GATEWAY: u16 = 5;
    const RTA_PRIORITY: u16 = 6;
    const RTA_PREFSRC: u16 = 7;
    const RTA_MULTIPATH: u16 = 9;
    const RTA_TABLE: u16 = 15;
    const RTA_VIA: u16 = 18;
    let [family, length, _, _, table, protocol, scope, kind] = *body.first_chunk()?;
    // Entries of the cache are not routes.
    if u32_at(body, 8)? & RTM_F_CLONED != 0 {
        return None;
    }
    let mut route = Route {
        destination: None,
        ipv6: family == AF_INET6,
        gateway: None,
        interface: None,
        source: None,
        metric: 0,
        table: u32::from(table),
        unicast: kind == RTN_UNICAST,
        multipath: false,
        protocol,
        scope,
    };
    let mut destination = None;
    for (attribute, value) in attributes(body, FIXED) {
        match attribute {
            RTA_DST => destination = ip(value),
            RTA_OIF => route.interface = u32_at(value, 0),
            RTA_GATEWAY => route.gateway = ip(value),
            // The gateway is of the other family: two octets of family, then the address.
            RTA_VIA => route.gateway = value.get(2..).and_then(ip),
            RTA_PRIORITY => route.metric = u32_at(value, 0).unwrap_or_default(),
            RTA_PREFSRC => route.source = ip(value),
            RTA_MULTIPATH => route.multipath = true,
            RTA_TABLE => route.table = u32_at(value, 0).unwrap_or(route.table),
            _ => {}
        }
    }
    let any = if route.ipv6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    route.destination = (length != 0).then(|| (destination.unwrap_or(any), length));
    Some(route)
}

fn ip(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(octets));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut octets = (u16::try_from(value.len()).expect("short") + 4).to_ne_bytes().to_vec();
        octets.extend_from_slice(&kind.to_ne_bytes());
        octets.extend_from_slice(value);
        octets.resize(octets.len().div_ceil(4) * 4, 0);
        octets
    }

    fn link_message(kind: u16, index: u32, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![0, 0];
        body.extend_from_slice(&kind.to_ne_bytes());
        for word in [index, flags, 0] {
            body.extend_from_slice(&word.to_ne_bytes());
        }
        body.extend(attributes.concat());
        body
    }

    #[test]
    fn links_and_addresses_are_joined() {
        let links = [
            link_message(1, 2, 1, &[attribute(3, b"eth0\0"), attribute(1, &[2, 0xfc, 0, 0, 0, 1])]),
            link_message(
                1,
                3,
                0,
                &[
                    attribute(3, b"eth0.7\0"),
                    attribute(5, &2_u32.to_ne_bytes()),
                    attribute(1, &[2, 0xfc, 0, 0, 0, 1]),
                ],
            ),
            link_message(
                1,
                4,
                1,
                &[
                    attribute(3, b"veth1\0"),
                    attribute(5, &9_u32.to_ne_bytes()),
                    attribute(37, &0_u32.to_ne_bytes()),
                ],
            ),
            link_message(
                776,
                5,
                0,
                &[attribute(3, b"sit0\0"), attribute(5, &0_u32.to_ne_bytes()), attribute(1, &[0; 4])],
            ),
        ];
        let mut v4 = vec![AF_INET, 24, 0x81, 0, 2, 0, 0, 0];
        v4.extend(
            [
                attribute(1, &[192, 0, 2, 7]),
                attribute(2, &[192, 0, 2, 7]),
                attribute(4, &[192, 0, 2, 255]),
                attribute(3, b"eth0\0"),
            ]
            .concat(),
        );
        let mut v6 = vec![AF_INET6, 64, 0x81, 253, 2, 0, 0, 0];
        v6.extend(attribute(1, &Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).octets()));
        let all = assemble(&links, &[v4, v6]);
        let [eth0, vlan, veth, sit] = all.as_slice() else { panic!("four interfaces: {all:?}") };
        assert!(eth0.up && !vlan.up);
        assert_eq!(eth0.hwaddr.as_deref(), Some("02:fc:00:00:00:01"));
        assert_eq!(
            [&vlan.parent, &veth.parent, &sit.parent, &sit.hwaddr].map(|text| text.as_deref()),
            [Some("eth0"), Some("if9"), Some("NONE"), Some("0.0.0.0")]
        );
        let [first, second] = eth0.addresses.as_slice() else { panic!("two addresses") };
        assert!(first.secondary && first.peer.is_none() && !second.secondary);
        assert_eq!(
            (first.broadcast, first.label.as_deref(), second.scope),
            (Some(Ipv4Addr::new(192, 0, 2, 255)), Some("eth0"), "link")
        );
    }

    #[test]
    fn a_default_route_has_no_destination() {
        let mut body = vec![AF_INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        body.extend(attribute(5, &[192, 0, 2, 1]));
        body.extend(attribute(4, &2_u32.to_ne_bytes()));
        let found = route(&body).expect("a route");
        assert_eq!(
            (found.destination, found.gateway, found.interface, found.table),
            (None, Some("192.0.2.1".parse().expect("ip")), Some(2), 254)
        );
        assert!(found.unicast);
        assert_eq!(route(&body[..5]), None);
    }

    #[test]
    fn this_machine_answers_where_there_is_netlink() {
        // Sandboxes without netlink are fine; what answers has to have names.
        if let Ok(all) = interfaces() {
            assert!(all.iter().all(|interface| !interface.name.is_empty()));
        }
    }
}
