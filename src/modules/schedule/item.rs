//! A job from the words of `schedule.add`. Salt: modules/schedule.py (`build_schedule_item`).

use crate::host::local_now;
use crate::loader::Fault;
use crate::map;
use crate::schedule::dates;
use crate::value::{Map, Value, str_of};

const EVERY: [&str; 4] = ["seconds", "minutes", "hours", "days"];

/// Whether the words name two kinds of timing.
pub(super) enum Conflict {
    None,
    Intervals,
    WhenAndCron,
}

pub(super) const WHEN_AND_CRON: &str = "Unable to use \"when\" and \"cron\" options together.  Ignoring.";

pub(super) fn conflict(kwargs: &Map) -> Conflict {
    let intervals = EVERY.iter().any(|unit| kwargs.contains(unit));
    match (kwargs.contains("when"), kwargs.contains("cron")) {
        (when, cron) if intervals && (when || cron) => Conflict::Intervals,
        (true, true) => Conflict::WhenAndCron,
        _ => Conflict::None,
    }
}

/// The job, or `{comment, result: False}`.
///
/// # Errors
/// Without a function.
pub(super) fn build(name: &str, kwargs: &Map) -> Result<Map, Fault> {
    let refused = |comment: String| Ok(map! { "comment" => comment, "result" => false });
    if name.is_empty() {
        return refused("Job name is required.".to_owned());
    }
    let function = kwargs.get("function").ok_or_else(|| Fault::exception("KeyError", "'function'"))?;
    let mut job = map! { "function" => function.clone() };
    match conflict(kwargs) {
        Conflict::Intervals => {
            let text = "Unable to use \"seconds\", \"minutes\", \"hours\", or \"days\" with \"when\" or \"cron\" options.";
            return refused(text.to_owned());
        }
        Conflict::WhenAndCron => return refused(WHEN_AND_CRON.to_owned()),
        Conflict::None => {}
    }
    let mut copy = |names: &[&str]| {
        for name in names {
            job.extend(kwargs.get(name).map(|value| (*name, value.clone())));
        }
    };
    copy(&EVERY);
    copy(&["return_job", "metadata"]);
    for (given, kept) in [("job_args", "args"), ("job_kwargs", "kwargs")] {
        let Some(value) = kwargs.get(given) else { continue };
        let fits = if given == "job_args" { value.as_list().is_some() } else { value.as_map().is_some() };
        if !fits {
            let kind = if given == "job_args" { "list" } else { "dict" };
            return refused(format!("{given} is not a {kind}. please correct and try again."));
        }
        job.insert(kept, value.clone());
    }
    let or = |key: &str, default: Value| kwargs.get(key).cloned().unwrap_or(default);
    job.insert("maxrunning", or("maxrunning", 1.into()));
    job.insert("name", or("name", name.into()));
    job.insert("enabled", or("enabled", true.into()));
    job.insert("jid_include", or("jid_include", true.into()));
    job.extend(kwargs.get("splay").map(|splay| ("splay", splay.clone())));
    let whens = match kwargs.get("when") {
        Some(Value::List(whens)) => whens.as_slice(),
        Some(when) => std::slice::from_ref(when),
        None => &[],
    };
    if let Some(bad) = whens.iter().find(|when| dates::parse(&str_of(when), local_now().datetime()).is_none())
    {
        return refused(format!("Schedule item {} for \"when\" in invalid.", str_of(bad)));
    }
    for name in [
        "range",
        "when",
        "once",
        "once_fmt",
        "cron",
        "returner",
        "after",
        "return_config",
        "return_kwargs",
        "until",
        "run_on_start",
        "skip_during_range",
        // Salt forgets this one here (modules/schedule.py, all), although its scheduler knows it.
        "run_after_skip_range",
    ] {
        job.extend(kwargs.get(name).map(|value| (name, value.clone())));
    }
    Ok(job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_job_with_salts_defaults() {
        let kwargs = map! { "function" => "test.ping", "seconds" => 3600, "job_args" => Value::list([1]) };
        let job = build("job1", &kwargs).expect("a job");
        let expected = map! {
            "function" => "test.ping", "seconds" => 3600, "args" => Value::list([1]), "maxrunning" => 1,
            "name" => "job1", "enabled" => true, "jid_include" => true,
        };
        assert!(job.iter().eq(expected.iter()), "{job:?}");
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let refused = |kwargs: Map| {
            let mut kwargs = kwargs;
            kwargs.insert("function", "test.ping");
            build("job1", &kwargs).expect("an answer").str("comment").map(str::to_owned)
        };
        assert!(refused(map! { "seconds" => 1, "when" => "5pm" }).expect("refused").contains("\"when\""));
        assert_eq!(refused(map! { "when" => "5pm", "cron" => "@daily" }).as_deref(), Some(WHEN_AND_CRON));
        assert!(refused(map! { "when" => "some day" }).expect("refused").contains("invalid"));
        assert!(refused(map! { "job_args" => "a" }).expect("refused").contains("not a list"));
        assert!(build("job1", &map! {}).is_err());
    }
}
