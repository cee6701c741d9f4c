//! Runners executed in the master on the request of `salt-run` and others: answered at once, the result follows as an
//! event. Salt: client/mixins.py, runner.py; salt-wire.md §11, §12.1.

use std::sync::Arc;

use super::Master;
use super::commands::MasterCall;
use super::services::Services;
use crate::event::tags;
use crate::host::RealHost;
use crate::loader::{Call, Context, Fault, Nowhere, Scope};
use crate::map;
use crate::names::Jid;
use crate::value::{Map, Value};

/// Runners that may run at once; more are refused by name.
const MAX_RUNNING: usize = 64;

/// Starts a runner. `{"tag": "salt/run/<jid>", "jid": str}`.
pub(super) async fn start(master: &Arc<Master>, call: MasterCall) -> Value {
    let Ok(place) = master.running_runners.clone().try_acquire_owned() else {
        tracing::error!(fun = call.fun, "a runner was refused: {MAX_RUNNING} are running already");
        return map! { "error" => map! {
            "name" => "SaltSystemExit", "message" => format!("{MAX_RUNNING} runners are running already: try again"),
        } }
        .into();
    };
    let jid = master.new_jid();
    let user = if call.caller.user.is_empty() { "UNKNOWN".to_owned() } else { call.caller.user.clone() };
    let worker = master.clone();
    let started = jid.clone();
    // A thread of its own: a runner may wait for minutes, and the pool is for short work.
    let spawned = std::thread::Builder::new().name("runner".to_owned()).spawn({
        let handle = tokio::runtime::Handle::current();
        move || {
            run(&worker, &handle, &started, &user, call);
            drop(place);
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "a runner could not be started");
        return map! { "error" => map! { "name" => "SaltSystemExit", "message" => error.to_string() } }
            .into();
    }
    map! { "tag" => format!("salt/run/{jid}"), "jid" => jid.as_str() }.into()
}

/// For [`Master::running_runners`].
pub(super) fn places() -> Arc<tokio::sync::Semaphore> {
    Arc::new(tokio::sync::Semaphore::new(MAX_RUNNING))
}

fn run(master: &Arc<Master>, handle: &tokio::runtime::Handle, jid: &Jid, user: &str, call: MasterCall) {
    let mut fun_args = call.arg.clone();
    if !call.kwarg.is_empty() {
        fun_args.push(call.kwarg.clone().into());
    }
    let mut data = map! {
        "fun" => format!("runner.{}", call.fun),
        "jid" => jid.as_str(),
        "user" => user,
        "fun_args" => Value::List(fun_args),
    };
    master.fire(&tags::run_new(jid.as_str()), data.clone());
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        carry_out(master, handle, jid, user, &call)
    }));
    let (value, success) = match outcome {
        Ok(Ok(value)) => (value, true),
        Ok(Err(fault)) => (described(&call.fun, fault), false),
        Err(_) => (
            format!("Exception occurred in runner {}: it failed inside; see the master's log", call.fun)
                .into(),
            false,
        ),
    };
    data.insert("return", value);
    data.insert("success", success);
    master.fire(&tags::run_ret(jid.as_str()), data);
}

fn carry_out(
    master: &Arc<Master>,
    handle: &tokio::runtime::Handle,
    jid: &Jid,
    user: &str,
    call: &MasterCall,
) -> Result<Value, Fault> {
    let services = Services::new(master.clone(), handle.clone());
    let registry = crate::builtin::runners();
    let published = map! { "jid" => jid.as_str(), "fun" => call.fun.clone(), "user" => user };
    let empty = Map::new();
    let scope = Scope {
        opts: &master.opts,
        grains: &empty,
        pillar: &empty,
        published: &published,
        registry: &registry,
        host: &RealHost,
        minion: &Nowhere,
        master: &services,
    };
    let context = Context::new(scope);
    context.call(&call.fun, Call { args: call.arg.clone(), kwargs: call.kwarg.clone() })
}

fn described(fun: &str, fault: Fault) -> Value {
    match fault {
        Fault::NotAvailable(text) => text.into(),
        other => format!("Exception occurred in runner {fun}: {other}").into(),
    }
}
