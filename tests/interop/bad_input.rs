//! What cannot work: targets that mean nobody or nothing, words that do not fit, minions that die, returns that are too
//! big. The same texts and exit codes as from the original, and nothing hangs or gets lost.

use std::fs;
use std::process::{Command, Output, Stdio};

use halite::value::Value;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

/// Words after `salt`, all of them wrong in some way.
const WRONG: &[&[&str]] = &[
    &["nobody*", "test.ping"],
    &["", "test.ping"],
    &["-L", "a,b", "test.ping"],
    &["-L", "minion-a,b", "test.ping"],
    &["-L", ",", "test.ping"],
    &["-E", "nobody", "test.ping"],
    &["-G", "nosuch:x", "test.ping"],
    &["-G", "nosuch", "test.ping"],
    &["-P", "os:[", "test.ping"],
    &["-I", "nosuch:x", "test.ping"],
    &["-J", "nosuch:x", "test.ping"],
    &["-S", "999.1.1.1", "test.ping"],
    &["-S", "10.0.0.0/99", "test.ping"],
    &["-N", "nosuch", "test.ping"],
    &["-C", "G@nosuch:x", "test.ping"],
    &["-C", "minion-a and", "test.ping"],
    &["-C", "and minion-a", "test.ping"],
    &["-C", "minion-a )", "test.ping"],
    &["-C", "minion-a minion-a", "test.ping"],
    &["-C", "( )", "test.ping"],
    &["-C", "not", "test.ping"],
    &["nobody*", "test.ping", "--async"],
    &["nobody*", "test.ping", "--static"],
    &["nobody*", "test.ping", "-b", "1"],
    &["nobody*", "test.ping", "--out=json"],
    &["nobody*", "test.ping", "--preview-target"],
    &["minion-a", "test.ping", "--out=nosuch"],
    &["minion-a", "nosuch.function"],
    &["minion-a", "test.nosuch"],
    &["minion-a", "test.echo"],
    &["minion-a", "test.echo", "a", "b"],
    &["minion-a", "test.echo", "nosuch=1"],
    &["minion-a", "test.echo", "a", "text=b"],
    &["minion-a", "test.ping", "a"],
    &["minion-a", "grains.get"],
    &["minion-a", "test.ping,test.echo"],
    &["minion-a", "test.ping,test.echo", ",", "a", "--out=json"],
    &["minion-a", "test.ping", "-b", "x"],
    &["minion-a", "test.ping", "-t", "soon"],
    &["minion-a", "test.ping", "--no-such-option"],
    &["minion-a", "test.ping", "--subset", "x"],
];

/// What has to be equal: ids of jobs and directories differ, and what documentation says is in our own words.
fn comparable(fleet: &Fleet, output: &Output) -> (String, Option<i32>) {
    let stdout =
        String::from_utf8_lossy(&output.stdout).replace(&fleet.path("").display().to_string(), "ROOT/");
    let mut lines = Vec::new();
    for line in stdout.lines() {
        if !line.starts_with("Usage:")
            && !line.starts_with("Executed command")
            && !line.contains("jobs.lookup_jid")
        {
            lines.push(line);
        }
        if line.contains("Passed invalid arguments to") {
            break;
        }
    }
    (lines.join("\n"), output.status.code())
}

#[test]
fn what_is_wrong_is_told_as_the_original_tells_it() {
    let Some(original) = Fleet::start(Peer::Salt3006, Peer::Salt3006, "", "") else { return };
    let Some(ours) = Fleet::start(Peer::Halite, Peer::Halite, "", "") else { return };
    let mut differences = Vec::new();
    for words in WRONG {
        let told = original.run(Peer::Salt3006, "salt", words);
        let we = ours.run(Peer::Halite, "salt", words);
        if comparable(&original, &told) != comparable(&ours, &we) {
            differences.push(format!(
                "--- {words:?}\nSalt: {}\n{}\nours: {}\n{}",
                told.status,
                text(&told),
                we.status,
                text(&we)
            ));
        }
    }
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), WRONG.len(), differences.join("\n"));
    let pointed = text(&ours.run(Peer::Halite, "salt", &["-C", "minion-a and or x", "test.ping"]));
    assert!(pointed.contains("  minion-a and or x\n               ^"), "{pointed}");
}

/// The minion's daemon is killed while its job runs: the command line ends, says so, and with its exit code.
fn a_minion_dies(master: Peer, cli: Peer) {
    let Some(mut fleet) = Fleet::start(master, Peer::Halite, "", "") else { return };
    let mark = fleet.path("begun");
    let line = format!("echo $$ > {}; exec sleep 600", mark.display());
    let waiting = fleet
        .command(cli, "salt", "etc")
        .args(["minion-a", "cmd.run", &line, "-t", "2"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    fleet.wait("the job has begun", |_| fs::read_to_string(&mark).is_ok_and(|pid| !pid.is_empty()));
    fleet.kill("salt-minion");
    let output = waiting.wait_with_output().expect("it ends");
    let said = text(&output);
    assert!(said.contains("Minion did not return"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
    // The job is a process of its own, and still there.
    let pid = fs::read_to_string(&mark).expect("a pid");
    let _ = Command::new("kill").args(["-KILL", pid.trim()]).status();
}

#[test]
fn a_minion_that_dies_in_the_middle_of_a_job_is_reported() {
    a_minion_dies(Peer::Halite, Peer::Halite);
}

const BIG: &str = "head -c 67108864 /dev/zero | tr '\\0' x";

/// 64 MiB: shown as far as events go, and kept whole.
#[test]
fn a_return_of_64_mib_is_kept_and_a_bigger_one_is_replaced_by_a_note() {
    let Some(mut fleet) = Fleet::start(Peer::Halite, Peer::Halite, "", "") else { return };
    let jid = fleet.start_job(Peer::Halite, &["cmd.run", BIG]);
    // A debug build has much to do: whoever asks meanwhile asks again.
    let lookup = |fleet: &Fleet, jid: &str| {
        let output = fleet.run(Peer::Halite, "salt-run", &["jobs.lookup_jid", jid, "--out=json"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let found = |fleet: &Fleet| {
        let value = Value::from_json(&lookup(fleet, &jid)).unwrap_or_default();
        value.get("minion-a").and_then(Value::as_str).map(str::len)
    };
    // To print 64 MiB takes a while, too: that is asked for when they have come.
    let store = fleet.path("var/cache/salt/master/halite/jobs.redb");
    fleet.wait("the return is there", |_| fs::metadata(&store).is_ok_and(|file| file.len() > 64 << 20));
    fleet.wait("the return is kept", |fleet| found(fleet) == Some(64 << 20));
    let bigger = BIG.replace("67108864", "90000000");
    let jid = fleet.start_job(Peer::Halite, &["cmd.run", &bigger]);
    fleet.wait("a note is kept", |fleet| {
        let printed = lookup(fleet, &jid);
        printed.contains("this return has 9") && printed.contains("was not sent")
    });
    // Nobody was held up.
    assert!(fleet.pings("etc"));
    fleet.wait("the spool is empty", |fleet| {
        fs::read_dir(fleet.path("var/cache/salt/minion/returns")).map_or(0, Iterator::count) == 0
    });
}

/// Two command lines at the same moment: each has its own job and its own answer, ten times.
#[test]
fn two_command_lines_at_once_each_get_their_own_answer() {
    let Some(fleet) = Fleet::start(Peer::Halite, Peer::Halite, "", "") else { return };
    for round in 0..10 {
        let texts = ["left", "right"].map(|side| format!("{side}-{round}"));
        let running = texts.clone().map(|text| {
            let mut command = fleet.command(Peer::Halite, "salt", "etc");
            command.args(["minion-a", "test.echo", &text, "--out=txt", "-t", "30"]).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
        });
        for (child, expected) in running.into_iter().zip(texts) {
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                format!("minion-a: {expected}\n"),
                "{}",
                text(&output)
            );
            assert!(output.status.success());
        }
    }
}

/// Jobs cannot be written down: a batch says so and fails, and when there is room again all is well.
#[test]
fn a_batch_that_cannot_be_published_fails() {
    let Some(fleet) = Fleet::start(Peer::Halite, Peer::Halite, "", "") else { return };
    let batch = || fleet.run(Peer::Halite, "salt", &["*", "test.ping", "-b", "1"]);
    assert!(batch().status.success());
    let (jobs, aside) = (fleet.path("var/cache/salt/master/jobs"), fleet.path("aside"));
    fs::rename(&jobs, &aside).expect("renamed");
    fs::write(&jobs, "").expect("written");
    let output = batch();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("Master failed to assign jid: "), "{}", text(&output));
    fs::remove_file(&jobs).expect("removed");
    fs::rename(&aside, &jobs).expect("renamed");
    assert!(batch().status.success());
}
