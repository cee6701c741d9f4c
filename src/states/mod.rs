//! State modules: what SLS files ask for. One file per Salt state module; rows in alphabetical order.

mod alternatives;
mod archive;
mod beacon;
mod cmd;
mod cron;
mod environ;
mod event;
mod failure;
mod file;
mod grains;
mod group;
mod host;
mod kmod;
mod module;
mod pkg;
mod pkgrepo;
mod saltmod;
mod service;
mod sysctl;
mod test;
mod timezone;
mod user;

use crate::loader::States;

/// Every state module.
pub static ALL: &[&States] = &[
    &alternatives::STATES,
    &archive::STATES,
    &beacon::STATES,
    &cmd::STATES,
    &cron::STATES,
    &environ::STATES,
    &event::STATES,
    &file::STATES,
    &grains::STATES,
    &group::STATES,
    &host::STATES,
    &kmod::STATES,
    &module::STATES,
    &pkg::STATES,
    &pkgrepo::STATES,
    &saltmod::STATES,
    &service::STATES,
    &sysctl::STATES,
    &test::STATES,
    &timezone::STATES,
    &user::STATES,
];
