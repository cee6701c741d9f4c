//! `event`: events on the master's bus. Salt: runners/event.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, opt, req};
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "event",
    provides: "event",
    available: always,
    functions: &[Function::new(
        "send",
        &[req("tag"), opt("data", Default::None)],
        "Fires an event with this tag and data (a map) on the master's bus. True when it is fired.",
        send,
    )],
};

fn send(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let data = match args.get("data") {
        Value::Map(data) => data.clone(),
        other if !other.truthy() => Map::new(),
        other => {
            return Err(Fault::exception(
                "ValueError",
                format!("Dict object expected, not '{}'.", str_of(other)),
            ));
        }
    };
    cx.master.fire(&args.str("tag")?, data)?;
    Ok(true.into())
}
