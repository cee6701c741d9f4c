//! Frames. RFC 37, "Framing".
//!
//! ```text
//! frame = flags (1) | length (1 or 8) | body
//! flags = 00000 COMMAND LONG MORE
//! ```

use bytes::{Buf, Bytes, BytesMut};

use crate::error::CodecError;

const MORE: u8 = 0x01;
const LONG: u8 = 0x02;
const COMMAND: u8 = 0x04;

/// The longest header: flags and an 8-octet length.
pub const MAX_HEADER_OCTETS: usize = 9;

/// Limits on announced lengths, checked before anything is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Longest body of a message frame (`maxmsgsize`); equal is fine.
    pub message: u64,
    /// Longest body of a command frame.
    pub command: u64,
}

impl FrameLimits {
    /// No limits but those of the format.
    pub const NONE: FrameLimits = FrameLimits { message: i64::MAX as u64, command: i64::MAX as u64 };

    /// Whether a body may be this long.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self, command: bool, announced: u64) -> Result<(), CodecError> {
        if command && announced > self.command {
            return Err(CodecError::CommandTooLong { announced, limit: self.command });
        }
        if !command && announced > self.message {
            return Err(CodecError::FrameTooLong { announced, limit: self.message });
        }
        Ok(())
    }
}

/// A parsed frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Another frame of the same message follows. Ignored on commands.
    pub more: bool,
    /// A command, not part of a message.
    pub command: bool,
    /// Octets of the body, below 2^63.
    pub body_octets: u64,
    /// Octets of this header, 2 or 9.
    pub header_octets: usize,
}

impl FrameHeader {
    /// Reads a header from the start of `input`; `None` while it is incomplete.
    ///
    /// # Errors
    /// A length of 2^63 or more, or above the limit of its kind.
    pub fn decode(input: &[u8], limits: FrameLimits) -> Result<Option<FrameHeader>, CodecError> {
        let &[flags, short, ..] = input else { return Ok(None) };
        // RFC 37: "Bits 7-3 are reserved for future use and MUST be zero"; libzmq ignores them on receive, and so do we.
        let (body_octets, header_octets) = if flags & LONG == 0 {
            (u64::from(short), 2)
        } else {
            let Some(length) = input.get(1..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
            (u64::from_be_bytes(*length), MAX_HEADER_OCTETS)
        };
        // "Size is up to 2^63-1 octets."
        if i64::try_from(body_octets).is_err() {
            return Err(CodecError::FrameLength(body_octets));
        }
        let command = flags & COMMAND != 0;
        limits.check(command, body_octets)?;
        Ok(Some(FrameHeader { more: flags & MORE != 0 && !command, command, body_octets, header_octets }))
    }

    /// A header for a body of ours, in canonical form.
    pub fn for_body(body_octets: usize, more: bool, command: bool) -> HeaderOctets {
        // RFC 37: "This bit [MORE] SHALL be zero on command frames."
        let mut flags = 0;
        if more && !command {
            flags |= MORE;
        }
        if command {
            flags |= COMMAND;
        }
        let mut octets = [0; MAX_HEADER_OCTETS];
        // "A frame of 0 to 255 octets SHOULD have the short form."
        let len = match u8::try_from(body_octets) {
            Ok(short) => {
                octets[0] = flags;
                octets[1] = short;
                2
            }
            Err(_) => {
                octets[0] = flags | LONG;
                octets[1..].copy_from_slice(&(body_octets as u64).to_be_bytes());
                MAX_HEADER_OCTETS
            }
        };
        HeaderOctets { octets, len }
    }
}

/// An encoded header.
#[derive(Debug, Clone, Copy)]
pub struct HeaderOctets {
    octets: [u8; MAX_HEADER_OCTETS],
    /// 2 or 9.
    len: usize,
}

impl std::ops::Deref for HeaderOctets {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

/// A complete frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Another frame of the same message follows.
    pub more: bool,
    /// A command, not part of a message.
    pub command: bool,
    /// Shares memory with the input it was taken from.
    pub body: Bytes,
}

impl Frame {
    /// Takes one frame off the front of `input`; `None` while it is incomplete. Nothing is reserved: the
    /// caller reads more octets, for example guided by [`octets_missing`].
    ///
    /// # Errors
    /// As [`FrameHeader::decode`]; `input` is then left as it was.
    pub fn take(input: &mut BytesMut, limits: FrameLimits) -> Result<Option<Frame>, CodecError> {
        let Some(header) = FrameHeader::decode(input, limits)? else { return Ok(None) };
        let Some(whole) = whole_octets(&header).filter(|&whole| whole <= input.len()) else {
            return Ok(None);
        };
        let mut frame = input.split_to(whole);
        frame.advance(header.header_octets);
        Ok(Some(Frame { more: header.more, command: header.command, body: frame.freeze() }))
    }

    /// Appends the canonical wire form.
    pub fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&FrameHeader::for_body(self.body.len(), self.more, self.command));
        out.extend_from_slice(&self.body);
    }
}

/// How many octets the frame at the front of `input` still lacks, as far as its header tells. A hint for the
/// next read and nothing to reserve at once: the peer may be lying.
pub fn octets_missing(input: &[u8]) -> u64 {
    match FrameHeader::decode(input, FrameLimits::NONE) {
        Ok(Some(header)) => {
            (header.body_octets + header.header_octets as u64).saturating_sub(input.len() as u64)
        }
        _ => 0,
    }
}

fn whole_octets(header: &FrameHeader) -> Option<usize> {
    usize::try_from(header.body_octets).ok()?.checked_add(header.header_octets)
}

/// Laws of the framing.
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties {
    use super::*;

    fn all(input: &[u8], mut cut: impl FnMut(usize) -> usize) -> (Vec<Frame>, Option<CodecError>) {
        let limits = FrameLimits { message: 1 << 20, command: 1 << 10 };
        let mut frames = Vec::new();
        let mut buffer = BytesMut::new();
        let mut rest = input;
        loop {
            match Frame::take(&mut buffer, limits) {
                Ok(Some(frame)) => frames.push(frame),
                Err(error) => return (frames, Some(error)),
                Ok(None) if rest.is_empty() => return (frames, None),
                Ok(None) => {
                    let (now, later) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
                    buffer.extend_from_slice(now);
                    rest = later;
                }
            }
        }
    }

    /// Property behind the fuzz target `zmtp_frames`: whole, octet by octet and in chunks of the size that
    /// the first octet names, the same frames come out; encoding them gives canonical octets.
    pub fn any_cut_gives_the_same_frames(input: &[u8]) {
        let Some((&chunk, input)) = input.split_first() else { return };
        let whole = all(input, |len| len);
        assert_eq!(whole, all(input, |_| 1));
        assert_eq!(whole, all(input, |_| chunk.into()));
        for frame in whole.0 {
            let mut octets = Vec::new();
            frame.encode_to(&mut octets);
            assert!(octets.len() <= frame.body.len() + MAX_HEADER_OCTETS);
            let again = Frame::take(&mut octets.as_slice().into(), FrameLimits::NONE).unwrap().unwrap();
            assert_eq!(again, frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(octets: &[u8], message: u64) -> Result<Option<Frame>, CodecError> {
        Frame::take(&mut BytesMut::from(octets), FrameLimits { message, command: 100 })
    }

    #[test]
    fn short_and_long_forms_are_read_and_canonical_forms_written() {
        assert_eq!(&*FrameHeader::for_body(255, true, false), [1, 255]);
        assert_eq!(&*FrameHeader::for_body(256, false, true), [6, 0, 0, 0, 0, 0, 0, 1, 0]);
        let frame = take(&[2, 0, 0, 0, 0, 0, 0, 0, 1, 9], 10).unwrap().unwrap();
        assert_eq!(frame, Frame { more: false, command: false, body: Bytes::from_static(&[9]) });
    }

    #[test]
    fn reserved_bits_are_ignored() {
        assert_eq!(take(b"\xf8\x02hi", 10).unwrap().unwrap().body, "hi");
    }

    #[test]
    fn lengths_are_judged_before_anything_is_read() {
        assert_eq!(
            take(&[2, 255, 255, 255, 255, 255, 255, 255, 255], u64::MAX),
            Err(CodecError::FrameLength(u64::MAX))
        );
        assert_eq!(take(&[2, 128, 0, 0, 0, 0, 0, 0, 0], u64::MAX), Err(CodecError::FrameLength(1 << 63)));
        assert_eq!(take(&[0, 11], 10), Err(CodecError::FrameTooLong { announced: 11, limit: 10 }));
        assert_eq!(take(&[0, 10], 10), Ok(None));
        assert_eq!(take(&[4, 101], 10), Err(CodecError::CommandTooLong { announced: 101, limit: 100 }));
    }

    #[test]
    fn the_hint_follows_the_header() {
        assert_eq!(octets_missing(&[0]), 0);
        assert_eq!(octets_missing(&[0, 5, 1]), 4);
        assert_eq!(octets_missing(&[2, 0, 0, 0, 0, 64, 0, 0, 0]), 1 << 30);
    }

    proptest::proptest! {
        #[test]
        fn any_octets(input in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            properties::any_cut_gives_the_same_frames(&input);
        }

        #[test]
        fn any_frames(frames in proptest::collection::vec((proptest::bool::ANY, proptest::bool::ANY, 0_usize..700), 0..8), chunk: u8) {
            let mut input = vec![chunk];
            for (more, command, len) in frames {
                Frame { more, command, body: vec![7; len].into() }.encode_to(&mut input);
            }
            properties::any_cut_gives_the_same_frames(&input);
        }
    }
}
