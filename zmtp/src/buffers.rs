//! Memory that octets come and go in, kept for the next ones. Large pieces that are given back to the system and asked for
//! again cost a page fault for each 4 KiB, which is more than all the work of moving them.
//!
//! One store for the process, of at most [`KEPT`] buffers: a connection that has nothing to do holds none.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};

/// What every kept buffer has room for: 64 KiB, the header of a frame, and the start of the next one.
const ROOM: usize = 66 * 1024;
/// Buffers with more room than this are the allocator's: a message of a megabyte is not kept in the place of 64 KiB.
const MOST: usize = ROOM + ROOM / 4;
/// Fewer octets are left to the allocator.
const LEAST: usize = 16 * 1024;
/// All kept buffers together are 8 MiB, at most 10.
const KEPT: usize = 124;
/// How many buffers are looked at for one that nobody uses any more.
const TRIES: usize = 16;

/// Those given last come last. Some are still in use by messages that were cut out of them.
static STORE: Mutex<VecDeque<BytesMut>> = Mutex::new(VecDeque::new());

/// Buffers with room for so many octets are kept here.
pub(crate) fn keeps(octets: usize) -> bool {
    (LEAST..=ROOM).contains(&octets)
}

/// An empty buffer with at least this much room.
pub(crate) fn take(octets: usize) -> BytesMut {
    if !keeps(octets) {
        return BytesMut::with_capacity(octets);
    }
    let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
    // The newest are still in use by messages on their way, those before them are free and in the processor's cache, and the
    // oldest is most likely free.
    let newest = (0..store.len()).rev().take(TRIES);
    let free = newest.chain([0]).find(|&at| store.get_mut(at).is_some_and(|buffer| buffer.try_reclaim(ROOM)));
    if let Some(buffer) = free.and_then(|at| store.remove(at)) {
        return buffer;
    }
    drop(store);
    BytesMut::with_capacity(ROOM)
}

/// Takes back a buffer that [`take`] gave for so many octets that it [`keeps`] them. Its content is forgotten; messages cut out of it are not.
pub(crate) fn give(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.capacity() > MOST {
        return;
    }
    let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
    if store.len() < KEPT {
        store.push_back(buffer);
    }
}

/// As [`give`], for octets that nobody else may hold.
pub(crate) fn give_piece(piece: Bytes) {
    if piece.len() >= LEAST
        && let Ok(mut buffer) = piece.try_into_mut()
    {
        buffer.clear();
        if buffer.try_reclaim(ROOM) {
            give(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_in_use_is_not_given_out_again() {
        let mut buffer = take(ROOM);
        buffer.extend_from_slice(&[1; 100]);
        let message = buffer.split_to(50).freeze();
        give(buffer);
        let others: Vec<_> = (0..KEPT + 5)
            .map(|_| {
                let mut other = take(ROOM);
                assert!(other.is_empty() && other.capacity() >= ROOM);
                other.resize(ROOM, 2);
                other
            })
            .collect();
        assert_eq!(message, [1; 50][..]);
        others.into_iter().for_each(give);
        give_piece(Bytes::from_static(&[0; LEAST]));
        // What is left to be written of a large message still holds all of its memory.
        for left in [ROOM, 1 << 20] {
            let mut large = Bytes::from(vec![0; 1 << 20]);
            let unwritten = large.split_off(large.len() - left);
            drop(large);
            give_piece(unwritten);
        }
        let store = STORE.lock().unwrap();
        assert!(store.len() <= KEPT && store.iter().all(|buffer| buffer.capacity() <= MOST));
    }
}
