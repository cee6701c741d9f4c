//! Execution modules: what `salt '*' module.function` runs. One file per Salt module; rows in alphabetical order.

mod cmdmod;
mod test;

use crate::loader::Module;

/// Every execution module.
pub static ALL: &[&Module] = &[&cmdmod::MODULE, &test::MODULE];
