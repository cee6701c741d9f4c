//! Routes and open ports, as programs of the host show them: `netstat`, or `ip` and `ss` where there is none. Salt:
//! modules/network.py (`routes`, `default_route`, `netstat`).

use super::net::Net;
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

const TCP: &[&str] =
    &["proto", "recv-q", "send-q", "local-address", "remote-address", "state", "user", "inode", "program"];
const UDP: &[&str] =
    &["proto", "recv-q", "send-q", "local-address", "remote-address", "user", "inode", "program"];

/// What `ip -6 route` begins lines with that are no routes to somewhere.
const NO_ROUTES: &[&str] =
    &["unicast", "broadcast", "throw", "unreachable", "prohibit", "blackhole", "nat", "anycast", "multicast"];

/// The words of each line that a command prints.
fn lines(cx: &Context, command: &str, shell: bool) -> Result<Vec<Vec<String>>, Fault> {
    let mut call = Call::positional([command.into()]);
    if shell {
        call.kwargs.insert("python_shell", true);
    }
    let printed = str_of(&cx.call("cmd.run", call)?);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    Ok(printed.lines().map(words).filter(|words| !words.is_empty()).collect())
}

/// `[{proto, recv-q, send-q, local-address, remote-address, state?, user, inode, program}]`.
pub(super) fn netstat(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let by_ss = cx.which("netstat").is_none();
    let command = if by_ss { "ss -tulpnea" } else { "netstat -tulpnea" };
    let mut all = Vec::new();
    for mut words in lines(cx, command, false)? {
        let proto = words.first().cloned().unwrap_or_default();
        let names = match &proto {
            proto if proto.starts_with("tcp") => TCP,
            proto if proto.starts_with("udp") => UDP,
            _ => continue,
        };
        let mut values: Vec<Value> = Vec::new();
        if by_ss {
            let (user, inode, program) = of_process(&words);
            let state = match words.get(1).map(String::as_str) {
                Some("ESTAB") => "ESTABLISHED".to_owned(),
                state => state.unwrap_or_default().to_owned(),
            };
            words.truncate(6);
            values.push(proto.into());
            values.extend(words.into_iter().skip(2).map(Value::from));
            if names == TCP {
                values.push(state.into());
            }
            values.extend([user, inode, program]);
        } else {
            values.extend(words.into_iter().map(Value::from));
        }
        all.push(Value::Map(names.iter().copied().zip(values).collect()));
    }
    Ok(Value::List(all))
}

/// User, inode and program that `ss` tells behind the addresses.
fn of_process(words: &[String]) -> (Value, Value, Value) {
    let (mut user, mut inode, mut program) = (Value::Int(0), Value::Int(0), Value::from(""));
    // Salt quirk (modules/network.py, all): the last word is not looked at.
    let told = words.get(6..words.len().saturating_sub(1)).unwrap_or_default();
    for (name, value) in told.iter().filter_map(|word| word.split_once(':')) {
        let value = value.split(':').next().unwrap_or_default();
        match name {
            "users" => {
                let first = value.split(',').next().and_then(|first| first.split('"').nth(1));
                program = first.unwrap_or_default().into();
            }
            "uid" => user = value.into(),
            "ino" => inode = value.into(),
            _ => {}
        }
    }
    (user, inode, program)
}

/// `[{addr_family, destination, gateway, netmask, flags, interface}]`.
pub(super) fn routes(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(Value::list(of_family(cx, args)?))
}

/// The routes that lead anywhere.
pub(super) fn default_route(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut routes = of_family(cx, args)?;
    let anywhere = ["0.0.0.0", "::/0", "default"];
    routes.retain(|route| route.str("destination").is_some_and(|to| anywhere.contains(&to)));
    Ok(Value::list(routes))
}

fn of_family(cx: &Context, args: &Args) -> Result<Vec<Map>, Fault> {
    let family = args.opt_str("family")?;
    if let Some(other) = family.as_deref().filter(|family| !matches!(*family, "inet" | "inet6")) {
        return Err(Fault::execution(format!("Invalid address family {other}")));
    }
    let mut routes = if cx.which("netstat").is_some() { by_netstat(cx)? } else { by_ip(cx)? };
    routes.retain(|route| family.as_deref().is_none_or(|family| route.str("addr_family") == Some(family)));
    Ok(routes)
}

fn route(family: &str, destination: &str, gateway: &str, netmask: &str, flags: &str, interface: &str) -> Map {
    map! {
        "addr_family" => family,
        "destination" => destination,
        "gateway" => gateway,
        "netmask" => netmask,
        "flags" => flags,
        "interface" => interface,
    }
}

fn by_netstat(cx: &Context) -> Result<Vec<Map>, Fault> {
    let mut all = Vec::new();
    for words in lines(cx, "netstat -A inet -rn | tail -n+3", true)? {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let [to, gateway, netmask, flags, _, _, _, interface, ..] = words[..] {
            all.push(route("inet", to, gateway, netmask, flags, interface));
        }
    }
    for words in lines(cx, "netstat -A inet6 -rn | tail -n+3", true)? {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let [to, gateway, flags, _, _, interface] | [to, gateway, flags, _, _, _, interface] = words[..] {
            all.push(route("inet6", to, gateway, "", flags, interface));
        }
    }
    Ok(all)
}

/// The routes of `ip`, in the form of `netstat`.
fn by_ip(cx: &Context) -> Result<Vec<Map>, Fault> {
    let mut all = Vec::new();
    for words in lines(cx, "ip -4 route show table main", true)? {
        let interface = |at: usize| device(&words, at);
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        match word(0) {
            "unreachable" => {}
            "default" => all.push(route("inet", "0.0.0.0", word(2), "0.0.0.0", "UG", interface(3))),
            to => {
                let net = Net::parse(to, false)?;
                let (network, netmask) = (net.address.to_string(), net.netmask().to_string());
                all.push(route("inet", &network, "0.0.0.0", &netmask, "U", interface(1)));
            }
        }
    }
    for words in lines(cx, "ip -6 route show table all", true)? {
        let interface = |at: usize| device(&words, at);
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        match word(0) {
            other if NO_ROUTES.contains(&other) => {}
            "default" => all.push(route("inet6", "::/0", word(2), "", "UG", interface(3))),
            "local" => {
                all.push(route("inet6", &format!("{}/128", word(1)), "::", "", "U", interface(2)));
            }
            to => {
                Net::parse(to, false)?;
                all.push(route("inet6", to, "::", "", "U", interface(1)));
            }
        }
    }
    Ok(all)
}

/// What stands behind `dev`, if that is what stands there.
fn device(words: &[String], at: usize) -> &str {
    match (words.get(at).map(String::as_str), words.get(at + 1)) {
        (Some("dev"), Some(name)) => name,
        _ => "",
    }
}
