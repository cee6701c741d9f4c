//! Runs in turns: which options ask for them, and that a turn waits.

use super::{Line, Pair, run};
use crate::fleet::text;
use crate::peers::Peer;

/// Both minions return in any order.
const LINES: &[Line] = &[
    &["salt", "*", "test.ping", "--batch-safe-limit=2", "--out=txt"],
    &["salt", "*", "test.retcode", "3", "--batch-safe-limit=2", "--batch-safe-size=1", "--out=txt"],
    &["salt", "*", "test.ping", "--batch-safe-limit=2", "--batch-safe-size=50%", "--out=txt"],
    &["salt", "*", "test.ping", "--batch-safe-limit=2", "--batch-safe-size=x"],
    &["salt", "*", "test.ping", "--batch-safe-limit=2", "--async", "--out=txt"],
    &["salt", "*", "test.ping", "--batch-safe-limit=3", "--out=txt"],
    &["salt", "*", "test.ping", "--batch-safe-limit=x"],
    &["salt", "minion-a", "test.ping", "--batch-safe-limit=2", "--out=txt"],
    &["salt", "nobody", "test.ping", "--batch-safe-limit=2"],
    &["salt", "-L", "minion-a,gone", "test.ping", "-b", "1", "--out=txt"],
    &["salt", "-L", "minion-a,gone", "test.ping", "--static", "--out=txt"],
    &["salt", "minion-a", "test.ping", "-b", "1", "--async"],
    &["salt", "minion-a", "test.ping", "-b", "1", "-v", "--summary"],
    &["salt", "minion-a", "test.ping,test.retcode", ",", "3", "-b", "1"],
    &["salt", "minion-a", "test.ping", "-b", "1", "--batch-wait=x"],
];

pub fn differences(pair: &Pair) -> Vec<String> {
    for (fleet, peer) in [(&pair.original, Peer::Salt3006), (&pair.ours, Peer::Halite)] {
        let line = ["salt", "*", "cmd.run", "date +%s%3N", "-b", "1", "--batch-wait=1.5", "--out=txt"];
        let output = run(fleet, peer, &line);
        let begun: Vec<i64> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.strip_prefix("minion-")?.get(3..)?.parse().ok())
            .collect();
        assert_eq!(begun.len(), 2, "{peer:?}: {}", text(&output));
        assert!(begun[1] - begun[0] >= 1500, "{peer:?} did not wait: {begun:?}");
    }
    pair.differences(LINES, true)
}
