//! Clear commands: `ping`, `publish`, `runner`, `wheel`, tokens. Whoever asks has proven nothing but what stands in the
//! load. Salt: master.py `ClearFuncs`; salt-wire.md §12.1.

use std::sync::Arc;

use super::commands::{Caller, ClearCommand, PublishCommand};
use super::{Master, auth, jobs, runners};
use crate::channel::pack;
use crate::map;
use crate::value::{Map, Value};

/// Answers a clear load.
pub(super) async fn answer(master: &Arc<Master>, version: i64, load: Map, from: &str) -> Vec<u8> {
    let command = match ClearCommand::parse(load) {
        Ok(command) => command,
        Err(reason) => {
            tracing::warn!(from, reason, "a clear request does not fit its command");
            return pack(&Value::Map(Map::new()));
        }
    };
    let reply: Value = match command {
        ClearCommand::Auth(load) => return auth::answer(master, version, load, from).await,
        ClearCommand::Ping(load) => load.into(),
        ClearCommand::Publish(command) => publish(master, *command, from).await,
        ClearCommand::Runner(call) => match authorize(master, &call.caller, from, &call.fun) {
            Ok(()) => runners::start(master, call).await,
            Err(denied) => denied.of_runner(&call.caller),
        },
        ClearCommand::Wheel(call) => match authorize(master, &call.caller, from, &call.fun) {
            Ok(()) => {
                tracing::error!(fun = call.fun, "wheel functions are not supported");
                map! { "error" => map! {
                    "name" => "SaltInvocationError",
                    "message" => format!("wheel functions are not supported by Halite: {}", call.fun),
                } }
                .into()
            }
            Err(denied) => denied.of_runner(&call.caller),
        },
        ClearCommand::MakeToken(_) => {
            tracing::warn!(from, "a token was asked for: external authentication is not supported");
            "".into()
        }
        ClearCommand::GetToken(_) => Map::new().into(),
        ClearCommand::Unknown(cmd) => {
            tracing::warn!(from, cmd, "a clear command that does not exist");
            Map::new().into()
        }
    };
    pack(&reply)
}

async fn publish(master: &Arc<Master>, command: PublishCommand, from: &str) -> Value {
    if let Err(denied) = authorize(master, &command.caller, from, &command.funs().join(",")) {
        master.fire(
            &crate::event::tags::job_error(command.jid.as_ref().map_or("", |jid| jid.as_str())),
            map! { "fun" => command.fun.clone(), "tgt" => command.tgt.clone(), "user" => command.caller.user.clone(),
                   "error" => denied.map() },
        );
        return map! { "error" => denied.map() }.into();
    }
    jobs::publish(master, command).await
}

/// Why a caller may not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Nobody we know.
    Authentication,
}

impl Denied {
    fn map(self) -> Map {
        match self {
            Denied::Authentication => map! {
                "name" => "AuthenticationError", "message" => "Authentication error occurred."
            },
        }
    }

    fn of_runner(self, caller: &Caller) -> Value {
        let name = match (&caller.token, &caller.eauth) {
            (Some(_), _) => "TokenAuthenticationError",
            (None, Some(_)) => "EauthAuthenticationError",
            (None, None) => "UserAuthenticationError",
        };
        let message =
            format!("Authentication failure of type \"{}\" occurred for user {}.", kind(caller), caller.user);
        map! { "error" => map! { "name" => name, "message" => message } }.into()
    }
}

fn kind(caller: &Caller) -> &'static str {
    match (&caller.token, &caller.eauth) {
        (Some(_), _) => "token",
        (None, Some(_)) => "eauth",
        (None, None) => "user",
    }
}

/// The rules of local keys. Salt: auth/__init__.py `LoadAuth.authenticate_key`.
fn authorize(master: &Master, caller: &Caller, from: &str, what: &str) -> Result<(), Denied> {
    let Some(key) = caller.key.as_deref().filter(|key| !key.is_empty()) else {
        let how = if caller.token.is_some() || caller.eauth.is_some() {
            "external authentication is not supported"
        } else {
            "it carries no key"
        };
        tracing::warn!(from, user = caller.user, what, "a request was refused: {how}");
        return Err(Denied::Authentication);
    };
    let user = caller.user.as_str();
    let own = &master.options.user;
    let known = if user.starts_with("sudo_") || user == "root" || user == own {
        master.local_keys.is_anybodys(key)
    } else {
        master.local_keys.is_key_of(user, key) || master.local_keys.is_key_of("root", key)
    };
    if known {
        return Ok(());
    }
    tracing::warn!(from, user, what, "a request was refused: its key is not one of this master's local keys");
    Err(Denied::Authentication)
}
