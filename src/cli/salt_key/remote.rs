//! `salt-key --eauth`: the running master looks at and changes its keys, for a user that `external_auth` knows and
//! allows `@wheel`. Salt: key.py (`KeyCLI._run_cmd`), wheel/key.py.

use std::time::Duration;

use anyhow::Context;

use super::{Task, agreed, wanted};
use crate::cli::login::{Login, use_proof};
use crate::cli::{Display, Exit, Parsed, Stop, complain, print};
use crate::client::{ClientError, LocalClient};
use crate::config::Opts;
use crate::keys::Names;
use crate::map;
use crate::output::keys::{KeyAct, no_match};
use crate::value::{Map, Value, str_of};

/// How long the master may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(parsed: &Parsed, opts: &Opts, task: Task, display: &Display) -> anyhow::Result<Exit> {
    let mut client = LocalClient::new(opts.clone());
    let login = Login::read(parsed, opts, !client.who().key.is_empty())?;
    if let Login::Unknown(told) = login {
        // Salt quirk (scripts.py, all): a mistake with exit code 0.
        return Err(Stop { stdout: told, ..Stop::failed(Exit::OK, "Authentication failed\n") }.into());
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let outcome = runtime.block_on(async {
        if let Login::Proof { fields, make_token } = login {
            use_proof(&mut client, fields, make_token).await?;
        }
        carry_out(&client, opts, task, display).await
    });
    match outcome.map_err(anyhow::Error::downcast::<ClientError>) {
        Ok(exit) => Ok(exit),
        // Salt: a refused password is shown like a result.
        Err(Ok(ClientError::Publish(told))) => {
            display.show(&told.into(), Some("nested"), 0)?;
            Ok(Exit::OK)
        }
        Err(Ok(error)) => {
            if let Some(explanation) = error.explanation() {
                complain(&explanation);
            }
            Err(Stop::failed(Exit::GENERIC, format!("{error}\n")).into())
        }
        Err(Err(error)) => Err(error),
    }
}

async fn carry_out(client: &LocalClient, opts: &Opts, task: Task, display: &Display) -> anyhow::Result<Exit> {
    let (fun, arg) = match task {
        Task::List(word) => ("key.list", vec![word.into()]),
        Task::Print(globs) => ("key.print", vec![globs.into()]),
        Task::Finger(globs) => ("key.finger", vec![globs.into(), opts.str("hash_type").into()]),
        Task::Act(act, globs) => return change(client, opts, act, &globs, display).await,
        // These are about files on this machine.
        Task::GenKeys(_) | Task::GenSignature => return Ok(Exit::OK),
    };
    let mut found = wheel(client, fun, arg, Map::new()).await?;
    if let (Value::Map(keys), true) = (&mut found, fun != "key.finger") {
        keys.remove("local");
    }
    display.show(&found, Some("key"), 0)?;
    Ok(Exit::OK)
}

async fn change(
    client: &LocalClient,
    opts: &Opts,
    act: KeyAct,
    globs: &str,
    display: &Display,
) -> anyhow::Result<Exit> {
    let wanted = wanted(act, opts);
    let matching = wheel(client, "key.name_match", vec![globs.into()], Map::new()).await?;
    let mut found = Names::from_value(&matching);
    found.0.retain(|(state, names)| {
        !names.is_empty() && (act == KeyAct::Delete || wanted.states.contains(state))
    });
    if found.is_empty() {
        print(&no_match(globs, wanted.accepted, wanted.rejected, wanted.denied))?;
        return Ok(Exit::OK);
    }
    print(&act.announcement())?;
    display.show(&found.value().into(), Some("key"), 0)?;
    if !opts.bool("yes") && !agreed(act)? {
        return Ok(Exit::OK);
    }
    let (fun, kwarg) = match act {
        KeyAct::Accept => (
            "key.accept_dict",
            map! { "include_rejected" => wanted.rejected, "include_denied" => wanted.denied },
        ),
        KeyAct::Reject => (
            "key.reject_dict",
            map! { "include_accepted" => wanted.accepted, "include_denied" => wanted.denied },
        ),
        KeyAct::Delete => ("key.delete_dict", Map::new()),
    };
    wheel(client, fun, vec![found.value().into()], kwarg).await?;
    let lines = found.0.iter().flat_map(|(_, names)| names).map(|name| act.confirmation(name));
    print(&lines.collect::<String>())?;
    Ok(Exit::OK)
}

/// Runs a wheel function and gives what it returns.
async fn wheel(client: &LocalClient, fun: &str, arg: Vec<Value>, kwarg: Map) -> Result<Value, ClientError> {
    let who = client.who();
    let load = map! {
        "cmd" => "wheel",
        "fun" => fun,
        "arg" => arg,
        "kwarg" => kwarg,
        "user" => who.user.as_str(),
        "key" => who.key.as_str(),
    };
    let reply = client.command(load, PATIENCE).await?;
    let data = reply.get("data");
    let returned = data.and_then(|data| data.get("return")).cloned().unwrap_or_default();
    match data.and_then(|data| data.get("success")) {
        Some(success) if success.truthy() => Ok(returned),
        _ => Err(ClientError::Publish(str_of(&returned))),
    }
}
