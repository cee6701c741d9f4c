//! Halite.

pub mod crypt;
