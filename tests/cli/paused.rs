//! Runs that are paused, resumed and ended from outside.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::alone::{Minion, names, text};

/// What is looked for, as soon as it is there.
pub fn seen<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{what} is not seen");
        sleep(Duration::from_millis(20));
    }
}

/// Those that are running. A file with a dot is being written.
pub fn jids(minion: &Minion) -> Vec<String> {
    let proc = minion.path("var/cache/salt/minion/proc");
    let mut names = if proc.is_dir() { names(&proc) } else { Vec::new() };
    names.retain(|name| !name.starts_with('.'));
    names
}

/// Starts a run whose first state waits for a file; its jid is known when that state runs. A run that is only listed
/// has not looked for others yet: one that is listed a moment later would stop it.
pub struct Held<'m> {
    minion: &'m Minion,
    pub child: std::process::Child,
    pub jid: String,
}

impl<'m> Held<'m> {
    pub fn start(minion: &'m Minion) -> Self {
        minion.sls(
            "held",
            "first:\n  cmd.run:\n    - name: touch @ROOT@/began; while ! test -e @ROOT@/go; do sleep 0.05; done; touch @ROOT@/done\n\
             second:\n  cmd.run:\n    - name: test -e @ROOT@/resumed\nthird:\n  test.nop: []\n",
        );
        for old in ["go", "began"] {
            let _ = fs::remove_file(minion.path(old));
        }
        let mut call = minion.call(&["state.apply", "held"]);
        let child = call.stdout(Stdio::piped()).spawn().expect("it runs");
        seen("the first state", || minion.path("began").is_file().then_some(()));
        let jid = seen("the run", || jids(minion).pop());
        Held { minion, child, jid }
    }

    fn say(&self, fun: &str, more: &[&str]) {
        let output = self.minion.run(&[&[fun, self.jid.as_str()], more].concat());
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }

    pub fn go(&self) {
        fs::write(self.minion.path("go"), "").expect("written");
    }

    /// The ids of the states that ran, and whether they succeeded.
    pub fn end(self) -> Vec<(String, bool)> {
        let output = self.child.wait_with_output().expect("it ends");
        let returns: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let states = returns["local"].as_object().expect("states");
        let id = |ret: &Value| ret["__id__"].as_str().expect("an id").to_owned();
        states.values().map(|ret| (id(ret), ret["result"] == Value::Bool(true))).collect()
    }
}

#[test]
fn a_run_waits_before_the_state_that_is_paused_until_it_is_resumed() {
    let minion = Minion::new("pause");
    let held = Held::start(&minion);
    held.say("state.pause", &["second"]);
    held.go();
    seen("the first state's end", || minion.path("done").is_file().then_some(()));
    // A run that does not wait has looked for this before.
    fs::write(minion.path("resumed"), "").expect("written");
    held.say("state.resume", &["second"]);
    assert_eq!(held.end(), ["first", "second", "third"].map(|id| (id.to_owned(), true)));
}

#[test]
fn a_run_that_is_softly_killed_ends_before_that_state() {
    let minion = Minion::new("soft-kill");
    let held = Held::start(&minion);
    held.say("state.soft_kill", &["third"]);
    held.go();
    assert_eq!(held.end(), [("first".to_owned(), true), ("second".to_owned(), false)]);
}
