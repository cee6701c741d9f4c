//! State modules: what SLS files ask for. One file per Salt state module; rows in alphabetical order.

mod alternatives;
mod archive;
mod cmd;
mod cron;
mod environ;
mod event;
mod failure;
mod file;
mod grains;
mod group;
mod host;
mod module;
mod pkg;
mod pkgrepo;
mod service;
mod sysctl;
mod test;
mod user;

use crate::loader::States;

/// Every state module.
pub static ALL: &[&States] = &[
    &alternatives::STATES,
    &archive::STATES,
    &cmd::STATES,
    &cron::STATES,
    &environ::STATES,
    &event::STATES,
    &file::STATES,
    &grains::STATES,
    &group::STATES,
    &host::STATES,
    &module::STATES,
    &pkg::STATES,
    &pkgrepo::STATES,
    &service::STATES,
    &sysctl::STATES,
    &test::STATES,
    &user::STATES,
];
