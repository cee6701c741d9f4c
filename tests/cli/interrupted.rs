//! State runs that do not come to their end: killed, or out of room. What was there before stays whole, and the next
//! run goes on as if nothing had been.

use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use crate::alone::{Minion, text};

/// Stops a run with a signal while one of its commands is at work.
fn stop(minion: &Minion, signal: &str) {
    let pipe = minion.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    minion.sls(
        "long",
        "@ROOT@/place/first:\n  file.managed:\n    - contents: new\n\
         wait:\n  cmd.run:\n    - name: echo begun > @ROOT@/pipe && exec sleep 600\n\
         @ROOT@/place/last:\n  file.managed:\n    - contents: new\n",
    );
    fs::write(minion.path("place/last"), "old\n").expect("written");
    let mut run = minion.call(&["state.apply", "long"]);
    let mut child = run.process_group(0).stdout(Stdio::null()).spawn().expect("it runs");
    let mut said = String::new();
    fs::File::open(&pipe).expect("the command opens it").read_to_string(&mut said).expect("read");
    assert_eq!(said, "begun\n");
    let pid = child.id();
    let kill = |signal: &str, pid: String| {
        Command::new("kill").args([signal, "--", &pid]).stderr(Stdio::null()).status().expect("kill runs");
    };
    kill(signal, pid.to_string());
    let status = child.wait().expect("it ended");
    assert!(!status.success(), "{status}");
    if signal == "-KILL" {
        assert_eq!(status.signal(), Some(9));
    }
    kill("-KILL", format!("-{pid}"));
    assert_eq!(fs::read_to_string(minion.path("place/first")).expect("read"), "new\n");
    assert_eq!(fs::read_to_string(minion.path("place/last")).expect("read"), "old\n");
    assert_eq!(minion.place(), ["first", "last"]);
}

/// The lock is free: another run is not told of one that is no more.
fn runs_again(minion: &Minion) {
    minion.sls("short", "@ROOT@/place/last:\n  file.managed:\n    - contents: new\n");
    let output = minion.run(&["state.apply", "short"]);
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("\"result\": true"), "{said}\n{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(minion.path("place/last")).expect("read"), "new\n");
}

#[test]
fn a_run_that_is_killed_leaves_whole_files_and_no_lock() {
    let minion = Minion::new("kill");
    stop(&minion, "-KILL");
    runs_again(&minion);
}

#[test]
fn a_run_that_is_terminated_leaves_whole_files_and_no_lock() {
    let minion = Minion::new("term");
    stop(&minion, "-TERM");
    runs_again(&minion);
}

/// Runs a line of shell with a small file system at `place`, in name spaces of its own; `None` where that is not
/// allowed.
fn on_small_disk(minion: &Minion, line: &str) -> Option<String> {
    let halite = env!("CARGO_BIN_EXE_halite");
    let root = minion.root.display();
    let script = format!(
        "mount -t tmpfs -o size=256k tmpfs {root}/place || exit 99\n\
         call() {{ {halite} salt-call -c {root} --local --out=json --log-level=quiet \"$@\"; }}\n{line}"
    );
    let output = Command::new("unshare").args(["-rm", "sh", "-c", &script]).output().ok()?;
    if output.status.code() == Some(99) || text(&output.stderr).contains("unshare failed") {
        println!("SKIPPED: name spaces are not allowed here");
        return None;
    }
    Some(text(&output.stdout))
}

#[test]
fn a_full_or_read_only_disk_leaves_the_old_file_whole() {
    let minion = Minion::new("disk");
    fs::write(minion.path("states/large"), "x".repeat(1 << 20)).expect("written");
    minion.sls("large", "@ROOT@/place/file:\n  file.managed:\n    - source: salt://large\n");
    minion.sls(
        "copy",
        "@ROOT@/place/file:\n  file.copy:\n    - source: @ROOT@/states/large\n    - force: True\n",
    );
    minion.sls("small", "@ROOT@/place/file:\n  file.managed:\n    - contents: new\n");
    minion.sls("replace", "@ROOT@/place/file:\n  file.replace:\n    - pattern: old\n    - repl: new\n");
    let line = "cd \"$ROOT\"; echo old > place/file\n\
                for sls in large copy; do call state.apply $sls > $sls.out; done\n\
                mount -o remount,ro place\n\
                for sls in small replace; do call state.apply $sls > $sls.out; done\n\
                ls -A place; cat place/file";
    let line = line.replace("\"$ROOT\"", &minion.root.display().to_string());
    let Some(said) = on_small_disk(&minion, &line) else { return };
    assert_eq!(said, "file\nold\n");
    let expected = [
        ("large", "No space left"),
        ("copy", "Failed to copy"),
        ("small", "Read-only file system"),
        ("replace", "Read-only file system"),
    ];
    for (sls, why) in expected {
        let said = fs::read_to_string(minion.path(&format!("{sls}.out"))).expect("read");
        assert!(said.contains("\"result\": false") && said.contains(why), "{sls}: {said}");
    }
}

#[test]
fn a_source_that_is_wrong_or_gone_leaves_the_old_file_whole() {
    let minion = Minion::new("source");
    fs::write(minion.path("states/new"), "new\n").expect("written");
    fs::write(minion.path("place/file"), "old\n").expect("written");
    let other = minion.path("other");
    fs::write(&other, "new\n").expect("written");
    let wrong = "0".repeat(64);
    let other = other.display();
    let cases = [
        format!("source: {other}\n    - source_hash: sha256={wrong}"),
        "source: salt://no/such/file".to_owned(),
        "source: http://127.0.0.1:9/file\n    - skip_verify: True".to_owned(),
        "source: http://127.0.0.1:9/file".to_owned(),
    ];
    for (number, case) in cases.iter().enumerate() {
        let name = format!("case{number}");
        minion.sls(&name, &format!("@ROOT@/place/file:\n  file.managed:\n    - {case}\n"));
        let output = minion.run(&["state.apply", &name]);
        let said = text(&output.stdout);
        assert!(said.contains("\"result\": false"), "{case}: {said}");
        assert!(!output.status.success(), "{case}");
        assert_eq!(fs::read_to_string(minion.path("place/file")).expect("read"), "old\n", "{case}");
        assert_eq!(minion.place(), ["file"], "{case}");
    }
}

/// Waits until something is there, at most ten seconds.
fn wait_for(there: impl Fn() -> bool) {
    for _ in 0..1000 {
        if there() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it did not come");
}

fn kill(signal: &str, pid: u32) {
    Command::new("kill").args([signal, "--", &pid.to_string()]).status().expect("kill runs");
}

#[test]
fn ctrl_c_ends_salt_call_by_its_signal_and_with_salts_words() {
    let minion = Minion::new("ctrlc");
    let begun = minion.path("begun");
    let mut call = minion.call(&["cmd.run", &format!("touch {} && exec sleep 600", begun.display())]);
    let child = call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    wait_for(|| begun.exists());
    kill("-INT", child.id());
    let output = child.wait_with_output().expect("it ended");
    assert_eq!(output.status.signal(), Some(2), "{output:?}");
    assert!(text(&output.stderr).ends_with("\nExiting gracefully on Ctrl-c\n"), "{output:?}");
}

#[test]
fn a_daemon_that_a_signal_ends_says_so() {
    let daemons = [
        ("minion", "The Salt Minion", "Minion", "SIGTERM"),
        ("master", "The salt master", "Master", "SIGINT"),
    ];
    for (role, program, name, signal) in daemons {
        let root = std::env::temp_dir().join(format!("halite-ended-{}-{role}", std::process::id()));
        fs::create_dir_all(&root).expect("made");
        let free = |_| {
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port()
        };
        let ports = [0, 1].map(free);
        let user = text(&Command::new("id").arg("-un").output().expect("id runs").stdout);
        let here = root.display();
        let [publish, ret] = ports;
        let options = format!(
            "id: m1\nroot_dir: {here}\nuser: {user}interface: 127.0.0.1\nmaster: 127.0.0.1\nmaster_port: {ret}\n\
             publish_port: {publish}\nret_port: {ret}\n"
        );
        fs::write(root.join(role), options).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
        command
            .args([&format!("salt-{role}"), "-c"])
            .arg(&root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command.spawn().expect("it runs");
        let sockets = root.join(format!("var/run/salt/{role}"));
        wait_for(|| fs::read_dir(&sockets).is_ok_and(|mut found| found.next().is_some()));
        kill(&format!("-{signal}"), child.id());
        let output = child.wait_with_output().expect("it ended");
        let said = text(&output.stderr);
        assert!(output.status.success(), "{output:?}");
        assert!(said.contains(&format!("[WARNING ] {name} received a {signal}. Exiting.")), "{said}");
        let last = format!("{program} is shutdown. {name} received a {signal}. Exited.\n");
        assert!(said.ends_with(&last), "{said}");
        fs::remove_dir_all(root).expect("removed");
    }
}

#[test]
fn a_store_that_cannot_be_written_is_told() {
    let minion = Minion::new("store");
    let update = || text(&minion.run(&["data.update", "key", "value"]).stdout);
    assert!(update().contains("\"local\": true"));
    let store = minion.path("var/cache/salt/minion/datastore");
    fs::remove_file(&store).expect("removed");
    fs::create_dir_all(store.join("in the way")).expect("made");
    assert!(update().contains("\"local\": false"));
}
