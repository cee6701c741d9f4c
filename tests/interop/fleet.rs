//! A master and a minion on loopback, in a private directory, whoever plays them.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use halite::value::Value;

use crate::original::Running;
use crate::peers::Peer;

/// How long anything may take before the test fails. Real masters take half a minute on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the original logs as an error when it talks to itself: it waits to be accepted; a read that its own stop interrupts.
const EXPECTED_ERRORS: &[&str] =
    &["has cached the public key for this node", "exception was never retrieved"];

/// A running master with one minion named `minion-a`.
pub struct Fleet {
    root: PathBuf,
    daemons: Vec<Daemon>,
    /// `publish_port` and `ret_port` of each master.
    ports: Vec<[u16; 2]>,
}

struct Daemon {
    name: &'static str,
    process: Process,
    /// Below the root.
    config: &'static str,
}

enum Process {
    Ours(Child),
    Salts(Running),
}

impl Process {
    fn id(&self) -> u32 {
        match self {
            Process::Ours(child) => child.id(),
            Process::Salts(running) => running.id(),
        }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        match self {
            Process::Ours(child) => child.try_wait().expect("a status"),
            Process::Salts(running) => running.try_wait(),
        }
    }

    fn signal(&self, signal: &str) {
        let _ = Command::new("kill").args([signal, &self.id().to_string()]).status();
    }

    /// Waits for its end, but not for ever.
    fn wait(&mut self, longest: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + longest;
        loop {
            let ended = self.ended();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Fleet {
    /// Starts both, accepts the minion's key with the master's own `salt-key`, and waits until the minion answers.
    /// `None` if one of them cannot be had here.
    pub fn start(master: Peer, minion: Peer, master_config: &str, minion_config: &str) -> Option<Fleet> {
        let mut fleet = Fleet::prepare(&[master], minion, master_config)?;
        let [publish, ret] = fleet.ports[0];
        let config =
            format!("master: 127.0.0.1\nmaster_port: {ret}\npublish_port: {publish}\n{minion_config}");
        fleet.write_minion(&config);
        fleet.spawn("salt-master", master);
        fleet.wait_for_port(ret);
        fleet.spawn("salt-minion", minion);
        fleet.wait("the minion's key is pending", |fleet| fleet.master_pki("minions_pre/minion-a").exists());
        let accepted = fleet.run(master, "salt-key", &["-y", "-a", "minion-a"]);
        assert!(accepted.status.success(), "salt-key: {}", text(&accepted));
        fleet.wait_for_minion();
        Some(fleet)
    }

    /// Directories and configurations for masters of these kinds, the first in `etc`, the second in `etc2`. They share
    /// the root directory of their keys only when somebody copies it.
    pub fn prepare(masters: &[Peer], minion: Peer, master_config: &str) -> Option<Fleet> {
        if !minion.is_here() || !masters.iter().all(|master| master.is_here()) {
            return None;
        }
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Short: the names of Unix sockets are limited to 107 octets.
        let root = std::env::temp_dir().join(format!("hf{}-{number}", std::process::id()));
        for folder in ["srv/salt", "srv/pillar"] {
            fs::create_dir_all(root.join(folder)).expect("a directory");
        }
        let mut ports = Vec::new();
        let write = |path: &str, text: String| fs::write(root.join(path), text).expect("written");
        write("srv/salt/hello.txt", "hello from the master\n".to_owned());
        for number in 0..masters.len() {
            let [publish, ret] = free_ports();
            let (config, below) = if number == 0 { ("etc", "") } else { ("etc2", "/2") };
            fs::create_dir_all(root.join(config)).expect("a directory");
            let shown = root.display();
            write(
                &format!("{config}/master"),
                format!(
                    "interface: 127.0.0.1\npublish_port: {publish}\nret_port: {ret}\nroot_dir: {shown}{below}\n\
                     pki_dir: {shown}{below}/etc/pki\n\
                     file_roots:\n  base: [{shown}/srv/salt]\npillar_roots:\n  base: [{shown}/srv/pillar]\n\
                     worker_threads: 2\nlog_level_logfile: debug\n{master_config}\n"
                ),
            );
            ports.push([publish, ret]);
        }
        Some(Fleet { root, daemons: Vec::new(), ports })
    }

    /// Writes the minion's configuration.
    pub fn write_minion(&self, config: &str) {
        let text = format!(
            "id: minion-a\nroot_dir: {}\npki_dir: {0}/etc/pki-minion\nacceptance_wait_time: 1\n\
             random_reauth_delay: 1\nrecon_default: 100\nrecon_max: 500\nlog_level_logfile: debug\n{config}\n",
            self.root.display()
        );
        fs::write(self.root.join("etc/minion"), text).expect("written");
    }

    /// Starts a second minion, `minion-b`, with a directory of its own, accepts its key, and waits until it answers.
    pub fn add_minion(&mut self, master: Peer, minion: Peer) {
        let [publish, ret] = self.ports[0];
        let config = format!(
            "id: minion-b\nroot_dir: {}/b\nmaster: 127.0.0.1\nmaster_port: {ret}\npublish_port: {publish}\n\
             acceptance_wait_time: 1\nrandom_reauth_delay: 1\npki_dir: {0}/b/pki\n",
            self.root.display()
        );
        fs::create_dir_all(self.root.join("etc-b")).expect("a directory");
        fs::write(self.root.join("etc-b/minion"), config).expect("written");
        self.spawn_at("salt-minion", minion, "etc-b");
        self.wait("its key is pending", |fleet| fleet.master_pki("minions_pre/minion-b").exists());
        self.stdout(master, "salt-key", &["-y", "-a", "minion-b"]);
        let words = ["minion-b", "test.ping", "--out=txt", "-t", "2"];
        self.wait("the second minion answers", |fleet| {
            text(&fleet.run(Peer::Halite, "salt", &words)).contains("minion-b: True")
        });
    }

    /// `publish_port` and `ret_port` of a master.
    pub fn ports(&self, master: usize) -> [u16; 2] {
        self.ports[master]
    }

    /// Waits until somebody listens.
    pub fn wait_for_port(&mut self, port: u16) {
        self.wait("the master answers on its request port", |_| {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    /// Waits until the minion answers the first master.
    pub fn wait_for_minion(&mut self) {
        self.wait("the minion answers", |fleet| fleet.pings("etc"));
    }

    /// Whether the minion answers the master of this configuration. Our command line asks, whosever master it is: the
    /// original takes a second of the processor each time. It does not wait for long, since a minion that was not
    /// connected when the job went out never answers it.
    pub fn pings(&self, config: &str) -> bool {
        let impatient = format!("{config}-ping");
        let read = fs::read_to_string(self.root.join(config).join("master")).expect("a configuration");
        fs::create_dir_all(self.root.join(&impatient)).expect("a directory");
        fs::write(self.root.join(&impatient).join("master"), format!("{read}\ngather_job_timeout: 1\n"))
            .expect("written");
        let output = self
            .command(Peer::Halite, "salt", &impatient)
            .args(["minion-a", "test.ping", "--out=txt", "-t", "1"])
            .stdin(Stdio::null())
            .output()
            .expect("the tool starts");
        text(&output).contains("minion-a: True")
    }

    /// Runs a tool of `peer` against this fleet's configuration, ends it when it takes too long.
    pub fn run(&self, peer: Peer, tool: &str, words: &[&str]) -> Output {
        let mut command = self.command(peer, tool, "etc");
        command.args(words);
        self.output(peer, &command)
    }

    /// What a tool of `peer` prints; it is ended when it takes too long.
    pub fn output(&self, peer: Peer, command: &Command) -> Output {
        if peer != Peer::Halite {
            return Running::start(peer, command, None, Some(2 * PATIENCE)).output();
        }
        let environment = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut bounded = Command::new("timeout");
        bounded.args(["-k", "5", &(2 * PATIENCE.as_secs()).to_string()]);
        bounded.env_remove("SALT_CONFIG_DIR").envs(environment);
        bounded.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        bounded.output().expect("the tool starts")
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
        self.spawn_at(name, peer, "etc");
    }

    /// Starts a daemon with the configuration in a directory of its own.
    pub fn spawn_at(&mut self, name: &'static str, peer: Peer, config: &'static str) {
        let path = self.root.join(format!("{name}.{config}.out"));
        let log = File::create(&path).expect("a file");
        let mut command = self.command(peer, name, config);
        let process = if peer == Peer::Halite {
            let both = log.try_clone().expect("a handle");
            command.stdin(Stdio::null()).stdout(both).stderr(log);
            Process::Ours(command.spawn().expect("the daemon starts"))
        } else {
            Process::Salts(Running::start(peer, &command, Some(&path), None))
        };
        self.daemons.push(Daemon { name, process, config });
    }

    /// Ends a daemon with SIGTERM, and gives its exit code.
    pub fn stop(&mut self, name: &'static str) -> Option<i32> {
        self.stop_at(name, "etc")
    }

    /// Ends a daemon with SIGKILL.
    pub fn kill(&mut self, name: &'static str) {
        let at = self.daemons.iter().position(|daemon| daemon.name == name).expect("it runs");
        let mut daemon = self.daemons.remove(at);
        daemon.process.signal("-KILL");
        daemon.process.wait(PATIENCE).expect("gone");
    }

    /// Ends the daemon of a configuration.
    pub fn stop_at(&mut self, name: &'static str, config: &'static str) -> Option<i32> {
        let at = self.daemons.iter().position(|daemon| daemon.name == name && daemon.config == config);
        terminate(self.daemons.remove(at.expect("it runs")))
    }

    /// Starts a job and gives its jid.
    pub fn start_job(&self, cli: Peer, words: &[&str]) -> String {
        let words: Vec<&str> = ["--async", "minion-a"].iter().chain(words).copied().collect();
        let printed = self.stdout(cli, "salt", &words);
        printed.trim().rsplit(' ').next().expect("a jid").to_owned()
    }

    /// What the minion returns for a function.
    pub fn ask(&self, cli: Peer, words: &[&str]) -> Value {
        let given = ["minion-a"].iter().chain(words).chain(&["--out=json", "--static", "-t", "30"]);
        let output = self.run(cli, "salt", &given.copied().collect::<Vec<_>>());
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let parsed = Value::from_json(&printed).unwrap_or_else(|_| panic!("{words:?}: {}", text(&output)));
        parsed.get("minion-a").cloned().unwrap_or_else(|| panic!("{words:?}: {}", text(&output)))
    }

    /// Waits until something is so; shows what the daemons printed when it never is.
    pub fn wait(&mut self, what: &str, is_so: impl Fn(&Fleet) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            for daemon in &mut self.daemons {
                let ended = daemon.process.ended();
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

    /// Runs a Python script with a peer's classes: its path below `tests/interop`, and words that it gets after the
    /// directory of the configuration.
    pub fn python(&self, peer: Peer, script: &str, words: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script);
        let mut command = peer.python();
        command.arg(script).arg(self.root.join("etc")).args(words).env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).output().expect("Python starts")
    }

    /// A tool of `peer` with a configuration of this fleet.
    pub fn command(&self, peer: Peer, tool: &str, config: &str) -> Command {
        let mut command = peer.tool(tool);
        command.arg("-c").arg(self.root.join(config)).env("LC_ALL", "C.UTF-8").env_remove("SALT_CONFIG_DIR");
        command
    }

    /// A file of the first master's keys.
    pub fn master_pki(&self, relative: &str) -> PathBuf {
        self.root.join("etc/pki").join(relative)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        while let Some(mut daemon) = self.daemons.pop() {
            match &daemon.process {
                Process::Ours(_) => drop(terminate(daemon)),
                // Salt's minion takes six seconds for its end, and that is nobody's question here.
                Process::Salts(running) => {
                    running.kill_group();
                    daemon.process.wait(PATIENCE);
                }
            }
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// Ends only what we started: SIGTERM first, SIGKILL when that does not help.
fn terminate(mut daemon: Daemon) -> Option<i32> {
    daemon.process.signal("-TERM");
    let ended = daemon.process.wait(Duration::from_secs(20));
    if ended.is_none() {
        daemon.process.signal("-KILL");
        daemon.process.wait(PATIENCE);
    }
    ended?.code()
}

/// What a tool printed, both ways.
pub fn text(output: &Output) -> String {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets).into_owned());
    format!("{out}{err}")
}

fn said(root: &Path) -> String {
    let mut all = format!("(kept in {})\n", root.display());
    for name in [
        "salt-master.etc.out",
        "salt-minion.etc.out",
        "2/var/log/salt/master",
        "var/log/salt/master",
        "var/log/salt/minion",
    ] {
        let text = fs::read_to_string(root.join(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(25)..).unwrap_or_default().join("\n");
        all.push_str(&format!("--- {name}\n{tail}\n"));
    }
    all
}

/// Below the range that the kernel takes for outgoing connections: one of those could have the port before the master
/// does.
fn free_ports() -> [u16; 2] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    [(); 2].map(|()| {
        loop {
            let place =
                std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let port = 20_000 + u16::try_from(place % 12_000).expect("below 12,000");
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    })
}
