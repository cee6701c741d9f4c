//! Every option that the originals document is an option of ours.

use std::collections::BTreeSet;

use crate::original::Running;
use crate::peers::Peer;

const TOOLS: [&str; 7] =
    ["salt", "salt-call", "salt-cp", "salt-key", "salt-run", "salt-master", "salt-minion"];

/// Words of a help text that are options: at the start of a line, with what they take behind a space or `=`.
fn options(help: &str) -> BTreeSet<String> {
    let rows = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let words =
        rows.flat_map(|row| row.trim_start().split("  ").next().unwrap_or(row).split([',', ' ', '=']));
    words.filter(|word| word.len() > 1 && word.starts_with('-')).map(str::to_owned).collect()
}

fn help(peer: Peer, tool: &str) -> BTreeSet<String> {
    let mut command = peer.tool(tool);
    command.arg("--help").env("COLUMNS", "200");
    let output = match peer {
        Peer::Halite => command.output().expect("it starts"),
        _ => Running::start(peer, &command, None, None).output(),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("--help"), "{peer:?} {tool}: {text}");
    options(&text)
}

#[test]
fn every_option_that_salt_documents_is_one_of_ours() {
    for original in [Peer::Salt3006, Peer::Salt3007] {
        if !original.is_here() {
            continue;
        }
        for tool in TOOLS {
            let (theirs, ours) = (help(original, tool), help(Peer::Halite, tool));
            assert!(theirs.len() > 10, "{original:?} {tool}: {theirs:?}");
            let missing: Vec<_> = theirs.difference(&ours).collect();
            assert!(missing.is_empty(), "{tool} of {original:?} has {missing:?}");
        }
    }
}
