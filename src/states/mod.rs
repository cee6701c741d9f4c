//! State modules: what SLS files ask for. One file per Salt state module; rows in alphabetical order.

mod file;
mod group;
mod test;
mod user;

use crate::loader::States;

/// Every state module.
pub static ALL: &[&States] = &[&file::STATES, &group::STATES, &test::STATES, &user::STATES];
