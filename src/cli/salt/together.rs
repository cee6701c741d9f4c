//! `--static`: all returns in one piece. As in Salt, this is a batch of all minions (or as many as `--batch` says)
//! that says nothing until the end. Salt: cli/salt.py (`_run_batch`), cli/batch.py.

use std::cell::RefCell;
use std::time::Duration;

use super::batch::{self, Plan, Told};
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
        silent += told.silent();
        let mut keep = |id: &str, data: &Value| {
            bar.borrow_mut().advance();
            returns.insert(id, data.get("ret").cloned().unwrap_or_default());
        };
        match told {
            Told::Pinged { up, .. } => {
                bar.replace(Bar::new(client.opts().bool("progress"), up));
            }
            Told::Returned { id, data } => keep(id, &data),
            Told::Silent { id } => keep(id, &batch::nothing()),
            Told::Started(_) | Told::NotSent { .. } | Told::Unknown(_) => {}
        }
        Ok(())
    };
    let outcome = batch::carry_out(client, &job, timeout, plan, &mut tell).await;
    let retcode = outcome.map_err(|error| batch::failed(error, strict))?;
    bar.borrow().finish();
    if retcode.is_none() {
        print(report::NO_MINIONS_MATCHED)?;
    }
    let retcode = retcode.unwrap_or(0);
    let nothing = returns.is_empty();
    display.show(&Value::Map(returns), None, 0)?;
    if nothing {
        let exit = if strict && silent > 0 { Exit::MISSING_RETURNS } else { Exit::NO_RETURN };
        return Err(Stop::failed(exit, report::NO_RETURN_RECEIVED).into());
    }
    Ok(match (strict, silent, retcode) {
        (true, 1.., _) => Exit::MISSING_RETURNS,
        (true, 0, 1..) => Exit::GENERIC,
        _ => Exit::OK,
    })
}
