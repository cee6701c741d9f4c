//! State modules: what SLS files ask for. One file per Salt state module; rows in alphabetical order.

mod cmd;
mod environ;
mod event;
mod file;
mod grains;
mod group;
mod module;
mod test;
mod user;

use crate::loader::States;

/// Every state module.
pub static ALL: &[&States] = &[
    &cmd::STATES,
    &environ::STATES,
    &event::STATES,
    &file::STATES,
    &grains::STATES,
    &group::STATES,
    &module::STATES,
    &test::STATES,
    &user::STATES,
];
