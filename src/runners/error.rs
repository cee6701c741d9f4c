//! `error`: fails on purpose, for tests of clients. Salt: runners/error.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, opt};
use crate::value::{Map, Value};

pub(super) static MODULE: Module = Module {
    file: "error",
    provides: "error",
    available: always,
    functions: &[Function::new(
        "error",
        &[opt("name", Default::None), opt("message", Default::Str(""))],
        "An empty map; with the name of one of Python's exceptions, that exception.",
        error,
    )],
};

fn error(_: &Context, args: &Args) -> Result<Value, Fault> {
    if args.given("name").is_none() {
        return Ok(Map::new().into());
    }
    Err(Fault::exception("Exception", args.str("message")?))
}
