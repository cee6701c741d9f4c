//! `salt --strict-exit`, which Salt has not: success is the success of every minion of the target.

use std::fs;

use super::{Line, run};
use crate::fleet::{Fleet, text};
use crate::peers::Peer;

/// `minion-z` has a key and is not there, `gone` has none.
const ENDS: &[(i32, Line)] = &[
    (0, &["*-a", "test.ping"]),
    (0, &["-L", "minion-a,minion-b", "test.ping"]),
    (0, &["minion-a", "test.ping", "-b", "1"]),
    (0, &["minion-a", "test.ping", "--static"]),
    (2, &["nobody", "test.ping"]),
    (2, &["nobody", "test.ping", "-b", "1"]),
    (2, &["nobody", "test.ping", "--static"]),
    (1, &["minion-[ab]", "test.retcode", "3"]),
    (1, &["minion-[ab]", "test.retcode", "3", "-b", "1"]),
    (1, &["minion-[ab]", "test.retcode", "3", "--static"]),
    (1, &["minion-a", "test.nosuch"]),
    (11, &["minion-[az]", "test.ping"]),
    (11, &["minion-[az]", "test.ping", "-b", "1"]),
    (11, &["minion-[az]", "test.ping", "--static"]),
    (11, &["minion-z", "test.ping", "--static"]),
    (11, &["minion-[az]", "test.retcode", "3"]),
    (11, &["-L", "minion-a,gone", "test.ping"]),
    (11, &["-L", "minion-a,gone", "test.ping", "-b", "1"]),
    (11, &["-L", "minion-a,gone", "test.ping", "--static"]),
    (64, &["minion-a", "test.ping", "--async"]),
];

pub fn only_success_of_all_is_success(ours: &Fleet) {
    fs::copy(ours.master_pki("minions/minion-a"), ours.master_pki("minions/minion-z")).expect("a key");
    let config = ours.path("etc/master");
    let read = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, format!("{read}gather_job_timeout: 2\n")).expect("written");
    for (code, words) in ENDS {
        let silent = if *code == 11 { "-t1" } else { "-t30" };
        let line = [&["salt", "--strict-exit", silent], *words].concat();
        let output = run(ours, Peer::Halite, &line);
        assert_eq!(output.status.code(), Some(*code), "{words:?}: {}", text(&output));
    }
    // Without it, as Salt has it.
    let output = run(ours, Peer::Halite, &["salt", "-t1", "-L", "minion-a,gone", "test.ping", "-b", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}
