//! The scheduler in virtual time: what runs in an hour, a day, a year.

use super::*;

struct Run {
    scheduler: Scheduler,
    now: DateTime,
    busy: usize,
}

fn time(text: &str) -> DateTime {
    text.parse().expect("a time")
}

impl Run {
    fn new(schedule: Map) -> Self {
        Run { scheduler: Scheduler::new(schedule), now: time("2026-11-25T12:00:00"), busy: 0 }
    }

    /// Seconds after the start at which jobs ran, over so many seconds.
    fn seconds(&mut self, span: i64) -> Vec<i64> {
        let start = self.now;
        let mut ran = Vec::new();
        let busy = self.busy;
        for second in 0..span {
            self.now = start.checked_add(jiff::SignedDuration::from_secs(second)).expect("a time");
            let mut random = |low: i64, _: i64| low + 2;
            let mut world =
                World { running: &|_| busy, random: &mut random, whens: Vec::new(), loop_seconds: 1 };
            let due = self.scheduler.tick(self.now, &mut world);
            ran.extend(due.iter().map(|_| second));
        }
        ran
    }
}

fn check(job: Map, span: i64, expected: &[i64]) {
    let mut job = job;
    job.insert("function", "test.ping");
    assert_eq!(Run::new(map! { "job" => job.clone() }).seconds(span), expected, "{job:?}");
}

#[test]
fn intervals_run_at_their_end_and_go_on() {
    check(map! { "seconds" => 10 }, 31, &[10, 20, 30]);
    check(map! { "minutes" => 1, "seconds" => 5 }, 200, &[65, 130, 195]);
    check(map! { "hours" => "1" }, 7300, &[3600, 7200]);
    check(map! { "seconds" => 10, "run_on_start" => true }, 21, &[0, 10, 20]);
    check(map! { "seconds" => 10, "enabled" => false }, 40, &[]);
}

#[test]
fn splay_comes_on_top() {
    check(map! { "seconds" => 10, "splay" => 5 }, 30, &[13, 26]);
    check(map! { "seconds" => 10, "splay" => map! { "start" => 4, "end" => 9 } }, 34, &[16, 32]);
}

#[test]
fn fixed_times_run_once() {
    check(map! { "once" => "2026-11-25T12:00:30" }, 120, &[30]);
    check(map! { "once" => "2026-11-25T11:00:00" }, 120, &[]);
    check(map! { "when" => "12:01pm" }, 200, &[60]);
    check(map! { "when" => Value::list(["12:02pm", "12:01pm", "11am"]) }, 200, &[60, 120]);
    check(map! { "when" => "12:01pm", "splay" => 5 }, 200, &[63]);
    check(map! { "when" => "no time" }, 20, &[]);
}

#[test]
fn a_time_of_day_comes_every_day() {
    let mut run = Run::new(map! { "job" => map! { "function" => "test.ping", "when" => "12:00:10pm" } });
    assert_eq!(run.seconds(86_400 + 20), [10, 86_410]);
}

#[test]
fn cron_lines_run() {
    check(map! { "cron" => "*/2 * * * *" }, 301, &[120, 240]);
    check(map! { "cron" => "* * * * * */20" }, 62, &[20, 40, 60]);
    // As Salt: a look at which the job runs does not ask for its next time.
    check(map! { "cron" => "* * * * * *" }, 6, &[1, 3, 5]);
    check(map! { "cron" => "no line" }, 20, &[]);
    check(map! { "cron" => "* * * * *", "seconds" => 5 }, 12, &[5, 10]);
}

#[test]
fn ranges_hold_jobs_back() {
    let range = |start: &str, end: &str| map! { "start" => start, "end" => end };
    check(map! { "seconds" => 10, "range" => range("12:00:15", "12:00:35") }, 61, &[15, 25, 35]);
    let mut inverted = range("12:00:05", "12:00:35");
    inverted.insert("invert", true);
    check(map! { "seconds" => 10, "range" => inverted }, 61, &[35, 45, 55]);
    check(
        map! { "seconds" => 10, "skip_during_range" => range("12:00:15", "12:00:35") },
        61,
        &[10, 40, 50, 60],
    );
    check(map! { "seconds" => 10, "until" => "2026-11-25 12:00:25" }, 61, &[10, 20]);
    check(map! { "seconds" => 10, "after" => "2026-11-25 12:00:25" }, 61, &[30, 40, 50, 60]);
}

#[test]
fn a_job_that_still_runs_is_not_started_again() {
    let job = map! { "function" => "test.sleep", "seconds" => 10 };
    let mut run = Run::new(map! { "job" => job });
    run.busy = 1;
    assert!(run.seconds(15).is_empty());
    let status = run.scheduler.status("job");
    assert_eq!(status.get("_next_fire_time"), Some(&Value::Time(Box::new(time("2026-11-25T12:00:20")))));
}

#[test]
fn commands_change_the_schedule_and_tell_the_bus() {
    let mut run = Run::new(Map::new());
    let add = map! {
        "func" => "add", "name" => "job", "persist" => true,
        "schedule" => map! { "job" => map! { "function" => "test.ping", "seconds" => 5 } },
    };
    let outcome = run.scheduler.command(&add);
    assert!(outcome.persist);
    assert_eq!(outcome.event.expect("an event").0, "/salt/minion/minion_schedule_add_complete");
    assert_eq!(run.seconds(11), [5, 10]);
    run.scheduler.command(&map! { "func" => "disable_job", "name" => "job", "persist" => true });
    assert!(run.seconds(11).is_empty());
    run.scheduler.command(&map! { "func" => "enable_job", "name" => "job", "persist" => true });
    let due = run.scheduler.command(&map! { "func" => "run_job", "name" => "job" }).run.expect("to be run");
    assert_eq!(due.fun, "test.ping");
    run.scheduler.command(&map! { "func" => "disable", "persist" => true });
    assert!(run.seconds(11).is_empty());
    let outcome = run.scheduler.command(&map! { "func" => "delete", "name" => "job", "persist" => true });
    let (_, data) = outcome.event.expect("an event");
    assert_eq!(data.get("schedule"), Some(&map! { "enabled" => false }.into()));
}

#[test]
fn jobs_are_postponed() {
    let mut run = Run::new(map! { "job" => map! { "function" => "test.ping", "when" => "12:00:10pm" } });
    run.scheduler.command(&map! {
        "func" => "postpone_job", "name" => "job", "time" => "2026-11-25T12:00:10", "new_time" => "2026-11-25T12:00:40",
    });
    assert_eq!(run.seconds(100), [40]);
}

#[test]
fn the_pillars_jobs_cannot_be_changed() {
    let mut run = Run::new(Map::new());
    run.scheduler.set_pillar(map! { "job" => map! { "function" => "test.ping", "seconds" => 5 } });
    run.scheduler.command(&map! { "func" => "delete", "name" => "job", "persist" => true });
    assert_eq!(run.seconds(6), [5]);
}

/// What is wrong with a job of the schedule, after some seconds in which it did not run.
fn problem(job: Value) -> String {
    let mut run =
        Run::new(map! { "job" => job, "other" => map! { "function" => "test.ping", "seconds" => 5 } });
    assert_eq!(run.seconds(11), [5, 10], "the other job alone runs");
    run.scheduler.clocks.remove("job").and_then(|clock| clock.error).unwrap_or_default()
}

#[test]
fn a_job_that_cannot_be_read_does_not_run_and_says_why() {
    let with = |key: &str, value: Value| {
        let mut job = map! { "function" => "test.ping", "seconds" => 2 };
        job.insert(key, value);
        problem(job.into())
    };
    assert_eq!(with("seconds", "x".into()), "Invalid number of seconds: x. Ignoring job job.");
    assert_eq!(with("hours", Value::Null), "Invalid number of hours: None. Ignoring job job.");
    assert_eq!(with("splay", "x".into()), "Invalid splay: x. Ignoring job job.");
    let backwards = map! { "start" => 9, "end" => 4 };
    assert_eq!(with("splay", backwards.into()), "Invalid splay: {'start': 9, 'end': 4}. Ignoring job job.");
    assert_eq!(with("until", 5.into()), "Invalid date string for until. Ignoring job job.");
    assert_eq!(with("args", "apache".into()), "args have to be a list, kwargs a dict. Ignoring job job.");
    assert_eq!(
        with("kwargs", Value::list(["a"])),
        "args have to be a list, kwargs a dict. Ignoring job job."
    );
    assert_eq!(problem(Value::Null), "Scheduled job \"job\" should have a dict value, not NoneType");
    // No overflow is a time that has come.
    assert_eq!(with("days", i64::MAX.into()), "");
}

#[test]
fn a_jobs_own_empty_value_turns_off_what_holds_for_all() {
    let run = |key: &str, common: Value, own: Value| {
        let mut job = map! { "function" => "test.ping", "seconds" => 5 };
        job.insert(key, own);
        let mut schedule = map! { "job" => job };
        schedule.insert(key, common);
        Run::new(schedule).seconds(11)
    };
    assert_eq!(run("splay", 4.into(), 0.into()), [5, 10]);
    let range = map! { "start" => "12:00:01", "end" => "12:00:30" };
    assert_eq!(run("skip_during_range", range.clone().into(), Map::new().into()), [5, 10]);
    assert!(run("skip_during_range", Map::new().into(), range.into()).is_empty());
    check(map! { "seconds" => 5, "maxrunning" => 0 }, 11, &[5, 10]);
    check(map! { "when" => "2026-11-25 11:00:00", "run_on_start" => true }, 11, &[]);
    // The day begins anew with the time to come, and only then has the job begun: so says 3006.25.
    check(map! { "when" => "11:00am", "run_on_start" => true }, 86_400, &[43_200, 82_800]);
}

#[test]
fn a_run_put_in_between_takes_the_place_of_no_other() {
    let extra = map! { "time" => "2026-11-25T12:00:10", "time_fmt" => TIME_FORMAT };
    check(map! { "when" => "2026-11-25 12:00:20", "run_explicit" => Value::list([extra]) }, 40, &[10, 20]);
}

#[test]
fn the_schedule_shows_what_salts_scheduler_adds() {
    let job = map! { "seconds" => 5, "name" => "other" };
    let mut run = Run::new(map! { "job" => job });
    let mut random = |low: i64, _: i64| low;
    let mut due = Vec::new();
    for second in [0, 5] {
        let now = run.now.checked_add(jiff::SignedDuration::from_secs(second)).expect("a time");
        let mut world = World { running: &|_| 0, random: &mut random, whens: Vec::new(), loop_seconds: 1 };
        due = run.scheduler.tick(now, &mut world);
    }
    assert_eq!((due[0].name.as_str(), due[0].fun.as_str()), ("other", "None"));
    let job = map! { "seconds" => 5, "name" => "other", "jid_include" => true, "maxrunning" => 1 };
    assert_eq!(run.scheduler.own().get("job"), Some(&job.into()));
    let at = |text: &str| Value::Time(Box::new(time(text)));
    let status = run.scheduler.status("job");
    assert_eq!(status.get("_next_fire_time"), Some(&at("2026-11-25T12:00:10")));
    assert_eq!(status.get("_next_scheduled_fire_time"), Some(&at("2026-11-25T12:00:05")));
    assert_eq!((status.get("_seconds"), status.get("_splay")), (Some(&5.into()), Some(&Value::Null)));
}

/// The keys beside those of the job that `schedule.job_status` shows, recorded from 3006.25: what Salt's scheduler
/// leaves in the job. `time` is given for the times.
#[test]
fn a_jobs_status_has_what_salts_has() {
    let far = "2030-01-01T00:00:00";
    let past = "2020-01-01T00:00:00";
    let hours = |start: &str, end: &str| map! { "start" => start, "end" => end };
    let rows: [(Map, i64, &str); 12] = [
        (map! { "seconds" => 30 }, 31, "_last_run=time, run=True"),
        (map! { "hours" => 1 }, 9, ""),
        (map! { "hours" => 2, "run_on_start" => true }, 9, "_last_run=time, _run_on_start=False, run=True"),
        (map! { "cron" => "* * * * * */5" }, 9, "_last_run=time, run=True"),
        (map! { "cron" => "0 0 30 2 *" }, 9, "_error=Invalid cron string. Ignoring job job., no splay"),
        (map! { "when" => "11:59pm" }, 9, "_run=True"),
        (map! { "once" => far }, 9, "_continue=True"),
        (map! { "once" => past }, 9, "_continue=True, no splay"),
        (map! { "seconds" => 4, "after" => far }, 6, "run=False"),
        (
            map! { "seconds" => 4, "until" => past },
            5,
            "_skip_reason=until_passed, _skipped=True, _skipped_time=time, run=False",
        ),
        (map! { "seconds" => 4, "range" => hours("1am", "2am") }, 9, "_skip_reason=not_in_range, run=False"),
        (
            map! { "seconds" => 4, "skip_during_range" => hours("12:01am", "11:59pm") },
            5,
            "_skip_reason=in_skip_range, _skipped=True, _skipped_time=time, run=False",
        ),
    ];
    for (job, seconds, expected) in rows {
        let mut run = Run::new(map! { "job" => job.clone() });
        run.seconds(seconds);
        let status = run.scheduler.status("job");
        // These stand in the status of every job.
        let common = ["_next_fire_time", "_next_scheduled_fire_time", "_seconds", "_splay", "splay"];
        let added = ["name", "jid_include", "maxrunning"];
        let mut found: Vec<String> = status
            .iter()
            .map(|(key, value)| (crate::value::str_of(key), value))
            .filter(|(key, _)| !job.contains(key) && ![&common[..], &added].concat().contains(&key.as_str()))
            .map(|(key, value)| match value {
                Value::Time(_) => format!("{key}=time"),
                value => format!("{key}={}", crate::value::str_of(value)),
            })
            .collect();
        found.sort();
        if !status.contains("splay") {
            found.push("no splay".to_owned());
        }
        assert_eq!(found.join(", "), expected, "{job:?}");
    }
}
