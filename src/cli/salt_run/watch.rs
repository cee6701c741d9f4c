//! `salt-run state.event`: events as they come, in this process, so that they end with it. Salt: runners/state.py
//! (`event`), modules/state.py.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{Order, Registry};
use crate::cli::{Exit, Stop, print};
use crate::config::Opts;
use crate::event::{Filter, line};
use crate::loader::{Args, Call, bind};
use crate::patterns::expr_match;
use crate::transport::bus::{BusClient, BusPaths};
use crate::value::Map;

/// The function that runs here and not in the master.
pub(super) const FUNCTION: &str = "state.event";

pub(super) fn run(opts: &Opts, order: &Order, registry: &Registry) -> anyhow::Result<Exit> {
    let row = registry.row(FUNCTION).context("there is no state.event")?;
    let call = Call { args: order.args.clone(), kwargs: order.kwargs.clone() };
    let args = bind(row, call).map_err(|fault| Stop::failed(Exit::GENERIC, format!("{fault}\n")))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    runtime.block_on(async {
        tokio::select! {
            outcome = watch(opts, &args) => outcome,
            _ = tokio::signal::ctrl_c() => {
                Err(Stop::failed(Exit::OK, "\nExiting gracefully on Ctrl-c\n").into())
            }
        }
    })
}

async fn watch(opts: &Opts, args: &Args) -> anyhow::Result<Exit> {
    let tagmatch = args.str("tagmatch")?;
    let mut left = args.int("count")?;
    let (quiet, pretty) = (args.truthy("quiet"), args.truthy("pretty"));
    let client = BusClient::new(bus(opts, args)?);
    let mut events = client.subscribe(Filter::all()).await.context("the event bus cannot be listened to")?;
    loop {
        let Some(event) = events.next(None).await.context("the event bus failed")? else { continue };
        if !expr_match(&event.tag, &tagmatch) {
            crate::log::debug!("Skipping event tag: {}", event.tag);
            continue;
        }
        if !quiet {
            print(&line(&event.tag, event.data, pretty))?;
        }
        if left > 0 {
            left -= 1;
            crate::log::debug!("Remaining event matches: {left}");
        }
        if left == 0 {
            return Ok(Exit::OK);
        }
    }
}

fn bus(opts: &Opts, args: &Args) -> anyhow::Result<BusPaths> {
    let sock_dir = args.opt_str("sock_dir")?.map_or_else(|| opts.path("sock_dir"), PathBuf::from);
    Ok(match args.str("node")?.as_str() {
        "minion" => {
            let mut opts: Map = opts.as_map().clone();
            opts.insert("sock_dir", sock_dir.display().to_string());
            BusPaths::of_minion(&opts)
        }
        _ => BusPaths::master(&sock_dir),
    })
}
