//! The one file that names every table of the catalogue.

use crate::loader::Registry;
use crate::modules;

/// Every execution module that this program carries.
pub fn execution_modules() -> Registry {
    Registry::new(&[modules::ALL])
}
