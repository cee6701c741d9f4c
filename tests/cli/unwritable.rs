//! A cache that cannot be written: a clear message, an exit code, and no waiting.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// A directory below a file cannot be made by anybody, not by root either.
#[test]
fn a_cache_that_cannot_be_written_is_named_and_nothing_hangs() {
    let root = std::env::temp_dir().join(format!("halite-unwritable-{}", std::process::id()));
    fs::create_dir_all(root.join("states")).expect("made");
    fs::write(root.join("file"), "").expect("written");
    let (here, user) = (root.display(), halite::host::daemon::current_user());
    let common = format!(
        "id: alone\nuser: {user}\npki_dir: {here}/pki\nsock_dir: {here}/run\nlog_file: {here}/log\n\
         pidfile: {here}/pid\ncachedir: {here}/file/cache\nfile_roots: {{base: [{here}/states]}}\n"
    );
    fs::write(root.join("master"), format!("{common}interface: 127.0.0.1\npublish_port: 0\nret_port: 0\n"))
        .expect("written");
    fs::write(root.join("minion"), format!("{common}master: 127.0.0.1\nmaster_port: 1\n")).expect("written");
    for words in [["salt-master"], ["salt-minion"]] {
        let began = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
        command.args(words).arg("-c").arg(&root);
        let output = command.output().expect("it runs");
        let said =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{words:?}: {said}");
        assert!(said.contains("file/cache"), "{words:?} does not say where: {said}");
        assert!(began.elapsed() < Duration::from_secs(30), "{words:?} hangs");
    }
    // What needs no cache works without one, and what needs it says so.
    let call = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
        command.args(["salt-call", "--local", "-c"]).arg(&root).args(words);
        command.output().expect("it runs")
    };
    fs::write(root.join("states/a.txt"), "a").expect("written");
    let pinged = call(&["test.ping", "--out=txt"]);
    assert_eq!(
        String::from_utf8_lossy(&pinged.stdout),
        "local: True\n",
        "{}",
        String::from_utf8_lossy(&pinged.stderr)
    );
    let cached = call(&["cp.cache_file", "salt://a.txt"]);
    let said =
        String::from_utf8_lossy(&cached.stderr).into_owned() + &String::from_utf8_lossy(&cached.stdout);
    assert!(said.contains("file/cache") || !cached.status.success(), "{said}");
    let _ = fs::remove_dir_all(root);
}

/// Modes mean nothing to root, so the cache is a read-only file system, in name spaces of its own.
#[test]
fn a_read_only_cache_of_a_master_is_named_and_nothing_hangs() {
    let root = std::env::temp_dir().join(format!("halite-readonly-{}", std::process::id()));
    for folder in ["cache", "run", "pki/minions"] {
        fs::create_dir_all(root.join(folder)).expect("made");
    }
    fs::write(root.join("pki/minions/web1"), "a key").expect("written");
    let (here, user) = (root.display(), halite::host::daemon::current_user());
    let config = format!(
        "id: alone\nuser: {user}\npki_dir: {here}/pki\nsock_dir: {here}/run\nlog_file: {here}/log\npidfile: {here}/pid\n\
         cachedir: {here}/cache\ninterface: 127.0.0.1\npublish_port: 0\nret_port: 0\n"
    );
    fs::write(root.join("master"), config).expect("written");
    let calls = [
        ("salt-master", 1, "Read-only file system"),
        ("salt-run manage.up", 1, "the salt master could not be contacted"),
        ("salt-key -L", 0, "web1"),
        ("salt-key -y -d web1", 1, "the keys are removed, but the master cannot be asked for a new AES key"),
    ];
    let mut script = format!(
        "mount -t tmpfs tmpfs {here}/cache && mkdir -p {here}/cache/minions/web1 {here}/cache/jobs && mount -o remount,ro {here}/cache || exit 99\n"
    );
    for (number, (words, ..)) in calls.iter().enumerate() {
        script += &format!(
            "timeout 60 {} {words} -c {here} >{here}/{number} 2>&1; echo \" rc $?\" >>{here}/{number}\n",
            env!("CARGO_BIN_EXE_halite")
        );
    }
    let output = Command::new("unshare").args(["-rm", "sh", "-c", &script]).output().expect("unshare runs");
    if output.status.code() == Some(99) || String::from_utf8_lossy(&output.stderr).contains("unshare failed")
    {
        println!("SKIPPED: name spaces are not allowed here");
        return;
    }
    for (number, (words, code, why)) in calls.iter().enumerate() {
        let said = fs::read_to_string(root.join(number.to_string())).expect("read");
        assert!(said.contains(why) && said.ends_with(&format!(" rc {code}\n")), "{words}: {said}");
    }
    let _ = fs::remove_dir_all(root);
}
