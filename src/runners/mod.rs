//! Runners: functions on the master. Salt: runners/.

use crate::loader::Module;

/// Every runner, in alphabetical order.
pub static ALL: &[&Module] = &[];
