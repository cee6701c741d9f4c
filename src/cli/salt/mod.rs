//! `salt`: runs a function on minions and prints what they return, as it arrives. Salt: cli/salt.py.

mod batch;
mod follow;
mod progress;
mod reasons;
mod subset;
mod syntax;
mod together;

use std::time::Duration;

use anyhow::Context;

pub(super) use self::syntax::SYNTAX;
use super::config_files;
use super::login::{Login, use_proof};
use super::{Call, Display, Exit, Parsed, Stop, apply, complain, options, print, read_stdin, start_logging};
use crate::client::{BatchSize, ClientError, Job, LocalClient, MinionFiles};
use crate::config::Opts;
use crate::map;
use crate::matchers::{ParseOptions, compound_problem};
use crate::output::report::{self, Report, ReportOptions, Said};
use crate::value::yaml::{Style, dump, yamlify_arg};
use crate::value::{Map, Value, str_of};

pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    let mut parsed = SYNTAX.parse(&call.prog, &call.words)?;
    read_stdin(&SYNTAX, &mut parsed)?;
    let tgt_type = options::target_type(&parsed).map_err(|text| SYNTAX.wrong(&call.prog, &text))?;
    let strict = parsed.flag("strict_exit");
    if strict && parsed.flag("async") {
        let text = "--strict-exit waits for every return, and --async for none: they do not go together";
        return Err(SYNTAX.wrong(&call.prog, text).into());
    }
    let dir = parsed.text("config_dir").map(std::path::Path::new);
    if parsed.flag("config_dump") {
        print(&dump(&Value::Map(config_files::load_master(dir)?.into_map()), Style::SALT))?;
        return Ok(Exit::OK);
    }
    let words = syntax::words(&parsed)?;
    let mut opts = config_files::load_client(dir)?;
    apply(&SYNTAX, &parsed, &mut opts);
    opts.set("fun", words.fun.clone());
    start_logging(&call.prog, &opts);
    let mut display = Display::new(&opts)?;
    // In Salt an outputter that shows nothing else; here a line beside what the others show.
    display.options.progress = false;
    if parsed.flag("preview_target") {
        return preview(&opts, &words.tgt, tgt_type, &display);
    }
    let job = job(&parsed, &opts, words, tgt_type);
    point_at_mistake(&job, &opts);
    let timeout = match opts.int("timeout") {
        seconds if seconds > 0 => Duration::from_secs(u64::try_from(seconds).unwrap_or(5)),
        _ => Duration::from_secs(5),
    };
    let run_static = opts.bool("static");
    let plan = plan(&parsed, &opts, &job, run_static)?;
    // Salt quirk: of less than none there is one.
    let subset = parsed.int("subset").map_or(0, |count| usize::try_from(count).unwrap_or(1));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let mut client = LocalClient::new(opts);
    let login = Login::read(&parsed, client.opts(), !client.who().key.is_empty())?;
    if let Login::Unknown(told) = &login {
        let stop = Stop::failed(Exit::NO_RETURN, "ERROR: Authentication failed\n");
        return Err(Stop { stdout: told.clone(), ..stop }.into());
    }
    runtime.block_on(async {
        if let Login::Proof { fields, make_token } = login {
            use_proof(&mut client, fields, make_token)
                .await
                .map_err(|error| batch::failed(error.into(), strict))?;
        }
        match plan {
            Some(plan) if run_static => {
                return together::run(&client, job, timeout, &display, plan, strict).await;
            }
            Some(plan) => return batch::run(&client, job, timeout, &display, plan, strict).await,
            None => {}
        }
        if parsed.flag("async") {
            return start_only(&client, &job, timeout).await;
        }
        follow::run(&client, job, Some(subset).filter(|count| *count > 0), timeout, &display, strict).await
    })
}

/// How the minions take turns; `None`: all at once, which is the ordinary run.
fn plan(parsed: &Parsed, opts: &Opts, job: &Job, run_static: bool) -> anyhow::Result<Option<batch::Plan>> {
    let mut size = parsed.text("batch").unwrap_or_default().to_owned();
    let limit = usize::try_from(opts.int("batch_safe_limit")).unwrap_or(0);
    if size.is_empty() && run_static {
        "100%".clone_into(&mut size);
    } else if size.is_empty() && limit > 1 {
        let matching =
            MinionFiles::new(opts).matching(&job.tgt, &job.tgt_type).map_err(anyhow::Error::msg)?;
        if matching.len() >= limit {
            print(report::SWITCHING_TO_BATCH)?;
            size = opts.get("batch_safe_size").map_or_else(|| "8".to_owned(), str_of);
        }
    }
    if size.is_empty() {
        return Ok(None);
    }
    let size = BatchSize::parse(&size)
        .map_err(|bad| Stop { stdout: format!("{bad}\n"), ..Stop::failed(Exit::GENERIC, "") })?;
    let plan = batch::Plan { size, wait: opts.duration("batch_wait"), failhard: opts.bool("failhard") };
    Ok(Some(plan))
}

/// The job that the words and options describe.
fn job(parsed: &Parsed, opts: &Opts, words: syntax::Words, tgt_type: &str) -> Job {
    let mut kwargs = map! {
        "show_timeout" => opts.bool("show_timeout"),
        "show_jid" => opts.bool("show_jid"),
        "delimiter" => parsed.text("delimiter").unwrap_or(":"),
    };
    if let Some(config) = parsed.text("return_config").filter(|config| !config.is_empty()) {
        kwargs.insert("ret_config", config);
    }
    for (option, key) in [
        ("return_kwargs", "ret_kwargs"),
        ("module_executors", "module_executors"),
        ("executor_opts", "executor_opts"),
        ("metadata", "metadata"),
    ] {
        if let Some(text) = parsed.text(option).filter(|text| !text.is_empty()) {
            kwargs.insert(key, yamlify_arg(text));
        }
    }
    Job {
        tgt: words.tgt,
        tgt_type: tgt_type.to_owned(),
        fun: words.fun,
        arg: words.arg,
        ret: parsed.text("return").unwrap_or_default().to_owned(),
        jid: String::new(),
        kwargs,
    }
}

fn preview(opts: &Opts, tgt: &Value, tgt_type: &str, display: &Display) -> anyhow::Result<Exit> {
    let minions = MinionFiles::new(opts).matching(tgt, tgt_type).map_err(anyhow::Error::msg)?;
    let found = !minions.is_empty();
    display.show(&Value::list(minions), None, 0)?;
    if found {
        return Ok(Exit::OK);
    }
    Err(Stop::failed(Exit::NO_RETURN, report::NO_RETURN_RECEIVED).into())
}

/// `--async`.
async fn start_only(client: &LocalClient, job: &Job, timeout: Duration) -> anyhow::Result<Exit> {
    match client.publish(job, timeout).await {
        Ok(Some(published)) => print(&report::async_started(&published.jid))?,
        // Salt prints both: the sentence, and a job id that is none.
        Ok(None) => print(&format!("{}{}", report::NO_MINIONS_MATCHED, report::async_started("0")))?,
        Err(error) => {
            explain(&error);
            return Err(Stop::failed(Exit::GENERIC, format!("{error}\n")).into());
        }
    }
    Ok(Exit::OK)
}

/// Where a compound target cannot be read, on standard error: the master will only say that it matches nobody.
fn point_at_mistake(job: &Job, opts: &Opts) {
    let none = Map::new();
    let nodegroups = opts.get("nodegroups").and_then(Value::as_map).unwrap_or(&none);
    let delimiter = job.kwargs.str("delimiter").unwrap_or(":");
    if let (Some(target), "compound") = (job.tgt.as_str(), job.tgt_type.as_str())
        && let Some((column, why)) = compound_problem(target, &ParseOptions { delimiter, nodegroups })
    {
        let target = target.replace(char::is_whitespace, " ");
        complain(&format!("The compound target cannot be read: {why}\n  {target}\n  {:column$}^", ""));
    }
}

/// What Salt leaves out: what happened, where, and what to do. On standard error, beside Salt's own words.
fn explain(error: &ClientError) {
    if let Some(explanation) = error.explanation() {
        complain(&explanation);
    }
}

/// How returns of this run are told.
fn reporter(opts: &Opts, display: &Display) -> Report {
    Report::new(ReportOptions {
        verbose: opts.bool("verbose"),
        show_jid: opts.bool("show_jid"),
        summary: opts.bool("cli_summary"),
        output: display.options.clone(),
    })
}

/// Writes what is to be said now; gives the exit code if that ends the program.
fn say(said: Said, display: &Display) -> anyhow::Result<Option<Exit>> {
    print(&said.stdout)?;
    display.write(&said.shown)?;
    if !said.stderr.is_empty() {
        complain(said.stderr.trim_end_matches('\n'));
    }
    Ok(said.exit.map(|code| Exit::of(code.into())))
}
