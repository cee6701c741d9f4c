//! Execution modules: what `salt '*' module.function` runs. One file per Salt module; rows in alphabetical order.

mod cmdmod;
mod config;
mod cp;
mod data;
mod environ;
mod event;
mod filter;
mod grains;
mod mine;
mod pillar;
mod publish;
mod saltutil;
mod sysmod;
mod test;

use crate::loader::Module;

/// Every execution module.
pub static ALL: &[&Module] = &[
    &cmdmod::MODULE,
    &config::MODULE,
    &cp::MODULE,
    &data::MODULE,
    &environ::MODULE,
    &event::MODULE,
    &grains::MODULE,
    &mine::MODULE,
    &pillar::MODULE,
    &publish::MODULE,
    &saltutil::MODULE,
    &sysmod::MODULE,
    &test::MODULE,
];
