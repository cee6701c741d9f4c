//! State modules: what SLS files ask for. One file per Salt state module; rows in alphabetical order.

mod alias;
mod alternatives;
mod archive;
mod beacon;
mod blockdev;
mod cmd;
mod cron;
mod debconfmod;
mod environ;
mod event;
mod failure;
mod file;
mod git;
mod gpg;
mod grains;
mod group;
mod host;
mod http;
mod ini_manage;
mod iptables;
mod kmod;
mod locale;
mod module;
mod mount;
mod pip_state;
mod pkg;
mod pkgrepo;
mod saltmod;
mod schedule;
mod service;
mod signature;
mod ssh_auth;
mod ssh_known_hosts;
mod sysctl;
mod test;
mod timezone;
mod user;
mod virtualenv_mod;

use crate::loader::States;

/// Every state module.
pub static ALL: &[&States] = &[
    &alias::STATES,
    &alternatives::STATES,
    &archive::STATES,
    &beacon::STATES,
    &blockdev::STATES,
    &cmd::STATES,
    &cron::STATES,
    &debconfmod::STATES,
    &environ::STATES,
    &event::STATES,
    &file::STATES,
    &git::STATES,
    &gpg::STATES,
    &grains::STATES,
    &group::STATES,
    &host::STATES,
    &http::STATES,
    &ini_manage::STATES,
    &iptables::STATES,
    &kmod::STATES,
    &locale::STATES,
    &module::STATES,
    &mount::STATES,
    &pip_state::STATES,
    &pkg::STATES,
    &pkgrepo::STATES,
    &saltmod::STATES,
    &schedule::STATES,
    &service::STATES,
    &ssh_auth::STATES,
    &ssh_known_hosts::STATES,
    &sysctl::STATES,
    &test::STATES,
    &timezone::STATES,
    &user::STATES,
    &virtualenv_mod::STATES,
];
