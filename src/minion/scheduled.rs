//! The scheduler at work: it looks at the clock, starts jobs that are due, and carries out what `schedule.*` asks. Salt:
//! minion.py (`handle_schedule`, `manage_schedule`), utils/schedule.py (`handle_func`, `persist`).

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::backoff::random_unit;
use super::job::Job;
use super::{Daemon, jobs};
use crate::config::Opts;
use crate::host::tasks;
use crate::host::{FileOwner, Host, RealHost, local_now, write_atomic};
use crate::log::{debug, error, info, warn};
use crate::map;
use crate::names::Jid;
use crate::schedule::{Due, Scheduler, World};
use crate::value::yaml::{self, Style};
use crate::value::{Map, Value};

/// Marks the publish loads of scheduled jobs; its value is the name of the job.
pub const SCHEDULE: &str = "schedule";
/// Marks loads whose functions run on the minion's own account: `schedule`'s, and `startup_states`.
pub const RETURN_JOB: &str = "return_job";

/// The scheduler, shared.
pub struct Scheduled {
    scheduler: Mutex<Scheduler>,
    running: Mutex<HashMap<String, usize>>,
    changed: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduled {
    /// With the option `schedule`.
    pub fn new(opts: &Opts) -> Self {
        let own = opts.get("schedule").and_then(Value::as_map).cloned().unwrap_or_default();
        Scheduled {
            scheduler: Mutex::new(Scheduler::new(own)),
            running: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// The pillar was compiled.
    pub fn set_pillar(&self, pillar: &Map) {
        let schedule = match pillar.get("schedule") {
            Some(Value::Map(schedule)) => schedule.clone(),
            Some(other) if !other.is_null() => {
                return error!("Schedule must be of type dict, not {}", other.type_name());
            }
            _ => Map::new(),
        };
        lock(&self.scheduler).set_pillar(schedule);
        self.changed.notify_one();
    }

    /// Whether a function of this job still runs here.
    fn count(&self, name: &str, up: bool) {
        let mut running = lock(&self.running);
        let count = running.entry(name.to_owned()).or_default();
        *count = if up { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            running.remove(name);
        }
    }
}

/// Looks at the clock every `loop_interval`, for ever; sleeps while there is no job.
pub async fn serve(daemon: Arc<Daemon>) {
    daemon.first_link().await;
    let seconds = daemon.opts.int("loop_interval").clamp(1, 3600);
    let mut ticks = interval(Duration::from_secs(u64::try_from(seconds).unwrap_or(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while lock(&daemon.scheduled.scheduler).is_empty() {
            daemon.scheduled.changed.notified().await;
        }
        ticks.tick().await;
        for due in look(&daemon, seconds) {
            run(&daemon, due);
        }
    }
}

fn look(daemon: &Daemon, loop_seconds: i64) -> Vec<Due> {
    let (grains, pillar) = (daemon.grains(), daemon.links().first().map(|link| link.pillar()));
    let whens = |data: &'_ Map| data.get("whens").and_then(Value::as_map).cloned();
    let whens: Vec<Map> = pillar.as_deref().and_then(whens).into_iter().chain(whens(&grains)).collect();
    let running = lock(&daemon.scheduled.running).clone();
    let mut random = |low: i64, high: i64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "below the span")]
        let offset = (random_unit() * (high - low + 1) as f64) as i64;
        low + offset.clamp(0, high - low)
    };
    let mut world = World {
        running: &|name| running.get(name).copied().unwrap_or(0),
        random: &mut random,
        whens: whens.iter().collect(),
        loop_seconds,
    };
    lock(&daemon.scheduled.scheduler).tick(local_now().datetime(), &mut world)
}

/// Starts a job of the schedule.
fn run(daemon: &Arc<Daemon>, due: Due) {
    let Due { name, fun, job } = due;
    if job.get("dry_run").is_some_and(Value::truthy) {
        return debug!("Job {name} has 'dry_run' set to True. Not running it.");
    }
    if job.get("metadata").is_some_and(|metadata| metadata.as_map().is_none()) {
        warn!("schedule: The metadata parameter must be specified as a dictionary.  Ignoring.");
    }
    let Some(link) = daemon.links().first().cloned() else {
        return error!("The scheduled job {name} is left out: there is no master");
    };
    let jid = Jid::of(RealHost.now());
    info!("Running scheduled job: {name} with jid {jid}");
    let load = load_of(daemon.id(), &name, &fun, &job, jid.as_str(), &daemon.opts);
    let parsed = match Job::parse(load) {
        Ok(parsed) => parsed,
        Err(problem) => return error!("The scheduled job {name} cannot be run: {problem}"),
    };
    let daemon = Arc::clone(daemon);
    daemon.scheduled.count(&name, true);
    tasks::spawn(async move {
        jobs::run(link, parsed).await;
        daemon.scheduled.count(&name, false);
    });
}

/// A publish load for a job of the schedule.
fn load_of(id: &str, name: &str, fun: &str, job: &Map, jid: &str, opts: &Opts) -> Map {
    let mut arg = job.get("args").and_then(Value::as_list).unwrap_or_default().to_vec();
    if let Some(Value::Map(kwargs)) = job.get("kwargs") {
        let mut kwargs = kwargs.clone();
        kwargs.insert("__kwarg__", true);
        arg.push(kwargs.into());
    }
    let mut returners: Vec<String> = Vec::new();
    for value in [job.get("returner"), opts.get("schedule_returner")].into_iter().flatten() {
        match value {
            Value::Text(name) => returners.push(name.clone()),
            Value::List(names) => returners.extend(names.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
    }
    let mut load = map! {
        "fun" => fun, "arg" => arg, "jid" => jid, "tgt" => id, "ret" => returners.join(","), SCHEDULE => name,
    };
    load.extend(job.get(RETURN_JOB).map(|wanted| (RETURN_JOB, wanted.clone())));
    for (ours, theirs) in [("ret_config", "return_config"), ("ret_kwargs", "return_kwargs")] {
        load.extend(job.get(theirs).map(|value| (ours, value.clone())));
    }
    if let Some(Value::Map(metadata)) = job.get("metadata") {
        let (local, utc) = (local_now(), RealHost.now());
        let mut metadata = metadata.clone();
        metadata.insert("_TOS", local.strftime("%z").to_string());
        metadata.insert("_TS", local.strftime("%a %b %e %H:%M:%S %Y").to_string());
        metadata.insert("_TT", utc.strftime("%Y %B %d %a %H %m").to_string());
        load.insert("metadata", metadata);
    }
    load
}

/// What of a job's return goes to the master; `None` where it asked for nothing to go. Jobs of the minion's own have no
/// jid at the master, who allots one for `req`.
pub fn for_master(published: &Map, returned: &Map) -> Option<Map> {
    let mut load = returned.clone();
    let (name, wanted) = (published.get(SCHEDULE), published.get(RETURN_JOB));
    if name.is_none() && wanted.is_none() {
        return Some(load);
    }
    if wanted.is_some_and(|wanted| !wanted.truthy()) {
        return None;
    }
    if let Some(name) = name {
        load.insert(SCHEDULE, name.clone());
        let shown = load.get("fun_args").and_then(Value::as_list).unwrap_or_default().iter().cloned();
        let shown = shown.map(|mut arg| {
            if let Value::Map(kwargs) = &mut arg {
                kwargs.remove("__kwarg__");
            }
            arg
        });
        load.insert("fun_args", Value::List(shown.collect()));
    }
    if published.str("ret").is_none_or(str::is_empty) {
        let jid = if wanted.and_then(Value::as_str) == Some("nocache") { "nocache" } else { "req" };
        load.insert("jid", jid);
    }
    Some(load)
}

/// Carries out an event `manage_schedule`.
pub async fn manage(daemon: &Arc<Daemon>, data: &Map) {
    let outcome = lock(&daemon.scheduled.scheduler).command(data);
    daemon.scheduled.changed.notify_one();
    if outcome.persist {
        let at_disk = Arc::clone(daemon);
        let written = tasks::blocking(move || persist(&at_disk)).await;
        if let Ok(Err(problem)) = written {
            error!("Failed to persist the updated schedule: {problem}");
        }
    }
    if let Some((tag, data)) = outcome.event {
        let _ = daemon.bus.fire(tag, data);
    }
    if let Some(due) = outcome.run {
        info!("Running Job: {}", due.name);
        run(daemon, due);
    }
}

/// Writes the schedule of the options where the next start reads it. Blocks on the disk.
fn persist(daemon: &Daemon) -> io::Result<()> {
    let opts = &daemon.opts;
    let include = opts.str("default_include").to_owned();
    let folder =
        Path::new(opts.str("config_dir")).join(Path::new(&include).parent().unwrap_or(Path::new("")));
    std::fs::create_dir_all(&folder)?;
    let own = lock(&daemon.scheduled.scheduler).own().clone();
    let text = yaml::dump(&map! { "schedule" => own }.into(), Style::SALT);
    write_atomic(&folder.join("_schedule.conf"), text.as_bytes(), 0o640, FileOwner::default())
}

/// `startup_states`: what runs once the minion is connected. Salt: minion.py (`_state_run`).
pub async fn startup_states(daemon: Arc<Daemon>) {
    let strings = |name: &str| Value::list(daemon.opts.list_of_str(name));
    let (fun, arg) = match daemon.opts.str("startup_states") {
        "" => return,
        "sls" => ("state.sls", vec![strings("sls_list")]),
        "top" => ("state.top", vec![Value::from(daemon.opts.str("top_file"))]),
        "highstate" => ("state.highstate", Vec::new()),
        // Salt: anything else is a highstate.
        _ => ("state.highstate", Vec::new()),
    };
    daemon.first_link().await;
    let Some(link) = daemon.links().first().cloned() else { return };
    let jid = Jid::of(RealHost.now());
    let load = map! {
        "fun" => fun, "arg" => arg, "jid" => jid.as_str(), "tgt" => daemon.id(),
        "ret" => daemon.opts.str("ext_job_cache"), RETURN_JOB => true,
    };
    match Job::parse(load) {
        Ok(job) => jobs::run(link, job).await,
        Err(problem) => error!("startup_states: {problem}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    #[test]
    fn a_job_of_the_schedule_is_published_to_ourselves() {
        let job = map! {
            "function" => "cmd.run", "args" => Value::list(["a=b"]), "kwargs" => map! { "cwd" => "/" },
            "return_job" => false, "returner" => "syslog",
        };
        let load = load_of("web1", "nightly", "cmd.run", &job, "1", &Opts::defaults(Role::Minion));
        let arg = load.get("arg").and_then(Value::as_list).expect("a list");
        assert_eq!(arg[1], map! { "cwd" => "/", "__kwarg__" => true }.into());
        assert_eq!((load.str("ret"), load.str("schedule")), (Some("syslog"), Some("nightly")));
        assert_eq!(for_master(&load, &map! { "jid" => "1" }), None);
    }

    #[test]
    fn the_master_allots_the_jid_of_a_return_that_has_no_returner() {
        let returned = map! {
            "jid" => "1", "fun_args" => Value::list([map! { "a" => 1, "__kwarg__" => true }]), "return" => true,
        };
        let to_master = |published: Map| for_master(&published, &returned).expect("sent");
        let load = to_master(map! { "schedule" => "x", "ret" => "" });
        assert_eq!((load.str("jid"), load.str("schedule")), (Some("req"), Some("x")));
        assert_eq!(load.get("fun_args"), Some(&Value::list([map! { "a" => 1 }])));
        let load = to_master(map! { "schedule" => "x", "return_job" => "nocache" });
        assert_eq!(load.str("jid"), Some("nocache"));
        assert_eq!(to_master(map! { "schedule" => "x", "ret" => "syslog" }).str("jid"), Some("1"));
        assert_eq!(to_master(map! { "ret" => "" }).str("jid"), Some("1"));
    }
}
