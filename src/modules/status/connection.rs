//! `status.master`: whether there is a connection to a master's publish port, as `/proc/net/tcp` tells (proc(5)). Salt:
//! modules/status.py (`master`), utils/network.py (`remote_port_tcp`).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::Value;

/// Nothing for a master whose name nobody knows. An event on the minion's bus when it is not as it is `connected`.
pub(super) fn master(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.opt_str("master")?.unwrap_or_default();
    let Ok(found) = (name.as_str(), 0).to_socket_addrs() else { return Ok(Value::Null) };
    let addresses: Vec<IpAddr> = found.map(|found| found.ip().to_canonical()).collect();
    if name.is_empty() || addresses.is_empty() {
        return Ok(Value::Null);
    }
    let port = cx.opts.get("publish_port").and_then(Value::as_int).and_then(|port| u16::try_from(port).ok());
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let connected = tables
        .iter()
        .flat_map(|table| connected_to(table, port.unwrap_or(4505)))
        .any(|address| addresses.contains(&address));
    if connected != args.truthy("connected") {
        let tag = if connected { "__master_connected" } else { "__master_disconnected" };
        if let Err(fault) = cx.minion.fire(tag, map! { "master" => name }) {
            crate::log::debug!("{tag} could not be told: {fault}");
        }
    }
    Ok(connected.into())
}

/// ESTABLISHED.
const STANDS: &str = "01";

/// To which addresses connections to a port stand.
fn connected_to(table: &str, port: u16) -> impl Iterator<Item = IpAddr> {
    table.lines().filter_map(move |line| {
        let mut words = line.split_whitespace().skip(2);
        let (address, remote_port) = words.next()?.split_once(':')?;
        let stands = words.next()? == STANDS && u16::from_str_radix(remote_port, 16).ok()? == port;
        stands.then(|| address_of(address)).flatten()
    })
}

/// Words of 32 bits, each as the processor has them in memory.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut octets = [0; 16];
            for (at, part) in octets.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at * 8)?);
            }
            Some(IpAddr::from(Ipv6Addr::from(octets)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_of_this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let found = || {
            let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
            connected_to(&table, port).collect::<Vec<_>>()
        };
        assert!(found().is_empty());
        let _here = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        assert_eq!(found(), [IpAddr::from([127, 0, 0, 1])]);
    }

    /// Read by Salt 3006.25's `_parse_tcp_line` on x86-64.
    #[cfg(target_endian = "little")]
    #[test]
    fn addresses_are_read_as_salt_reads_them() {
        let table = "  sl  local_address rem_address   st
   0: 020200C0:D3B2 090200CB:1199 01 00000000:00000000
  11: 0000000000000000FFFF00000100007F:A169 0000000000000000FFFF00000100007F:1199 01 0
   2: 000000FD000000000000000002000000:A169 000000FD000000000000000001000000:1199 01 0
   3: 020200C0:D3B2 0A0200CB:1199 06 00000000:00000000
   4: 020200C0:D3B2 0B0200CB:119A 01 00000000:00000000
";
        let found: Vec<String> = connected_to(table, 4505).map(|address| address.to_string()).collect();
        assert_eq!(found, ["203.0.2.9", "127.0.0.1", "fd00::1"]);
    }
}
