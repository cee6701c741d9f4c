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

/// Files in which Salt keeps what the minion returned, and its mine. (Python's `salt-run` keeps there what it did itself.)
fn files_of_salt(fleet: &Fleet) -> Vec<String> {
    let mut folders = vec![fleet.path("var/cache/salt/master")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a directory").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if ["return.p", "mine.p"].contains(&name.as_str())
                    && path.parent().is_some_and(|folder| folder.ends_with("minion-a")) =>
                {
                    found.push(name);
                }
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Python's `salt-run` reads files. Our master writes them when it hears that `salt-run` is about to, or, where it is asked
/// to, with each return.
#[test]
fn pythons_salt_run_finds_what_our_master_keeps() {
    let minion = "mine_functions:\n  test.echo: [mined]";
    for config in ["", "job_cache_return_files: True"] {
        let mut fleet =
            Fleet::start(Peer::Halite, Peer::Halite, config, minion).expect("ours are always here");
        let ran =
            fleet.stdout(Peer::Halite, "salt", &["--show-jid", "--out=txt", "minion-a", "test.echo", "kept"]);
        let jid = ran.lines().find_map(|line| line.strip_prefix("jid: ")).expect("a jid").trim().to_owned();
        fleet.wait("the mine is filled", |fleet| {
            fleet.ask(Peer::Halite, &["mine.get", "minion-a", "test.echo"]).get("minion-a").is_some()
        });
        let lookup = ["jobs.lookup_jid", &jid, "--out=json", "--out-indent=-1"];
        let mined = ["mine.get", "*", "test.echo", "--out=json", "--out-indent=-1"];
        // Nobody needs a file for our own.
        assert_eq!(fleet.stdout(Peer::Halite, "salt-run", &lookup).trim(), r#"{"minion-a": "kept"}"#);
        assert_eq!(fleet.stdout(Peer::Halite, "salt-run", &mined).trim(), r#"{"minion-a": "mined"}"#);
        let files = files_of_salt(&fleet);
        assert_eq!(files.is_empty(), config.is_empty(), "{files:?}");
        for peer in [Peer::Salt3006, Peer::Salt3007].into_iter().filter(|peer| peer.is_here()) {
            assert_eq!(fleet.stdout(peer, "salt-run", &lookup).trim(), r#"{"minion-a": "kept"}"#);
            assert_eq!(fleet.stdout(peer, "salt-run", &mined).trim(), r#"{"minion-a": "mined"}"#);
            let listed = fleet.stdout(peer, "salt-run", &["jobs.list_job", &jid, "--out=json"]);
            assert!(listed.contains(r#""return": "kept""#), "{listed}");
            let unknown = ["jobs.lookup_jid", "20200101000000000000", "--out=json"];
            assert_eq!(fleet.stdout(peer, "salt-run", &unknown).trim(), "{}");
            if config.is_empty() {
                assert_eq!(files_of_salt(&fleet), ["mine.p", "return.p"], "of one job, of one minion");
            }
        }
    }
}

/// A client of Python's looks into the job cache for what its job has returned, also when the master was killed meanwhile.
#[test]
fn pythons_clients_find_returns_that_come_after_a_kill_of_our_master() {
    for peer in [Peer::Salt3006, Peer::Salt3007].into_iter().filter(|peer| peer.is_here()) {
        let mut fleet = Fleet::start(Peer::Halite, Peer::Halite, "", "").expect("ours are always here");
        let gate = fleet.path("gate");
        let wait = format!("until [ -e {} ]; do sleep 0.1; done; echo kept", gate.display());
        let ours = fleet.start_job(Peer::Halite, &["cmd.run", &wait]);
        let theirs = fleet.start_job(peer, &["cmd.run", &wait]);
        fleet.kill("salt-master");
        fleet.spawn("salt-master", Peer::Halite);
        fleet.wait_for_minion();
        assert!(files_of_salt(&fleet).is_empty(), "{:?}", files_of_salt(&fleet));
        fs::write(&gate, "").expect("written");
        for jid in [&ours, &theirs] {
            fleet.wait("the jobs have returned", |fleet| {
                let kept = fleet.stdout(Peer::Halite, "salt-run", &["jobs.lookup_jid", jid, "--out=json"]);
                kept.contains("kept")
            });
        }
        fleet.wait("the return is a file", |fleet| files_of_salt(fleet) == ["return.p"]);
        let found = fleet.python(peer, "cached.py", &[&theirs, &ours]);
        assert_eq!(text(&found).trim(), "{'minion-a': {'ret': 'kept'}} {}");
    }
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
