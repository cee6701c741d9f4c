//! `--batch`: only so many minions at a time. The minions are pinged first, then the function runs on those that
//! answered, by name. Salt: cli/salt.py (`_run_batch`), cli/batch.py.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::progress::Bar;
use super::{explain, follow};
use crate::cli::{Display, Exit, Stop, print};
use crate::client::{Batch, BatchSize, ClientError, Job, LocalClient, Progress, Running};
use crate::map;
use crate::output::report::{self, BatchReturn};
use crate::value::{Map, Value};

/// How the minions take turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub size: BatchSize,
    /// Between a return and the next use of its place.
    pub wait: Duration,
    /// Stop at the first return that failed.
    pub failhard: bool,
}

/// What happens in a batch.
pub(super) enum Told<'a> {
    Started(&'a [String]),
    /// As [`follow::returned`] makes it. Salt: a minion that is silent, though it was there a moment ago, returns `{}`.
    Returned {
        id: &'a str,
        data: Value,
    },
    /// Its key is gone.
    NotSent {
        id: &'a str,
    },
}

pub(super) async fn run(
    client: &LocalClient,
    job: Job,
    timeout: Duration,
    display: &Display,
    plan: Plan,
    strict: bool,
) -> anyhow::Result<Exit> {
    let mut silent = 0;
    let bar = RefCell::new(Bar::new(false, 0));
    let mut tell = |told: Told<'_>| -> anyhow::Result<()> {
        bar.borrow().clear();
        if !matches!(told, Told::Started(_)) {
            bar.borrow_mut().count();
        }
        match told {
            Told::Started(ids) => print(&report::batch_started(ids))?,
            Told::NotSent { id } => print(&report::batch_not_sent(id))?,
            Told::Returned { id, data } => {
                if let Ok(told) = BatchReturn::parse(id, &data) {
                    display.show(&told.shown, told.out.as_deref(), 0)?;
                }
            }
        }
        bar.borrow().draw();
        Ok(())
    };
    let work = async {
        let Some(Pinged { up, down }) = ping(client, &job, timeout).await? else {
            print(&format!("{}{}", report::NO_MINIONS_MATCHED, report::NOBODY_FOR_BATCH))?;
            return Ok(None);
        };
        silent = down.len();
        for id in down.iter().filter(|_| !up.is_empty()) {
            print(&report::batch_left_out(id))?;
        }
        bar.replace(Bar::new(client.opts().bool("progress"), up.len()));
        let outcome = take_turns(client, &job, up, timeout, plan, &mut tell).await.map(Some);
        bar.borrow().finish();
        outcome
    };
    let outcome: anyhow::Result<Option<i64>> = tokio::select! {
        outcome = work => outcome,
        _ = tokio::signal::ctrl_c() => {
            return Err(Stop::failed(Exit::GENERIC, "\nExiting gracefully on Ctrl-c\n").into());
        }
    };
    match outcome {
        Ok(None) if strict => Ok(Exit::NO_RETURN),
        Ok(None) => Ok(Exit::OK),
        Ok(Some(_)) if strict && silent > 0 => Ok(Exit::MISSING_RETURNS),
        Ok(Some(retcode)) => Ok(Exit::of(retcode)),
        Err(error) => Err(failed(error, strict)),
    }
}

/// An error of the client in Salt's words, with more beside them.
pub(super) fn failed(error: anyhow::Error, strict: bool) -> anyhow::Error {
    match error.downcast::<ClientError>() {
        Ok(error) => {
            explain(&error);
            let exit = if strict { Exit::UNAVAILABLE } else { Exit::GENERIC };
            Stop::failed(exit, format!("{error}\n")).into()
        }
        Err(error) => error,
    }
}

/// Who answered, sorted.
pub(super) struct Pinged {
    pub up: Vec<String>,
    pub down: Vec<String>,
}

/// Pings the target. `None`: it matches nobody.
pub(super) async fn ping(
    client: &LocalClient,
    job: &Job,
    timeout: Duration,
) -> Result<Option<Pinged>, ClientError> {
    let gather = client.opts().int("gather_job_timeout");
    let ping = Job {
        tgt_type: job.tgt_type.clone(),
        kwargs: map! { "gather_job_timeout" => gather, "yield_pub_data" => true },
        ..Job::new(job.tgt.clone(), "test.ping", Vec::new())
    };
    let Some(mut running) = client.start(&ping, client.patience(Some(timeout))).await? else {
        return Ok(None);
    };
    let mut up = Vec::new();
    while let Some(progress) = running.next().await? {
        if let Progress::Returned { id, .. } = progress {
            up.push(id);
        }
    }
    let published = running.published();
    let mut down: Vec<String> = published.minions.iter().chain(&published.missing).cloned().collect();
    down.retain(|id| !up.contains(id));
    up.sort_unstable();
    down.sort_unstable();
    Ok(Some(Pinged { up, down }))
}

/// Runs the job on `ids`, so many at a time: the highest retcode.
pub(super) async fn take_turns(
    client: &LocalClient,
    job: &Job,
    ids: Vec<String>,
    timeout: Duration,
    plan: Plan,
    tell: &mut dyn FnMut(Told<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<i64> {
    let patience = client.patience(Some(timeout));
    let gather = client.opts().int("gather_job_timeout");
    let mut batch = Batch::new(ids, plan.size, plan.wait);
    let mut running: Option<Running<'_>> = None;
    let mut highest = 0;
    loop {
        let next = batch.start(Instant::now());
        if !next.is_empty() {
            tell(Told::Started(&next))?;
            let turn = Job {
                tgt: Value::list(next.clone()),
                tgt_type: "list".to_owned(),
                kwargs: map! { "gather_job_timeout" => gather },
                ..job.clone()
            };
            let nobody = match &mut running {
                Some(running) => running.also(&turn).await?.is_none(),
                None => {
                    running = client.start(&turn, patience).await?;
                    running.is_none()
                }
            };
            for id in next.iter().filter(|_| nobody) {
                batch.ended(id, Instant::now());
                tell(Told::NotSent { id })?;
            }
        }
        if batch.is_done() {
            return Ok(highest);
        }
        let progress = match &mut running {
            Some(running) => running.next_until(batch.poll_timeout()).await?,
            None => {
                let until = batch.poll_timeout().unwrap_or_else(Instant::now);
                tokio::time::sleep_until(until.into()).await;
                continue;
            }
        };
        let (id, data) = match progress {
            Some(Progress::Returned { id, load }) => (id, follow::returned(&load)),
            Some(Progress::Silent { id, last_seen_as }) => {
                if last_seen_as == crate::client::LastSeen::Missing {
                    batch.ended(&id, Instant::now());
                    tell(Told::NotSent { id: &id })?;
                    if plan.failhard {
                        stopped(&id);
                        return Ok(highest);
                    }
                    continue;
                }
                (id, nothing())
            }
            None if batch.poll_timeout().is_some() => continue,
            // Nobody is followed any longer: what was given up without a word.
            None => match batch.active().next().cloned() {
                Some(id) => (id, nothing()),
                None => continue,
            },
        };
        batch.ended(&id, Instant::now());
        let retcode = data.get("retcode").map_or(0, |_| report::retcode_of(&data));
        highest = highest.max(retcode);
        tell(Told::Returned { id: &id, data })?;
        if plan.failhard && retcode > 0 {
            stopped(&id);
            return Ok(highest);
        }
    }
}

fn stopped(id: &str) {
    tracing::error!("Minion {id} returned with non-zero exit code. Batch run stopped due to failhard");
}

fn nothing() -> Value {
    map! { "ret" => Map::new() }.into()
}
