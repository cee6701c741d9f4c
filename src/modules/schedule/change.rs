//! Changing the schedule. Salt: modules/schedule.py.

use std::fs;

use super::item::{Conflict, WHEN_AND_CRON, build, conflict};
use super::list::{current, saved_file};
use super::{ask, ask_schedule, changed, flag, persist, tell, told};
use crate::host::FileOwner;
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::schedule::{TIME_FORMAT, read_time};
use crate::value::yaml::{self, Style};
use crate::value::{Map, Value, str_of};

/// Writes the file that the next start reads.
fn write_saved(cx: &Context, schedule: Map) {
    let path = saved_file(cx);
    let text = yaml::dump(&map! { "schedule" => schedule }.into(), Style::SALT);
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written =
        folder.and_then(|()| cx.host.write_atomic(&path, text.as_bytes(), 0o640, FileOwner::default()));
    if let Err(error) = written {
        crate::log::error!("Failed to persist the updated schedule: {error}");
    }
}

/// Where a job stands: `Some("pillar")`, `Some("opts")` or nowhere.
fn place(cx: &Context, name: &str, offline: bool) -> Option<&'static str> {
    ["opts", "pillar"].into_iter().find(|place| current(cx, Some(place), true, offline).contains(name))
}

/// A question about a job; those in the pillar are not written down.
fn question(func: &str, name: &str, place: &str, args: &Args) -> Map {
    let mut data = map! { "name" => name, "func" => func, "persist" => persist(args) };
    if place == "pillar" {
        data.insert("where", "pillar");
        data.insert("persist", false);
    }
    data
}

pub(super) fn add(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (name, offline) = (args.str("name")?, flag(args, "offline"));
    let failed = || told(format!("Failed to add job {name} to schedule."), false, Map::new());
    let mut schedule = current(cx, None, true, offline);
    if schedule.contains(&name) {
        return Ok(told(format!("Job {name} already exists in schedule."), false, Map::new()).into());
    }
    let refused = match conflict(&args.keywords) {
        Conflict::Intervals => {
            "Error: Unable to use \"seconds\", \"minutes\", \"hours\", or \"days\" with \"when\" or \"cron\" options."
        }
        Conflict::WhenAndCron => WHEN_AND_CRON,
        Conflict::None => "",
    };
    if !refused.is_empty() {
        return Ok(told(refused, false, Map::new()).into());
    }
    let job = build(&name, &args.keywords)?;
    if job.get("result").is_some_and(|result| !result.truthy()) {
        return Ok(job.into());
    }
    let added = || told(format!("Added job: {name} to schedule."), true, map! { name.as_str() => "added" });
    if flag(args, "test") {
        return Ok(told(format!("Job: {name} would be added to schedule."), true, Map::new()).into());
    }
    if offline {
        schedule.insert(name.as_str(), job);
        write_saved(cx, schedule);
        return Ok(added().into());
    }
    let data = map! {
        "name" => name.as_str(), "schedule" => map! { name.as_str() => job }, "func" => "add", "persist" => persist(args),
    };
    let after = ask_schedule(cx, data, "/salt/minion/minion_schedule_add_complete");
    let done = after.is_some_and(|schedule| schedule.contains(&name));
    Ok(if done { added() } else { failed() }.into())
}

pub(super) fn modify(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (name, offline) = (args.str("name")?, flag(args, "offline"));
    let refused = match conflict(&args.keywords) {
        Conflict::Intervals => {
            "Error: Unable to use \"seconds\", \"minutes\", \"hours\", or \"days\" with \"when\" option."
        }
        Conflict::WhenAndCron => WHEN_AND_CRON,
        Conflict::None => "",
    };
    if !refused.is_empty() {
        return Ok(changed(refused, false, Map::new()).into());
    }
    let mut schedule = current(cx, None, true, offline);
    let Some(old) = schedule.get(&name).and_then(Value::as_map).cloned() else {
        return Ok(changed(format!("Job {name} does not exist in schedule."), false, Map::new()).into());
    };
    let mut kwargs = args.keywords.clone();
    if !kwargs.contains("function") {
        kwargs.insert("function", old.get("function").cloned().unwrap_or_default());
    }
    let new = build(&name, &kwargs)?;
    if new.get("result").is_some_and(|result| !result.truthy()) {
        return Ok(new.into());
    }
    if new == old {
        return Ok(changed(format!("Job {name} in correct state"), true, Map::new()).into());
    }
    let changes = map! { name.as_str() => map! { "old" => old, "new" => new.clone() } };
    if flag(args, "test") {
        return Ok(changed(format!("Job: {name} would be modified in schedule."), true, changes).into());
    }
    let modified = format!("Modified job: {name} in schedule.");
    if offline {
        if let Some(job) = schedule.get_mut(&name).and_then(Value::as_map_mut) {
            job.extend(new);
        }
        write_saved(cx, schedule);
        return Ok(changed(modified, true, changes).into());
    }
    let mut data = question("modify", &name, place(cx, &name, false).unwrap_or("opts"), args);
    data.insert("schedule", new);
    Ok(if tell(cx, data)? {
        changed(modified, true, changes)
    } else {
        changed(format!("Failed to modify job {name} in schedule."), false, changes)
    }
    .into())
}

pub(super) fn delete(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (name, offline) = (args.str("name")?, flag(args, "offline"));
    if name.is_empty() {
        return Ok(told("Job name is required.", false, Map::new()).into());
    }
    if flag(args, "test") {
        return Ok(told(format!("Job: {name} would be deleted from schedule."), true, Map::new()).into());
    }
    let changes = || map! { name.as_str() => "removed" };
    let deleted = format!("Deleted Job {name} from schedule.");
    let Some(place) = place(cx, &name, offline) else {
        return Ok(told(format!("Job {name} does not exist."), false, Map::new()).into());
    };
    if offline {
        let mut schedule = current(cx, Some("opts"), true, true);
        schedule.remove(&name);
        write_saved(cx, schedule);
        return Ok(told(deleted, true, changes()).into());
    }
    Ok(if delete_now(cx, args, &name, place) {
        told(deleted, true, changes())
    } else {
        told(format!("Failed to delete job {name} from schedule."), false, Map::new())
    }
    .into())
}

fn delete_now(cx: &Context, args: &Args, name: &str, place: &str) -> bool {
    let after = ask_schedule(
        cx,
        question("delete", name, place, args),
        "/salt/minion/minion_schedule_delete_complete",
    );
    after.is_some_and(|schedule| !schedule.contains(name))
}

pub(super) fn purge(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let offline = flag(args, "offline");
    let mut schedule = current(cx, None, true, offline);
    let names: Vec<String> = schedule.keys().map(str_of).collect();
    let (mut comments, mut changes) = (Vec::new(), Map::new());
    for name in names.iter().filter(|name| *name != "enabled" && !name.starts_with("__")) {
        if flag(args, "test") {
            comments.push(format!("Job: {name} would be deleted from schedule."));
        } else if offline && schedule.remove(name).is_some() || delete_now(cx, args, name, "opts") {
            changes.insert(name.as_str(), "removed");
            comments.push(format!("Deleted job: {name} from schedule."));
        } else {
            comments.push(format!("Failed to delete job {name} from schedule."));
        }
    }
    if offline {
        write_saved(cx, schedule);
    }
    Ok(map! { "comment" => Value::list(comments), "changes" => changes, "result" => true }.into())
}

pub(super) fn run_job(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let schedule = current(cx, None, true, false);
    let (comment, result) = match schedule.get(&name) {
        None => (format!("Job {name} does not exist."), false),
        Some(job) if !args.truthy("force") && job.get("enabled").is_some_and(|enabled| !enabled.truthy()) => {
            (format!("Job {name} is disabled."), true)
        }
        Some(_) if tell(cx, map! { "name" => name.as_str(), "func" => "run_job" })? => {
            (format!("Scheduling Job {name} on minion."), true)
        }
        Some(_) => (format!("Failed to run job {name} on minion."), false),
    };
    Ok(map! { "comment" => comment, "result" => result }.into())
}

pub(super) fn switch_job(cx: &Context, args: &Args, on: bool) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let (func, verb, done, tag) = if on {
        ("enable_job", "enable", "Enabled", "/salt/minion/minion_schedule_enabled_job_complete")
    } else {
        ("disable_job", "disable", "Disabled", "/salt/minion/minion_schedule_disabled_job_complete")
    };
    if flag(args, "test") || (on && cx.test()) {
        return Ok(told(format!("Job: {name} would be {verb}d in schedule."), true, Map::new()).into());
    }
    let Some(place) = place(cx, &name, false) else {
        return Ok(told(format!("Job {name} does not exist."), false, Map::new()).into());
    };
    let after = ask_schedule(cx, question(func, &name, place, args), tag);
    let now = after.as_ref().and_then(|schedule| schedule.get(&name)?.get("enabled")).map(Value::truthy);
    Ok(if now == Some(on) {
        let changes = map! { name.as_str() => format!("{verb}d") };
        told(format!("{done} Job {name} in schedule."), true, changes)
    } else {
        told(format!("Failed to {verb} job {name} in schedule."), false, Map::new())
    }
    .into())
}

pub(super) fn switch(cx: &Context, args: &Args, on: bool) -> Result<Value, Fault> {
    let (func, done, tag) = if on {
        ("enable", "Enabled", "/salt/minion/minion_schedule_enabled_complete")
    } else {
        ("disable", "Disabled", "/salt/minion/minion_schedule_disabled_complete")
    };
    if flag(args, "test") {
        return Ok(changed(format!("Schedule would be {func}d."), true, Map::new()).into());
    }
    let after = ask_schedule(cx, map! { "func" => func, "persist" => persist(args) }, tag);
    let now = after.as_ref().and_then(|schedule| schedule.get("enabled")).map(Value::truthy);
    Ok(if now == Some(on) {
        changed(format!("{done} schedule on minion."), true, map! { "schedule" => format!("{func}d") })
    } else {
        changed(format!("Failed to {func} schedule on minion."), false, Map::new())
    }
    .into())
}

pub(super) fn save(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if flag(args, "test") {
        return Ok(map! { "comment" => "Schedule would be saved.", "result" => true }.into());
    }
    let answer = ask(cx, map! { "func" => "save_schedule" }, "/salt/minion/minion_schedule_saved");
    Ok(match answer {
        Some(_) => map! { "comment" => "Schedule (non-pillar items) saved.", "result" => true },
        None => map! { "comment" => "Failed to save schedule.", "result" => false },
    }
    .into())
}

pub(super) fn reload(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let (mut comments, mut result) = (Vec::new(), true);
    let mut say = |done: bool, good: &str, bad: &str| {
        comments.push(if done { good.to_owned() } else { bad.to_owned() });
        result &= done;
    };
    if cx.pillar.contains("schedule") {
        let done = cx.call("event.fire", Call::positional([Map::new().into(), "pillar_refresh".into()]))?;
        say(
            done.truthy(),
            "Reloaded schedule from pillar on minion.",
            "Failed to reload schedule from pillar on minion.",
        );
    }
    // Salt quirk (modules/schedule.py, all): not the file that it saves.
    let path = saved_file(cx).with_file_name("schedule.conf");
    if path.is_file() {
        let text = fs::read_to_string(&path)?;
        let schedule = yaml::load(&text, "_schedule.conf").unwrap_or_default();
        if schedule.get("schedule").is_some_and(Value::truthy) {
            let done = tell(cx, map! { "func" => "reload", "schedule" => schedule })?;
            say(
                done,
                "Reloaded schedule on minion from schedule.conf.",
                "Failed to reload schedule on minion from schedule.conf.",
            );
        } else {
            say(false, "", "Failed to reload schedule on minion.  Saved file is empty or invalid.");
        }
    }
    Ok(map! { "comment" => Value::list(comments), "result" => result }.into())
}

/// `postpone_job` and `skip_job`.
pub(super) fn explicitly(cx: &Context, args: &Args, postpone: bool) -> Result<Value, Fault> {
    let format = args.keywords.str("time_fmt").unwrap_or(TIME_FORMAT).to_owned();
    let answer = |comment: String, result: bool| Ok(map! { "comment" => comment, "result" => result }.into());
    let name = args.str("name")?;
    let mut data = map! { "time" => args.str("current_time")?, "time_fmt" => format.as_str() };
    if postpone {
        data.insert("new_time", args.str("new_time")?);
    }
    for time in ["time", "new_time"] {
        if data.str(time).is_some_and(|time| read_time(time, &format).is_none()) {
            return answer("Date string could not be parsed.".to_owned(), false);
        }
    }
    let (func, verb, would, done) = if postpone {
        ("postpone_job", "postpone", "postponed", "Postponed Job")
    } else {
        ("skip_job", "skip", "skipped", "Added Skip Job")
    };
    if cx.test() {
        return answer(format!("Job: {name} would be {would} in schedule."), true);
    }
    let Some(place) = place(cx, &name, false) else {
        return answer(format!("Job {name} does not exist."), false);
    };
    data.extend(question(func, &name, place, args));
    let after = ask_schedule(cx, data, &format!("/salt/minion/minion_schedule_{func}_complete"));
    let enabled = after.as_ref().and_then(|schedule| schedule.get(&name)?.get("enabled"));
    if enabled.is_some_and(Value::truthy) {
        answer(format!("{done} {name} in schedule."), true)
    } else {
        answer(format!("Failed to {verb} job {name} in schedule."), false)
    }
}

/// `copy` and `move`: `schedule.add` on other minions.
pub(super) fn to_others(cx: &Context, args: &Args, moved: bool) -> Result<Value, Fault> {
    let (name, word) = (args.str("name")?, if moved { "moved" } else { "copied" });
    if flag(args, "test") {
        let text = format!("Job: {name} would be {word} from schedule.");
        return Ok(map! { "comment" => text, "result" => true }.into());
    }
    let Some(place) = place(cx, &name, false) else {
        return Ok(map! { "comment" => format!("Job {name} does not exist."), "result" => false }.into());
    };
    let schedule = current(cx, Some(place), true, false);
    let job = schedule.get(&name).and_then(Value::as_map).cloned().unwrap_or_default();
    let mut words = vec![Value::from(name.as_str())];
    words.extend(
        job.iter()
            .filter(|(key, _)| key.as_str() != Some("name"))
            .map(|(key, value)| Value::from(format!("{}={}", str_of(key), str_of(value)))),
    );
    let call = Call::positional([args.get("target").clone(), "schedule.add".into(), Value::List(words)]);
    let answers = cx.call("publish.publish", call)?.as_map().cloned().unwrap_or_default();
    if answers.is_empty() {
        let text = "no servers answered the published schedule.add command";
        return Ok(map! { "comment" => text, "result" => true }.into());
    }
    let errors: Vec<Value> =
        answers.iter().filter(|(_, answer)| !answer.truthy()).map(|(id, _)| id.clone()).collect();
    if !errors.is_empty() {
        let text = "the following minions return False";
        return Ok(map! { "comment" => text, "result" => true, "minions" => errors }.into());
    }
    let minions: Vec<Value> = answers.keys().cloned().collect();
    let text = if moved {
        delete_now(cx, args, &name, place);
        format!("Moved Job {name} from schedule.")
    } else {
        format!("Copied Job {name} from schedule to minion(s).")
    };
    Ok(map! { "comment" => text, "result" => true, "minions" => minions }.into())
}
