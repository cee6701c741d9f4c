//! A state run while another one is under way: refused with Salt's text, or behind it.

use std::process::Stdio;

use serde_json::Value;

use crate::alone::{Minion, text};
use crate::paused::{Held, jids, seen};

/// The return of a run that is behind the one that is held.
const BEHIND: &str = "behind:\n  cmd.run:\n    - name: test -e @ROOT@/done\n";

#[test]
fn a_second_run_is_refused_and_says_who_is_running() {
    let minion = Minion::new("refused");
    minion.sls("behind", BEHIND);
    let held = Held::start(&minion);
    // Where the queue is full already, too.
    for more in [&[][..], &["queue=False"], &["queue=1"]] {
        let output = minion.run(&[&["state.apply", "behind"], more].concat());
        assert!(!output.status.success(), "{}", text(&output.stdout));
        let returned: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let said = returned["local"][0].as_str().unwrap_or_else(|| panic!("{returned}")).to_owned();
        // Salt: modules/state.py `running`; 20260102030405678901 began at 2026, Jan 02 03:04:05.678901.
        let rest = said.strip_prefix("The function \"state.apply\" is running as PID ").expect(&said);
        let (pid, rest) = rest.split_once(" and was started at ").expect(&said);
        let (began, jid) = rest.split_once(" with jid ").expect(&said);
        assert_eq!(pid, held.child.id().to_string());
        assert_eq!(jid, held.jid);
        let digits: String = began.chars().filter(char::is_ascii_digit).collect();
        let (year, behind) = held.jid.split_at(4);
        // The month has a name.
        assert_eq!(digits, format!("{year}{}", &behind[2..]), "{began}");
        assert!(began.starts_with(&format!("{year}, ")), "{began}");
    }
    held.go();
    assert_eq!(held.end().len(), 3);
}

#[test]
fn a_run_that_queues_begins_when_the_one_before_has_ended() {
    let minion = Minion::new("queued");
    minion.sls("behind", BEHIND);
    for (queue, option) in [("queue=True", ""), ("queue=2", ""), ("test=False", "state_queue: True\n")] {
        let _ = std::fs::remove_file(minion.path("done"));
        minion.option(option);
        let held = Held::start(&minion);
        let mut call = minion.call(&["state.apply", "behind", queue]);
        let waiting = call.stdout(Stdio::piped()).spawn().expect("it runs");
        seen("the run that waits", || (jids(&minion).len() == 2).then_some(()));
        // A run that was refused would be gone now; this one is seen to be there by one that asks.
        let output = minion.run(&["state.running", "--out=newline_values_only"]);
        assert_eq!(text(&output.stdout).matches("is running as PID").count(), 2, "{}", text(&output.stdout));
        held.go();
        assert_eq!(held.end().len(), 3);
        let output = waiting.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{queue}{option}: {}", text(&output.stdout));
    }
}
