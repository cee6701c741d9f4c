//! Clear commands: `ping`, `publish`, `runner`, `wheel`, tokens. Whoever asks has proven nothing but what stands in the
//! load: `authorize` decides. Salt: master.py `ClearFuncs`; salt-wire.md §12.1.

use std::sync::Arc;

use super::authorize::{Denied, Wish, Wording, authenticate, not_blacklisted, permit};
use super::{Master, auth, batches, identify, jobs, runners, stats, targets, wheel};
use crate::acl::{Job, MasterFunctions};
use crate::channel::commands::{ClearCommand, MasterCall, PublishCommand};
use crate::channel::pack;
use crate::event::tags;
use crate::loader::{self, Call};
use crate::map;
use crate::names::Jid;
use crate::value::{Map, Value};

/// Answers a clear load; `None`: not at all.
pub(super) async fn answer(master: &Arc<Master>, version: i64, load: Map, from: &str) -> Option<Vec<u8>> {
    let begun = stats::begin(master, &load);
    let command = match ClearCommand::parse(load) {
        Ok(command) => command,
        Err(reason) => {
            crate::log::warn!(from, reason, "a clear request does not fit its command");
            return Some(pack(&Value::Map(Map::new())));
        }
    };
    // Whoever asks has begun to listen for what becomes of it.
    master.bus.admit_waiting();
    let reply: Option<Value> = match command {
        ClearCommand::Auth(load) => return Some(auth::answer(master, version, &load, from).await),
        ClearCommand::Ping(load) => Some(load.into()),
        ClearCommand::Publish(command) => publish(master, *command, from, false).await,
        ClearCommand::PublishBatch(command) => publish(master, *command, from, true).await,
        ClearCommand::Runner(call) => run(master, call, MasterFunctions::Runner, from).await,
        ClearCommand::Wheel(call) => run(master, call, MasterFunctions::Wheel, from).await,
        ClearCommand::MakeToken { caller, expire } => {
            identify::make_token(master, &caller, expire, from).await
        }
        ClearCommand::GetToken(Some(token)) => identify::token_data(master, token).await,
        ClearCommand::GetToken(None) => Some(false.into()),
        ClearCommand::Unknown(cmd) => {
            crate::log::warn!(from, "Requested method not exposed: {}", cmd.escape_debug());
            return Some(pack(&Value::Map(Map::new())));
        }
    };
    stats::end(master, begun);
    reply.map(|reply| pack(&reply))
}

/// Calls a runner or wheel function of a caller who may.
async fn run(master: &Arc<Master>, mut call: MasterCall, form: MasterFunctions, from: &str) -> Option<Value> {
    let known = match authenticate(master, &call.caller, from, Wording::Call).await {
        Ok(known) => known,
        Err(denied) => return denied.reply().map(Value::from),
    };
    let Call { args, kwargs } = loader::arguments(call.arg, call.kwarg);
    let wish = Wish::Call { form, fun: &call.fun, arg: Some(&args), kwarg: Some(&kwargs) };
    if let Err(denied) = permit(master, (&call.caller, &known), from, wish).await {
        return denied.reply().map(Value::from);
    }
    (call.arg, call.kwarg) = (args, kwargs);
    // Salt: who became root by sudo, and who says no name, is shown as the master's own user.
    let masters_own = (known.user.is_empty() && !call.as_client) || known.user.starts_with("sudo_");
    call.caller.user = if masters_own { master.options.user.clone() } else { known.user };
    Some(match form {
        MasterFunctions::Runner => runners::start(master, call).await,
        MasterFunctions::Wheel => wheel::answer(master, call).await,
    })
}

async fn publish(
    master: &Arc<Master>,
    mut command: PublishCommand,
    from: &str,
    in_turns: bool,
) -> Option<Value> {
    if let Err(denied) = not_blacklisted(master, &command.caller.user, &command.funs()) {
        return denied.reply().map(Value::from);
    }
    let known = match authenticate(master, &command.caller, from, Wording::Publish).await {
        Ok(known) => known,
        Err(denied) => return refuse(master, &command, &denied),
    };
    // Chosen once: who is checked against the rules is who gets the job.
    let selected = targets::select(master, &command).await;
    let allowed = {
        let jobs = jobs_of(&command);
        let wish = Wish::Publish { jobs: &jobs, minions: &selected.minions };
        permit(master, (&command.caller, &known), from, wish).await
    };
    if let Err(denied) = allowed {
        return refuse(master, &command, &denied);
    }
    command.caller.user = known.user;
    if in_turns {
        return Some(batches::start(master, command, selected));
    }
    Some(jobs::publish(master, command, selected).await)
}

/// Tells the caller, and the bus: the load without its proof. Below no jid, which would end the job of whoever has it.
fn refuse(master: &Master, command: &PublishCommand, denied: &Denied) -> Option<Value> {
    let reply = denied.reply()?;
    let mut event = map! {
        "cmd" => "publish",
        "tgt" => command.tgt.clone(),
        "fun" => command.fun.clone(),
        "arg" => command.arg.clone(),
        "tgt_type" => command.tgt_type.as_str(),
        "ret" => command.ret.as_str(),
        "jid" => command.jid.as_ref().map_or("", Jid::as_str),
        "kwargs" => command.kwargs.clone(),
        "user" => command.caller.user.as_str(),
    };
    event.extend(reply.clone());
    master.fire(tags::JOB_ERROR, event);
    Some(reply.into())
}

/// The functions of a publish with their arguments: those of a compound command have a list each.
pub(super) fn jobs_of(command: &PublishCommand) -> Vec<Job<'_>> {
    let several = matches!(command.fun, Value::List(_));
    let arguments = |place: usize| match (several, command.arg.get(place)) {
        (false, _) => command.arg.as_slice(),
        (true, Some(Value::List(arg))) => arg.as_slice(),
        (true, _) => &[],
    };
    command.funs().into_iter().enumerate().map(|(place, fun)| Job { fun, arg: arguments(place) }).collect()
}
