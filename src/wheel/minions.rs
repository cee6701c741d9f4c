//! `minions`: who is connected. Salt: wheel/minions.py.

use crate::loader::{Args, Context, Fault, Function, Module, always};
use crate::value::Value;

pub(super) static MODULE: Module = Module {
    file: "minions",
    provides: "minions",
    available: always,
    functions: &[Function::new(
        "connected",
        &[],
        "Minions with a connection to the master; none is asked. `[id]`.",
        connected,
    )],
};

fn connected(cx: &Context, _: &Args) -> Result<Value, Fault> {
    Ok(Value::list(cx.master.connected()))
}
