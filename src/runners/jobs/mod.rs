//! `jobs`: jobs that run and that have run. Salt: runners/jobs.py.

mod format;
mod search;

use std::time::Duration;

use self::format::{Detail, job_map};
use self::search::Search;
use super::message;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::names::Jid;
use crate::value::{Map, Value, sort, str_of};

const EXT_SOURCE: Param = opt("ext_source", Default::None);
const PROGRESS: Param = opt("display_progress", Default::False);
const OUTPUTTER: Param = opt("outputter", Default::None);

pub(super) static MODULE: Module = Module {
    file: "jobs",
    provides: "jobs",
    available: always,
    functions: &[
        Function::new(
            "active",
            &[PROGRESS],
            "Jobs that minions are running now: `{jid: {Function, …, Running: [{id: pid}], Returned: [id]}}`.",
            active,
        ),
        Function::new(
            "exit_success",
            &[req("jid"), EXT_SOURCE],
            "For each minion of a job whether it returned something true: `{id: bool}`.",
            exit_success,
        ),
        Function::new(
            "last_run",
            &[
                EXT_SOURCE,
                OUTPUTTER,
                opt("metadata", Default::None),
                opt("function", Default::None),
                opt("target", Default::None),
                PROGRESS,
            ],
            "The last job, or the last one that fits, as `jobs.print_job` shows it. False if there is none.",
            last_run,
        ),
        Function::new(
            "list_job",
            &[req("jid"), EXT_SOURCE, PROGRESS],
            "One job with all that came of it: `{jid, Function, Arguments, Target, …, Minions, Result}`.",
            list_job,
        ),
        Function::new(
            "list_jobs",
            &[
                EXT_SOURCE,
                OUTPUTTER,
                opt("search_metadata", Default::None),
                opt("search_function", Default::None),
                opt("search_target", Default::None),
                opt("start_time", Default::None),
                opt("end_time", Default::None),
                PROGRESS,
            ],
            "All jobs in the job cache, or those that fit every one of the searches: `{jid: {Function, Arguments, \
             Target, Target-type, User, StartTime}}`. Functions and targets are searched by globs, a list or with \
             commas between them; metadata by a map; times are like `2026-01-02 03:04`.",
            list_jobs,
        ),
        Function::new(
            "list_jobs_filter",
            &[req("count"), opt("filter_find_job", Default::True), EXT_SOURCE, OUTPUTTER, PROGRESS],
            "The last `count` jobs, oldest first; without those that only asked for other jobs unless \
             `filter_find_job` is False.",
            list_jobs_filter,
        ),
        Function::new(
            "lookup_jid",
            &[
                req("jid"),
                EXT_SOURCE,
                opt("returned", Default::True),
                opt("missing", Default::False),
                PROGRESS,
            ],
            "What minions returned for a job: `{id: return}`; with `missing`, also the minions that did not return.",
            lookup_jid,
        ),
        Function::new(
            "master",
            &[],
            "Jobs that run in the master's own process: `[{fun, jid, pid, …}]`.",
            master,
        ),
        Function::new(
            "print_job",
            &[req("jid"), EXT_SOURCE],
            "One job with all that came of it, below its jid: `{jid: {Function, …, Result}}`.",
            print_job,
        ),
    ],
};

/// Only the master's own job cache can be asked.
fn refuse_source(args: &Args) -> Result<(), Fault> {
    match args.given("ext_source") {
        Some(source) if source.truthy() && source.as_str() != Some("local_cache") => {
            Err(Fault::NotSupported(format!("the job cache {} (ext_source)", str_of(source))))
        }
        _ => Ok(()),
    }
}

fn announce(cx: &Context, args: &Args, what: &str) -> Result<(), Fault> {
    refuse_source(args)?;
    message(cx, args, || format!("Querying returner{what}"))
}

/// Salt's form of a result that wants an outputter.
fn with_outputter(outputter: Option<&Value>, data: Value) -> Value {
    match outputter.filter(|outputter| outputter.truthy()) {
        Some(outputter) => map! { "outputter" => outputter.clone(), "data" => data }.into(),
        None => data,
    }
}

fn detail(cx: &Context, jid: &str) -> Result<Map, Fault> {
    let load = cx.master.job_load(jid)?;
    let mut job = job_map(jid, load.as_ref(), Detail::WithMinions);
    let mut result = Map::new();
    for (id, entry) in &cx.master.job_returns(jid)? {
        let shown = ["return", "retcode", "success", "out"].into_iter();
        let entry: Map = shown.filter_map(|key| Some((key, entry.get(key)?.clone()))).collect();
        result.insert(id.clone(), entry);
    }
    job.insert("Result", result);
    Ok(job)
}

fn list_job(cx: &Context, args: &Args) -> Result<Value, Fault> {
    announce(cx, args, ": local_cache")?;
    let jid = args.str("jid")?;
    let mut job = map! { "jid" => jid.as_str() };
    job.extend(detail(cx, &jid)?);
    Ok(job.into())
}

fn print_job(cx: &Context, args: &Args) -> Result<Value, Fault> {
    refuse_source(args)?;
    let jid = args.str("jid")?;
    let job = detail(cx, &jid)?;
    Ok(map! { jid => job }.into())
}

fn lookup_jid(cx: &Context, args: &Args) -> Result<Value, Fault> {
    announce(cx, args, ": local_cache")?;
    let jid = args.str("jid")?;
    let returns = cx.master.job_returns(&jid)?;
    let mut found = Map::new();
    for (id, entry) in &returns {
        message(cx, args, || str_of(id))?;
        if args.truthy("returned") {
            found.insert(id.clone(), entry.get("return").cloned().unwrap_or_default());
        }
    }
    if args.truthy("missing") {
        let load = cx.master.job_load(&jid)?.unwrap_or_default();
        for id in load.get("Minions").and_then(Value::as_list).unwrap_or_default() {
            if returns.get_value(id).is_none() {
                found.insert(id.clone(), "Minion did not return");
            }
        }
    }
    // The outputter of the first return is that of all.
    let outputter = returns.values().next().and_then(|entry| entry.get("out"));
    Ok(with_outputter(outputter, found.into()))
}

fn exit_success(cx: &Context, args: &Args) -> Result<Value, Fault> {
    refuse_source(args)?;
    let jid = args.str("jid")?;
    let returns = cx.master.job_returns(&jid)?;
    let load = cx.master.job_load(&jid)?.unwrap_or_default();
    let succeeded =
        |id: &Value| returns.get_value(id).and_then(|entry| entry.get("return")).is_some_and(Value::truthy);
    let mut told = Map::new();
    for id in load.get("Minions").and_then(Value::as_list).unwrap_or_default() {
        told.insert(id.clone(), succeeded(id));
    }
    for id in returns.keys().filter(|id| succeeded(id)) {
        told.insert(id.clone(), true);
    }
    Ok(told.into())
}

/// Salt reads the files of processes in `<cachedir>/proc`; runners here are threads of the master and have none.
fn master(_: &Context, _: &Args) -> Result<Value, Fault> {
    Ok(Value::List(Vec::new()))
}

fn list_jobs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    announce(cx, args, " local_cache for jobs.")?;
    let search = Search {
        metadata: args.get("search_metadata"),
        function: args.get("search_function"),
        target: args.get("search_target"),
        start_time: args.get("start_time"),
        end_time: args.get("end_time"),
    };
    Ok(with_outputter(args.given("outputter"), found(cx, &search)?.into()))
}

/// `{jid: job}`, oldest first.
fn found(cx: &Context, search: &Search) -> Result<Map, Fault> {
    let range = search.range()?;
    let mut found = Map::new();
    for (jid, load) in &cx.master.jobs(None)? {
        let (Some(jid), Some(load)) = (jid.as_str(), load.as_map()) else { continue };
        let job = job_map(jid, Some(load), Detail::Short);
        if search.fits(&job) && range.contains(jid) {
            found.insert(jid, job);
        }
    }
    found.sort_by(|a, b| str_of(a).cmp(&str_of(b)));
    Ok(found)
}

fn list_jobs_filter(cx: &Context, args: &Args) -> Result<Value, Fault> {
    announce(cx, args, " local_cache for jobs.")?;
    let count = usize::try_from(args.int("count")?).unwrap_or(0);
    let without_questions = args.truthy("filter_find_job");
    let all = cx.master.jobs(None)?;
    let mut jobs = Vec::new();
    for (jid, load) in &all {
        let (Some(jid), Some(load)) = (jid.as_str(), load.as_map()) else { continue };
        if !(without_questions && load.str("fun") == Some("saltutil.find_job")) {
            jobs.push((jid, load));
        }
    }
    sort::by_key(&mut jobs, |(jid, _)| *jid);
    let last = jobs.get(jobs.len().saturating_sub(count)..).unwrap_or_default();
    let list =
        last.iter().map(|(jid, load)| Value::from(job_map(jid, Some(load), Detail::WithJid))).collect();
    Ok(with_outputter(args.given("outputter"), Value::List(list)))
}

fn last_run(cx: &Context, args: &Args) -> Result<Value, Fault> {
    announce(cx, args, " local_cache for jobs.")?;
    let metadata = args.get("metadata");
    if metadata.truthy() && metadata.as_map().is_none() {
        crate::log::info!("The metadata parameter must be specified as a dictionary");
        return Ok(false.into());
    }
    let search = Search {
        metadata,
        function: args.get("function"),
        target: args.get("target"),
        start_time: &Value::Null,
        end_time: &Value::Null,
    };
    let found = found(cx, &search)?;
    match found.keys().next_back().and_then(Value::as_str) {
        Some(jid) => {
            let job = detail(cx, jid)?;
            Ok(map! { jid => job }.into())
        }
        None => Ok(false.into()),
    }
}

fn active(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let seconds = cx.opts.get("timeout").and_then(Value::as_int).unwrap_or(5);
    let question = map! { "tgt" => "*", "tgt_type" => "glob", "fun" => "saltutil.running", "arg" => Value::List(Vec::new()) };
    let answers =
        cx.master.publish_and_wait(question, Duration::from_secs(u64::try_from(seconds).unwrap_or(5)))?;
    let ids: Vec<String> = answers.keys().map(crate::value::repr).collect();
    message(cx, args, || format!("Attempting to contact minions: [{}]", ids.join(", ")))?;
    let mut jobs = Map::new();
    for (id, answer) in &answers {
        message(cx, args, || format!("Received reply from minion {}", str_of(id)))?;
        for running in answer.get("ret").and_then(Value::as_list).unwrap_or_default() {
            let Some(running) = running.as_map() else { continue };
            let Some(jid) = running.str("jid") else { continue };
            let here = map! { id.clone() => running.get("pid").cloned().unwrap_or_default() };
            let job = jobs.entry(jid, || {
                let mut job = job_map(jid, Some(running), Detail::Short);
                job.insert("Running", Value::List(Vec::new()));
                job.insert("Returned", Value::List(Vec::new()));
                job.into()
            });
            if let Some(Value::List(list)) = job.as_map_mut().and_then(|job| job.get_mut("Running")) {
                list.push(here.into());
            }
        }
    }
    for (jid, job) in jobs.iter_mut() {
        let Some(jid) = jid.as_str().filter(|jid| Jid::parse(jid).is_ok()) else { continue };
        let returned: Vec<Value> = cx.master.job_returns(jid)?.keys().cloned().collect();
        if let Some(job) = job.as_map_mut() {
            job.insert("Returned", returned);
        }
    }
    Ok(jobs.into())
}
