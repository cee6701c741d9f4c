//! The `salt` command's words against `report/cases.jsonl` and `report/batch.jsonl`, what Salt 3006.25 and 3007.14 print for the same returns.

use std::time::{Duration, Instant};

use halite::client::{Batch, BatchSize};
use halite::output::report::{self, BatchReturn, Report, ReportOptions, Said, Silence, silent_return};
use halite::output::{OutputOptions, printed, render};
use halite::value::{Map, Value};

use crate::{cases, report as failed};

const JID: &str = "20260102030405678901";

#[derive(Default)]
struct Run {
    stdout: String,
    stderr: String,
    code: i64,
}

impl Run {
    /// False when the program ended.
    fn say(&mut self, said: Said) -> bool {
        self.stdout += &said.stdout;
        self.stdout += &said.shown;
        self.stderr += &said.stderr;
        self.code = said.exit.map_or(self.code, i64::from);
        said.exit.is_none()
    }
}

fn play(case: &Value) -> Run {
    let mut opts = case.get("options").and_then(Value::as_map).cloned().unwrap_or_default();
    opts.insert("fun", case.get("fun").expect("a function").clone());
    let truthy = |opts: &Map, name: &str| opts.get(name).is_some_and(Value::truthy);
    let mut report = Report::new(ReportOptions {
        verbose: truthy(&opts, "verbose"),
        show_jid: truthy(&opts, "show_jid"),
        summary: truthy(&opts, "cli_summary"),
        output: OutputOptions::from_opts(&opts, false),
    });
    let mut run = Run::default();
    if case.get("async").is_some() {
        run.stdout = report::async_started(JID);
        return run;
    }
    if case.get("nobody").is_some() {
        run.say(report.nobody(report::NO_MINIONS_MATCHED));
        return run;
    }
    if case.get("error").is_some() {
        run.say(report.error("The words of the error."));
        return run;
    }
    run.say(report.started(JID));
    for sent in case.get("sent").and_then(Value::as_list).expect("returns") {
        let [id, data] = sent.as_list().expect("a pair") else { panic!("a pair") };
        let id = id.as_str().expect("an id");
        let data = match data.get("failed") {
            Some(_) if id == "gone" => silent_return(Silence::NotConnected, JID),
            Some(_) => silent_return(Silence::NoResponse, JID),
            None => data.clone(),
        };
        if !run.say(report.returned(id, data)) {
            return run;
        }
    }
    run.say(report.finished());
    run
}

#[test]
fn the_salt_command_says_what_salt_says() {
    let cases = cases("report/cases.jsonl");
    let mut failures = Vec::new();
    for case in &cases {
        let run = play(case);
        let ours: [(&str, Value); 3] =
            [("stdout", run.stdout.into()), ("stderr", run.stderr.into()), ("code", run.code.into())];
        for (field, ours) in ours {
            for field in [field.to_owned(), format!("{field}_3007")] {
                if let Some(theirs) = case.get(&field).filter(|theirs| **theirs != ours) {
                    failures.push(format!("{case:?}\n{field}: salt {theirs:?}\nours {ours:?}"));
                }
            }
        }
    }
    failed(&failures, cases.len());
}

/// What a batch prints, and its highest retcode.
fn play_batch(case: &Value) -> (String, i64) {
    let mut opts = case.get("options").and_then(Value::as_map).cloned().unwrap_or_default();
    opts.insert("fun", "test.ping");
    let options = OutputOptions::from_opts(&opts, false);
    let size =
        BatchSize::parse(case.get("size").and_then(Value::as_str).expect("a size")).expect("understood");
    let failhard = opts.get("failhard").is_some_and(Value::truthy);
    let sent = case.get("sent").and_then(Value::as_map).expect("returns");
    let mut out = String::new();
    for id in case.get("down").and_then(Value::as_list).expect("ids") {
        out += &report::batch_left_out(id.as_str().expect("an id"));
    }
    let now = Instant::now();
    let mut batch = Batch::new(["web1", "web2", "web3"].map(str::to_owned), size, Duration::ZERO);
    let mut highest = 0;
    while !batch.is_done() {
        let mut turn = batch.start(now);
        out += &report::batch_started(&turn);
        turn.sort_by_key(|id| !sent.contains(id.as_str()));
        for id in turn {
            batch.ended(&id, now);
            let nothing: Value = halite::map! { "ret" => Map::new() }.into();
            let data = sent.get(id.as_str()).unwrap_or(&nothing);
            let retcode = if data.get("failed").is_some() {
                out += &report::batch_not_sent(&id);
                1
            } else {
                let told = BatchReturn::parse(&id, data).expect("a return");
                out += &printed(&render(told.out.as_deref(), &told.shown, &options)).unwrap_or_default();
                highest = highest.max(told.retcode);
                told.retcode
            };
            if failhard && retcode > 0 {
                return (out, highest);
            }
        }
    }
    (out, highest)
}

#[test]
fn a_batch_says_what_salt_says() {
    let cases = cases("report/batch.jsonl");
    let mut failures = Vec::new();
    for case in &cases {
        let (stdout, retcode) = play_batch(case);
        let ours = (Some(&Value::from(stdout)), Some(&Value::from(retcode)));
        let theirs = (case.get("stdout"), case.get("retcode"));
        if ours != theirs {
            failures.push(format!("{case:?}\nsalt {theirs:?}\nours {ours:?}"));
        }
    }
    failed(&failures, cases.len());
}
