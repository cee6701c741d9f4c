//! `--static`: all returns in one piece. As in Salt, the minions are pinged first, then the function runs on those
//! that answered, by name. Salt: cli/salt.py (`_run_batch`), cli/batch.py with 100 %.

use std::time::Duration;

use super::{explain, follow};
use crate::cli::{Display, Exit, Stop, print};
use crate::client::{ClientError, Job, LocalClient, Progress};
use crate::map;
use crate::output::report;
use crate::value::{Map, Value};

pub(super) async fn run(
    client: &LocalClient,
    job: Job,
    timeout: Duration,
    display: &Display,
    strict: bool,
) -> anyhow::Result<Exit> {
    let work = async {
        let Some((up, pinged)) = ping(client, &job, timeout).await? else { return Ok(None) };
        let silent = pinged.saturating_sub(up.len());
        if up.is_empty() {
            return Ok(Some((Map::new(), 0, silent)));
        }
        gather(client, job, up, timeout).await.map(|(returns, retcode)| Some((returns, retcode, silent)))
    };
    let gathered: Result<_, ClientError> = tokio::select! {
        gathered = work => gathered,
        _ = tokio::signal::ctrl_c() => return Ok(Exit::GENERIC),
    };
    let (returns, retcode, silent) = match gathered {
        Ok(Some(gathered)) => gathered,
        Ok(None) => {
            print(report::NO_MINIONS_MATCHED)?;
            (Map::new(), 0, 0)
        }
        Err(error) => {
            explain(&error);
            let exit = if strict { Exit::UNAVAILABLE } else { Exit::GENERIC };
            return Err(Stop::failed(exit, format!("{error}\n")).into());
        }
    };
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

/// The minions that answer, and how many were asked.
async fn ping(
    client: &LocalClient,
    job: &Job,
    timeout: Duration,
) -> Result<Option<(Vec<String>, usize)>, ClientError> {
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
    Ok(Some((up, published.minions.len() + published.missing.len())))
}

/// Runs the function on `ids`: `{id: ret}` and the highest retcode.
async fn gather(
    client: &LocalClient,
    job: Job,
    ids: Vec<String>,
    timeout: Duration,
) -> Result<(Map, i64), ClientError> {
    let failhard = client.opts().bool("failhard");
    let gather = client.opts().int("gather_job_timeout");
    let job = Job {
        tgt: Value::list(ids),
        tgt_type: "list".to_owned(),
        kwargs: map! { "gather_job_timeout" => gather },
        ..job
    };
    let mut returns = Map::new();
    let mut highest = 0;
    let Some(mut running) = client.start(&job, client.patience(Some(timeout))).await? else {
        return Ok((returns, 0));
    };
    while let Some(progress) = running.next().await? {
        match progress {
            Progress::Returned { id, load } => {
                let data = follow::returned(&load);
                let retcode = report::retcode_of(&data);
                highest = highest.max(retcode);
                returns.insert(id.as_str(), data.get("ret").cloned().unwrap_or_default());
                if failhard && retcode > 0 {
                    tracing::error!(
                        "Minion {id} returned with non-zero exit code. Batch run stopped due to failhard"
                    );
                    break;
                }
            }
            // Salt: it was there a moment ago, so it is told, with nothing.
            Progress::Silent { id, .. } => {
                returns.insert(id, Value::Map(Map::new()));
            }
        }
    }
    Ok((returns, highest))
}
