//! `salt-run` where no master runs.

use std::fs;
use std::process::{Command, Output};

use halite::master::store::Store;

/// Whoever has the job cache open and no bus is no master: the runner runs, without it, and says so.
#[test]
fn a_job_cache_that_another_process_has_stops_no_runner() {
    let root = std::env::temp_dir().join(format!("hcr{}", std::process::id()));
    fs::create_dir_all(root.join("etc")).expect("a directory");
    let shown = root.display();
    let config = format!("root_dir: {shown}\npki_dir: {shown}/pki\n");
    fs::write(root.join("etc/master"), config).expect("written");
    let run = || -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
        command.arg("salt-run").arg("-c").arg(root.join("etc")).args(["test.arg", "here", "--out=json"]);
        command.output().expect("it starts")
    };
    let store = root.join("var/cache/salt/master/halite");
    fs::create_dir_all(&store).expect("a directory");
    let held = Store::open(&store).expect("a store");
    let beside = run();
    drop(held);
    let alone = run();
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).contains("cannot be opened");
    assert!(told(&beside), "{beside:?}");
    assert!(!told(&alone), "{alone:?}");
    for output in [beside, alone] {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("here"), "{output:?}");
    }
    let _ = fs::remove_dir_all(&root);
}
