//! Crontab lines against `cron/cron.jsonl`, when croniter says that they fire.

use halite::schedule::Cron;
use halite::value::{DateTime, Value};

use crate::{cases, report};

#[test]
fn lines_fire_when_croniter_says() {
    let cases = cases("cron/cron.jsonl");
    let mut failures = Vec::new();
    for case in &cases {
        let line = case.get("line").and_then(Value::as_str).expect("a line");
        let mut now: DateTime =
            case.get("now").and_then(Value::as_str).expect("now").parse().expect("a time");
        let expected = case.get("next").and_then(Value::as_list).map(<[Value]>::to_vec);
        let times = Cron::parse(line).map(|cron| {
            let mut times = Vec::new();
            while let Some(next) = cron.next_after(now).filter(|_| times.len() < 4) {
                times.push(Value::from(next.to_string()));
                now = next;
            }
            times
        });
        if times != expected {
            failures.push(format!("{line:?}: {expected:?}, not {times:?}"));
        }
    }
    report(&failures, cases.len());
}
