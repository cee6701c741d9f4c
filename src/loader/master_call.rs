//! How functions of the master (runners, wheel) are called by clients, and what these are told of a failure. Salt:
//! client/mixins.py (`low`).

use super::{Call, Fault, Function};
use crate::value::{Map, Value};

/// Runners that are told the jid they run under, and the environment they are asked from. Salt: runner.py (`Runner.run`),
/// modules/saltutil.py (`runner`).
pub const ORCHESTRATING: [&str; 3] = ["state.orchestrate", "state.orch", "state.sls"];

/// The arguments of a `runner` or `wheel` command: Salt's clients put both kinds into `kwarg`, as `{"arg": […], "kwarg": {…}}`;
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

/// What is shown of a function of the master that failed: Salt's sentences. `client` is `runner` or `wheel`.
pub fn failure(client: &str, fun: &str, function: Option<&Function>, fault: &Fault) -> String {
    match fault {
        Fault::NotAvailable(text) => text.clone(),
        Fault::Type(text) => {
            let doc = function.map_or("", |function| function.doc);
            format!("\nPassed invalid arguments: {text}\n\nUsage:\n{doc}")
        }
        other => format!("Exception occurred in {client} {fun}: {other}"),
    }
}
