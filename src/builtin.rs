//! The one file that names every table of the catalogue.

use crate::loader::Registry;
use crate::{modules, runners};

/// Every execution module that this program carries.
pub fn execution_modules() -> Registry {
    Registry::new(&[modules::ALL])
}

/// Every runner that this program carries.
pub fn runners() -> Registry {
    Registry::new(&[runners::ALL])
}
