//! `--subset`: the function runs on so many of the minions, at random, that have it. Salt: client/__init__.py
//! (`cmd_subset`).

use std::time::Duration;

use crate::cli::print;
use crate::client::{ClientError, Job, LocalClient, Progress};
use crate::crypt::random;
use crate::output::report;
use crate::value::{Value, sort};

/// The job on at most `count` minions by name: of those that answer `sys.list_functions` with the job's functions.
pub(super) async fn narrow(
    client: &LocalClient,
    job: Job,
    count: usize,
    timeout: Duration,
) -> Result<Job, ClientError> {
    let question = Job {
        tgt_type: job.tgt_type.clone(),
        kwargs: job.kwargs.clone(),
        ..Job::new(job.tgt.clone(), "sys.list_functions", Vec::new())
    };
    let mut able = Vec::new();
    if let Some(mut running) = client.start(&question, client.patience(Some(timeout))).await? {
        while let Some(progress) = running.next().await? {
            if let Progress::Returned { id, load } = progress
                && load.get("return").is_some_and(|functions| offers(functions, &job.fun))
            {
                able.push((random::bytes::<8>(), id));
            }
        }
    } else {
        // Salt asks nobody twice.
        let _ = print(report::NO_MINIONS_MATCHED);
    }
    sort::all(&mut able);
    let chosen: Vec<String> = able.into_iter().take(count).map(|(_, id)| id).collect();
    Ok(Job { tgt: Value::list(chosen), tgt_type: "list".to_owned(), ..job })
}

fn offers(functions: &Value, fun: &Value) -> bool {
    let functions = functions.as_list().unwrap_or_default();
    match fun {
        Value::List(several) => several.iter().all(|fun| functions.contains(fun)),
        one => functions.contains(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minion_is_able_when_it_has_every_function() {
        let functions = Value::list(["test.ping", "test.echo"]);
        assert!(offers(&functions, &"test.ping".into()));
        assert!(!offers(&functions, &"test".into()));
        assert!(offers(&functions, &Value::list(["test.ping", "test.echo"])));
        assert!(!offers(&functions, &Value::list(["test.ping", "cmd.run"])));
        assert!(!offers(&"'sys.list_functions' is not available.".into(), &"test.ping".into()));
    }
}
