//! Execution modules: what `salt '*' module.function` runs. One file per Salt module; rows in alphabetical order.

mod cmdmod;
mod config;
mod cp;
mod data;
mod disk;
mod environ;
mod event;
mod file;
mod filter;
mod grains;
mod hashutil;
mod mine;
mod mod_random;
mod network;
mod pillar;
mod publish;
mod saltutil;
mod slsutil;
mod status;
mod sysmod;
mod test;

use crate::loader::Module;

/// Every execution module.
pub static ALL: &[&Module] = &[
    &cmdmod::MODULE,
    &config::MODULE,
    &cp::MODULE,
    &data::MODULE,
    &disk::MODULE,
    &environ::MODULE,
    &event::MODULE,
    &file::MODULE,
    &grains::MODULE,
    &hashutil::MODULE,
    &mine::MODULE,
    &mod_random::MODULE,
    &network::MODULE,
    &pillar::MODULE,
    &publish::MODULE,
    &saltutil::MODULE,
    &slsutil::MODULE,
    &status::MODULE,
    &sysmod::MODULE,
    &test::MODULE,
];
