//! State modules: what SLS files ask for. One file per Salt state module; rows in alphabetical order.

mod test;

use crate::loader::States;

/// Every state module.
pub static ALL: &[&States] = &[&test::STATES];
