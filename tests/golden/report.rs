//! The `salt` command's words against `report/cases.jsonl`, what Salt 3006.25 and 3007.14 print for the same returns.

use halite::output::OutputOptions;
use halite::output::report::{self, Report, ReportOptions, Said, Silence, silent_return};
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
