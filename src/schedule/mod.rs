//! The scheduler of a minion or a master, without clock and daemon: times come in, due jobs go out. Salt: utils/schedule.py.
//!
//! Jobs stand in the option `schedule` and in the pillar's `schedule`; the option's win. Times are local, as Salt's are.

mod clock;
mod cron;
pub mod dates;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use clock::{Clock, Common, Turn};
pub use clock::{TIME_FORMAT, read_time};
pub use cron::Cron;

use crate::map;
use crate::value::{DateTime, Map, Value, str_of};

/// Names in a schedule that are no jobs.
const NO_JOBS: [&str; 4] = ["enabled", "skip_function", "skip_during_range", "splay"];

/// What the scheduler asks of its surroundings.
pub struct World<'a> {
    /// How many runs of a job go on.
    pub running: &'a dyn Fn(&str) -> usize,
    /// A random number between two, both included.
    pub random: &'a mut dyn FnMut(i64, i64) -> i64,
    /// `whens` of pillar and grains: names for times.
    pub whens: Vec<&'a Map>,
    /// `loop_interval`: how often [`Scheduler::tick`] is called, in seconds.
    pub loop_seconds: i64,
}

/// A job that is to be run now.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub name: String,
    pub fun: String,
    /// The job as it stands in the schedule (`args`, `kwargs`, `return_job`, `returner`, `metadata` …).
    pub job: Map,
}

/// What a command (`manage_schedule`) comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// An event for the minion's bus: its tag and data.
    pub event: Option<(&'static str, Map)>,
    /// The schedule of the option has to be written down.
    pub persist: bool,
    pub run: Option<Due>,
}

/// The schedule and the clocks of its jobs.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    own: Map,
    pillar: Map,
    clocks: HashMap<String, Clock>,
    enabled: bool,
    common: Common,
}

/// The name of its function; without one that of no function, which the return then says is not available.
fn function_of(job: &Map) -> String {
    str_of(["function", "func", "fun"].iter().find_map(|key| job.get(key)).unwrap_or(&Value::Null))
}

/// A job that can be run at all. Salt takes the letters of a text in `args` for arguments; left out, a function might do far
/// more than was meant (`state.apply` without its file).
fn readable<'a>(key: &str, job: &'a Value) -> Result<&'a Map, String> {
    let kind = job.type_name();
    let job = job
        .as_map()
        .ok_or_else(|| format!("Scheduled job \"{key}\" should have a dict value, not {kind}"))?;
    let wrong = |key: &str, fits: fn(&Value) -> bool| job.get(key).is_some_and(|value| !fits(value));
    if wrong("args", |args| args.as_list().is_some()) || wrong("kwargs", |kwargs| kwargs.as_map().is_some()) {
        return Err(format!("args have to be a list, kwargs a dict. Ignoring job {key}."));
    }
    Ok(job)
}

impl Scheduler {
    /// A scheduler with the option `schedule`.
    pub fn new(own: Map) -> Self {
        Scheduler { own, enabled: true, ..Scheduler::default() }
    }

    /// Takes the pillar's schedule in the place of an earlier one.
    pub fn set_pillar(&mut self, schedule: Map) {
        self.pillar = schedule;
    }

    /// The option's schedule, to be written down.
    pub fn own(&self) -> &Map {
        &self.own
    }

    /// Nothing will ever be due.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.pillar.is_empty()
    }

    fn merged(&self) -> Map {
        let mut all = self.pillar.clone();
        all.extend(self.own.clone());
        all
    }

    /// The jobs that are due.
    #[must_use]
    pub fn tick(&mut self, now: DateTime, world: &mut World<'_>) -> Vec<Due> {
        let schedule = self.merged();
        if let Some(enabled) = schedule.get("enabled") {
            self.enabled = enabled.truthy();
        }
        self.common = Common {
            splay: schedule.get("splay").cloned(),
            skip_function: schedule.str("skip_function").filter(|fun| !fun.is_empty()).map(str::to_owned),
            skip_during_range: schedule.get("skip_during_range").cloned(),
        };
        self.clocks.retain(|name, _| schedule.contains(name));
        let mut due = Vec::new();
        for (name, job) in &schedule {
            let key = str_of(name);
            if NO_JOBS.contains(&key.as_str()) {
                continue;
            }
            let clock = self.clocks.entry(key.clone()).or_default();
            let job = match readable(&key, job) {
                Ok(job) => job,
                Err(problem) => {
                    clock.refuse(problem);
                    continue;
                }
            };
            let shown = job.get("name").map_or(key, str_of);
            let turn = clock.tick(&shown, job, &self.common, self.enabled, now, world);
            self.complete(name, &shown, turn != Turn::Wait);
            let fun = match turn {
                Turn::Wait => continue,
                Turn::Run => function_of(job),
                Turn::RunInstead(fun) => fun,
            };
            due.push(Due { name: shown, fun, job: job.clone() });
        }
        due
    }

    /// Adds to a job what Salt's scheduler adds where it stands, so that `schedule.list` shows it and it is saved.
    fn complete(&mut self, key: &Value, name: &str, ran: bool) {
        let held = if self.own.get_value(key).is_some() { &mut self.own } else { &mut self.pillar };
        let Some(Value::Map(job)) = held.get_value_mut(key) else { return };
        job.entry("name", || name.into());
        if ran && job.entry("jid_include", || true.into()).truthy() {
            job.entry("maxrunning", || 1.into());
        }
    }

    /// A job as `schedule.job_status` shows it, with Salt's hidden entries.
    fn status(&self, name: &str) -> Map {
        let schedule = self.merged();
        let mut job = schedule.get(name).and_then(Value::as_map).cloned().unwrap_or_default();
        let time = |time: DateTime| Value::Time(Box::new(time));
        let or_none = |found: Option<DateTime>| found.map_or(Value::Null, time);
        let job_starts = job.get("run_on_start").is_some_and(Value::truthy);
        if let Some(clock) = self.clocks.get(name).filter(|_| !job.is_empty()) {
            // An interval counts beside the others.
            let kind = ["when", "once"].into_iter().find(|kind| clock.every.is_none() && job.contains(kind));
            let (once, when) = (kind == Some("once"), kind == Some("when"));
            let to_come = clock.next.filter(|next| clock.done != Some(*next));
            job.insert("_next_fire_time", or_none(if once { clock.scheduled } else { clock.next }));
            job.insert("_splay", or_none(clock.splayed));
            let mut tell = |told: bool, key: &str, value: bool| {
                if told {
                    job.insert(key, value);
                }
            };
            let idle =
                clock.error.is_none() && if once { clock.splayed.is_none() } else { clock.next.is_none() };
            tell((once || when) && idle, "_continue", true);
            tell(when && clock.scheduled.is_some(), "_run", to_come.is_some());
            tell(job_starts, "_run_on_start", !clock.reached);
            tell(clock.judged.is_some(), "run", clock.judged == Some(true));
            job.extend(clock.every.map(|seconds| ("_seconds", Value::from(seconds))));
            job.extend(clock.scheduled.map(|next| ("_next_scheduled_fire_time", time(next))));
            if clock.reached {
                job.entry("splay", || self.common.splay.clone().unwrap_or_default());
            }
            job.extend(clock.last_run.map(|last| ("_last_run", time(last))));
            job.extend(clock.error.clone().map(|error| ("_error", Value::from(error))));
            if let Some((reason, when)) = clock.skipped {
                job.insert("_skip_reason", reason);
                job.extend(when.map(|when| ("_skipped_time", time(when))));
                job.extend(when.map(|_| ("_skipped", true)));
            }
        }
        job
    }

    /// Carries out what an event `manage_schedule` asks.
    pub fn command(&mut self, data: &Map) -> Outcome {
        let name = data.str("name").unwrap_or_default();
        let persist = data.get("persist").is_none_or(Value::truthy) && data.get("persist").is_some();
        let told = |own: &Self, tag: &'static str| {
            Some((tag, map! { "complete" => true, "schedule" => own.merged() }))
        };
        let tag = match data.str("func").unwrap_or_default() {
            "add" => {
                self.add(data.get("schedule").and_then(Value::as_map));
                "/salt/minion/minion_schedule_add_complete"
            }
            "delete" => {
                self.forget(name);
                "/salt/minion/minion_schedule_delete_complete"
            }
            "modify" => {
                if self.own.contains(name) || !self.pillar.contains(name) {
                    self.forget(name);
                    self.own.insert(name, data.get("schedule").cloned().unwrap_or_default());
                }
                "/salt/minion/minion_schedule_delete_complete"
            }
            func @ ("enable_job" | "disable_job") => {
                let enabled = func == "enable_job";
                self.change(name, |job| drop(job.insert("enabled", enabled)));
                if enabled {
                    "/salt/minion/minion_schedule_enabled_job_complete"
                } else {
                    "/salt/minion/minion_schedule_disabled_job_complete"
                }
            }
            "enable" => {
                self.own.insert("enabled", true);
                "/salt/minion/minion_schedule_enabled_complete"
            }
            "disable" => {
                self.own.insert("enabled", false);
                "/salt/minion/minion_schedule_disabled_complete"
            }
            "postpone_job" => {
                self.explicitly(name, "skip_explicit", data, "time");
                self.explicitly(name, "run_explicit", data, "new_time");
                return Outcome {
                    event: told(self, "/salt/minion/minion_schedule_postpone_job_complete"),
                    ..Outcome::default()
                };
            }
            "skip_job" => {
                self.explicitly(name, "skip_explicit", data, "time");
                return Outcome {
                    event: told(self, "/salt/minion/minion_schedule_skip_job_complete"),
                    ..Outcome::default()
                };
            }
            other => return self.question(other, name, data),
        };
        Outcome { event: told(self, tag), persist, run: None }
    }

    /// Commands that change no job.
    fn question(&mut self, func: &str, name: &str, data: &Map) -> Outcome {
        let complete = |tag, mut data: Map| {
            data.insert("complete", true);
            Outcome { event: Some((tag, data)), ..Outcome::default() }
        };
        match func {
            "run_job" => {
                let schedule = self.merged();
                let job = schedule.get(name).and_then(|job| match readable(name, job) {
                    Ok(job) => Some(job),
                    Err(problem) => {
                        crate::log::error!("{problem}");
                        None
                    }
                });
                let run = job.map(|job| Due {
                    name: job.get("name").map_or_else(|| name.to_owned(), str_of),
                    fun: function_of(job),
                    job: job.clone(),
                });
                Outcome { run, ..Outcome::default() }
            }
            "reload" => {
                let schedule = data.get("schedule").and_then(Value::as_map).cloned().unwrap_or_default();
                let inner = schedule.get("schedule").and_then(Value::as_map).cloned();
                self.clocks.clear();
                self.own.extend(inner.unwrap_or(schedule));
                Outcome::default()
            }
            "list" => {
                let schedule = match data.str("where") {
                    Some("pillar") => self.pillar.clone(),
                    Some("opts") => self.own.clone(),
                    _ => self.merged(),
                };
                complete("/salt/minion/minion_schedule_list_complete", map! { "schedule" => schedule })
            }
            "save_schedule" => {
                let saved = complete("/salt/minion/minion_schedule_saved", Map::new());
                Outcome { persist: true, ..saved }
            }
            "get_next_fire_time" => {
                let next = self.clocks.get(name).and_then(|clock| clock.next);
                let next = next.map(|next| next.strftime(TIME_FORMAT).to_string());
                complete(
                    "/salt/minion/minion_schedule_next_fire_time_complete",
                    map! { "next_fire_time" => next.map_or(Value::Null, Value::from) },
                )
            }
            "job_status" => complete(
                "/salt/minion/minion_schedule_job_status_complete",
                map! { "data" => self.status(name) },
            ),
            other => {
                crate::log::error!("Function {other:?} is unavailable in the scheduler");
                Outcome::default()
            }
        }
    }

    fn add(&mut self, jobs: Option<&Map>) {
        let Some((name, job)) = jobs.filter(|jobs| jobs.len() == 1).and_then(|jobs| jobs.iter().next())
        else {
            crate::log::error!("You can only schedule one new job at a time.");
            return;
        };
        let Some(job) = job.as_map() else {
            crate::log::error!("Scheduled jobs have to be of type dict.");
            return;
        };
        if self.pillar.get_value(name).is_some() {
            crate::log::warn!("Cannot update job {}, it's in the pillar!", str_of(name));
            return;
        }
        let mut job = job.clone();
        if !job.contains("enabled") {
            job.insert("enabled", true);
        }
        self.clocks.remove(&str_of(name));
        self.own.insert(name.clone(), job);
    }

    fn forget(&mut self, name: &str) {
        if self.own.remove(name).is_none() && self.pillar.contains(name) {
            crate::log::warn!("Cannot delete job {name}, it's in the pillar!");
        }
        self.clocks.remove(name);
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Map)) {
        match self.own.get_mut(name).and_then(Value::as_map_mut) {
            Some(job) => change(job),
            None if self.pillar.contains(name) => {
                crate::log::warn!("Cannot modify job {name}, it's in the pillar!");
            }
            None => {}
        }
    }

    fn explicitly(&mut self, name: &str, key: &'static str, data: &Map, time: &str) {
        let time = data.get(time).cloned().unwrap_or_default();
        let format = data.str("time_fmt").unwrap_or(TIME_FORMAT).to_owned();
        self.change(name, |job| {
            let list = job.entry(key, || Value::List(Vec::new()));
            if let Value::List(list) = list {
                list.push(map! { "time" => time, "time_fmt" => format }.into());
            }
        });
    }
}
