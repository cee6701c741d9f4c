//! What a fuzzer holds the event stream against: however it is cut, it is the same stream.

use bytes::Bytes;

use super::{FrameReader, StreamError, tag_of, unpack};

/// Small, so that a lying length is met soon.
const LIMIT: usize = 4096;

/// The first octet is the size of the pieces that the rest arrives in.
pub fn any_cut_gives_the_same_events(octets: &[u8]) {
    let Some((&size, stream)) = octets.split_first() else { return };
    let whole = read(stream.chunks(stream.len().max(1)));
    assert_eq!(read(stream.chunks(usize::from(size).max(1))), whole);
    for body in whole.0 {
        if let Ok(event) = unpack(&body) {
            assert_eq!(tag_of(&body), Some(event.tag.as_str()));
        }
    }
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Bytes>, Option<StreamError>) {
    let mut reader = FrameReader::new(LIMIT);
    let mut bodies = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(body)) => bodies.push(body),
                Ok(None) => break,
                Err(error) => return (bodies, Some(error)),
            }
        }
    }
    (bodies, None)
}
