//! `network`: waking hosts by their MAC addresses (wake on LAN). Salt: runners/network.py.

use std::net::UdpSocket;

use super::{progress, say};
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, opt, os_error_text, req,
};
use crate::map;
use crate::value::{Value, str_of};

const BROADCAST: Param = opt("bcast", Default::Str("255.255.255.255"));
const PORT: Param = opt("destport", Default::Int(9));

pub(super) static MODULE: Module = Module {
    file: "network",
    provides: "network",
    available: always,
    functions: &[
        Function::new(
            "wol",
            &[req("mac"), BROADCAST, PORT],
            "Sends a magic packet that wakes the host with this MAC address. True when it was sent.",
            |_, args| {
                wake(&args.str("mac")?, args)?;
                Ok(true.into())
            },
        ),
        Function::new(
            "wollist",
            &[req("maclist"), BROADCAST, PORT],
            "Wakes the hosts whose MAC addresses are the lines of a file. `[mac]`.",
            wollist,
        ),
        Function::new(
            "wolmatch",
            &[req("tgt"), opt("tgt_type", Default::Str("glob")), BROADCAST, PORT],
            "Wakes the minions of a target, by the MAC addresses in their cached grains. `[mac]`.",
            wolmatch,
        ),
    ],
};

/// The six octets of `01:23:45:67:89:ab`, with any or no separator. Salt: utils/network.py (`mac_str_to_bytes`).
fn octets(mac: &str) -> Result<Vec<u8>, Fault> {
    let digits: String = match mac.len() {
        12 => mac.to_owned(),
        17 => mac.chars().enumerate().filter(|(place, _)| place % 3 != 2).map(|(_, char)| char).collect(),
        _ => return Err(Fault::exception("ValueError", "Invalid MAC address")),
    };
    let digits: Vec<char> = digits.chars().collect();
    let pair = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
    let octets: Result<Vec<u8>, _> = digits.chunks(2).map(pair).collect();
    octets.map_err(|_| Fault::exception("ValueError", "Invalid MAC address"))
}

/// Six octets of ones, then the address sixteen times.
fn magic(mac: &str) -> Result<Vec<u8>, Fault> {
    let mut packet = vec![0xff; 6];
    packet.extend(octets(mac)?.repeat(16));
    Ok(packet)
}

fn wake(mac: &str, args: &Args) -> Result<(), Fault> {
    let packet = magic(mac)?;
    let port =
        u16::try_from(args.int("destport")?).map_err(|_| Fault::invocation("'destport' is no port"))?;
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_broadcast(true)?;
    socket.send_to(&packet, (args.str("bcast")?, port))?;
    Ok(())
}

fn wollist(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut woken = Vec::new();
    let path = args.str("maclist")?;
    let read = std::fs::read_to_string(&path).map_err(|error| Fault::execution(os_error_text(&error, &path)));
    let outcome = read.and_then(|list| {
        for mac in list.lines().map(str::trim) {
            wake(mac, args)?;
            say(cx, &format!("Waking up {mac}"))?;
            woken.push(mac.to_owned());
        }
        Ok(())
    });
    if let Err(error) = outcome {
        progress(cx, "progress", map! { "error" => format!("Failed to open the MAC file. Error: {error}") })?;
        return Ok(Value::List(Vec::new()));
    }
    Ok(Value::list(woken))
}

fn wolmatch(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut woken = Vec::new();
    for id in cx.master.match_minions(args.get("tgt"), &args.str("tgt_type")?)? {
        let data = cx.master.minion_data(&id).unwrap_or_default();
        let addresses = data.get("grains").and_then(|grains| grains.get("hwaddr_interfaces"));
        for (interface, mac) in addresses.and_then(Value::as_map).into_iter().flatten() {
            if interface.as_str() != Some("lo") {
                let mac = str_of(mac).trim().to_owned();
                wake(&mac, args)?;
                woken.push(mac);
            }
        }
    }
    Ok(Value::list(woken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_magic_packet_has_ones_and_sixteen_addresses() {
        let packet = magic("01:23-45:67:89:aB").expect("a packet");
        assert_eq!(packet.len(), 6 + 16 * 6);
        assert_eq!(packet[..12], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab]);
        assert_eq!(packet, magic("0123456789ab").expect("a packet"));
        assert!(magic("01:23").is_err() && magic("0123456789zz").is_err() && magic("").is_err());
    }
}
