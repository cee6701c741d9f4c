//! Every function of `test` and `cmd`, and the first of `cp` and `grains`, in each pairing: what comes back is what comes
//! back from Salt's minion under Salt's master.

use std::fs;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

const SCRIPT: &str =
    "#!/bin/sh\necho \"$# $1\"; pwd | head -c 4; [ \"$1\" = fail ] && exit 9; echo done >&2\n";

fn returned(master: Peer, minion: Peer, client: Peer) -> Option<Vec<String>> {
    if !client.is_here() {
        return None;
    }
    let fleet = Fleet::start(master, minion, "", "")?;
    fs::write(fleet.path("srv/salt/script.sh"), SCRIPT).expect("written");
    let output = fleet.python(client, "functions.py", &[]);
    assert!(output.status.success(), "{}", text(&output));
    Some(String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect())
}

fn as_with_salt(salt: Peer) {
    let Some(salts) = returned(salt, salt, salt) else { return };
    assert!(salts.len() > 80, "{salts:?}");
    for (master, minion) in [(salt, Peer::Halite), (Peer::Halite, salt), (Peer::Halite, Peer::Halite)] {
        let ours = returned(master, minion, salt).expect("all are here");
        let differ: Vec<String> = salts
            .iter()
            .zip(&ours)
            .filter(|(salts, ours)| salts != ours)
            .map(|(salts, ours)| format!("Salt: {salts}\nhere: {ours}"))
            .collect();
        assert!(differ.is_empty(), "master {master:?}, minion {minion:?}:\n{}", differ.join("\n"));
        assert_eq!(ours.len(), salts.len());
    }
}

#[test]
fn functions_return_what_they_return_with_salt_3006() {
    as_with_salt(Peer::Salt3006);
}

#[test]
fn functions_return_what_they_return_with_salt_3007() {
    as_with_salt(Peer::Salt3007);
}
