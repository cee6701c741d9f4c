//! Addresses and networks. Salt: utils/network.py; Python: `ipaddress`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use num_bigint::BigInt;

use super::super::call::{Args, given, int};
use super::super::fault::{Fault, Res};
use super::super::globals::counted_items;
use super::super::methods::list::fresh;
use super::super::run::Run;
use super::super::val::{Entries, Val};
use super::strings::python_class;
use crate::value::addresses::{is_in_any, is_private, prefix_of_mask};

/// An address, alone or with the network it stands in.
#[derive(Clone, Copy)]
struct Address {
    ip: IpAddr,
    prefix: Option<u8>,
}

impl Address {
    /// `ipaddress.ip_address`, or else `ip_interface`.
    fn parse(text: &str) -> Option<Address> {
        match text.split_once('/') {
            None => Some(Address { ip: parse_ip(text)?, prefix: None }),
            Some((ip, mask)) => {
                let ip = parse_ip(ip)?;
                Some(Address { ip, prefix: Some(prefix_of(ip, mask)?) })
            }
        }
    }

    fn text(&self) -> String {
        let ip = ip_text(self.ip);
        match self.prefix {
            Some(prefix) => format!("{ip}/{prefix}"),
            None => ip,
        }
    }

    fn version(&self) -> i64 {
        if self.ip.is_ipv4() { 4 } else { 6 }
    }

    fn network(&self) -> Option<IpNet> {
        let full = if self.ip.is_ipv4() { 32 } else { 128 };
        IpNet::new(self.ip, self.prefix.unwrap_or(full)).ok().map(|net| net.trunc())
    }
}

fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// Python writes an IPv4 address inside IPv6 in hex.
fn ip_text(ip: IpAddr) -> String {
    match ip {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() || v6.to_string().contains('.') => {
            let parts = v6.segments();
            if parts[5] == 0xffff {
                format!("::ffff:{:x}:{:x}", parts[6], parts[7])
            } else {
                format!("::{:x}:{:x}", parts[6], parts[7])
            }
        }
        other => other.to_string(),
    }
}

fn prefix_of(ip: IpAddr, mask: &str) -> Option<u8> {
    let full = if ip.is_ipv4() { 32 } else { 128 };
    if !mask.is_empty() && mask.bytes().all(|b| b.is_ascii_digit()) {
        return mask.parse().ok().filter(|prefix| *prefix <= full);
    }
    let mask: Ipv4Addr = if ip.is_ipv4() { mask.parse().ok()? } else { return None };
    prefix_of_mask(mask)
}

fn is_reserved(ip: IpAddr) -> bool {
    is_in_any(
        ip,
        &[
            "240.0.0.0/4",
            "::/8",
            "100::/8",
            "200::/7",
            "400::/6",
            "800::/5",
            "1000::/4",
            "4000::/3",
            "6000::/3",
            "8000::/3",
            "A000::/3",
            "C000::/3",
            "E000::/4",
            "F000::/5",
            "F800::/6",
            "FE00::/9",
        ],
    )
}

fn option_holds(option: &str, ip: IpAddr) -> bool {
    match option {
        "global" | "public" => !is_private(ip),
        "private" => is_private(ip),
        "link-local" | "linklocal" | "ll" | "link_local" => is_in_any(ip, &["169.254.0.0/16", "fe80::/10"]),
        "loopback" | "lo" => ip.is_loopback(),
        "multicast" => ip.is_multicast(),
        "reserved" => is_reserved(ip),
        "site-local" | "sl" | "site_local" => is_in_any(ip, &["fec0::/10"]),
        "unspecified" => ip.is_unspecified(),
        _ => true,
    }
}

/// The address as text when it has this version and all options hold.
fn checked(val: &Val, version: i64, options: Option<&str>) -> Option<String> {
    let address = match val {
        Val::Str(text) | Val::Markup(text) => Address::parse(text)?,
        Val::Big(big) => {
            Address { ip: IpAddr::V6(Ipv6Addr::from(u128::try_from(&**big).ok()?)), prefix: None }
        }
        Val::Int(int) if *int >= 0 => match u32::try_from(*int) {
            Ok(int) => Address { ip: IpAddr::V4(Ipv4Addr::from(int)), prefix: None },
            Err(_) => Address { ip: IpAddr::V6(Ipv6Addr::from(u128::try_from(*int).ok()?)), prefix: None },
        },
        Val::Bool(bool) => Address { ip: IpAddr::V4(Ipv4Addr::from(u32::from(*bool))), prefix: None },
        Val::Bytes(bytes) => match bytes.len() {
            4 => Address { ip: IpAddr::from(<[u8; 4]>::try_from(&**bytes).ok()?), prefix: None },
            16 => Address { ip: IpAddr::from(<[u8; 16]>::try_from(&**bytes).ok()?), prefix: None },
            _ => return None,
        },
        _ => return None,
    };
    if address.version() != version {
        return None;
    }
    let options = options.unwrap_or_default();
    let holds =
        options.is_empty() || options.split(',').all(|option| option_holds(option.trim(), address.ip));
    holds.then(|| address.text())
}

fn options_of(run: &mut Run<'_>, options: Option<Val>) -> Res<Option<Rc<str>>> {
    match options {
        None | Some(Val::None) => Ok(None),
        Some(options) => run.text_of(&options).map(Some),
    }
}

fn is_version(run: &mut Run<'_>, args: Args, name: &str, versions: &[i64]) -> Res<Val> {
    let [val, options] = args.bind(name, ["ip_addr", "options"], 1)?;
    let (val, options) = (given(val), options_of(run, options)?);
    if let Val::Undefined(undefined) = &val {
        return Err(undefined.fault());
    }
    Ok(Val::Bool(versions.iter().any(|version| checked(&val, *version, options.as_deref()).is_some())))
}

pub(super) fn is_ip(run: &mut Run<'_>, args: Args) -> Res<Val> {
    is_version(run, args, "is_ip_filter", &[4, 6])
}

pub(super) fn is_ipv4(run: &mut Run<'_>, args: Args) -> Res<Val> {
    is_version(run, args, "is_ipv4_filter", &[4])
}

pub(super) fn is_ipv6(run: &mut Run<'_>, args: Args) -> Res<Val> {
    is_version(run, args, "is_ipv6_filter", &[6])
}

/// `ipv4` and `ipv6`: of text that text or nothing, of a list those that fit.
fn filtered(run: &mut Run<'_>, val: &Val, version: i64, options: Option<&str>) -> Res<Val> {
    Ok(match val {
        Val::Str(_) | Val::Markup(_) | Val::Bytes(_) => {
            checked(val, version, options).map_or(Val::None, Val::str)
        }
        Val::List(_) | Val::Tuple(_) | Val::Gen(_) => {
            let items = counted_items(run, val)?;
            fresh(items.iter().filter_map(|item| checked(item, version, options)).map(Val::str).collect())
        }
        _ => Val::None,
    })
}

fn ip_filter(run: &mut Run<'_>, args: Args, name: &str, version: i64) -> Res<Val> {
    let [val, options] = args.bind(name, ["value", "options"], 1)?;
    let options = options_of(run, options)?;
    filtered(run, &given(val), version, options.as_deref())
}

pub(super) fn ipv4(run: &mut Run<'_>, args: Args) -> Res<Val> {
    ip_filter(run, args, "ipv4", 4)
}

pub(super) fn ipv6(run: &mut Run<'_>, args: Args) -> Res<Val> {
    ip_filter(run, args, "ipv6", 6)
}

fn any_version(run: &mut Run<'_>, val: &Val, options: Option<&str>) -> Res<Val> {
    let val = match val {
        Val::Gen(_) => fresh(counted_items(run, val)?),
        other => other.clone(),
    };
    let (four, six) = (filtered(run, &val, 4, options)?, filtered(run, &val, 6, options)?);
    match (&four, &six) {
        (Val::List(_), Val::List(_)) => run.binary(super::super::syntax::BinaryOp::Add, &four, &six),
        _ if four.truthy()? => Ok(four),
        _ => Ok(six),
    }
}

pub(super) fn ipaddr(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, options] = args.bind("ipaddr", ["value", "options"], 1)?;
    let options = options_of(run, options)?;
    any_version(run, &given(val), options.as_deref())
}

/// Applies `each` to the address, or to each of a list.
fn per_address(
    run: &mut Run<'_>,
    args: Args,
    name: &str,
    each: fn(&mut Run<'_>, &Address) -> Res<Val>,
) -> Res<Val> {
    let [val, options, version] = args.bind(name, ["value", "options", "version"], 1)?;
    let val = given(val);
    let options = options_of(run, options)?;
    let version = match version {
        None | Some(Val::None) => 0,
        version => int(version, 0)?,
    };
    let found = match version {
        0 => any_version(run, &val, options.as_deref())?,
        version => filtered(run, &val, version, options.as_deref())?,
    };
    if !found.truthy()? {
        return Ok(Val::None);
    }
    let is_list = matches!(val, Val::List(_) | Val::Tuple(_) | Val::Gen(_));
    let texts = match &found {
        Val::List(_) => counted_items(run, &found)?,
        other => vec![other.clone()],
    };
    let mut out = Vec::new();
    for text in texts {
        if let Some(address) = text.as_str().and_then(|text| Address::parse(text)) {
            out.push(each(run, &address)?);
        }
    }
    Ok(if is_list { fresh(out) } else { out.into_iter().next().unwrap_or(Val::None) })
}

pub(super) fn ip_host(run: &mut Run<'_>, args: Args) -> Res<Val> {
    per_address(run, args, "ip_host", |_, address| {
        let full = if address.ip.is_ipv4() { 32 } else { 128 };
        Ok(Val::str(format!("{}/{}", ip_text(address.ip), address.prefix.unwrap_or(full))))
    })
}

pub(super) fn network_hosts(run: &mut Run<'_>, args: Args) -> Res<Val> {
    per_address(run, args, "network_hosts", |run, address| {
        let Some(net) = address.network() else { return Ok(Val::None) };
        let size =
            1_u128.checked_shl(u32::from(net.max_prefix_len() - net.prefix_len())).unwrap_or(u128::MAX);
        run.charge(usize::try_from(size.saturating_mul(64)).unwrap_or(usize::MAX))?;
        let hosts: Vec<Val> = match net {
            IpNet::V4(net) => hosts_v4(net).map(|ip| Val::str(ip.to_string())).collect(),
            IpNet::V6(net) => hosts_v6(net).map(|ip| Val::str(ip_text(IpAddr::V6(ip)))).collect(),
        };
        Ok(fresh(hosts))
    })
}

/// All addresses but the first and the last; both of a /31, the one of a /32.
fn hosts_v4(net: Ipv4Net) -> Box<dyn Iterator<Item = Ipv4Addr>> {
    let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
    let range = if net.prefix_len() >= 31 { first..=last } else { first + 1..=last - 1 };
    Box::new(range.map(Ipv4Addr::from))
}

/// All addresses but the first, which is the router's.
fn hosts_v6(net: Ipv6Net) -> Box<dyn Iterator<Item = Ipv6Addr>> {
    let (first, last) = (u128::from(net.network()), u128::from(net.broadcast()));
    let range = if net.prefix_len() >= 127 { first..=last } else { first + 1..=last };
    Box::new(range.map(Ipv6Addr::from))
}

pub(super) fn network_size(run: &mut Run<'_>, args: Args) -> Res<Val> {
    per_address(run, args, "network_size", |_, address| {
        let full = if address.ip.is_ipv4() { 32 } else { 128 };
        let bits = u32::from(full - address.prefix.unwrap_or(full));
        Ok(Val::from_big(BigInt::from(1) << usize::try_from(bits).unwrap_or_default()))
    })
}

pub(super) fn gen_mac(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [prefix] = args.bind("gen_mac", ["prefix"], 0)?;
    let prefix = match prefix {
        None => Rc::from("AC:DE:48"),
        Some(prefix) => run.text_of(&prefix)?,
    };
    let [a, b, c, ..] = run.around.random().to_be_bytes();
    run.text(format!("{prefix}:{a:02X}:{b:02X}:{c:02X}"))
}

pub(super) fn mac_str_to_bytes(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("mac_str_to_bytes", ["mac_str"], 1)?;
    let val = given(val);
    let Some(text) = val.as_str() else {
        super::super::iterate::length_of(&val)?;
        return Err(Fault::other("Invalid MAC address"));
    };
    let chars: Vec<char> = text.chars().collect();
    let digits: String = match chars.len() {
        12 => text.to_string(),
        17 => text.replace(chars[2], ""),
        _ => return Err(Fault::other("Invalid MAC address")),
    };
    let mut octets = Vec::new();
    for at in (0..12).step_by(2) {
        let pair = digits.get(at..at + 2).unwrap_or_default();
        octets.push(u8::from_str_radix(pair, 16).map_err(|_| {
            let shown = super::super::print::text_repr_owned(pair);
            Fault::other(format!("invalid literal for int() with base 16: {shown}"))
        })?);
    }
    Ok(Val::Bytes(octets.into()))
}

fn network(val: &Val) -> Res<IpNet> {
    let text = val.as_str().cloned().unwrap_or_else(|| Rc::from(""));
    let shown = super::super::print::text_repr_owned(&text);
    let bad = || Fault::other(format!("{shown} does not appear to be an IPv4 or IPv6 network"));
    let address = Address::parse(&text).ok_or_else(bad)?;
    let net = address.network().ok_or_else(bad)?;
    if net.addr() != address.ip {
        return Err(Fault::other(format!("{text} has host bits set")));
    }
    Ok(net)
}

pub(super) fn filter_by_networks(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, networks] = args.bind("filter_by_networks", ["values", "networks"], 2)?;
    let (val, networks) = (given(val), given(networks));
    if matches!(networks, Val::None) {
        return Ok(val);
    }
    let nets: Vec<IpNet> = counted_items(run, &networks)?.iter().map(network).collect::<Res<_>>()?;
    let mut inside = |val: &Val| -> Res<Val> {
        let mut out = Vec::new();
        for item in counted_items(run, val)? {
            for net in &nets {
                let ip = item.as_str().and_then(|text| parse_ip(text)).ok_or_else(|| {
                    let shown = super::super::print::repr(&item).unwrap_or_default();
                    Fault::other(format!("{shown} does not appear to be an IPv4 or IPv6 address"))
                })?;
                if net.contains(&ip) {
                    out.push(item.clone());
                }
            }
        }
        Ok(fresh(out))
    };
    match &val {
        Val::Dict(dict) => {
            let mut out = Entries::new();
            for (key, val) in dict.entries.borrow().iter() {
                out.insert(key.clone(), inside(val)?);
            }
            Ok(Val::dict(out))
        }
        Val::List(_) | Val::Tuple(_) | Val::Str(_) | Val::Markup(_) | Val::Range(_) => inside(&val),
        other => Err(Fault::other(format!("Do not know how to filter a <class '{}'>", python_class(other)))),
    }
}

pub(super) fn ipwrap(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("ipwrap", ["data"], 1)?;
    let wrap = |val: Val| match (checked(&val, 6, None), val.as_str()) {
        (Some(_), Some(text)) => {
            Val::str(format!("[{}]", text.trim_start_matches('[').trim_end_matches(']')))
        }
        _ => val,
    };
    Ok(match given(val) {
        val @ (Val::List(_) | Val::Tuple(_)) => {
            fresh(counted_items(run, &val)?.into_iter().map(wrap).collect())
        }
        other => wrap(other),
    })
}
