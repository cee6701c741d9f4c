//! One job, end to end, in every pairing: the same command lines print the same text whoever plays master, minion and
//! command line.

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

/// Command lines and what real Salt 3006.25 and 3007.14 print for them (`original_and_original` holds it to that).
const PRINTED: &[(&[&str], &str)] = &[
    (&["minion-a", "test.ping"], "minion-a:\n    True\n"),
    (&["*", "test.echo", "grüße"], "minion-a:\n    grüße\n"),
    (&["-L", "minion-a,minion-a", "test.echo", "a b", "--out=txt"], "minion-a: a b\n"),
    (&["-E", "minion-.", "test.ping", "--out=json", "--static"], "{\n    \"minion-a\": true\n}\n"),
    (&["-G", "os:*", "test.ping", "--out=yaml"], "minion-a: true\n"),
    (&["-C", "minion-* and G@kernel:Linux", "test.ping", "--out=txt"], "minion-a: True\n"),
    (&["minion-a", "cmd.run", "echo one; echo two"], "minion-a:\n    one\n    two\n"),
    (&["minion-a", "cmd.run", "printf %s $NAME", "env={NAME: value}"], "minion-a:\n    value\n"),
    (&["minion-a", "cmd.run_all", "exit 3", "ignore_retcode=True", "--out=json", "--out-indent=-1"], ""),
    (&["minion-a", "cmd.retcode", "test -d /"], "minion-a:\n    0\n"),
    (&["minion-a", "cp.get_file_str", "salt://hello.txt"], "minion-a:\n    hello from the master\n"),
    (&["minion-a", "cp.list_master"], "minion-a:\n    - hello.txt\n"),
    (&["*", "test.ping", "--subset=1", "--out=txt"], "minion-a: True\n"),
    (&["*", "test.ping", "--batch=50%"], "minion-a:\n    True\nretcode:\n    0\n"),
    (&["minion-a", "test.kwarg", "n=1", "flag=True", "list=[1, 2]", "--out=quiet"], ""),
    (&["minion-a", "test.arg_type", "1", "1.5", "text", "x={a: 1}", "--out=quiet"], ""),
    (
        &["minion-a", "test.ping,test.echo", ",hello"],
        "minion-a:\n    ----------\n    test.echo:\n        hello\n    test.ping:\n        True\n",
    ),
];

fn scenario(master: Peer, minion: Peer, cli: Peer) {
    if !cli.is_here() {
        return;
    }
    let Some(fleet) = Fleet::start(master, minion, "", "") else { return };
    for (words, expected) in PRINTED {
        let mut all = words.to_vec();
        // Salt's command line does not hear of every answer at once, and looks for it after its timeout: our bus sees to
        // it that it does. Elsewhere a busy machine needs more than the five seconds of the default.
        if !words.contains(&"--batch=50%") {
            let ours = master == Peer::Halite && cli != Peer::Halite;
            all.push(if ours { "--timeout=3000" } else { "--timeout=60" });
        }
        let output = fleet.run(cli, "salt", &all);
        if expected.is_empty() {
            assert!(output.status.success(), "salt {words:?}: {}\n{}", output.status, text(&output));
        } else {
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(printed.ends_with(expected), "salt {words:?} printed:\n{printed}\nexpected:\n{expected}");
        }
    }
    missing_functions_and_minions_are_reported(&fleet, cli);
    files_arrive_whole(&fleet, cli);
    salt_call_speaks_to_the_master(&fleet, minion);
    for (role, daemon) in [(master, "salt-master"), (minion, "salt-minion")] {
        let errors = fleet.errors_logged_by(daemon);
        assert!(errors.is_empty(), "{daemon} ({role:?}) logged:\n{}", errors.join("\n"));
    }
}

fn missing_functions_and_minions_are_reported(fleet: &Fleet, cli: Peer) {
    let output = fleet.run(cli, "salt", &["minion-a", "no.such"]);
    assert!(text(&output).contains("'no.such' is not available."), "{}", text(&output));
    assert_eq!(output.status.code(), Some(1));
    let output = fleet.run(cli, "salt", &["nobody", "test.ping"]);
    assert!(text(&output).contains("No minions matched the target"), "{}", text(&output));
    assert_eq!(output.status.code(), Some(2));
    let output = fleet.run(cli, "salt", &["*", "test.retcode", "23", "-b", "1"]);
    assert!(text(&output).contains("\nExecuting run on ['minion-a']\n\njid:\n"), "{}", text(&output));
    assert_eq!(output.status.code(), Some(23));
}

fn files_arrive_whole(fleet: &Fleet, cli: Peer) {
    let big: Vec<u8> =
        (0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(fleet.path("srv/salt/big.bin"), &big).expect("written");
    let dest = fleet.path("big.copy");
    let dest_text = dest.display().to_string();
    let printed = fleet.stdout(cli, "salt", &["minion-a", "cp.get_file", "salt://big.bin", &dest_text]);
    assert_eq!(printed, format!("minion-a:\n    {dest_text}\n"));
    assert!(std::fs::read(&dest).expect("read") == big, "the file differs");
}

fn salt_call_speaks_to_the_master(fleet: &Fleet, minion: Peer) {
    let printed = fleet.stdout(minion, "salt-call", &["cp.get_file_str", "salt://hello.txt"]);
    assert_eq!(printed, "local:\n    hello from the master\n");
    let printed = fleet.stdout(minion, "salt-call", &["--local", "test.echo", "x", "--out=json"]);
    assert_eq!(printed, "{\n    \"local\": \"x\"\n}\n");
}

#[test]
fn original_and_original_3006() {
    scenario(Peer::Salt3006, Peer::Salt3006, Peer::Salt3006);
}

#[test]
fn original_and_original_3007() {
    scenario(Peer::Salt3007, Peer::Salt3007, Peer::Salt3007);
}

#[test]
fn ours_and_ours() {
    scenario(Peer::Halite, Peer::Halite, Peer::Halite);
}

#[test]
fn our_master_with_an_original_minion_3006() {
    scenario(Peer::Halite, Peer::Salt3006, Peer::Halite);
}

#[test]
fn our_master_with_an_original_minion_3007() {
    scenario(Peer::Halite, Peer::Salt3007, Peer::Halite);
}

#[test]
fn an_original_master_3006_with_our_minion() {
    scenario(Peer::Salt3006, Peer::Halite, Peer::Salt3006);
}

#[test]
fn an_original_master_3007_with_our_minion() {
    scenario(Peer::Salt3007, Peer::Halite, Peer::Salt3007);
}

#[test]
fn the_original_command_line_3006_drives_our_master() {
    scenario(Peer::Halite, Peer::Halite, Peer::Salt3006);
}

#[test]
fn the_original_command_line_3007_drives_our_master() {
    scenario(Peer::Halite, Peer::Halite, Peer::Salt3007);
}

#[test]
fn our_command_line_drives_an_original_master() {
    scenario(Peer::Salt3006, Peer::Salt3006, Peer::Halite);
}
