//! Runs that are paused, resumed and ended from outside.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::alone::{Minion, names, text};

/// Starts a run whose first state waits for a file; its jid is known when it runs.
struct Held<'m> {
    minion: &'m Minion,
    child: std::process::Child,
    jid: String,
}

impl<'m> Held<'m> {
    fn start(minion: &'m Minion) -> Self {
        minion.sls(
            "held",
            "first:\n  cmd.run:\n    - name: while ! test -e @ROOT@/go; do sleep 0.05; done\n\
             second:\n  test.nop: []\nthird:\n  test.nop: []\n",
        );
        let _ = fs::remove_file(minion.path("go"));
        let mut call = minion.call(&["state.apply", "held"]);
        let child = call.stdout(Stdio::piped()).spawn().expect("it runs");
        let proc = minion.path("var/cache/salt/minion/proc");
        let began = Instant::now();
        let jid = loop {
            if let Some(jid) = proc.is_dir().then(|| names(&proc)).and_then(|mut jids| jids.pop()) {
                break jid;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "the run tells of itself");
            sleep(Duration::from_millis(20));
        };
        Held { minion, child, jid }
    }

    fn say(&self, fun: &str, more: &[&str]) {
        let output = self.minion.run(&[&[fun, self.jid.as_str()], more].concat());
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }

    fn go(&self) {
        fs::write(self.minion.path("go"), "").expect("written");
    }

    /// The ids of the states that ran.
    fn end(self) -> Vec<String> {
        let output = self.child.wait_with_output().expect("it ends");
        let returns: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let states = returns["local"].as_object().expect("states");
        states.values().map(|ret| ret["__id__"].as_str().expect("an id").to_owned()).collect()
    }
}

#[test]
fn a_run_waits_before_the_state_that_is_paused_until_it_is_resumed() {
    let minion = Minion::new("pause");
    let mut held = Held::start(&minion);
    held.say("state.pause", &["second"]);
    held.go();
    sleep(Duration::from_secs(2));
    assert!(held.child.try_wait().expect("known").is_none(), "it waits");
    held.say("state.resume", &["second"]);
    assert_eq!(held.end(), ["first", "second", "third"]);
}

#[test]
fn a_run_that_is_softly_killed_ends_before_that_state() {
    let minion = Minion::new("soft-kill");
    let held = Held::start(&minion);
    held.say("state.soft_kill", &["third"]);
    held.go();
    assert_eq!(held.end(), ["first", "second"]);
}
