//! Wheel functions: what the master's files say, and changing them. Salt: wheel/.
//!
//! `config`, `file_roots` and `pillar_roots`, which read and write the master's files, are not here.

mod error;
mod key;
mod minions;

use crate::loader::Module;

/// Every wheel module, in alphabetical order.
pub static ALL: &[&Module] = &[&error::MODULE, &key::MODULE, &minions::MODULE];
