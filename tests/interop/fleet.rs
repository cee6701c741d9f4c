//! A master and a minion on loopback, in a private directory, whoever plays them.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::peers::Peer;

/// How long anything may take before the test fails. Real masters take half a minute on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the original logs as an error when it talks to itself: it waits to be accepted; a read that its own stop interrupts.
const EXPECTED_ERRORS: &[&str] =
    &["has cached the public key for this node", "exception was never retrieved"];

/// A running master with one minion named `minion-a`.
pub struct Fleet {
    root: PathBuf,
    master_peer: Peer,
    daemons: Vec<Daemon>,
}

struct Daemon {
    name: &'static str,
    child: Child,
}

impl Fleet {
    /// Starts both, accepts the minion's key with the master's own `salt-key`, and waits until the minion answers.
    /// `None` if one of them cannot be had here.
    pub fn start(master: Peer, minion: Peer, master_config: &str, minion_config: &str) -> Option<Fleet> {
        if !master.is_here() || !minion.is_here() {
            return None;
        }
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Short: the names of Unix sockets are limited to 107 octets.
        let root = std::env::temp_dir().join(format!("hf{}-{number}", std::process::id()));
        let [publish, ret] = free_ports();
        for folder in ["etc", "srv/salt", "srv/pillar"] {
            fs::create_dir_all(root.join(folder)).expect("a directory");
        }
        let shown = root.display();
        let write = |path: &str, text: String| fs::write(root.join(path), text).expect("written");
        write("srv/salt/hello.txt", "hello from the master\n".to_owned());
        write(
            "etc/master",
            format!(
                "interface: 127.0.0.1\npublish_port: {publish}\nret_port: {ret}\nroot_dir: {shown}\n\
                 file_roots:\n  base: [{shown}/srv/salt]\npillar_roots:\n  base: [{shown}/srv/pillar]\n\
                 worker_threads: 2\nlog_level_logfile: debug\n{master_config}\n"
            ),
        );
        write(
            "etc/minion",
            format!(
                "master: 127.0.0.1\nmaster_port: {ret}\npublish_port: {publish}\nid: minion-a\nroot_dir: {shown}\n\
                 acceptance_wait_time: 1\nrandom_reauth_delay: 1\nrecon_default: 100\nrecon_max: 500\n\
                 log_level_logfile: debug\n{minion_config}\n"
            ),
        );
        let mut fleet = Fleet { root, master_peer: master, daemons: Vec::new() };
        fleet.spawn("salt-master", master);
        fleet.wait("the master answers on its request port", |_| {
            std::net::TcpStream::connect(("127.0.0.1", ret)).is_ok()
        });
        fleet.spawn("salt-minion", minion);
        fleet.wait("the minion's key is pending", |fleet| fleet.master_pki("minions_pre/minion-a").exists());
        let accepted = fleet.run(master, "salt-key", &["-y", "-a", "minion-a"]);
        assert!(accepted.status.success(), "salt-key: {}", text(&accepted));
        fleet.wait("the minion answers", |fleet| {
            let output =
                fleet.run(fleet.master_peer, "salt", &["minion-a", "test.ping", "--out=txt", "-t", "5"]);
            text(&output).contains("minion-a: True")
        });
        Some(fleet)
    }

    /// Runs a tool of `peer` against this fleet's configuration.
    pub fn run(&self, peer: Peer, tool: &str, words: &[&str]) -> Output {
        self.command(peer, tool).args(words).stdin(Stdio::null()).output().expect("the tool starts")
    }

    /// The standard output of a tool that has to succeed.
    pub fn stdout(&self, peer: Peer, tool: &str, words: &[&str]) -> String {
        let output = self.run(peer, tool, words);
        assert!(output.status.success(), "{tool} {words:?}: {}\n{}", output.status, text(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// A file below the fleet's directory.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Lines of a daemon's log file that are errors, but for those that real Salt logs with real Salt, too.
    pub fn errors_logged_by(&self, daemon: &str) -> Vec<String> {
        let name = if daemon == "salt-master" { "master" } else { "minion" };
        let log = fs::read_to_string(self.root.join("var/log/salt").join(name)).unwrap_or_default();
        let is_error = |line: &&str| {
            let expected = EXPECTED_ERRORS.iter().any(|expected| line.contains(expected));
            (line.contains("[ERROR") || line.contains("[CRITICAL")) && !expected
        };
        log.lines().filter(is_error).map(str::to_owned).collect()
    }

    /// Starts a daemon.
    pub fn spawn(&mut self, name: &'static str, peer: Peer) {
        let log = File::create(self.root.join(format!("{name}.out"))).expect("a file");
        let mut command = self.command(peer, name);
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a handle"))
            .stderr(log)
            .spawn()
            .expect("the daemon starts");
        self.daemons.push(Daemon { name, child });
    }

    /// Waits until something is so; shows what the daemons printed when it never is.
    pub fn wait(&mut self, what: &str, is_so: impl Fn(&Fleet) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            for daemon in &mut self.daemons {
                let ended = daemon.child.try_wait().expect("a status");
                assert!(
                    ended.is_none(),
                    "{} ended while waiting until {what}\n{}",
                    daemon.name,
                    said(&self.root)
                );
            }
            assert!(Instant::now() < deadline, "waited in vain until {what}\n{}", said(&self.root));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn command(&self, peer: Peer, tool: &str) -> Command {
        let mut command = peer.tool(tool);
        command.arg("-c").arg(self.root.join("etc")).env("LC_ALL", "C.UTF-8").env_remove("SALT_CONFIG_DIR");
        command
    }

    fn master_pki(&self, relative: &str) -> PathBuf {
        self.root.join("etc/salt/pki/master").join(relative)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        while let Some(daemon) = self.daemons.pop() {
            terminate(daemon);
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// Ends only what we started: SIGTERM first, SIGKILL when that does not help.
fn terminate(mut daemon: Daemon) {
    let pid = daemon.child.id().to_string();
    let _ = Command::new("kill").args(["-TERM", &pid]).status();
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if matches!(daemon.child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = daemon.child.kill();
    let _ = daemon.child.wait();
}

/// What a tool printed, both ways.
pub fn text(output: &Output) -> String {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets).into_owned());
    format!("{out}{err}")
}

fn said(root: &Path) -> String {
    let mut all = format!("(kept in {})\n", root.display());
    for name in ["salt-master.out", "salt-minion.out", "var/log/salt/master", "var/log/salt/minion"] {
        let text = fs::read_to_string(root.join(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(25)..).unwrap_or_default().join("\n");
        all.push_str(&format!("--- {name}\n{tail}\n"));
    }
    all
}

fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}
