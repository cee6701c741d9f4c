//! What is built for speed: the arithmetic of RSA, and sealed messages.
//!
//! Halite is built for size, and generic code is built like the package that uses it: an RSA operation then takes twice
//! its time, and a cipher
//! a third more. So this is a package of its own, built for speed, with nothing generic at its border.

#![forbid(unsafe_code)]

pub mod montgomery;
pub mod sealing;
#[cfg(target_arch = "x86_64")]
pub mod wide;

pub use montgomery::{Montgomery, Number, Power};
