//! `config`: options of the master. Salt: runners/config.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, opt, req};
use crate::value::{Value, traverse};

pub(super) static MODULE: Module = Module {
    file: "config",
    provides: "config",
    available: always,
    functions: &[Function::new(
        "get",
        &[req("key"), opt("default", Default::Str("")), opt("delimiter", Default::Str(":"))],
        "An option of the master, or of a value in it: `config.get file_roots:base`. `default` where there is none.",
        get,
    )],
};

fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let opts = Value::from(cx.opts.clone());
    let found = traverse(&opts, &args.str("key")?, &args.str("delimiter")?);
    let value = found.unwrap_or_else(|| args.get("default")).clone();
    match value.as_str() {
        Some(text) if text.starts_with("sdb://") => Err(Fault::NotSupported("values of sdb://".to_owned())),
        _ => Ok(value),
    }
}
