//! `network`: interfaces and addresses of the minion, and whether others can be reached. Salt: modules/network.py,
//! utils/network.py.

mod net;
mod tables;

use std::collections::BTreeSet;
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use crate::host::Interface;
use crate::host::resolver::{Answer, Question, Resolver};
use crate::loader::{
    Args, Call, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req, wake,
};
use crate::map;
use crate::patterns::fnmatch;
use crate::value::addresses::is_private;
use crate::value::{Map, Value, repr, sort, str_of};
use net::{Net, address};

const IP_ADDRS: &[Param] = &[
    opt("interface", Default::None),
    opt("include_loopback", Default::False),
    opt("cidr", Default::None),
    opt("type", Default::None),
];
const IP_ADDRS6: &[Param] =
    &[opt("interface", Default::None), opt("include_loopback", Default::False), opt("cidr", Default::None)];
const IFACE: &[Param] = &[req("iface")];
/// How long name servers may take.
const RESOLVED: Duration = Duration::from_secs(5);

const FAMILY: &[Param] = &[opt("family", Default::None)];
const IP: &[Param] = &[req("ip_addr")];

pub(super) static MODULE: Module = Module {
    file: "network",
    provides: "network",
    available: always,
    functions: &[
        Function::new(
            "calc_net",
            &[req("ip_addr"), opt("netmask", Default::None)],
            "The network that an address is in.",
            calc_net,
        )
        .cheap(),
        Function::new(
            "connect",
            &[req("host"), opt("port", Default::None), keywords("kwargs")],
            "Whether a TCP connection to a host and port can be made.",
            connect,
        ),
        Function::new(
            "convert_cidr",
            &[req("cidr")],
            "Network, netmask and broadcast address of a network.",
            convert_cidr,
        )
        .cheap(),
        Function::new(
            "default_route",
            FAMILY,
            "Routes that lead anywhere, of one family (`inet`, `inet6`) or of both.",
            tables::default_route,
        ),
        Function::new("get_fqdn", &[], "The name of this machine with its domain.", |_, _| Ok(fqdn().into())),
        Function::new("get_hostname", &[], "The name of this machine.", |_, _| Ok(host_name().into()))
            .cheap(),
        Function::new("hw_addr", IFACE, "The hardware address of an interface.", hw_addr).cheap(),
        Function::new("hwaddr", IFACE, "The hardware address of an interface.", hw_addr).cheap(),
        Function::new(
            "ifacestartswith",
            &[req("cidr")],
            "The interfaces with an IPv4 address that begins so: `network.ifacestartswith 10.`.",
            beginning,
        )
        .cheap(),
        Function::new(
            "in_subnet",
            &[req("cidr")],
            "Whether the minion has an address in a network.",
            |cx, args| {
                let mut own = addresses(cx, None, false, true);
                own.extend(addresses(cx, None, false, false));
                Ok(in_net(&args.str("cidr")?, &own).into())
            },
        )
        .cheap(),
        Function::new("interface", IFACE, "The IPv4 addresses of an interface.", |cx, args| {
            of_interface(cx, args, |interface| interface.get("inet").cloned().unwrap_or_else(|| "".into()))
        })
        .cheap(),
        Function::new("interface_ip", IFACE, "The first IPv4 address of an interface.", |cx, args| {
            of_interface(cx, args, |interface| {
                let first = interface.get("inet").and_then(Value::as_list).and_then(<[Value]>::first);
                first.and_then(|first| first.get("address").cloned()).unwrap_or_else(|| "".into())
            })
        })
        .cheap(),
        Function::new("interfaces", &[], "The interfaces with their addresses.", |cx, _| {
            Ok(interfaces(cx).into())
        })
        .cheap(),
        Function::new("ip_addrs", IP_ADDRS, "IPv4 addresses of the minion.", |cx, args| {
            ip_addrs(cx, args, true)
        })
        .cheap(),
        Function::new("ip_addrs6", IP_ADDRS6, "IPv6 addresses of the minion.", |cx, args| {
            ip_addrs(cx, args, false)
        })
        .cheap(),
        Function::new(
            "ip_in_subnet",
            &[req("ip_addr"), req("cidr")],
            "Whether an address is in a network.",
            |_, args| Ok(in_net(&args.str("cidr")?, &[address(&args.str("ip_addr")?)?]).into()),
        )
        .cheap(),
        Function::new(
            "ip_networks",
            &[
                opt("interface", Default::None),
                opt("include_loopback", Default::False),
                opt("verbose", Default::False),
            ],
            "The IPv4 networks that the minion is in, of all interfaces or of those that globs name; with `verbose` \
             `{network: {address, netmask, num_addresses, prefixlen}}`.",
            ip_networks,
        )
        .cheap(),
        Function::new("ipaddrs", IP_ADDRS, "IPv4 addresses of the minion.", |cx, args| {
            ip_addrs(cx, args, true)
        })
        .cheap(),
        Function::new("ipaddrs6", IP_ADDRS6, "IPv6 addresses of the minion.", |cx, args| {
            ip_addrs(cx, args, false)
        })
        .cheap(),
        Function::new("iphexval", &[req("ip")], "An IPv4 address in hexadecimal digits.", |_, args| {
            let number = |part: &str| {
                let number = part.trim().parse::<i64>().map_err(|_| {
                    let part = repr(&part.into());
                    let text = format!("invalid literal for int() with base 10: {part}");
                    Fault::exception("ValueError", text)
                })?;
                let sign = if number < 0 { "-" } else { "" };
                Ok(format!("{sign}{:0width$X}", number.unsigned_abs(), width = 2 - sign.len()))
            };
            Ok(args.str("ip")?.split('.').map(number).collect::<Result<String, Fault>>()?.into())
        })
        .cheap(),
        Function::new("is_loopback", IP, "Whether an address leads to the machine itself.", |_, args| {
            Ok(address(&args.str("ip_addr")?)?.is_loopback().into())
        })
        .cheap(),
        Function::new(
            "is_private",
            IP,
            "Whether an address is not to be reached from outside.",
            |_, args| Ok(is_private(address(&args.str("ip_addr")?)?).into()),
        )
        .cheap(),
        Function::new("netstat", &[], "Open ports and connections, and whose they are.", tables::netstat),
        Function::new(
            "ping",
            &[req("host"), opt("timeout", Default::False), opt("return_boolean", Default::False)],
            "What `ping` says of a host, or with `return_boolean` whether it answers.",
            ping,
        ),
        Function::new("reverse_ip", IP, "The name under which DNS has the name of an address.", |_, args| {
            Ok(reverse(address(&args.str("ip_addr")?)?).into())
        })
        .cheap(),
        Function::new(
            "routes",
            FAMILY,
            "The routes of the machine, of one family (`inet`, `inet6`) or of both.",
            tables::routes,
        ),
        Function::new(
            "subnets",
            &[opt("interfaces", Default::None)],
            "The IPv4 networks that the minion is in.",
            |cx, args| Ok(subnets(cx, args.get("interfaces"), true)),
        )
        .cheap(),
        Function::new("subnets6", &[], "The IPv6 networks that the minion is in.", |cx, _| {
            Ok(subnets(cx, &Value::Null, false))
        })
        .cheap(),
        Function::new(
            "wol",
            &[req("mac"), opt("bcast", Default::Str("255.255.255.255")), opt("destport", Default::Int(9))],
            "Sends a magic packet that wakes the host with this MAC address. True when it was sent.",
            |_, args| {
                wake(&args.str("mac")?, args)?;
                Ok(true.into())
            },
        ),
    ],
};

/// `{name: {up, parent?, hwaddr?, inet?, inet6?, secondary?}}`.
fn interfaces(cx: &Context) -> Map {
    cx.host.interfaces().iter().map(|interface| (interface.name.clone(), shown(interface))).collect()
}

fn shown(interface: &Interface) -> Map {
    let mut map = map! { "up" => interface.up };
    if let Some(parent) = &interface.parent {
        map.insert("parent", parent.as_str());
    }
    if let Some(hwaddr) = &interface.hwaddr {
        map.insert("hwaddr", hwaddr.as_str());
    }
    for address in &interface.addresses {
        let (kind, mut entry) = match address.ip {
            IpAddr::V4(ip) => {
                let label = address.label.as_deref().unwrap_or(&interface.name);
                let broadcast = address.broadcast.map(|broadcast| broadcast.to_string());
                let netmask = Net::around(address.ip, address.prefix).netmask().to_string();
                (
                    "inet",
                    map! { "address" => ip.to_string(), "netmask" => netmask, "broadcast" => broadcast, "label" => label },
                )
            }
            IpAddr::V6(ip) => (
                "inet6",
                map! { "address" => ip.to_string(), "prefixlen" => address.prefix.to_string(), "scope" => address.scope },
            ),
        };
        let list = if address.secondary { "secondary" } else { kind };
        if address.secondary {
            let mut typed = map! { "type" => kind };
            typed.extend(entry);
            entry = typed;
        }
        if let Value::List(items) = map.entry(list, || Value::List(Vec::new())) {
            items.push(entry.into());
        }
    }
    map
}

/// Something of one interface, or what Salt says where there is none of this name.
fn of_interface(cx: &Context, args: &Args, what: impl Fn(&Map) -> Value) -> Result<Value, Fault> {
    let name = args.str("iface")?;
    let all = interfaces(cx);
    if let Some(Value::Map(interface)) = all.get(&name) {
        return Ok(what(interface));
    }
    let names: Vec<String> = all.keys().map(str_of).collect();
    let text = format!("Interface \"{name}\" not in available interfaces: \"{}\"", names.join("\", \""));
    crate::log::error!("{text}");
    Ok(text.into())
}

fn hw_addr(cx: &Context, args: &Args) -> Result<Value, Fault> {
    of_interface(cx, args, |interface| interface.get("hwaddr").cloned().unwrap_or_else(|| "".into()))
}

/// In order, each once.
fn addresses(cx: &Context, interface: Option<&str>, loopback: bool, v4: bool) -> Vec<IpAddr> {
    let all = cx.host.interfaces();
    let wanted: Vec<&Interface> =
        all.iter().filter(|one| interface.is_none_or(|name| one.name == name)).collect();
    if wanted.is_empty()
        && let Some(name) = interface
    {
        crate::log::error!("Interface {name} not found.");
    }
    let ips = wanted.iter().flat_map(|one| &one.addresses).map(|address| address.ip);
    let kept = ips.filter(|ip| ip.is_ipv4() == v4 && (loopback || !ip.is_loopback()));
    sort::into_set(kept).into_iter().collect()
}

fn ip_addrs(cx: &Context, args: &Args, v4: bool) -> Result<Value, Fault> {
    let interface = args.opt_str("interface")?;
    let mut found = addresses(cx, interface.as_deref(), args.truthy("include_loopback"), v4);
    if args.truthy("cidr") {
        let cidr = args.str("cidr")?;
        found.retain(|ip| in_net(&cidr, &[*ip]));
    } else {
        match args.get("type").as_str() {
            Some("public") => found.retain(|ip| !is_private(*ip)),
            Some("private") => found.retain(|ip| is_private(*ip)),
            _ => {}
        }
    }
    Ok(Value::list(found.iter().map(IpAddr::to_string)))
}

fn in_net(cidr: &str, addresses: &[IpAddr]) -> bool {
    match Net::parse(cidr, true) {
        Ok(net) => addresses.iter().any(|address| net.contains(*address)),
        Err(_) => {
            crate::log::error!("Invalid CIDR '{cidr}'");
            false
        }
    }
}

fn beginning(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let beginning = str_of(args.get("cidr"));
    let mut names = Vec::new();
    for (_, interface) in interfaces(cx) {
        for address in interface.get("inet").and_then(Value::as_list).unwrap_or_default() {
            if address.get("address").is_some_and(|address| str_of(address).starts_with(&beginning)) {
                names.extend(address.get("label").cloned());
            }
        }
    }
    Ok(Value::List(names))
}

fn ip_networks(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let globs = match args.given("interface") {
        Some(Value::List(globs)) => globs.iter().map(str_of).collect(),
        Some(globs) => str_of(globs).split(',').map(|glob| glob.trim().to_owned()).collect(),
        None => vec!["*".to_owned()],
    };
    let named = |name: &str| globs.iter().any(|glob| fnmatch(glob, name));
    let nets = networks(cx, &named, true, args.truthy("include_loopback"));
    if !args.truthy("verbose") {
        return Ok(Value::list(nets.iter().map(Net::to_string)));
    }
    let about = |net: Net| {
        map! {
            "address" => net.address.to_string(),
            "netmask" => net.netmask().to_string(),
            "num_addresses" => 1_i64 << (32 - net.prefix.min(32)),
            "prefixlen" => i64::from(net.prefix),
        }
    };
    Ok(nets.into_iter().map(|net| (net.to_string(), about(net))).collect::<Map>().into())
}

/// The networks of the interfaces with such names, in order.
fn networks(cx: &Context, named: &dyn Fn(&str) -> bool, v4: bool, loopback: bool) -> BTreeSet<Net> {
    let mut interfaces = cx.host.interfaces();
    interfaces.retain(|interface| named(&interface.name));
    let addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
    let own = addresses.filter(|own| own.ip.is_ipv4() == v4 && (loopback || !own.ip.is_loopback()));
    sort::into_set(own.map(|own| Net::around(own.ip, own.prefix)))
}

fn subnets(cx: &Context, wanted: &Value, v4: bool) -> Value {
    let named = |name: &str| match wanted {
        Value::Null => true,
        Value::List(names) => names.iter().any(|wanted| wanted.as_str() == Some(name)),
        other => other.as_str() == Some(name),
    };
    let nets = networks(cx, &named, v4, false);
    Value::list(nets.iter().map(Net::to_string))
}

fn calc_net(_: &Context, args: &Args) -> Result<Value, Fault> {
    let ip = args.str("ip_addr")?;
    let text = match args.opt_str("netmask")? {
        Some(netmask) => format!("{ip}/{netmask}"),
        None => ip,
    };
    Ok(Net::parse(&text, false)?.to_string().into())
}

fn convert_cidr(_: &Context, args: &Args) -> Result<Value, Fault> {
    let net = Net::parse(&args.str("cidr")?, false)?;
    Ok(map! {
        "network" => net.address.to_string(),
        "netmask" => net.netmask().to_string(),
        "broadcast" => net.broadcast().to_string(),
    }
    .into())
}

fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = format!("{:032x}", v6.to_bits());
            let mut reversed: String = digits.chars().rev().flat_map(|digit| [digit, '.']).collect();
            reversed.push_str("ip6.arpa");
            reversed
        }
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// As Python's `getfqdn`: what the first address of this machine's name is called.
fn fqdn() -> String {
    let name = host_name();
    let resolver = Resolver::from_files(Path::new("/"));
    let ask = |questions: &[Question]| resolver.answer(questions, RESOLVED).into_iter().flatten();
    let mut found = ask(&[Question::V4(name.clone()), Question::V6(name.clone())]);
    let address = found.find_map(|answer| answer.addresses.into_iter().next());
    let answer = address.and_then(|address| ask(&[Question::Reverse(address)]).next());
    answer.map_or(name, Answer::full_name)
}

/// Letters that a host may have (Salt: `sanitize_host`; it loses the colons of IPv6 addresses, we keep them).
fn clean(host: &str) -> String {
    host.chars().filter(|char| char.is_ascii_alphanumeric() || "-._:".contains(*char)).collect()
}

fn ping(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let host = clean(&args.str("host")?);
    let command = match args.get("timeout") {
        timeout if timeout.truthy() => format!("ping -W {} -c 4 {host}", clean(&str_of(timeout))),
        _ => format!("ping -c 4 {host}"),
    };
    let call = Call::positional([command.into()]);
    if !args.truthy("return_boolean") {
        return cx.call("cmd.run", call);
    }
    Ok((cx.call("cmd.run_all", call)?.get("retcode").and_then(Value::as_int) == Some(0)).into())
}

fn connect(_: &Context, args: &Args) -> Result<Value, Fault> {
    let answer = |result: bool, comment: String| Ok(map! { "result" => result, "comment" => comment }.into());
    let (host, port) = (str_of(args.get("host")), str_of(args.get("port")));
    for (name, value) in [("host", args.get("host")), ("port", args.get("port"))] {
        if !value.truthy() {
            return answer(false, format!("Required argument, {name}, is missing."));
        }
    }
    if args.keywords.get("proto").and_then(Value::as_str) == Some("udp") {
        return Err(Fault::NotSupported("network.connect with proto=udp".to_owned()));
    }
    let family = args.keywords.get("family").and_then(Value::as_str);
    let seconds = args.keywords.get("timeout").and_then(Value::as_float).unwrap_or(5.0);
    let patience = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(5));
    let usable = |ip: IpAddr| match family {
        Some("ipv4") => ip.is_ipv4(),
        Some("ipv6") => ip.is_ipv6(),
        _ => true,
    };
    let found =
        port.parse::<u16>().ok().and_then(|port| (clean(&host).as_str(), port).to_socket_addrs().ok());
    let Some(to) = found.and_then(|mut found| found.find(|to| usable(to.ip()))) else {
        return answer(false, format!("Unable to resolve host {host} on tcp port {port}"));
    };
    let shown = format!("{host} ({}) on tcp port {port}", to.ip());
    match TcpStream::connect_timeout(&to, patience.max(Duration::from_millis(1))) {
        Ok(_) => answer(true, format!("Successfully connected to {shown}")),
        Err(_) => answer(false, format!("Unable to connect to {shown}")),
    }
}
