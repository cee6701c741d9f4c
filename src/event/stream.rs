//! The stream on the IPC sockets: msgpack maps `{"head": {}, "body": <event bytes>}` one after the other, without a
//! length before them. Salt: transport/ipc.py, transport/frame.py; salt-wire.md §14.2.
//!
//! ```text
//! 82  a4 "head"  80  a4 "body"  c4|c5|c6 len  event bytes
//! ```
//!
//! The body is written as bin; the raw family is read as well.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

/// The most octets that one frame may take, as in Salt's readers.
pub const MAX_FRAME: usize = 100 * 1024 * 1024;

/// Why a stream cannot be read on: the connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    #[error("a frame is larger than {limit} octets")]
    TooLarge { limit: usize },
    #[error("the stream holds the reserved marker c1")]
    Reserved,
    #[error("a frame is not a map with a body of bytes")]
    NoBody,
}

/// What every frame that we write begins with.
pub const FRAME_HEAD: &[u8] = b"\x82\xa4head\x80\xa4body";

/// One frame around an event's bytes.
pub fn frame(body: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(body.len() + 17);
    out.extend_from_slice(FRAME_HEAD);
    match u32::try_from(body.len()).unwrap_or(u32::MAX) {
        len @ 0..=0xff => out.extend_from_slice(&[0xc4, len as u8]),
        len @ 0x100..=0xffff => {
            out.push(0xc5);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0xc6);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
    out.extend_from_slice(body);
    Bytes::from(out)
}

/// Cuts a stream into event bytes, however the stream is cut into reads. Every octet is looked at once.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    limit: usize,
    /// Inside a frame, whose end is being looked for.
    open: bool,
    /// Where that search goes on; may lie beyond what has been read.
    at: usize,
    /// Values of the frame that begin at `at` or later.
    missing: u64,
}

impl FrameReader {
    /// A reader that refuses frames of more than `limit` octets.
    pub fn new(limit: usize) -> Self {
        FrameReader { buffer: BytesMut::new(), limit, open: false, at: 0, missing: 0 }
    }

    /// Takes what was read from the socket. Call [`FrameReader::next`] until it gives `None` afterwards.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The buffer to read into directly.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether the stream stands between two frames.
    pub fn is_at_rest(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The event bytes of the next whole frame; `None`: wait for more.
    ///
    /// # Errors
    /// When the stream is not what it should be. It cannot be read on then.
    #[allow(clippy::should_implement_trait, reason = "an iterator would end at `None`")]
    pub fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        if !self.open {
            if self.buffer.is_empty() {
                return Ok(None);
            }
            (self.open, self.at, self.missing) = (true, 0, 1);
        }
        while self.missing > 0 {
            let Some(Head { size, children, .. }) = head_of(self.buffer.get(self.at..).unwrap_or_default())?
            else {
                return Ok(None);
            };
            self.at = self.at.saturating_add(size);
            self.missing = (self.missing - 1).saturating_add(children);
            // Every missing value takes at least an octet.
            if (self.at as u64).saturating_add(self.missing) > self.limit as u64 {
                return Err(StreamError::TooLarge { limit: self.limit });
            }
        }
        if self.at > self.buffer.len() {
            return Ok(None);
        }
        self.open = false;
        let frame = self.buffer.split_to(self.at).freeze();
        body_of(&frame).map(Some)
    }
}

/// The beginning of a msgpack value.
struct Head {
    /// Octets of the marker, the length and the payload.
    size: usize,
    /// Values that follow and belong to it.
    children: u64,
    /// Octets before the payload.
    before: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Octets,
    Map,
    Other,
}

/// Reads the marker at the start of `input`; `None` if it is not whole.
fn head_of(input: &[u8]) -> Result<Option<Head>, StreamError> {
    let Some(&marker) = input.first() else { return Ok(None) };
    let len = |width: usize| -> Option<u32> {
        let octets = input.get(1..1 + width)?;
        Some(octets.iter().fold(0, |len, octet| (len << 8) | u32::from(*octet)))
    };
    let payload = |width: usize, extra: usize, len: u32| Head {
        size: (1 + width + extra).saturating_add(len as usize),
        children: 0,
        before: 1 + width,
        kind: if extra == 0 { Kind::Octets } else { Kind::Other },
    };
    let fixed = |size: usize| Head { size: 1 + size, children: 0, before: 1, kind: Kind::Other };
    let list = |width: usize, len: u32| Head {
        size: 1 + width,
        children: u64::from(len),
        before: 1 + width,
        kind: Kind::Other,
    };
    let map = |width: usize, len: u32| Head {
        size: 1 + width,
        children: 2 * u64::from(len),
        before: 1 + width,
        kind: Kind::Map,
    };
    Ok(match marker {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Some(fixed(0)),
        0x80..=0x8f => Some(map(0, u32::from(marker & 0x0f))),
        0x90..=0x9f => Some(list(0, u32::from(marker & 0x0f))),
        0xa0..=0xbf => Some(payload(0, 0, u32::from(marker & 0x1f))),
        0xc1 => return Err(StreamError::Reserved),
        0xc4 | 0xd9 => len(1).map(|len| payload(1, 0, len)),
        0xc5 | 0xda => len(2).map(|len| payload(2, 0, len)),
        0xc6 | 0xdb => len(4).map(|len| payload(4, 0, len)),
        0xc7 => len(1).map(|len| payload(1, 1, len)),
        0xc8 => len(2).map(|len| payload(2, 1, len)),
        0xc9 => len(4).map(|len| payload(4, 1, len)),
        0xcc | 0xd0 => Some(fixed(1)),
        0xcd | 0xd1 => Some(fixed(2)),
        0xca | 0xce | 0xd2 => Some(fixed(4)),
        0xcb | 0xcf | 0xd3 => Some(fixed(8)),
        0xd4..=0xd8 => Some(fixed(1 + (1 << (marker - 0xd4)))),
        0xdc => len(2).map(|len| list(2, len)),
        0xdd => len(4).map(|len| list(4, len)),
        0xde => len(2).map(|len| map(2, len)),
        0xdf => len(4).map(|len| map(4, len)),
    })
}

/// The value below `body` in a whole frame, without copying it.
fn body_of(frame: &Bytes) -> Result<Bytes, StreamError> {
    let map = head_of(frame)?.filter(|head| head.kind == Kind::Map).ok_or(StreamError::NoBody)?;
    let mut at = map.before;
    for _ in 0..map.children / 2 {
        let (is_body, value) = {
            let key = octets_at(frame, at)?;
            (key.is_some_and(|(from, to)| frame.get(from..to) == Some(b"body")), end_of(frame, at)?)
        };
        if is_body {
            let (from, to) = octets_at(frame, value)?.ok_or(StreamError::NoBody)?;
            return Ok(frame.slice(from..to));
        }
        at = end_of(frame, value)?;
    }
    Err(StreamError::NoBody)
}

/// Where the octets of the text or bytes at `at` lie, if it is either.
fn octets_at(frame: &Bytes, at: usize) -> Result<Option<(usize, usize)>, StreamError> {
    let head = head_of(frame.get(at..).unwrap_or_default())?.ok_or(StreamError::NoBody)?;
    let range = (at.saturating_add(head.before), at.saturating_add(head.size));
    Ok((head.kind == Kind::Octets && range.1 <= frame.len()).then_some(range))
}

/// Where the value at `at` ends.
fn end_of(frame: &Bytes, mut at: usize) -> Result<usize, StreamError> {
    let mut missing = 1_u64;
    while missing > 0 {
        let head = head_of(frame.get(at..).unwrap_or_default())?.ok_or(StreamError::NoBody)?;
        at = at.saturating_add(head.size);
        missing = (missing - 1).saturating_add(head.children);
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;
    use crate::value::Value;
    use crate::value::msgpack::{Dialect, Reading, decode, encode_map};

    fn read_all(reader: &mut FrameReader) -> Result<Vec<Bytes>, StreamError> {
        std::iter::from_fn(|| reader.next().transpose()).collect()
    }

    #[test]
    fn a_frame_is_a_map_with_an_empty_head_and_a_bin_body() {
        assert_eq!(&frame(b"x\n\n\x80")[..], b"\x82\xa4head\x80\xa4body\xc4\x04x\n\n\x80");
        for len in [0, 255, 256, 65_535, 65_536] {
            let body = vec![7; len];
            let decoded = decode(&frame(&body), Reading::Typed).expect("msgpack");
            assert_eq!(decoded, map! { "head" => map! {}, "body" => Value::Bytes(body.into()) }.into());
        }
    }

    #[test]
    fn raw_bodies_and_other_heads_are_read_too() {
        let body = Value::text("tag\n\nx");
        let head =
            map! { "mid" => "a", "deep" => Value::list([Value::list([1]), map! { "a" => 2.5 }.into()]) };
        for dialect in [Dialect::Wire, Dialect::Bin] {
            for map in [
                map! { "head" => head.clone(), "body" => body.clone() },
                map! { "body" => body.clone(), "head" => head.clone(), "x" => Value::Null },
            ] {
                let mut reader = FrameReader::new(1_000);
                reader.push(&encode_map(&map, dialect));
                assert_eq!(read_all(&mut reader), Ok(vec![Bytes::from_static(b"tag\n\nx")]));
                assert!(reader.is_at_rest());
            }
        }
    }

    #[test]
    fn what_is_no_frame_ends_the_stream() {
        let check = |octets: &[u8], expected| {
            let mut reader = FrameReader::new(1_000);
            reader.push(octets);
            assert_eq!(read_all(&mut reader), Err(expected), "{octets:?}");
        };
        check(b"\x01", StreamError::NoBody);
        check(b"\x80", StreamError::NoBody);
        check(b"\x81\xa4body\x01", StreamError::NoBody);
        check(b"\xc1", StreamError::Reserved);
        check(b"\x82\xa4head\xc1", StreamError::Reserved);
        check(b"\xdf\xff\xff\xff\xff", StreamError::TooLarge { limit: 1_000 });
        check(b"\xdb\xff\xff\xff\xff", StreamError::TooLarge { limit: 1_000 });
        check(b"\xc6\x00\x00\x03\xe8", StreamError::TooLarge { limit: 1_000 });
    }

    #[test]
    fn endless_nesting_does_not_take_memory_or_stack() {
        let mut reader = FrameReader::new(1_000);
        reader.push(&vec![0x91; 10_000]);
        assert_eq!(reader.next(), Err(StreamError::TooLarge { limit: 1_000 }));
    }

    proptest::proptest! {
        #[test]
        fn any_cutting_gives_the_same_events(
            bodies in proptest::collection::vec(proptest::collection::vec(0_u8.., 0..600), 0..6),
            cuts in proptest::collection::vec(1_usize..50, 1..20),
        ) {
            let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
            let mut reader = FrameReader::new(10_000);
            let mut seen = Vec::new();
            let (mut rest, mut turn) = (&stream[..], 0);
            while !rest.is_empty() {
                let (now, later) = rest.split_at(cuts[turn % cuts.len()].min(rest.len()));
                (rest, turn) = (later, turn + 1);
                reader.push(now);
                seen.extend(read_all(&mut reader).expect("a good stream"));
            }
            proptest::prop_assert_eq!(seen, bodies);
        }

        #[test]
        fn any_octets_are_frames_or_an_error(octets: Vec<u8>) {
            let mut reader = FrameReader::new(500);
            reader.push(&octets);
            let _ = read_all(&mut reader);
        }
    }
}
