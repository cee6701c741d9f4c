//! The master's schedule: runners by the clock, from the option `schedule`. Each is run as if somebody had called it, with
//! the events and the entry in the job cache of any runner. Salt: master.py (`Maintenance.handle_schedule`),
//! utils/schedule.py (`handle_func`).

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Master, runners};
use crate::channel::commands::{Caller, MasterCall};
use crate::event::tags;
use crate::host::{local_now, tasks};
use crate::map;
use crate::schedule::{Due, Scheduler, World};
use crate::value::{Map, Value};

/// How often the clock is looked at, in seconds. Salt looks as often as the most frequent job wants it.
const LOOK: u64 = 1;

/// Names of jobs that run, and how many times.
type Running = Arc<Mutex<HashMap<String, usize>>>;

/// Starts what looks at the clock until `stop` says so, where there is a schedule.
pub(super) fn start(
    master: &Arc<Master>,
    mut stop: watch::Receiver<bool>,
) -> Option<tokio::task::JoinHandle<()>> {
    let own = master.opts.get("schedule").and_then(Value::as_map).filter(|own| !own.is_empty())?;
    let (mut scheduler, running) = (Scheduler::new(own.clone()), Running::default());
    let master = master.clone();
    Some(tasks::spawn(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(LOOK)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            for due in look(&mut scheduler, &running) {
                run(&master, &running, due);
            }
        }
    }))
}

fn look(scheduler: &mut Scheduler, running: &Running) -> Vec<Due> {
    let counts = running.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut random = |low: i64, high: i64| {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
        let offset = RandomState::new().build_hasher().finish() % span;
        low.saturating_add(i64::try_from(offset).unwrap_or(0))
    };
    let mut world = World {
        running: &|name| counts.get(name).copied().unwrap_or(0),
        random: &mut random,
        whens: Vec::new(),
        loop_seconds: i64::try_from(LOOK).unwrap_or(1),
    };
    scheduler.tick(local_now().datetime(), &mut world)
}

fn count(running: &Running, name: &str, up: bool) {
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    let count = running.entry(name.to_owned()).or_default();
    *count = if up { *count + 1 } else { count.saturating_sub(1) };
    if *count == 0 {
        running.remove(name);
    }
}

fn run(master: &Arc<Master>, running: &Running, due: Due) {
    let Due { name, fun, job } = due;
    if job.get("dry_run").is_some_and(Value::truthy) {
        return crate::log::debug!("Job {name} has 'dry_run' set to True. Not running it.");
    }
    if job.contains("returner") {
        crate::log::error!(
            "the scheduled job {name} wants a returner: what runners return is kept by the master"
        );
    }
    let jid = master.new_jid();
    crate::log::info!("Running scheduled job: {name} with jid {jid}");
    let call = MasterCall {
        fun: fun.clone(),
        arg: job.get("args").and_then(Value::as_list).unwrap_or_default().to_vec(),
        kwarg: job.get("kwargs").and_then(Value::as_map).cloned().unwrap_or_default(),
        matching: None,
        jid: Some(jid),
        flat: false,
        as_client: false,
        caller: Caller { user: master.options.user.clone(), ..Caller::default() },
    };
    let (master, running) = (master.clone(), running.clone());
    count(&running, &name, true);
    tasks::spawn(async move {
        let ended = runners::run_to_end(&master, call).await;
        count(&running, &name, false);
        match ended {
            Ok(data) if job.get("return_job").is_none_or(Value::truthy) => {
                master.fire(tags::SCHEDULE_RETURN, told(&master.options.id, &name, &fun, data));
            }
            Ok(_) => {}
            Err(reason) => crate::log::error!("The scheduled job {name} cannot be run: {reason}"),
        }
    });
}

/// The event by which a scheduler hands over what a job returned.
fn told(id: &str, name: &str, fun: &str, mut data: Map) -> Map {
    let mut load = map! {
        "cmd" => "_return", "id" => id, "fun" => fun, "schedule" => name, "jid" => "req",
        "pid" => i64::from(std::process::id()), "retcode" => 0,
    };
    for part in ["fun_args", "return", "success", "retcode"] {
        load.extend(data.remove(part).map(|value| (part, value)));
    }
    load
}
