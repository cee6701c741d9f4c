//! `--batch`: only so many minions at a time. The minions are pinged first, then the function runs on those that
//! answered, by name. Salt: cli/salt.py (`_run_batch`), cli/batch.py.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::progress::Bar;
use super::{explain, follow, reasons};
use crate::cli::{Display, Exit, Stop, complain, print};
use crate::client::{Batch, BatchSize, ClientError, Job, LastSeen, LocalClient, Progress, Running};
use crate::map;
use crate::output::report::{self, BatchReturn};
use crate::transport::bus::BusClient;
use crate::value::{Map, Value, sort, str_of};

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
    Pinged {
        up: usize,
        down: &'a [String],
    },
    Started(&'a [String]),
    /// As [`follow::returned`] makes it.
    Returned {
        id: &'a str,
        data: Value,
    },
    /// It was there a moment ago. Salt: what it returns is [`nothing`].
    Silent {
        id: &'a str,
    },
    /// Its key is gone.
    NotSent {
        id: &'a str,
    },
    /// Named by the target, without a key. Salt does not mention them.
    Unknown(&'a [String]),
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
        if matches!(told, Told::Returned { .. } | Told::Silent { .. } | Told::NotSent { .. }) {
            bar.borrow_mut().count();
        }
        silent += told.silent();
        match told {
            Told::Pinged { up, down } => {
                for id in down.iter().filter(|_| up > 0) {
                    print(&report::batch_left_out(id))?;
                }
                bar.replace(Bar::new(client.opts().bool("progress"), up));
            }
            Told::Started(ids) => print(&report::batch_started(ids))?,
            Told::NotSent { id } => print(&report::batch_not_sent(id))?,
            Told::Returned { id, data } => show(display, id, &data)?,
            Told::Silent { id } => show(display, id, &nothing())?,
            Told::Unknown(ids) => ids.iter().for_each(|id| complain(&reasons::without_key(id))),
        }
        bar.borrow().draw();
        Ok(())
    };
    let outcome = carry_out(client, &job, timeout, plan, &mut tell).await;
    if let Ok(None) = outcome {
        print(&format!("{}{}", report::NO_MINIONS_MATCHED, report::NOBODY_FOR_BATCH))?;
    }
    bar.borrow().finish();
    match outcome {
        Ok(None) if strict => Ok(Exit::NO_RETURN),
        Ok(None) => Ok(Exit::OK),
        Ok(Some(_)) if strict && silent > 0 => Ok(Exit::MISSING_RETURNS),
        Ok(Some(1..)) if strict => Ok(Exit::GENERIC),
        Ok(Some(retcode)) => Ok(Exit::of(retcode)),
        Err(error) => Err(failed(error, strict)),
    }
}

impl Told<'_> {
    /// How many minions of the target turned out not to return.
    pub(super) fn silent(&self) -> usize {
        match self {
            Told::Pinged { down: ids, .. } | Told::Unknown(ids) => ids.len(),
            Told::Silent { .. } | Told::NotSent { .. } => 1,
            Told::Started(_) | Told::Returned { .. } => 0,
        }
    }
}

fn show(display: &Display, id: &str, data: &Value) -> anyhow::Result<()> {
    match BatchReturn::parse(id, data) {
        Ok(told) => display.show(&told.shown, told.out.as_deref(), 0),
        Err(_) => Ok(()),
    }
}

/// Runs the job in turns, in the master or, where that is one that cannot, from here: the highest retcode, or `None`
/// where the target matches nobody.
pub(super) async fn carry_out(
    client: &LocalClient,
    job: &Job,
    timeout: Duration,
    plan: Plan,
    tell: &mut dyn FnMut(Told<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Option<i64>> {
    if let Some(outcome) = in_master(client, job, timeout, plan, tell).await? {
        return Ok(outcome);
    }
    let work = async {
        let Some(Pinged { up, down, unknown }) = ping(client, job, timeout).await? else { return Ok(None) };
        tell(Told::Unknown(&unknown))?;
        tell(Told::Pinged { up: up.len(), down: &down })?;
        take_turns(client, job, up, timeout, plan, tell).await.map(Some)
    };
    tokio::select! {
        outcome = work => outcome,
        _ = tokio::signal::ctrl_c() => Err(left()),
    }
}

fn left() -> anyhow::Error {
    Stop::failed(Exit::GENERIC, "\nExiting gracefully on Ctrl-c\n").into()
}

/// A batch of the master, whose events are followed here. It goes on when this program dies; Ctrl-c ends it.
async fn in_master(
    client: &LocalClient,
    job: &Job,
    timeout: Duration,
    plan: Plan,
    tell: &mut dyn FnMut(Told<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Option<Option<i64>>> {
    let mut events = client.listen("salt/batch/").await?;
    let patience = client.patience(Some(timeout));
    let size = match plan.size {
        BatchSize::Number(number) => number.to_string(),
        BatchSize::Percent(percent) => format!("{percent}%"),
    };
    let wishes = map! {
        "size" => size, "wait" => plan.wait.as_secs_f64(), "failhard" => plan.failhard,
        "timeout" => patience.timeout.as_secs_f64(), "gather" => patience.gather.as_secs_f64(),
    };
    let published = match client.publish_batch(job, wishes, timeout).await? {
        None => return Ok(None),
        Some(None) => return Ok(Some(None)),
        Some(Some(published)) => published,
    };
    let own = format!("salt/batch/{}/", published.jid);
    tell(Told::Unknown(&published.missing))?;
    let connections = events.reconnects();
    let mut highest = 0;
    loop {
        let event = tokio::select! {
            event = events.next(Some(Duration::from_secs(5))) => event?,
            _ = tokio::signal::ctrl_c() => {
                let mut bus = BusClient::new(client.bus_paths());
                let _ = bus.fire(&format!("{own}stop"), Map::new()).await;
                return Err(left());
            }
        };
        let Some(event) = event else {
            if events.reconnects() != connections {
                anyhow::bail!(
                    "the master was restarted while the batch ran, and the batch ended with it; `salt-run \
                     jobs.lookup_jid {}` shows how far it came",
                    published.jid
                );
            }
            continue;
        };
        let Some(what) = event.tag.strip_prefix(&own) else { continue };
        let data = event.data;
        let ids = |key: &str| -> Vec<String> {
            data.get(key).and_then(Value::as_list).unwrap_or_default().iter().map(str_of).collect()
        };
        match (what, what.strip_prefix("ret/")) {
            ("start", _) => {
                tell(Told::Pinged { up: ids("available_minions").len(), down: &ids("down_minions") })?;
            }
            ("turn", _) => tell(Told::Started(&ids("minions")))?,
            ("done", _) => match data.str("error") {
                Some(error) => return Err(Stop::failed(Exit::GENERIC, format!("{error}\n")).into()),
                None => return Ok(Some(Some(highest))),
            },
            (_, Some(id)) if data.get("missing") == Some(&Value::Bool(true)) => tell(Told::NotSent { id })?,
            (_, Some(id)) if !data.contains("return") => tell(Told::Silent { id })?,
            (_, Some(id)) => {
                let data = follow::returned(&data);
                let retcode = data.get("retcode").map_or(0, |_| report::retcode_of(&data));
                highest = highest.max(retcode);
                tell(Told::Returned { id, data })?;
                if plan.failhard && retcode > 0 {
                    stopped(id);
                    return Ok(Some(Some(highest)));
                }
            }
            _ => {}
        }
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
struct Pinged {
    up: Vec<String>,
    down: Vec<String>,
    unknown: Vec<String>,
}

/// Pings the target. `None`: it matches nobody.
async fn ping(client: &LocalClient, job: &Job, timeout: Duration) -> Result<Option<Pinged>, ClientError> {
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
    let mut down = published.minions.clone();
    down.retain(|id| !up.contains(id));
    sort::all(&mut up);
    sort::all(&mut down);
    Ok(Some(Pinged { up, down, unknown: published.missing.clone() }))
}

/// Runs the job on `ids`, so many at a time: the highest retcode.
async fn take_turns(
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
            Some(Progress::Silent { id, last_seen_as: LastSeen::Missing }) => {
                batch.ended(&id, Instant::now());
                tell(Told::NotSent { id: &id })?;
                if plan.failhard {
                    stopped(&id);
                    return Ok(highest);
                }
                continue;
            }
            None if batch.poll_timeout().is_some() => continue,
            // `None`: nobody is followed any longer, and one was given up without a word.
            silent => {
                let id = match silent {
                    Some(Progress::Silent { id, .. }) => Some(id),
                    _ => batch.active().next().cloned(),
                };
                if let Some(id) = id {
                    batch.ended(&id, Instant::now());
                    tell(Told::Silent { id: &id })?;
                }
                continue;
            }
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
    crate::log::error!("Minion {id} returned with non-zero exit code. Batch run stopped due to failhard");
}

pub(super) fn nothing() -> Value {
    map! { "ret" => Map::new() }.into()
}
