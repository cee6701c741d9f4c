//! `error`: fails on purpose, for tests of clients. Salt: runners/error.py.

use crate::loader::Module;
use crate::loader::exceptions::ERROR;

pub(super) static MODULE: Module = ERROR;
