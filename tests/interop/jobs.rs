//! Running jobs: found, listed, signalled and ended by the functions that Salt has for it; what a minion does with a
//! job that it knows already; how it ends.

use std::fs;
use std::path::Path;

use halite::value::Value;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

/// A shell that starts a child, says its pid and waits for it.
fn long_job(pid_file: &Path) -> String {
    format!("sleep 600 & echo $! > {}; wait", pid_file.display())
}

fn alive(pid: i64) -> bool {
    // A zombie does not run any more.
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// Starts a long job and waits until it runs: its jid, the pid of its process and that of the child.
fn started(fleet: &mut Fleet, cli: Peer, name: &str) -> (String, i64, i64) {
    let pid_file = fleet.path(name);
    let jid = fleet.start_job(cli, &["cmd.run", &long_job(&pid_file)]);
    let child = |_: &Fleet| fs::read_to_string(&pid_file).unwrap_or_default().trim().parse::<i64>().ok();
    fleet.wait("the job has started its child", |fleet| child(fleet).is_some());
    let found = fleet.ask(cli, &["saltutil.find_job", &jid]);
    assert_eq!(found.get("fun"), Some(&"cmd.run".into()), "{found:?}");
    assert_eq!(found.get("jid"), Some(&jid.as_str().into()));
    let pid = found.get("pid").and_then(Value::as_int).expect("a pid");
    (jid, pid, child(fleet).expect("a pid"))
}

fn running_jobs_are_seen_and_ended(master: Peer, minion: Peer, cli: Peer) {
    let Some(mut fleet) = Fleet::start(master, minion, "", "") else { return };
    for (function, signal) in [("saltutil.term_job", 15), ("saltutil.kill_job", 9)] {
        let (jid, pid, child) = started(&mut fleet, cli, function);
        let running = fleet.ask(cli, &["saltutil.running"]);
        let listed =
            running.as_list().expect("a list").iter().any(|job| job.get("jid") == Some(&jid.as_str().into()));
        assert!(listed, "{running:?}");
        let answer = fleet.ask(cli, &["saltutil.signal_job", &jid, "0"]);
        assert_eq!(answer, format!("Signal 0 sent to job {jid} at pid {pid}").as_str().into());
        assert!(alive(pid) && alive(child));
        let answer = fleet.ask(cli, &[function, &jid]);
        assert_eq!(answer, format!("Signal {signal} sent to job {jid} at pid {pid}").as_str().into());
        fleet.wait("the job is gone with all that it started", |_| !alive(pid) && !alive(child));
        fleet.wait("nothing is found of the job", |fleet| {
            fleet.ask(cli, &["saltutil.find_job", &jid]) == Value::Map(halite::map! {})
        });
        assert_eq!(fleet.ask(cli, &[function, &jid]), "".into());
    }
    assert_eq!(fleet.stop("salt-minion"), Some(0), "SIGTERM ends a minion with success");
}

#[test]
fn running_jobs_of_an_original_minion_3006() {
    running_jobs_are_seen_and_ended(Peer::Salt3006, Peer::Salt3006, Peer::Salt3006);
}

#[test]
fn running_jobs_of_an_original_minion_3007_under_our_master() {
    running_jobs_are_seen_and_ended(Peer::Halite, Peer::Salt3007, Peer::Halite);
}

#[test]
fn running_jobs_of_our_minion_under_an_original_master_3006() {
    running_jobs_are_seen_and_ended(Peer::Salt3006, Peer::Halite, Peer::Salt3006);
}

#[test]
fn running_jobs_of_our_minion_under_an_original_master_3007() {
    running_jobs_are_seen_and_ended(Peer::Salt3007, Peer::Halite, Peer::Salt3007);
}

#[test]
fn running_jobs_of_our_minion_under_our_master() {
    running_jobs_are_seen_and_ended(Peer::Halite, Peer::Halite, Peer::Halite);
}

/// Published twice with the same jid, a job is done once.
fn a_jid_is_done_once(master: Peer, minion: Peer) {
    let Some(mut fleet) = Fleet::start(master, minion, "", "") else { return };
    let done = fleet.path("done");
    let job = format!("echo done >> {}", done.display());
    // Only the original's class takes a jid.
    if !Peer::Salt3006.is_here() {
        return;
    }
    let twice = "import sys, salt.client\nclient = salt.client.LocalClient(sys.argv[1])\n\
                 for _ in range(2): client.run_job('minion-a', 'cmd.run', [sys.argv[2]], jid='20260102030405678901')";
    let mut python = Peer::Salt3006.python();
    python.arg("-c").arg(twice).arg(fleet.path("etc/master")).arg(&job);
    assert!(python.status().expect("Python runs").success());
    let other = fleet.ask(master, &["cmd.run", &job]);
    assert_eq!(other, "".into());
    fleet.wait("both jobs are done", |_| fs::read_to_string(&done).is_ok_and(|text| text.len() >= 10));
    assert_eq!(fs::read_to_string(&done).expect("written"), "done\ndone\n");
}

#[test]
fn a_jid_is_done_once_by_the_original() {
    a_jid_is_done_once(Peer::Salt3006, Peer::Salt3006);
}

#[test]
fn a_jid_is_done_once_by_ours() {
    a_jid_is_done_once(Peer::Halite, Peer::Halite);
}

/// `process_count_max: 1`: the second job waits for the first and is then done. `multiprocessing: False`: jobs run in
/// the daemon itself, are listed with its pid, and the daemon answers meanwhile.
fn jobs_wait_for_their_turn(master: Peer, minion: Peer, cli: Peer) {
    let config = "process_count_max: 1\ngather_job_timeout: 20";
    let Some(mut fleet) = Fleet::start(master, minion, "", config) else { return };
    let (go, trace) = (fleet.path("go"), fleet.path("trace"));
    let wait = format!(
        "echo first >> {0}; until test -e {1}; do sleep 0.1; done; echo over >> {0}",
        trace.display(),
        go.display()
    );
    fleet.start_job(cli, &["cmd.run", &wait]);
    fleet.wait("the first job runs", |_| trace.exists());
    fleet.start_job(cli, &["cmd.run", &format!("echo second >> {}", trace.display())]);
    fleet.wait("the second job waits", |fleet| {
        let log = fs::read_to_string(fleet.path("var/log/salt/minion")).unwrap_or_default();
        log.to_lowercase().contains("maximum number of processes reached")
            || log.contains("Process limit reached")
    });
    fs::write(&go, "").expect("written");
    fleet.wait("both are done", |_| fs::read_to_string(&trace).is_ok_and(|text| text.contains("second")));
    assert_eq!(fs::read_to_string(&trace).expect("written"), "first\nover\nsecond\n");
}

#[test]
fn jobs_wait_for_their_turn_under_an_original_master() {
    jobs_wait_for_their_turn(Peer::Salt3006, Peer::Halite, Peer::Salt3006);
}

#[test]
fn jobs_wait_for_their_turn_under_our_master() {
    jobs_wait_for_their_turn(Peer::Halite, Peer::Halite, Peer::Halite);
}

fn without_processes(master: Peer, minion: Peer, cli: Peer) {
    let Some(mut fleet) = Fleet::start(master, minion, "", "multiprocessing: False") else { return };
    let go = fleet.path("go");
    let jid =
        fleet.start_job(cli, &["cmd.run", &format!("until test -e {}; do sleep 0.1; done", go.display())]);
    fleet.wait("the job is listed", |fleet| {
        fleet.ask(cli, &["saltutil.find_job", &jid]).get("fun") == Some(&"cmd.run".into())
    });
    assert_eq!(fleet.ask(cli, &["test.ping"]), true.into());
    fs::write(&go, "").expect("written");
    fleet.wait("the job is over", |fleet| {
        fleet.ask(cli, &["saltutil.find_job", &jid]) == Value::Map(halite::map! {})
    });
    assert_eq!(fleet.stop("salt-minion"), Some(0));
}

#[test]
fn without_processes_of_our_minion_under_an_original_master() {
    without_processes(Peer::Salt3006, Peer::Halite, Peer::Salt3006);
}

#[test]
fn without_processes_of_our_minion_under_our_master() {
    without_processes(Peer::Halite, Peer::Halite, Peer::Halite);
}

/// `-d`: the command returns, the daemon works, its PID file names it, SIGTERM ends it.
#[test]
fn a_minion_in_the_background_works_and_ends_with_its_pid_file() {
    let Some(mut fleet) = Fleet::start(Peer::Halite, Peer::Halite, "", "") else { return };
    assert_eq!(fleet.stop("salt-minion"), Some(0));
    let output = fleet.run(Peer::Halite, "salt-minion", &["-d"]);
    assert!(output.status.success(), "{}", text(&output));
    let pid_file = fleet.path("var/run/salt-minion.pid");
    fleet.wait("the minion answers", |fleet| fleet.pings("etc"));
    let pid: i64 = fs::read_to_string(&pid_file).expect("a PID file").trim().parse().expect("a pid");
    assert!(alive(pid));
    assert!(std::process::Command::new("kill").arg(pid.to_string()).status().expect("kill runs").success());
    fleet.wait("it has ended and taken its PID file with it", |_| !alive(pid) && !pid_file.exists());
}

/// What `saltutil.cmd` gives on a minion that is on the master, but for jids.
fn asked_by_a_minion(peer: Peer) -> Option<Vec<Value>> {
    let fleet = Fleet::start(peer, peer, "", "")?;
    // Salt looks for the master with the minion's configuration first.
    let config = fleet.path("etc/minion");
    let text = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, format!("{text}ret_port: {}\n", fleet.ports(0)[1])).expect("written");
    let said = |more: &[&str]| {
        let words = [&["saltutil.cmd", "*", "test.echo", "arg=[hi]"], more].concat();
        let answered = fleet.ask(peer, &words);
        let mut answers = answered.as_map().cloned().unwrap_or_else(|| panic!("{peer:?}: {answered:?}"));
        for (_, answer) in answers.iter_mut() {
            if let Value::Map(answer) = answer {
                answer.retain(|key, _| ["ret", "out"].iter().any(|kept| key.as_str() == Some(kept)));
            }
        }
        Value::from(answers)
    };
    Some(vec![said(&["batch=1"]), said(&["batch=50%"]), said(&["subset=1"]), said(&["subset=1", "batch=1"])])
}

#[test]
fn a_minion_on_the_master_asks_in_turns_and_only_some() {
    let ours = asked_by_a_minion(Peer::Halite).expect("ours are always here");
    assert!(ours.iter().all(|answers| answers.get("minion-a").is_some()), "{ours:?}");
    if let Some(original) = asked_by_a_minion(Peer::Salt3006) {
        assert_eq!(ours, original);
    }
}
