//! When one scheduled job is due: its timing, its splay, and what stands against it. Salt: utils/schedule.py (`eval`).

use jiff::SignedDuration;

use super::cron::Cron;
use super::{World, dates};
use crate::value::{DateTime, Map, Value, sort, str_of};

/// Salt's format of times in `once`, `skip_explicit` and their like.
pub const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S";

/// What is known of one job between two looks at it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clock {
    /// When it is due, before splay.
    pub next: Option<DateTime>,
    /// When it is due, with splay.
    pub splayed: Option<DateTime>,
    /// When it is due by its timing alone, and the seconds of an interval: Salt shows both.
    pub scheduled: Option<DateTime>,
    pub every: Option<i64>,
    pub last_run: Option<DateTime>,
    /// Why it was not run when it was due; without a time it stays due.
    pub skipped: Option<(&'static str, Option<DateTime>)>,
    /// What stands against it was asked the last time that it was due: whether it was to run.
    pub judged: Option<bool>,
    /// It had a time to come when it was looked at.
    pub reached: bool,
    /// What is wrong with it.
    pub error: Option<String>,
    /// The time of `when` that is done with.
    pub done: Option<DateTime>,
    /// Runs to come after a range that skips (`run_after_skip_range`).
    after_range: Option<DateTime>,
}

/// The options that hold for all jobs.
#[derive(Clone, Debug, Default)]
pub struct Common {
    pub splay: Option<Value>,
    pub skip_function: Option<String>,
    pub skip_during_range: Option<Value>,
}

/// What is to be done about a job now.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    Wait,
    Run,
    /// Another function in its place (`skip_function`).
    RunInstead(String),
}

/// How a job is timed.
enum Timing {
    Every(i64),
    Cron(Cron),
    /// One of these times, or the only one.
    At(Vec<DateTime>),
}

/// What may stand against a job that is due.
const LIMITS: [&str; 5] = ["range", "skip_during_range", "skip_explicit", "until", "after"];

const EVERY: [(&str, i64); 4] = [("seconds", 1), ("minutes", 60), ("hours", 3600), ("days", 86_400)];

fn after(time: DateTime, seconds: i64) -> DateTime {
    time.saturating_add(SignedDuration::from_secs(seconds))
}

/// A whole number of seconds, minutes and the like; thousands of years at most.
fn number(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Text(text) => text.trim().parse().ok()?,
        #[allow(clippy::cast_possible_truncation, reason = "Python's int() of a float")]
        Value::Float(float) => *float as i64,
        other => other.as_int()?,
    };
    Some(number.clamp(-1_000_000_000_000, 1_000_000_000_000))
}

fn whole(time: DateTime) -> DateTime {
    time.date().at(time.hour(), time.minute(), time.second(), 0)
}

fn bad_cron(name: &str) -> String {
    format!("Invalid cron string. Ignoring job {name}.")
}

/// Reads a time by a format of Python's `strptime`.
pub fn read_time(text: &str, format: &str) -> Option<DateTime> {
    DateTime::strptime(format, text).ok()
}

/// A time of the schedule: a time, or text.
fn time_of(value: &Value, now: DateTime) -> Option<DateTime> {
    match value {
        Value::Time(time) => Some(**time),
        other => dates::parse(other.as_str()?, now),
    }
}

/// `skip_explicit` and `run_explicit`: times, or `{time, time_fmt}`.
fn explicit(job: &Map, key: &str) -> Vec<DateTime> {
    let items = job.get(key).and_then(Value::as_list).unwrap_or_default();
    let read = |item: &Value| match item {
        Value::Time(time) => Some(**time),
        Value::Map(item) => read_time(item.str("time")?, item.str("time_fmt").unwrap_or(TIME_FORMAT)),
        _ => None,
    };
    items.iter().filter_map(read).collect()
}

impl Clock {
    /// Looks at the job: whether it is to be run now. `busy` is how many runs of it go on. Once every second or so.
    pub fn tick(
        &mut self,
        name: &str,
        job: &Map,
        common: &Common,
        enabled: bool,
        now: DateTime,
        world: &mut World<'_>,
    ) -> Turn {
        self.skipped = None;
        match self.look(name, job, common, enabled, now, world) {
            Ok(turn) => {
                self.error = None;
                turn
            }
            Err(problem) => {
                self.refuse(problem);
                Turn::Wait
            }
        }
    }

    /// The job cannot be run; says so once.
    pub fn refuse(&mut self, problem: String) {
        if self.error.as_deref() != Some(problem.as_str()) {
            crate::log::error!("{problem}");
        }
        self.error = Some(problem);
    }

    fn look(
        &mut self,
        name: &str,
        job: &Map,
        common: &Common,
        enabled: bool,
        now: DateTime,
        world: &mut World<'_>,
    ) -> Result<Turn, String> {
        let Some(timing) = self.timing(name, job, now, world)? else { return Ok(Turn::Wait) };
        let explicit = self.runs_explicitly(job, now, world);
        let timed = self.is_due(&timing, name, job, common, now, world)?;
        // A job whose time is past does not start with the minion either.
        let first =
            !self.reached && self.next.is_some() && job.get("run_on_start").is_some_and(Value::truthy);
        self.reached |= self.next.is_some();
        let mut turn = if timed || explicit || first { Turn::Run } else { Turn::Wait };
        if turn == Turn::Run && !first {
            turn = self.conditions(name, job, common, now, world)?;
            if LIMITS.iter().any(|limit| job.contains(limit)) || common.skip_during_range.is_some() {
                self.judged = Some(turn != Turn::Wait);
            }
        }
        if !enabled || job.get("enabled").is_some_and(|enabled| !enabled.truthy()) {
            self.skip("disabled", now);
            turn = Turn::Wait;
        }
        if turn != Turn::Wait {
            self.judged = Some(true);
        }
        if turn != Turn::Wait && job.get("jid_include").is_none_or(Value::truthy) {
            let most = job.get("maxrunning").and_then(number).unwrap_or(1).max(1);
            if i64::try_from((world.running)(name)).unwrap_or(i64::MAX) >= most {
                crate::log::debug!("The scheduled job {name} was not started, {most} already running");
                self.skip("maxrunning", now);
                (turn, self.judged) = (Turn::Wait, Some(false));
            }
        }
        self.advance(&timing, &turn, timed, now);
        Ok(turn)
    }

    fn skip(&mut self, reason: &'static str, now: DateTime) {
        self.skipped = Some((reason, Some(now)));
    }

    fn timing(
        &self,
        name: &str,
        job: &Map,
        now: DateTime,
        world: &World<'_>,
    ) -> Result<Option<Timing>, String> {
        let has = |key: &str| job.contains(key);
        let kinds = ["when", "cron", "once"];
        let named: Vec<&str> = kinds.into_iter().filter(|kind| has(kind)).collect();
        if named.len() > 1 {
            return Err(format!("Unable to use \"{}\" options together. Ignoring.", kinds.join("\", \"")));
        }
        // Salt means to refuse an interval beside the others, and lets it win (utils/schedule.py, `invalid_time_combos`).
        if EVERY.iter().any(|(unit, _)| has(unit)) {
            let mut seconds = 0_i64;
            for (unit, size) in EVERY {
                let Some(value) = job.get(unit) else { continue };
                let count = number(value).ok_or_else(|| {
                    format!("Invalid number of {unit}: {}. Ignoring job {name}.", str_of(value))
                })?;
                seconds = seconds.saturating_add(count.saturating_mul(size));
            }
            return Ok(Some(Timing::Every(seconds)));
        }
        if let Some(once) = job.get("once") {
            let format = job.str("once_fmt").unwrap_or(TIME_FORMAT);
            let time = match once {
                Value::Time(time) => Some(**time),
                other => read_time(&str_of(other), format),
            };
            let text = || {
                format!("Date string could not be parsed: {}, {format}. Ignoring job {name}.", str_of(once))
            };
            return Ok(Some(Timing::At(vec![time.ok_or_else(text)?])));
        }
        if let Some(when) = job.get("when") {
            let texts = match when {
                Value::List(texts) => texts.as_slice(),
                one => std::slice::from_ref(one),
            };
            let mut times = Vec::new();
            for text in texts {
                let named = world.whens.iter().find_map(|whens| whens.get_value(text));
                let time = time_of(named.unwrap_or(text), now);
                let problem = || format!("Invalid date string {}. Ignoring job {name}.", str_of(text));
                times.push(time.ok_or_else(problem)?);
            }
            sort::all(&mut times);
            return Ok(Some(Timing::At(times)));
        }
        if let Some(cron) = job.get("cron") {
            let cron = Cron::parse(&str_of(cron));
            return cron.map(|cron| Some(Timing::Cron(cron))).ok_or_else(|| bad_cron(name));
        }
        Ok(None)
    }

    /// `run_explicit` (made by `schedule.postpone_job`), and the run after a range that skips.
    fn runs_explicitly(&mut self, job: &Map, now: DateTime, world: &World<'_>) -> bool {
        let loops = world.loop_seconds;
        let mut times = explicit(job, "run_explicit");
        times.extend(self.after_range);
        times.iter().any(|time| *time <= now && now < after(*time, loops))
    }

    fn is_due(
        &mut self,
        timing: &Timing,
        name: &str,
        job: &Map,
        common: &Common,
        now: DateTime,
        world: &mut World<'_>,
    ) -> Result<bool, String> {
        let loops = world.loop_seconds;
        match timing {
            Timing::Every(seconds) => {
                self.every = Some(*seconds);
                self.scheduled = self.scheduled.or(Some(after(now, *seconds)));
                self.next.get_or_insert_with(|| after(now, *seconds));
            }
            Timing::Cron(cron) => {
                if self.next.is_none() {
                    self.next = cron.next_after(now);
                    self.scheduled = Some(self.next.ok_or_else(|| bad_cron(name))?);
                }
            }
            Timing::At(times) if self.splayed.is_none() => {
                let still = |time: &&DateTime| after(**time, loops) >= now && Some(**time) != self.done;
                self.next = times.iter().find(still).copied();
                let only = times.first().copied().filter(|_| job.contains("once"));
                self.scheduled = self.next.or(self.scheduled).or(only);
            }
            Timing::At(_) => {}
        }
        let Some(next) = self.next else { return Ok(false) };
        let splay = job.get("splay").or(common.splay.as_ref()).filter(|splay| splay.truthy());
        if let (Some(splay), None) = (splay, self.splayed) {
            let seconds = splay_seconds(splay, world)
                .ok_or_else(|| format!("Invalid splay: {}. Ignoring job {name}.", str_of(splay)))?;
            if now >= after(next, seconds) {
                return Ok(true);
            }
            self.splayed = Some(after(next, seconds));
        }
        let at = self.splayed.unwrap_or(next);
        Ok(match timing {
            Timing::Every(_) | Timing::Cron(_) => whole(at) <= whole(now),
            Timing::At(_) => at <= now && now <= after(at, loops),
        })
    }

    /// What stands against a job that is due.
    fn conditions(
        &mut self,
        name: &str,
        job: &Map,
        common: &Common,
        now: DateTime,
        world: &World<'_>,
    ) -> Result<Turn, String> {
        let instead = || common.skip_function.clone().map(Turn::RunInstead);
        let mut turn = Turn::Run;
        if let Some(range) = job.get("range") {
            let (start, end) = bounds(range, name, "", now)?;
            let within = start <= now && now <= end;
            let invert = range.get("invert").is_some_and(Value::truthy);
            turn = match (invert, within) {
                (true, _) if now <= start || now >= end => Turn::Run,
                (true, _) => Turn::Wait,
                (false, true) => Turn::Run,
                (false, false) => instead().unwrap_or(Turn::Wait),
            };
            if turn == Turn::Wait {
                self.skipped = Some((if invert { "in_skip_range" } else { "not_in_range" }, None));
            }
        }
        let skipped = job.get("skip_during_range").or(common.skip_during_range.as_ref());
        if let Some(range) = skipped.filter(|range| range.truthy()) {
            let (start, end) = bounds(range, name, " in skip_during_range", now)?;
            if job.get("run_after_skip_range").is_some_and(Value::truthy) {
                self.after_range = Some(after(end, world.loop_seconds));
            }
            turn = Turn::Run;
            if start <= now && now <= end {
                turn = instead().unwrap_or_else(|| {
                    self.skip("in_skip_range", now);
                    Turn::Wait
                });
            }
        }
        if job.contains("skip_explicit") {
            let loops = world.loop_seconds;
            let skips = explicit(job, "skip_explicit");
            let now_skipped = skips.iter().any(|time| *time <= now && now <= after(*time, loops));
            if now_skipped {
                turn = instead().unwrap_or_else(|| {
                    self.skip("skip_explicit", now);
                    Turn::Wait
                });
            } else {
                turn = Turn::Run;
            }
        }
        for (key, reason) in [("until", "until_passed"), ("after", "after_not_passed")] {
            let Some(limit) = job.get(key) else { continue };
            let limit = time_of(limit, now)
                .ok_or_else(|| format!("Invalid date string for {key}. Ignoring job {name}."))?;
            let passed = if key == "until" { limit <= now } else { limit >= now };
            turn = Turn::Run;
            if passed {
                self.skip(reason, now);
                turn = Turn::Wait;
            }
        }
        Ok(turn)
    }

    /// What comes after this look.
    fn advance(&mut self, timing: &Timing, turn: &Turn, timed: bool, now: DateTime) {
        let ran = *turn != Turn::Wait;
        if ran {
            self.last_run = Some(now);
            self.splayed = None;
        }
        match timing {
            Timing::Every(seconds) => {
                let skipped = self.skipped.is_some_and(|(_, time)| time.is_some());
                let skipped = skipped && self.next.is_some_and(|next| next <= now);
                if ran || skipped {
                    self.next = Some(after(now, *seconds));
                }
            }
            // Cron and fixed times are over when they were due, run or not.
            Timing::Cron(_) if timed => (self.next, self.splayed) = (None, None),
            Timing::At(_) if timed => (self.done, self.splayed) = (self.next, None),
            Timing::Cron(_) | Timing::At(_) => {}
        }
    }
}

/// Seconds: up to a number, or between `start` and `end`.
fn splay_seconds(splay: &Value, world: &mut World<'_>) -> Option<i64> {
    let (start, end) = match splay {
        Value::Map(range) => {
            let bound = |key: &str| range.get(key).and_then(number);
            (bound("start")?, bound("end")?)
        }
        most => (1, number(most)?),
    };
    (start <= end).then(|| (world.random)(start, end))
}

fn bounds(range: &Value, name: &str, of: &str, now: DateTime) -> Result<(DateTime, DateTime), String> {
    let Some(range) = range.as_map() else {
        return Err(format!(
            "schedule.handle_func: Invalid, range must be specified as a dictionary. Ignoring job {name}."
        ));
    };
    let bound = |key: &str| {
        let time = range.get(key).and_then(|value| time_of(value, now));
        time.ok_or_else(|| format!("Invalid date string for {key}{of}. Ignoring job {name}."))
    };
    let (start, end) = (bound("start")?, bound("end")?);
    if end <= start {
        return Err(format!(
            "schedule.handle_func: Invalid range, end must be larger than start. Ignoring job {name}."
        ));
    }
    Ok((start, end))
}
