//! What is scheduled. Salt: modules/schedule.py (`list_`, `is_enabled`, `job_status`, `show_next_fire_time`).

use std::fs;
use std::path::{Path, PathBuf};

use super::{ask, ask_schedule};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::yaml::{self, Style};
use crate::value::{Map, Value, str_of};

/// What of a job is shown.
const SHOWN: &[&str] = &[
    "name",
    "maxrunning",
    "function",
    "splay",
    "range",
    "when",
    "once",
    "once_fmt",
    "returner",
    "jid_include",
    "args",
    "kwargs",
    "seconds",
    "minutes",
    "hours",
    "days",
    "enabled",
    "return_job",
    "metadata",
    "cron",
    "until",
    "after",
    "return_config",
    "return_kwargs",
    "run_on_start",
    "skip_during_range",
    "run_after_skip_range",
];

/// The file that the schedule is kept in.
pub(super) fn saved_file(cx: &Context) -> PathBuf {
    let include = Path::new(cx.opt_str("default_include"));
    let folder = Path::new(cx.opt_str("config_dir")).join(include.parent().unwrap_or(Path::new("")));
    folder.join("_schedule.conf")
}

fn saved(cx: &Context) -> Map {
    let text = fs::read_to_string(saved_file(cx)).unwrap_or_default();
    let content = yaml::load(&text, "_schedule.conf").unwrap_or_default();
    content.get("schedule").and_then(Value::as_map).cloned().unwrap_or_default()
}

/// The schedule of `where_` (`pillar`, `opts` or all), from the daemon or the file.
pub(super) fn current(cx: &Context, where_: Option<&str>, show_all: bool, offline: bool) -> Map {
    let mut schedule = if offline {
        saved(cx)
    } else {
        let question = map! { "func" => "list", "where" => where_.map_or(Value::Null, Value::from) };
        ask_schedule(cx, question, "/salt/minion/minion_schedule_list_complete").unwrap_or_default()
    };
    schedule.retain(|name, job| {
        let name = str_of(name);
        let Some(job) = job.as_map_mut() else { return true };
        if matches!(name.as_str(), "enabled" | "skip_function" | "skip_during_range") {
            return true;
        }
        if name.starts_with("__") && !show_all {
            return false;
        }
        if !job.contains("enabled") {
            job.insert("enabled", true);
        }
        job.retain(|key, value| {
            if let Some(word @ ("true" | "false")) = value.as_str() {
                *value = (word == "true").into();
            }
            SHOWN.contains(&str_of(key).as_str()) && !value.is_null()
        });
        true
    });
    schedule
}

pub(super) fn list(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let where_ = args.opt_str("where")?;
    let mut schedule = current(cx, where_.as_deref(), args.truthy("show_all"), args.truthy("offline"));
    if !args.truthy("show_disabled") {
        schedule.retain(|_, job| job.get("enabled").is_none_or(Value::truthy));
    }
    if !args.truthy("return_yaml") {
        return Ok(schedule.into());
    }
    let saved = saved(cx);
    for (name, job) in schedule.iter_mut() {
        let is_saved = saved.get_value(name).is_some();
        if let Some(job) = job.as_map_mut() {
            job.insert("saved", is_saved);
        }
    }
    Ok(yaml::dump(&map! { "schedule" => schedule }.into(), Style::SALT).into())
}

pub(super) fn is_enabled(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let schedule = current(cx, None, false, false);
    Ok(match args.given("name").filter(|name| name.truthy()) {
        None => schedule.get("enabled").cloned().unwrap_or(Value::Bool(true)),
        Some(name) => schedule.get_value(name).cloned().unwrap_or_else(|| Map::new().into()),
    })
}

pub(super) fn job_status(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let question = map! { "func" => "job_status", "name" => args.str("name")?, "fire_event" => true };
    let answer = ask(cx, question, "/salt/minion/minion_schedule_job_status_complete").unwrap_or_default();
    let format = args.str("time_fmt")?;
    let shown = |value: &Value| match value {
        Value::Time(time) => time.strftime(&format).to_string().into(),
        other => other.clone(),
    };
    let data = answer.get("data").and_then(Value::as_map).cloned().unwrap_or_default();
    Ok(data.iter().map(|(key, value)| (key.clone(), shown(value))).collect::<Map>().into())
}

pub(super) fn show_next_fire_time(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let question = map! { "func" => "get_next_fire_time", "name" => args.str("name")? };
    let answer =
        ask(cx, question, "/salt/minion/minion_schedule_next_fire_time_complete").unwrap_or_default();
    let mut told = map! { "result" => true };
    match answer.get("next_fire_time") {
        Some(time) => told.insert("next_fire_time", time.clone()),
        None => told.insert("comment", "next fire time not available."),
    };
    Ok(told.into())
}
