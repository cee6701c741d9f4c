//! `--static`: all returns in one piece. As in Salt, this is a batch of all minions (or as many as `--batch` says)
//! that says nothing until the end. Salt: cli/salt.py (`_run_batch`), cli/batch.py.

use std::cell::RefCell;
use std::time::Duration;

use super::batch::{self, Pinged, Plan, Told};
use super::progress::Bar;
use crate::cli::{Display, Exit, Stop, print};
use crate::client::{Job, LocalClient};
use crate::output::report;
use crate::value::{Map, Value};

pub(super) async fn run(
    client: &LocalClient,
    job: Job,
    timeout: Duration,
    display: &Display,
    plan: Plan,
    strict: bool,
) -> anyhow::Result<Exit> {
    let mut returns = Map::new();
    let mut silent = 0;
    let bar = RefCell::new(Bar::new(false, 0));
    let mut tell = |told: Told<'_>| {
        if let Told::Returned { id, data } = told {
            bar.borrow_mut().advance();
            returns.insert(id, data.get("ret").cloned().unwrap_or_default());
        }
        Ok(())
    };
    let work = async {
        let Some(Pinged { up, down }) = batch::ping(client, &job, timeout).await? else {
            print(report::NO_MINIONS_MATCHED)?;
            return Ok(0);
        };
        silent = down.len();
        bar.replace(Bar::new(client.opts().bool("progress"), up.len()));
        let outcome = batch::take_turns(client, &job, up, timeout, plan, &mut tell).await;
        bar.borrow().finish();
        outcome
    };
    let outcome: anyhow::Result<i64> = tokio::select! {
        outcome = work => outcome,
        _ = tokio::signal::ctrl_c() => {
            return Err(Stop::failed(Exit::GENERIC, "\nExiting gracefully on Ctrl-c\n").into());
        }
    };
    let retcode = outcome.map_err(|error| batch::failed(error, strict))?;
    let nothing = returns.is_empty();
    display.show(&Value::Map(returns), None, 0)?;
    if nothing {
        return Err(Stop::failed(Exit::NO_RETURN, report::NO_RETURN_RECEIVED).into());
    }
    Ok(match (strict, silent, retcode) {
        (true, 1.., _) => Exit::MISSING_RETURNS,
        (true, 0, 1..) => Exit::GENERIC,
        _ => Exit::OK,
    })
}
