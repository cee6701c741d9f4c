//! The one file that names every table of the catalogue.

use crate::loader::Registry;
use crate::{modules, returners, runners, states, wheel as wheel_modules};

/// Every execution module and every state that this program carries.
pub fn execution_modules() -> Registry {
    Registry::new(&[modules::ALL]).with_states(&[states::ALL]).knowing(runners::ALL, returners::ALL)
}

/// Every runner that this program carries.
pub fn runners() -> Registry {
    Registry::new(&[runners::ALL])
}

/// Every wheel module that this program carries.
pub fn wheel() -> Registry {
    Registry::new(&[wheel_modules::ALL])
}
