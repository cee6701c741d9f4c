//! Wheel functions: what the master's files say, and changing them. Salt: wheel/.

mod config;
mod error;
mod key;
mod minions;
mod roots;

use crate::loader::Module;

/// Every wheel module, in alphabetical order.
pub static ALL: &[&Module] = &[
    &config::MODULE,
    &error::MODULE,
    &roots::FILE_ROOTS,
    &key::MODULE,
    &minions::MODULE,
    &roots::PILLAR_ROOTS,
];
