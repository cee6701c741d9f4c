//! Asking the kernel's routing tables without running `ip`: a dump request, and a bounded reader for what comes back.
//! rtnetlink(7), netlink(7).
//!
//! ```text
//! message   | length: u32 | type: u16 | flags: u16 | seq: u32 | pid: u32 | body … (padded to 4) |
//! attribute | length: u16 | type: u16 | value … (padded to 4) |
//! ```

use std::io;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 0x2;
const NLMSG_DONE: u16 = 0x3;
const HEADER_LEN: usize = 16;
/// A dump is a handful of datagrams of 32 KiB; this many end it whatever the kernel says.
const MAX_DATAGRAMS: usize = 4096;

/// Sends a dump request and gives the bodies of the messages of type `wanted`.
///
/// # Errors
/// When there is no netlink (a sandbox), or the kernel refuses.
pub fn dump(request: u16, family: u8, wanted: u16) -> io::Result<Vec<Vec<u8>>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, &request_message(request, family), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut bodies = Vec::new();
    let mut buffer = vec![0_u8; 0x1_0000];
    for _ in 0..MAX_DATAGRAMS {
        let (length, _) = recv(&socket, &mut *buffer, RecvFlags::empty())?;
        if length == 0 || !messages(buffer.get(..length).unwrap_or_default(), wanted, &mut bodies)? {
            break;
        }
    }
    Ok(bodies)
}

fn request_message(request: u16, family: u8) -> Vec<u8> {
    // The body is a `struct rtgenmsg` padded to the longest fixed part (`struct ifinfomsg`): all zero but the family.
    let mut message = Vec::with_capacity(HEADER_LEN + 16);
    message.extend_from_slice(&32_u32.to_ne_bytes());
    message.extend_from_slice(&request.to_ne_bytes());
    message.extend_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    message.extend_from_slice(&1_u32.to_ne_bytes());
    message.extend_from_slice(&0_u32.to_ne_bytes());
    message.push(family);
    message.resize(HEADER_LEN + 16, 0);
    message
}

/// Takes the messages of one datagram; `false` when the dump is over.
fn messages(mut datagram: &[u8], wanted: u16, bodies: &mut Vec<Vec<u8>>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(body) = datagram.get(HEADER_LEN..length) else { break };
        match kind {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => {
                let code = u32_at(body, 0).map_or(0, |code| i32::from_ne_bytes(code.to_ne_bytes()));
                return Err(io::Error::from_raw_os_error(code.saturating_neg()));
            }
            kind if kind == wanted => bodies.push(body.to_owned()),
            _ => {}
        }
        datagram = datagram.get(padded(length)..).unwrap_or_default();
    }
    Ok(true)
}

/// The attributes after the fixed part of a body: `(type, value)`.
pub fn attributes(body: &[u8], fixed: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(fixed..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        // The two upper bits say "nested" and "big endian".
        let kind = u16_at(rest, 2)? & 0x3fff;
        let value = rest.get(4..length)?;
        rest = rest.get(padded(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

pub fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}

pub fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(octets.get(at..at + 4)?.try_into().ok()?))
}

/// Text that ends at the first NUL.
pub fn text(octets: &[u8]) -> String {
    let end = octets.iter().position(|octet| *octet == 0).unwrap_or(octets.len());
    String::from_utf8_lossy(octets.get(..end).unwrap_or_default()).into_owned()
}

fn padded(length: usize) -> usize {
    length.saturating_add(3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_leave_the_datagram_end_it() {
        let mut bodies = Vec::new();
        for datagram in [&[0_u8; 3][..], &[0xff; 40], &[8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(messages(datagram, 16, &mut bodies).is_ok());
        }
        assert!(bodies.is_empty());
        assert_eq!(attributes(&[0xff, 0xff, 1, 0, 5], 0).count(), 0);
        assert_eq!(attributes(&[0, 0, 1, 0, 5], 0).count(), 0);
        assert_eq!(attributes(&[5, 0, 1, 0, 5, 0, 0, 0, 4, 0, 2, 0], 0).collect::<Vec<_>>().len(), 2);
    }

    #[test]
    fn a_refusal_is_the_error_it_names() {
        let mut datagram = vec![20, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        datagram.extend_from_slice(&(-1_i32).to_ne_bytes());
        let error = messages(&datagram, 16, &mut Vec::new()).expect_err("refused");
        assert_eq!(error.raw_os_error(), Some(1));
    }
}
