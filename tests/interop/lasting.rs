//! What lasts: jobs that outlive a restart of the master, and minions that return while the AES key rotates.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

fn outlives_a_restart(minion: Peer) {
    let Some(mut fleet) = Fleet::start(Peer::Halite, minion, "", "") else { return };
    let started =
        fleet.stdout(Peer::Halite, "salt", &["--async", "minion-a", "cmd.run", "sleep 3; echo done"]);
    let jid = started.split_whitespace().last().expect("a jid").to_owned();
    fleet.stop("salt-master");
    fleet.spawn("salt-master", Peer::Halite);
    let found = |fleet: &Fleet| {
        let output = fleet.run(Peer::Halite, "salt-run", &["jobs.lookup_jid", &jid, "--out=json"]);
        text(&output)
    };
    fleet.wait("the return of the job is in the job cache", |fleet| found(fleet).contains("done"));
    // The minion listens to the new master.
    fleet.wait("the minion answers", |fleet| {
        let output = fleet.run(Peer::Halite, "salt", &["minion-a", "test.ping", "--out=txt", "-t", "5"]);
        text(&output).contains("minion-a: True")
    });
}

#[test]
fn a_job_of_a_python_minion_outlives_a_restart_of_our_master() {
    outlives_a_restart(Peer::Salt3006);
}

#[test]
fn a_job_of_our_minion_outlives_a_restart_of_our_master() {
    outlives_a_restart(Peer::Halite);
}

/// Python's `salt-run` reads files, which our master writes only when it is asked to.
#[test]
fn pythons_salt_run_finds_the_returns_of_our_master() {
    if !Peer::Salt3006.is_here() {
        return;
    }
    let config = "job_cache_return_files: True";
    let Some(fleet) = Fleet::start(Peer::Halite, Peer::Halite, config, "") else { return };
    let ran =
        fleet.stdout(Peer::Halite, "salt", &["--show-jid", "--out=txt", "minion-a", "test.echo", "kept"]);
    let jid = ran.lines().find_map(|line| line.strip_prefix("jid: ")).expect("a jid").trim().to_owned();
    let found =
        fleet.stdout(Peer::Salt3006, "salt-run", &["jobs.lookup_jid", &jid, "--out=json", "--out-indent=-1"]);
    assert_eq!(found.trim(), r#"{"minion-a": "kept"}"#);
    let listed = fleet.stdout(Peer::Salt3006, "salt-run", &["jobs.list_job", &jid, "--out=json"]);
    assert!(listed.contains(r#""return": "kept""#), "{listed}");
}

fn answers_through_rotations(minion: Peer) {
    let Some(mut fleet) = Fleet::start(Peer::Halite, minion, "", "") else { return };
    let request = fleet.path("var/cache/salt/master/.dfn");
    for _ in 0..3 {
        fs::write(&request, "x").expect("written");
        fs::set_permissions(&request, fs::Permissions::from_mode(0o400)).expect("mode");
        let mut pings = 0;
        fleet.wait("the AES key has rotated", |_| !request.exists());
        while pings < 3 {
            pings += 1;
            let output = fleet.run(Peer::Halite, "salt", &["minion-a", "test.ping", "--out=txt", "-t", "30"]);
            assert!(text(&output).contains("minion-a: True"), "{}", text(&output));
        }
    }
}

#[test]
fn a_python_minion_answers_through_rotations_of_the_key() {
    answers_through_rotations(Peer::Salt3006);
}

#[test]
fn our_minion_answers_through_rotations_of_the_key() {
    answers_through_rotations(Peer::Halite);
}
