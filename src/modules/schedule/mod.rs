//! `schedule`: jobs that the minion runs by itself. The daemon has the schedule: it is asked and told over the minion's
//! bus. Salt: modules/schedule.py.

mod change;
mod item;
mod list;

use std::time::Duration;

use crate::loader::{
    Args, Call, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value};

const NAME: &[Param] = &[req("name"), keywords("kwargs")];

pub(super) static MODULE: Module = Module {
    file: "schedule",
    provides: "schedule",
    available: always,
    functions: &[
        Function::new(
            "add",
            NAME,
            "Adds a job: `schedule.add job1 function=test.ping seconds=3600`. With `job_args`, `job_kwargs`, `seconds`, \
             `minutes`, `hours`, `days`, `when`, `cron`, `once`, `splay`, `range`, `maxrunning`, `run_on_start`, \
             `return_job` … and `offline`, `persist`, `test`: `{comment, result, changes}`.",
            change::add,
        ),
        Function::new("build_schedule_item", NAME, "The job that `schedule.add` would add.", |_, args| {
            item::build(&args.str("name")?, &args.keywords).map(Value::from)
        }),
        Function::new(
            "copy",
            &[req("name"), req("target"), keywords("kwargs")],
            "Adds a job of this minion to others (through `peer`).",
            |cx, args| change::to_others(cx, args, false),
        ),
        Function::new("delete", NAME, "Deletes a job: `{comment, result, changes}`.", change::delete),
        Function::new("disable", &[keywords("kwargs")], "Stops all jobs from being run.", |cx, args| {
            change::switch(cx, args, false)
        }),
        Function::new("disable_job", NAME, "Stops a job from being run.", |cx, args| {
            change::switch_job(cx, args, false)
        }),
        Function::new("enable", &[keywords("kwargs")], "Lets jobs be run again.", |cx, args| {
            change::switch(cx, args, true)
        }),
        Function::new("enable_job", NAME, "Lets a job be run again.", |cx, args| {
            change::switch_job(cx, args, true)
        }),
        Function::new(
            "is_enabled",
            &[opt("name", Default::None)],
            "Whether jobs are run; with a name, that job, or an empty map.",
            list::is_enabled,
        ),
        Function::new(
            "job_status",
            &[req("name"), opt("time_fmt", Default::Str(crate::schedule::TIME_FORMAT))],
            "A job with its next and last time, and why it was skipped.",
            list::job_status,
        ),
        Function::new(
            "list",
            &[
                opt("show_all", Default::False),
                opt("show_disabled", Default::True),
                opt("where", Default::None),
                opt("return_yaml", Default::True),
                opt("offline", Default::False),
            ],
            "All jobs, as YAML or (`return_yaml=False`) as a map; `where=pillar` or `opts` chooses.",
            list::list,
        ),
        Function::new("modify", NAME, "Changes a job: `{comment, result, changes}`.", change::modify),
        Function::new(
            "move",
            &[req("name"), req("target"), keywords("kwargs")],
            "Adds a job of this minion to others (through `peer`) and deletes it here.",
            |cx, args| change::to_others(cx, args, true),
        ),
        Function::new(
            "postpone_job",
            &[req("name"), req("current_time"), req("new_time"), keywords("kwargs")],
            "Has a job run at another time, once: `schedule.postpone_job job1 2026-01-02T03:04:05 2026-01-02T04:00:00`.",
            |cx, args| change::explicitly(cx, args, true),
        ),
        Function::new(
            "purge",
            &[keywords("kwargs")],
            "Deletes all jobs: `{comment, result, changes}`.",
            change::purge,
        ),
        Function::new(
            "reload",
            &[],
            "Reads the schedule of the pillar and of the saved file anew.",
            change::reload,
        ),
        Function::new(
            "run_job",
            &[req("name"), opt("force", Default::False)],
            "Runs a job now; a disabled one with `force`.",
            change::run_job,
        ),
        Function::new(
            "save",
            &[keywords("kwargs")],
            "Writes the schedule down for the next start.",
            change::save,
        ),
        Function::new("show_next_fire_time", NAME, "When a job is next run.", list::show_next_fire_time),
        Function::new(
            "skip_job",
            &[req("name"), req("current_time"), keywords("kwargs")],
            "Has a job skipped at a time, once.",
            |cx, args| change::explicitly(cx, args, false),
        ),
    ],
};

/// How long the daemon may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Tells the daemon, and waits for its answer: the data of the event, `None` where there is no daemon or no answer.
fn ask(cx: &Context, data: Map, answer: &str) -> Option<Map> {
    match cx.minion.fire_and_wait("manage_schedule", data, answer, ANSWER) {
        Ok(answer) => answer.filter(|data| data.get("complete").is_some_and(Value::truthy)),
        Err(problem) => {
            crate::log::warn!("the scheduler could not be asked: {problem}");
            None
        }
    }
}

/// As [`ask`]: the schedule afterwards.
fn ask_schedule(cx: &Context, data: Map, answer: &str) -> Option<Map> {
    match ask(cx, data, answer)?.remove("schedule") {
        Some(Value::Map(schedule)) => Some(schedule),
        _ => None,
    }
}

/// Tells the daemon and waits for nothing: whether it was told.
fn tell(cx: &Context, data: Map) -> Result<bool, Fault> {
    Ok(cx.call("event.fire", Call::positional([data.into(), "manage_schedule".into()]))?.truthy())
}

fn flag(args: &Args, name: &str) -> bool {
    args.keywords.get(name).is_some_and(Value::truthy)
}

/// `persist` of the keyword arguments, true unless it is given.
fn persist(args: &Args) -> Value {
    args.keywords.get("persist").cloned().unwrap_or(Value::Bool(true))
}

/// `{comment, result, changes}`.
fn told(comment: impl Into<String>, result: bool, changes: Map) -> Map {
    map! { "comment" => comment.into(), "result" => result, "changes" => changes }
}

/// As [`told`], in the order of those functions that put what has changed first.
fn changed(comment: impl Into<String>, result: bool, changes: Map) -> Map {
    map! { "comment" => comment.into(), "changes" => changes, "result" => result }
}
