//! Runners: functions on the master. Salt: runners/.

mod cache;
mod doc;
mod event;
mod jobs;
mod manage;
mod mine;
mod test;

use crate::loader::{Call, Context, Fault, Function, Module};
use crate::map;
use crate::value::{Map, Value};

/// Every runner, in alphabetical order.
pub static ALL: &[&Module] = &[
    &cache::MODULE,
    &doc::MODULE,
    &event::MODULE,
    &jobs::MODULE,
    &manage::MODULE,
    &mine::MODULE,
    &test::MODULE,
];

/// What a runner prints while it works: an event `salt/run/<jid>/stdout {"text": str}`, which `salt-run` prints as it
/// is. (In Salt the runner runs in `salt-run` itself and prints directly.)
pub const STDOUT: &str = "stdout";

/// The arguments of a `runner` command: Salt's clients put both kinds into `kwarg`, as `{"arg": […], "kwarg": {…}}`;
/// otherwise `kwarg` holds the keyword arguments themselves. salt-wire.md §12.1.
pub fn arguments(arg: Vec<Value>, mut kwarg: Map) -> Call {
    if let (2, Some(Value::List(_)), Some(Value::Map(_))) =
        (kwarg.len(), kwarg.get("arg"), kwarg.get("kwarg"))
        && let (Some(Value::List(args)), Some(Value::Map(mut kwargs))) =
            (kwarg.remove("arg"), kwarg.remove("kwarg"))
    {
        kwargs.remove("__kwarg__");
        return Call { args, kwargs };
    }
    kwarg.remove("__kwarg__");
    Call { args: arg, kwargs: kwarg }
}

/// What `salt-run` shows of a runner that failed: Salt's sentences. Salt: client/mixins.py (`low`).
pub fn failure(fun: &str, function: Option<&Function>, fault: &Fault) -> String {
    match fault {
        Fault::NotAvailable(text) => text.clone(),
        Fault::Type(text) => {
            let doc = function.map_or("", |function| function.doc);
            format!("\nPassed invalid arguments: {text}\n\nUsage:\n{doc}")
        }
        other => format!("Exception occurred in runner {fun}: {other}"),
    }
}

/// Prints a line for the user of the runner.
fn say(cx: &Context, text: &str) -> Result<(), Fault> {
    progress(cx, STDOUT, map! { "text" => format!("{text}\n") })
}

/// Tells how far the runner is: an event below its own tag.
fn progress(cx: &Context, suffix: &str, data: Map) -> Result<(), Fault> {
    match cx.published.str("jid") {
        Some(jid) => cx.master.fire(&format!("salt/run/{jid}/{suffix}"), data),
        None => Ok(()),
    }
}

/// `{"message": text}` as progress, if the caller asked for progress.
fn message(cx: &Context, args: &crate::loader::Args, text: impl FnOnce() -> String) -> Result<(), Fault> {
    if args.truthy("display_progress") {
        progress(cx, "progress", map! { "message" => text() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
