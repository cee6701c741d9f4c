//! The operating system's random source. Source: getrandom(2).

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
