//! Halite: Salt's masters, minions and command line as one small static binary.
//!
//! The list below is the law of dependency: a room uses only rooms listed above it, and rooms of the catalogue
//! never use each other. `tests/tidy` holds every `crate::…` path against it.

// vocabulary: pure
pub mod value;
