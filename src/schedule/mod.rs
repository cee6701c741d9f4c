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

fn function_of(job: &Map) -> Option<&str> {
    job.str("function").or_else(|| job.str("func")).or_else(|| job.str("fun"))
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
            splay: schedule.get("splay").filter(|splay| splay.truthy()).cloned(),
            skip_function: schedule.str("skip_function").map(str::to_owned),
            skip_during_range: schedule.get("skip_during_range").filter(|range| range.truthy()).cloned(),
        };
        self.clocks.retain(|name, _| schedule.contains(name));
        let mut due = Vec::new();
        for (name, job) in &schedule {
            let name = str_of(name);
            if NO_JOBS.contains(&name.as_str()) {
                continue;
            }
            let Some(job) = job.as_map() else {
                crate::log::error!(
                    "Scheduled job {name:?} should have a dict value, not {}",
                    job.type_name()
                );
                continue;
            };
            let clock = self.clocks.entry(name.clone()).or_default();
            let fun = match clock.tick(&name, job, &self.common, self.enabled, now, world) {
                Turn::Wait => continue,
                Turn::Run => function_of(job).unwrap_or_default().to_owned(),
                Turn::RunInstead(fun) => fun,
            };
            due.push(Due { name, fun, job: job.clone() });
        }
        due
    }

    /// A job as `schedule.job_status` shows it, with Salt's hidden entries.
    fn status(&self, name: &str) -> Map {
        let schedule = self.merged();
        let mut job = schedule.get(name).and_then(Value::as_map).cloned().unwrap_or_default();
        let time = |time: DateTime| Value::Time(Box::new(time));
        if let Some(clock) = self.clocks.get(name) {
            job.extend(clock.next.map(|next| ("_next_fire_time", time(next))));
            job.extend(clock.last_run.map(|last| ("_last_run", time(last))));
            job.extend(clock.splayed.map(|splayed| ("_splay", time(splayed))));
            job.extend(clock.error.clone().map(|error| ("_error", Value::from(error))));
            if let Some((reason, when)) = clock.skipped {
                job.insert("_skip_reason", reason);
                job.insert("_skipped", true);
                job.insert("_skipped_time", time(when));
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
                let run = schedule.get(name).and_then(Value::as_map).map(|job| Due {
                    name: name.to_owned(),
                    fun: function_of(job).unwrap_or_default().to_owned(),
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
            None => crate::log::warn!("Cannot modify job {name}, it's in the pillar!"),
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
