//! Waking a host by its MAC address (wake on LAN), as runners and minions do. Salt: runners/network.py, modules/network.py
//! (`wol`).

use std::net::UdpSocket;

use super::{Args, Fault};

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

/// Sends the packet that wakes the host with this MAC address to `bcast`, port `destport`.
///
/// # Errors
/// When it is no MAC address, or the packet cannot be sent.
pub fn wake(mac: &str, args: &Args) -> Result<(), Fault> {
    let packet = magic(mac)?;
    let port =
        u16::try_from(args.int("destport")?).map_err(|_| Fault::invocation("'destport' is no port"))?;
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_broadcast(true)?;
    socket.send_to(&packet, (args.str("bcast")?, port))?;
    Ok(())
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
