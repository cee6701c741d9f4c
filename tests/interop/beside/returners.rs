//! Returners that both have, by `salt-call` and by a job: what they print and keep.

use std::fs;

use super::{Line, Pair, without_own};

const LINES: &[Line] = &[
    &["salt-call", "--local", "--return=local", "test.echo", "grüße"],
    &["salt-call", "--local", "--return=multi_returner", "test.echo", "x"],
    &["salt-call", "--local", "--return=local,nosuch,rawfile_json", "test.echo", "{a: 1}", "--out=quiet"],
    &["salt-call", "--local", "--return=rawfile_json", "test.retcode", "3", "--out=json"],
    &["salt-call", "--local", "--return=syslog", "test.ping"],
];

pub fn differences(pair: &Pair) -> Vec<String> {
    for fleet in pair.each() {
        let config = fleet.path("etc/minion");
        let read = fs::read_to_string(&config).expect("a configuration");
        let more = "multi_returner: [local, rawfile_json]\nrawfile_json.filename:";
        fs::write(config, format!("{read}{more} {}\n", fleet.path("returned").display())).expect("written");
    }
    let mut differences = pair.differences(LINES, false);
    let [original, ours] = pair.each().map(|fleet| {
        let kept = fs::read_to_string(fleet.path("returned")).expect("returns");
        without_own(fleet, &kept)
    });
    assert_eq!(ours.lines().count(), 3, "{ours}");
    if ours != original {
        differences.push(format!("--- what rawfile_json kept\nSalt: {original}\nours: {ours}"));
    }
    differences
}
