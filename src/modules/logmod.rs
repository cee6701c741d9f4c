//! `log`: lines for the log of the minion. Salt: modules/logmod.py.

use crate::loader::{Args, Function, Module, Param, always, req};
use crate::value::{Value, str_of};

const MESSAGE: &[Param] = &[req("message")];

pub(super) static MODULE: Module = Module {
    file: "logmod",
    provides: "log",
    available: always,
    functions: &[
        Function::new("critical", MESSAGE, "A line of the level `critical` in the log.", |_, args| {
            crate::log::error!("{}", said(args));
            Ok(Value::Bool(true))
        })
        .cheap(),
        Function::new("debug", MESSAGE, "A line of the level `debug` in the log.", |_, args| {
            crate::log::debug!("{}", said(args));
            Ok(Value::Bool(true))
        })
        .cheap(),
        Function::new("error", MESSAGE, "A line of the level `error` in the log.", |_, args| {
            crate::log::error!("{}", said(args));
            Ok(Value::Bool(true))
        })
        .cheap(),
        Function::new("exception", MESSAGE, "A line of the level `exception` in the log.", |_, args| {
            crate::log::error!("{}", said(args));
            Ok(Value::Bool(true))
        })
        .cheap(),
        Function::new("info", MESSAGE, "A line of the level `info` in the log.", |_, args| {
            crate::log::info!("{}", said(args));
            Ok(Value::Bool(true))
        })
        .cheap(),
        Function::new("warning", MESSAGE, "A line of the level `warning` in the log.", |_, args| {
            crate::log::warn!("{}", said(args));
            Ok(Value::Bool(true))
        })
        .cheap(),
    ],
};

fn said(args: &Args) -> String {
    str_of(args.get("message"))
}
