//! The padding of Salt's "private encrypt": ANSI X9.31 without a hash identifier, as OpenSSL's
//! `RSA_private_encrypt(..., RSA_X931_PADDING)`. Salt: utils/rsax931.py.
//!
//! ```text
//! EB = 6b | bb ... bb | ba | message | cc      or, without room for padding,      6a | message | cc
//! ```
//!
//! The smaller of `s` and `n - s` is sent; the trailer's low nibble tells them apart again.

use std::cmp::Ordering;

use super::error::CryptError;

const HEADER_PADDED: u8 = 0x6b;
const HEADER_FULL: u8 = 0x6a;
const PADDING: u8 = 0xbb;
const PADDING_END: u8 = 0xba;
const TRAILER: u8 = 0xcc;
const TRAILER_NIBBLE: u8 = 0x0c;

/// Pad `message` to `size` bytes. Messages of `size - 3` bytes are refused along with empty and longer
/// ones: OpenSSL pads them, but can not recover them.
pub(super) fn pad(message: &[u8], size: usize) -> Result<Vec<u8>, CryptError> {
    let wrong = CryptError::MessageLength { length: message.len(), size };
    let room =
        size.checked_sub(message.len() + 2).filter(|room| !message.is_empty() && *room != 1).ok_or(wrong)?;
    let mut eb = Vec::with_capacity(size);
    if room == 0 {
        eb.push(HEADER_FULL);
    } else {
        eb.push(HEADER_PADDED);
        eb.resize(room, PADDING);
        eb.push(PADDING_END);
    }
    eb.extend_from_slice(message);
    eb.push(TRAILER);
    Ok(eb)
}

/// The message in a padded block; `None` for anything OpenSSL would not recover, and for an empty one.
pub(super) fn unpad(eb: &[u8]) -> Option<&[u8]> {
    let (header, rest) = eb.split_first()?;
    let (trailer, body) = rest.split_last()?;
    if *trailer != TRAILER {
        return None;
    }
    let message = match *header {
        HEADER_FULL => body,
        HEADER_PADDED => {
            let padding = body.iter().take_while(|byte| **byte == PADDING).count();
            let (end, message) = body.get(padding..)?.split_first()?;
            (padding > 0 && *end == PADDING_END).then_some(message)?
        }
        _ => return None,
    };
    (!message.is_empty()).then_some(message)
}

/// The smaller of `s` and `n - s`.
pub(super) fn smaller(s: &[u8], n: &[u8]) -> Vec<u8> {
    let other = subtract(n, s);
    match s.cmp(&other) {
        Ordering::Greater => other,
        _ => s.to_vec(),
    }
}

/// `v` or `n - v`, whichever ends in the nibble of the trailer.
pub(super) fn with_trailer(v: Vec<u8>, n: &[u8]) -> Vec<u8> {
    match v.last() {
        Some(last) if last & 0x0f != TRAILER_NIBBLE => subtract(n, &v),
        _ => v,
    }
}

/// `a - b` of two big-endian numbers of equal length, `a >= b`.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = vec![0; a.len()];
    let mut borrow = false;
    for ((out, a), b) in out.iter_mut().zip(a).zip(b).rev() {
        let (difference, first) = a.overflowing_sub(*b);
        let (difference, second) = difference.overflowing_sub(u8::from(borrow));
        *out = difference;
        borrow = first || second;
    }
    out
}
