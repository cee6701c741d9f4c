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
mod groupadd;
mod hashutil;
mod linux_shadow;
mod mine;
mod mod_random;
mod network;
mod pillar;
mod publish;
mod saltutil;
mod schedule;
mod sha_crypt;
mod slsutil;
mod state;
mod status;
mod sysmod;
mod test;
mod useradd;

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
    &groupadd::MODULE,
    &hashutil::MODULE,
    &linux_shadow::MODULE,
    &mine::MODULE,
    &mod_random::MODULE,
    &network::MODULE,
    &pillar::MODULE,
    &publish::MODULE,
    &saltutil::MODULE,
    &schedule::MODULE,
    &slsutil::MODULE,
    &state::MODULE,
    &status::MODULE,
    &sysmod::MODULE,
    &test::MODULE,
    &useradd::MODULE,
];
