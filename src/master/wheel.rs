//! `wheel`: carried out at once and answered with the result. Salt: master.py (`ClearFuncs.wheel`); salt-wire.md §11,
//! §12.1.

use std::sync::Arc;

use super::Master;
use super::pool::Kind;
use super::services::Services;
use crate::channel::commands::MasterCall;
use crate::event::{self, tags};
use crate::host::{RealHost, utc_now};
use crate::loader::{self, Call, Context, Fault, Nowhere, Param, Scope};
use crate::map;
use crate::names::Jid;
use crate::value::{Map, Value};

/// Calls a wheel function: `{"tag": "salt/wheel/<jid>", "data": {fun, jid, user, return, success, …}}`. Of a call by one of
/// Salt's client classes, which call in their own process, the bus sees `fun_args`, of others `tag`.
pub(super) async fn answer(master: &Arc<Master>, call: MasterCall) -> Value {
    let jid = master.new_jid();
    let tag = tags::wheel(jid.as_str());
    let mut data = map! {
        "fun" => format!("wheel.{}", call.fun),
        "jid" => jid.as_str(),
        "user" => if call.caller.user.is_empty() { "UNKNOWN" } else { &call.caller.user },
    };
    if call.as_client {
        let mut fun_args = call.arg.clone();
        if !call.kwarg.is_empty() {
            fun_args.push(call.kwarg.clone().into());
        }
        data.insert("fun_args", fun_args);
    } else {
        data.insert("tag", tag.as_str());
    }
    master.fire(&tags::wheel_new(jid.as_str()), data.clone());
    let (worker, handle, key) = (master.clone(), tokio::runtime::Handle::current(), jid.clone());
    let fun = call.fun.clone();
    let done = master.pool.run(Kind::Disk, move || carry_out(worker, handle, &key, call)).await;
    let (value, success) = done.unwrap_or_else(|| {
        let text =
            format!("Exception occurred in wheel {fun}: a defect of this program; see the master's log");
        (text.into(), false)
    });
    // Salt's event leaves its mark in what is returned.
    data.insert("_stamp", event::stamp(utc_now()));
    data.insert("return", value);
    data.insert("success", success);
    master.fire(&tags::wheel_ret(jid.as_str()), data.clone());
    map! { "tag" => tag, "data" => data }.into()
}

fn carry_out(
    master: Arc<Master>,
    runtime: tokio::runtime::Handle,
    jid: &Jid,
    call: MasterCall,
) -> (Value, bool) {
    let MasterCall { fun, arg, mut kwarg, matching, caller, flat, as_client, .. } = call;
    let registry = crate::builtin::wheel();
    // Salt's clients may lay `match` beside the function, where it is also an argument of some.
    let wants_match = registry.row(&fun).is_some_and(|row| row.params.contains(&Param::Required("match")));
    if let Some(matching) = matching.filter(|_| wants_match && arg.is_empty() && !kwarg.contains("match")) {
        kwarg.insert("match", matching);
    }
    let services = Services::new(master.clone(), runtime);
    let published = map! { "jid" => jid.as_str(), "fun" => fun.as_str(), "user" => caller.user };
    let empty = Map::new();
    let context = Context::new(Scope {
        opts: &master.opts,
        grains: (&empty).into(),
        pillar: (&empty).into(),
        published: &published,
        registry: &registry,
        host: &RealHost,
        minion: &Nowhere,
        master: &services,
    });
    let row = registry.row(&fun);
    let call = Call { args: arg, kwargs: kwarg };
    // Salt looks itself whether arguments that lie beside the function fit, and fails; otherwise Python does, and that is
    // a result like any other.
    let fits = row.filter(|_| flat).map_or(Ok(()), |row| loader::bind(row, call.clone()).map(drop));
    let outcome = match fits {
        Ok(()) => context.call(&fun, call),
        Err(fault) => Err(Fault::exception("salt.exceptions.SaltInvocationError", fault.to_string())),
    };
    match outcome {
        Ok(value) => (value, context.retcode() == 0),
        Err(fault) => {
            let fault = match fault {
                Fault::NotAvailable(text) if !as_client => Fault::execution(text),
                other => other,
            };
            (loader::failure("wheel", &fun, row, &fault).into(), fault.is_type_error())
        }
    }
}
