//! The operating system's random source. Source: getrandom(2).

use std::cell::RefCell;

use rand::TryRng;
use rand::rngs::SysRng;

/// Fill `buffer` with random bytes.
///
/// # Panics
/// When the operating system has no random source. Nothing secret can be made without one, and no
/// caller could go on, so this is not an error to handle.
pub fn fill(buffer: &mut [u8]) {
    SysRng.try_fill_bytes(buffer).expect("the operating system has a random source");
}

/// An array of random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// An initialisation vector. It goes over the wire in clear and has to be unpredictable, not secret: the thread fetches
/// them for many messages at once.
pub fn iv() -> [u8; 16] {
    thread_local! {
        static AHEAD: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
    }
    AHEAD.with_borrow_mut(|ahead| {
        if ahead.is_empty() {
            ahead.extend(bytes::<1024>().as_chunks().0);
        }
        ahead.pop().unwrap_or_else(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_vector_is_given_twice() {
        let all: std::collections::HashSet<_> = (0..1000).map(|_| iv()).collect();
        assert_eq!(all.len(), 1000);
    }
}
