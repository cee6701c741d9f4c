//! Execution modules: what `salt '*' module.function` runs. One file per Salt module; rows in alphabetical order.

mod cmdmod;
mod config;
mod cp;
mod event;
mod filter;
mod fnmatch;
mod grains;
mod test;

use crate::loader::Module;

/// Every execution module.
pub static ALL: &[&Module] = &[
    &cmdmod::MODULE,
    &config::MODULE,
    &cp::MODULE,
    &event::MODULE,
    &grains::MODULE,
    // One row a line.
    &test::MODULE,
];
