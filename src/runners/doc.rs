//! `doc`: the documentation of functions. Salt: runners/doc.py.

use std::time::Duration;

use crate::loader::{Args, Context, Fault, Function, Module, always};
use crate::map;
use crate::value::{Map, Value};

pub(super) static MODULE: Module = Module {
    file: "doc",
    provides: "doc",
    available: always,
    functions: &[
        Function::new(
            "execution",
            &[],
            "The documentation of all functions that the minions have: `{function: text}`.",
            execution,
        ),
        Function::new("runner", &[], "The documentation of all runners: `{function: text}`.", |cx, _| {
            Ok(cx.registry.docs().into())
        }),
        Function::new(
            "wheel",
            &[],
            "The documentation of all wheel functions: `{function: text}`.",
            |cx, _| Ok(cx.master.wheel_docs()?.into()),
        ),
    ],
};

fn execution(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let seconds = cx.opts.get("timeout").and_then(Value::as_int).unwrap_or(5);
    let load =
        map! { "tgt" => "*", "tgt_type" => "glob", "fun" => "sys.doc", "arg" => Value::List(Vec::new()) };
    let returns =
        cx.master.publish_and_wait(load, Duration::from_secs(u64::try_from(seconds).unwrap_or(5)))?;
    let mut docs = Map::new();
    for answer in returns.values() {
        if let Some(texts) = answer.get("ret").and_then(Value::as_map) {
            docs.extend(texts.clone());
        }
    }
    Ok(docs.into())
}
