//! Which TCP connections of this machine stand. Linux: proc(5), `/proc/net/tcp`.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// ESTABLISHED.
const STANDS: &str = "01";

/// The two ends of each standing connection of this machine, its own first. IPv4 addresses within IPv6 come as IPv4.
pub fn connections() -> Vec<(SocketAddr, SocketAddr)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    tables.iter().flat_map(|table| standing(table)).collect()
}

fn standing(table: &str) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
    table.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (own, remote) = (words.next()?, words.next()?);
        (words.next()? == STANDS).then(|| Some((end_of(own)?, end_of(remote)?))).flatten()
    })
}

/// `0100007F:1199`: words of 32 bits, each as the processor has them in memory, and the port, all in hex.
fn end_of(field: &str) -> Option<SocketAddr> {
    let (hex, port) = field.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let address = match hex.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (at, part) in octets.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at * 8)?);
            }
            Ipv6Addr::from(octets).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_of_this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let there = listener.local_addr().expect("an address");
        let found = || connections().into_iter().filter(|(_, remote)| *remote == there).collect::<Vec<_>>();
        assert!(found().is_empty());
        let here = TcpStream::connect(there).expect("connected");
        assert_eq!(found(), [(here.local_addr().expect("an address"), there)]);
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
   4: 020200C0:D3B2 0B0200CB:119A 0A 00000000:00000000
   5: 0100007F:1199 0100007 01 0
";
        let found: Vec<String> = standing(table).map(|(own, remote)| format!("{own} {remote}")).collect();
        let expected = [
            "192.0.2.2:54194 203.0.2.9:4505",
            "127.0.0.1:41321 127.0.0.1:4505",
            "[fd00::2]:41321 [fd00::1]:4505",
        ];
        assert_eq!(found, expected);
    }
}
