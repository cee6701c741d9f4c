//! `test`: is anybody there, and does calling work? Salt: modules/test.py.

use crate::loader::{Args, Context, Fault, Function, Module, always, req};
use crate::value::Value;

pub(super) static MODULE: Module = Module {
    file: "test",
    provides: "test",
    available: always,
    functions: &[
        Function::new("echo", &[req("text")], "Gives back what it was given.", echo).cheap(),
        Function::new("ping", &[], "True: the minion is there and answers.", ping).cheap(),
    ],
};

fn echo(_: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(args.get("text").clone())
}

fn ping(_: &Context, _: &Args) -> Result<Value, Fault> {
    Ok(Value::Bool(true))
}
