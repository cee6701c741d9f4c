//! `error`: fails on purpose, for tests of clients. Salt: wheel/error.py.

use crate::loader::Module;
use crate::loader::exceptions::ERROR;

pub(super) static MODULE: Module = ERROR;
