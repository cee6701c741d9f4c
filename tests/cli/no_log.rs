//! `no_log: True`: nothing of a state shows, in returns, diffs and logs; files get the true value.

use std::fs;

use crate::alone::{Minion, text};

const SECRET: &str = "hunter2";

/// Everything that a run says: its return, and the log at its most talkative.
pub fn said(minion: &Minion, words: &[&str]) -> String {
    let mut command = minion.call(words);
    let output = command.args(["--log-level=all", "--state-output=full"]).output().expect("it runs");
    let log = fs::read_to_string(minion.path("var/log/salt/minion")).unwrap_or_default();
    text(&output.stdout) + &text(&output.stderr) + &log
}

#[test]
fn a_file_gets_its_secret_and_nobody_else() {
    let minion = Minion::new("no-log-file");
    fs::write(minion.path("place/file"), "before\n").expect("written");
    minion.sls(
        "secret",
        &format!("@ROOT@/place/file:\n  file.managed:\n    - contents: {SECRET}\n    - no_log: True\n"),
    );
    for test in ["test=True", "test=False"] {
        let said = said(&minion, &["state.apply", "secret", test]);
        assert!(!said.contains(SECRET) && said.contains("***"), "{test}: {said}");
    }
    assert_eq!(fs::read_to_string(minion.path("place/file")).expect("read"), format!("{SECRET}\n"));
    // Without it the diff shows.
    minion.sls("open", "@ROOT@/place/file:\n  file.managed:\n    - contents: open\n");
    assert!(said(&minion, &["state.apply", "open"]).contains(SECRET));
}

#[test]
fn commands_their_conditions_and_their_failures_stay_hidden() {
    let minion = Minion::new("no-log-cmd");
    let state = |more: &str| {
        format!(
            "call:\n  cmd.run:\n    - name: echo {SECRET}; echo {SECRET} >&2; false\n    - no_log: True\n{more}"
        )
    };
    let cases = [
        String::new(),
        format!("    - unless: echo {SECRET}; false\n"),
        format!("    - env:\n      - PASSWORD: {SECRET}\n    - parallel: True\n"),
        "    - retry:\n        attempts: 2\n        interval: 0\n".to_owned(),
        format!("    - check_cmd:\n      - echo {SECRET}; false\n"),
        format!("    - cwd: /{SECRET}\n"),
        format!("    - names:\n      - echo {SECRET} 1\n      - echo {SECRET} 2\n"),
    ];
    for (number, case) in cases.iter().enumerate() {
        let name = format!("case{number}");
        minion.sls(&name, &state(case));
        let said = said(&minion, &["state.apply", &name]);
        assert!(!said.contains(SECRET) && said.contains("***"), "{case}: {said}");
    }
    minion.sls(
        "shown",
        &state("    - creates: /hunter2\n    - require:\n      - test: first\nfirst:\n  test.nop: []\n"),
    );
    for function in ["state.show_low_sls", "state.show_sls"] {
        let said = said(&minion, &[function, "shown"]);
        assert!(!said.contains(SECRET) && said.contains("first") && said.contains("cmd"), "{said}");
    }
}
