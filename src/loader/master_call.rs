//! How functions of the master (runners, wheel) are called by clients, and what these are told of a failure. Salt:
//! client/mixins.py (`low`).

use super::fault::TRACEBACK;
use super::{Call, Fault, Function};
use crate::map;
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

/// The data of the event that tells of a runner that `salt-run` could not begin: its end alone, and nothing is kept. Salt:
/// runner.py (`Runner.run`).
pub fn refused(jid: &str, fun: &str, mut fun_args: Vec<Value>, kwargs: Map, why: &str) -> Map {
    if !kwargs.is_empty() {
        let mut marked = map! { "__kwarg__" => true };
        marked.extend(kwargs);
        fun_args.push(marked.into());
    }
    map! {
        "success" => false,
        "return" => why,
        "retcode" => 254,
        "fun" => fun,
        "fun_args" => fun_args,
        "jid" => jid,
    }
}

/// What is shown of a function of the master that failed: Salt's sentences. `client` is `runner` or `wheel`.
pub fn failure(client: &str, fun: &str, function: Option<&Function>, fault: &Fault) -> String {
    match fault {
        Fault::NotAvailable(text) => text.clone(),
        Fault::Type(text) | Fault::Invocation(text) => {
            let doc = function.map_or("", |function| function.doc);
            format!("\nPassed invalid arguments: {text}\n\nUsage:\n{doc}")
        }
        Fault::Exception { kind: "salt.exceptions.NotImplemented", text } => text.clone(),
        // Salt shows the traceback; ours has no frames, its first and last line are Python's.
        other => {
            let kind = match other {
                Fault::Execution { .. } => "salt.exceptions.CommandExecutionError: ",
                Fault::NotFound(_) => "salt.exceptions.CommandNotFoundError: ",
                _ => "",
            };
            format!("Exception occurred in {client} {fun}: {TRACEBACK}\n{kind}{other}\n")
        }
    }
}
