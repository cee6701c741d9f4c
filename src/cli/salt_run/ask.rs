//! The running master runs the runner: clear command `runner`, then its events on the bus. Works with Salt's master,
//! too, and there with all of its runners. salt-wire.md §12.1.

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::Order;
use super::show::Shower;
use super::{files, tell_refusal};
use crate::cli::login::{Login, use_proof};
use crate::cli::{Exit, Parsed, Stop, complain};
use crate::client::{ClientError, LocalClient};
use crate::config::Opts;
use crate::map;
use crate::transport::bus::BusEvents;
use crate::value::{Map, Value, str_of};

/// How long the master may take to start a runner.
const TO_START: Duration = Duration::from_secs(15);

/// How often it is looked whether the master still is the same one, and whether it has kept a result whose event was
/// not seen.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What stands in an event for a value that was too big.
const TRIMMED: &str = "VALUE_TRIMMED";

pub(super) fn run(
    opts: &Opts,
    parsed: &Parsed,
    order: &Order,
    without_waiting: bool,
    shower: &Shower,
) -> anyhow::Result<Exit> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let mut client = LocalClient::new(opts.clone());
    let login = match parsed.text("eauth") {
        Some(_) => Login::read(parsed, opts, !client.who().key.is_empty())?,
        None => Login::Key,
    };
    if let Login::Unknown(told) = login {
        // Salt quirk (runner.py, all): no failure.
        return Err(Stop { stdout: told, ..Stop::failed(Exit::OK, "Authentication failed\n") }.into());
    }
    runtime.block_on(async {
        let mut events = client.listen("salt/run/").await?;
        let by_password = matches!(login, Login::Proof { .. });
        if let Login::Proof { fields, make_token } = login {
            use_proof(&mut client, fields, make_token).await.map_err(explained)?;
        }
        let started = match start(&client, order).await {
            // Salt (runner.py, all): a refused password is shown like a result.
            Err(ClientError::Publish(told)) if by_password => {
                tell_refusal(opts, order, &told);
                return shower.refused(&told);
            }
            started => started.map_err(explained)?,
        };
        // What is not known here its master may know: the first event tells.
        if without_waiting && shower.knows() {
            return Ok(left_alone(&started));
        }
        tokio::select! {
            exit = follow(opts, &mut events, &started, shower, without_waiting) => exit,
            _ = tokio::signal::ctrl_c() => {
                let text = format!(
                    "\nThe runner goes on in the master; `salt-run jobs.lookup_jid {}` shows its result.\n",
                    started.jid
                );
                Err(Stop::failed(Exit::GENERIC, text).into())
            }
        }
    })
}

struct Started {
    tag: String,
    jid: String,
}

fn left_alone(started: &Started) -> Exit {
    crate::log::warn!(
        "Running in asynchronous mode. Results of this execution may be collected by attaching to the master event bus \
         or by examining the master job cache, if configured. This execution is running under tag {}",
        started.tag
    );
    Exit::OK
}

async fn start(client: &LocalClient, order: &Order) -> Result<Started, ClientError> {
    let who = client.who();
    let load = map! {
        "cmd" => "runner",
        "fun" => order.fun.as_str(),
        "kwarg" => map! { "kwarg" => order.kwargs.clone(), "arg" => order.args.clone() },
        "user" => who.user.as_str(),
        "key" => who.key.as_str(),
    };
    let mut load = load;
    if !order.jid.is_empty() {
        load.insert("jid", order.jid.as_str());
    }
    let reply = client.command(load, TO_START).await?;
    match (reply.get("tag").and_then(Value::as_str), reply.get("jid").and_then(Value::as_str)) {
        (Some(tag), Some(jid)) => Ok(Started { tag: tag.to_owned(), jid: jid.to_owned() }),
        _ => Err(ClientError::Publish(format!("The master did not start the runner: {}", str_of(&reply)))),
    }
}

/// A master that is there and refuses is the end; that there is none is not.
fn explained(error: ClientError) -> anyhow::Error {
    if matches!(error, ClientError::NoMaster { .. }) {
        return error.into();
    }
    if let Some(explanation) = error.explanation() {
        complain(&explanation);
    }
    Stop::failed(Exit::GENERIC, format!("{error}\n")).into()
}

async fn follow(
    opts: &Opts,
    events: &mut BusEvents,
    started: &Started,
    shower: &Shower<'_>,
    only_begun: bool,
) -> anyhow::Result<Exit> {
    let connections = events.reconnects();
    let own = format!("{}/", started.tag);
    loop {
        let Some(event) = events.next(Some(HEARTBEAT)).await.context("the event bus of the master failed")?
        else {
            if let Some(data) = files::runner_result(opts, &started.jid) {
                return shower.result(&data);
            }
            if events.reconnects() != connections {
                bail!(
                    "the master was restarted while the runner ran, so its end was not seen; `{} jobs.lookup_jid {}` \
                     shows its result if there is one",
                    "salt-run",
                    started.jid
                );
            }
            continue;
        };
        match event.tag.strip_prefix(&own) {
            Some("ret") => return shower.result(&whole(opts, &started.jid, event.data)),
            Some("new") if only_begun => return Ok(left_alone(started)),
            Some(suffix) => shower.event(suffix, &event.data)?,
            None => {}
        }
    }
}

/// The data of the end, from the job cache where the event had no room for it.
fn whole(opts: &Opts, jid: &str, data: Map) -> Map {
    if !trimmed(data.get("return")) {
        return data;
    }
    match files::runner_result(opts, jid) {
        Some(data) => data,
        None => {
            complain(&format!(
                "The result is too big for an event ({} octets, max_event_size) and is not in the job cache: parts of \
                 it are missing below.",
                opts.int("max_event_size")
            ));
            data
        }
    }
}

fn trimmed(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Text(text)) => text == TRIMMED,
        Some(Value::Map(map)) => map.values().any(|value| trimmed(Some(value))),
        Some(Value::List(items)) => items.iter().any(|value| trimmed(Some(value))),
        _ => false,
    }
}
