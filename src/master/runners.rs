//! Runners executed in the master on the request of `salt-run` and others: answered at once, the result follows as an
//! event. Salt: client/mixins.py, runner.py; salt-wire.md §11, §12.1.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Master;
use super::services::Services;
use super::store;
use crate::channel::commands::MasterCall;
use crate::event::{self, tags};
use crate::host::{RealHost, utc_now};
use crate::loader::{self, Call, Context, Nowhere, Scope};
use crate::map;
use crate::names::{Jid, MinionId};
use crate::state::all_succeeded;
use crate::value::msgpack::{Dialect, encode_map};
use crate::value::{Map, Value};

/// Runners that may run at once; more are refused by name.
pub(super) const MAX_RUNNING: usize = 64;

/// How a runner came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Good,
    /// It says so itself.
    Failed,
    /// By an exception.
    Raised,
}

/// Starts a runner. `{"tag": "salt/run/<jid>", "jid": str}`.
pub(super) async fn start(master: &Arc<Master>, call: MasterCall) -> Value {
    match spawn(master, call, true) {
        // Nobody waits for the result here: it is an event.
        Ok((jid, _)) => map! { "tag" => format!("salt/run/{jid}"), "jid" => jid.as_str() }.into(),
        Err(message) => map! { "error" => map! { "name" => "SaltSystemExit", "message" => message } }.into(),
    }
}

/// Runs a runner and gives its result.
pub(super) async fn run_and_wait(master: &Arc<Master>, call: MasterCall) -> Value {
    match spawn(master, call, true) {
        Ok((_, result)) => result.await.unwrap_or_default().remove("return").unwrap_or_default(),
        Err(message) => message.into(),
    }
}

/// Runs a runner of the master's schedule and gives the data of an event that would end it; empty after a defect. Neither
/// the bus nor the job cache hears of it, as in Salt, whose scheduler calls the function itself.
///
/// # Errors
/// When it cannot be started.
pub(super) async fn run_to_end(master: &Arc<Master>, call: MasterCall) -> Result<Map, String> {
    let (_, ended) = spawn(master, call, false)?;
    Ok(ended.await.unwrap_or_default())
}

/// Starts a runner on a thread of its own: it may wait for minutes, and the pool is for short work.
fn spawn(
    master: &Arc<Master>,
    call: MasterCall,
    told: bool,
) -> Result<(Jid, oneshot::Receiver<Map>), String> {
    let Ok(place) = master.running_runners.clone().try_acquire_owned() else {
        crate::log::error!(fun = call.fun, "a runner was refused: {MAX_RUNNING} are running already");
        return Err(format!("{MAX_RUNNING} runners are running already: try again"));
    };
    let jid = call.jid.clone().unwrap_or_else(|| master.new_jid());
    let user = if call.caller.user.is_empty() { "UNKNOWN".to_owned() } else { call.caller.user.clone() };
    let worker = master.clone();
    let started = jid.clone();
    let (done, result) = oneshot::channel();
    let spawned = std::thread::Builder::new().name("runner".to_owned()).spawn({
        let handle = tokio::runtime::Handle::current();
        move || {
            let ended = run(&worker, &handle, &started, &user, call, told);
            let _ = done.send(ended);
            drop(place);
        }
    });
    spawned.map(|_| (jid, result)).map_err(|error| {
        crate::log::error!(%error, "a runner could not be started");
        error.to_string()
    })
}

/// For [`Master::running_runners`].
pub(super) fn places() -> Arc<tokio::sync::Semaphore> {
    Arc::new(tokio::sync::Semaphore::new(MAX_RUNNING))
}

/// The data of the event that ends it.
fn run(
    master: &Arc<Master>,
    handle: &tokio::runtime::Handle,
    jid: &Jid,
    user: &str,
    call: MasterCall,
    told: bool,
) -> Map {
    let fun = call.fun;
    let (args, kwargs) = (call.arg, call.kwarg);
    let mut fun_args = args.clone();
    let mut shown = without_secrets(kwargs.clone());
    let there = crate::builtin::runners().row(&fun).is_some();
    if !there && !call.as_client {
        let why = format!("'{fun}' is not available.");
        let data = loader::refused(jid.as_str(), &fun, fun_args, shown, &why);
        if told {
            master.fire(&tags::run_ret(jid.as_str()), data.clone());
        }
        return data;
    }
    if loader::ORCHESTRATING.contains(&fun.as_str()) && !shown.contains("orchestration_jid") {
        shown.insert("orchestration_jid", jid.as_str());
    }
    if !shown.is_empty() {
        fun_args.push(shown.into());
    }
    let mut data = map! { "fun" => format!("runner.{fun}"), "jid" => jid.as_str(), "user" => user };
    if there {
        data.insert("fun_args", fun_args);
    }
    if told && there {
        master.fire(&tags::run_new(jid.as_str()), data.clone());
    }
    // The job cache shows when it began, as in Salt, where firing leaves its mark in what is kept.
    data.insert("_stamp", event::stamp(utc_now()));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        carry_out(master, handle, jid, user, &fun, Call { args, kwargs })
    }));
    let (value, end) = outcome.unwrap_or_else(|_| {
        let text =
            format!("Exception occurred in runner {fun}: a defect of this program; see the master's log");
        (text.into(), End::Raised)
    });
    let good = match value.get("data") {
        Some(states) if end != End::Raised => all_succeeded(states, None),
        _ => end == End::Good,
    };
    data.insert("return", value);
    data.insert("success", good);
    if end == End::Raised {
        data.insert("retcode", 1);
    }
    if told {
        remember(master, jid, user, &data);
        master.fire(&tags::run_ret(jid.as_str()), data.clone());
    }
    data
}

/// Keyword arguments as everybody on the bus may see them. Salt shows passwords, too (`auth.mk_token`).
fn without_secrets(mut kwargs: Map) -> Map {
    if let Some(password) = kwargs.get_mut("password") {
        *password = "**********".into();
    }
    kwargs
}

/// What the runner gives, and how it ended.
pub(super) fn carry_out(
    master: &Arc<Master>,
    handle: &tokio::runtime::Handle,
    jid: &Jid,
    user: &str,
    fun: &str,
    call: Call,
) -> (Value, End) {
    let services = Services::new(master.clone(), handle.clone()).of_run(user, jid);
    let registry = crate::builtin::runners();
    let published = map! { "jid" => jid.as_str(), "fun" => fun, "user" => user };
    let empty = Map::new();
    let scope = Scope {
        opts: &master.opts,
        grains: (&empty).into(),
        pillar: (&empty).into(),
        published: &published,
        registry: &registry,
        host: &RealHost,
        minion: &Nowhere,
        master: &services,
    };
    let context = Context::new(scope);
    match context.call(fun, call) {
        Ok(value) => (value, if context.retcode() == 0 { End::Good } else { End::Failed }),
        Err(fault) => {
            // Salt: arguments that do not fit are a result like any other.
            let end = if fault.is_type_error() { End::Good } else { End::Raised };
            (loader::failure("runner", fun, registry.row(fun), &fault).into(), end)
        }
    }
}

/// Keeps the run in the job cache as a job of the master itself (`runner_returns`), and what is too big for an event
/// also where `salt-run` finds it.
fn remember(master: &Arc<Master>, jid: &Jid, user: &str, data: &Map) {
    if master.opts.get("runner_returns").is_some_and(|wanted| !wanted.truthy()) {
        return;
    }
    let Ok(id) = MinionId::parse(&master.options.id) else { return };
    let entry = map! { "return" => data.clone() };
    let load = map! {
        "fun" => data.get("fun").cloned().unwrap_or_default(),
        "jid" => jid.as_str(),
        "tgt" => id.as_str(),
        "tgt_type" => "list",
        "user" => user,
    };
    let stored = store::wait(async {
        master.store.save_load(jid, &load, &[]).await?;
        master.store.save_return(jid, &id, &entry).await
    });
    if let Err(error) = stored {
        crate::log::error!(%error, jid = jid.as_str(), "a runner could not be kept in the job cache");
    }
    if encode_map(data, Dialect::Bin).len() > master.options.max_event_size
        && let Err(error) = master.disk_cache.write_return(jid, &id, &entry)
    {
        crate::log::error!(%error, jid = jid.as_str(), "a big result of a runner could not be written");
    }
}
