//! Starts and commands the libzmq peer of `peer.py`.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
};

/// A Python process with a libzmq context.
pub struct Peer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Peer {
    /// `None`, visibly, when there is no pyzmq and none can be had.
    pub fn start() -> Option<Peer> {
        static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let python = match PYTHON.get_or_init(python) {
            Ok(python) => python,
            Err(reason) => {
                assert!(std::env::var_os("HALITE_REQUIRE_PEERS").is_none(), "no pyzmq: {reason}");
                eprintln!("SKIP: no pyzmq: {reason}");
                return None;
            }
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/peer.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Python that imported zmq starts");
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Some(Peer { child, stdin, stdout })
    }

    /// Runs one command; panics when the peer says it failed.
    #[track_caller]
    pub fn run(&mut self, command: &str) -> String {
        writeln!(self.stdin, "{command}").unwrap();
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        match answer.trim_end().split_once(' ') {
            Some(("ok", rest)) => rest.to_owned(),
            None if answer.trim_end() == "ok" => String::new(),
            _ => panic!("{command}: {answer}"),
        }
    }

    /// Binds to a free local port; returns the endpoint.
    pub fn bind(&mut self, name: &str) -> zmtp::Endpoint {
        self.run(&format!("bind {name} tcp://127.0.0.1:*")).parse().unwrap()
    }

    pub fn connect(&mut self, name: &str, endpoint: &zmtp::Endpoint) {
        self.run(&format!("connect {name} {endpoint}"));
    }

    #[track_caller]
    pub fn send(&mut self, name: &str, parts: &[&[u8]]) {
        self.run(&format!("send {name} {}", hex(parts)));
    }

    /// Sends from a ROUTER, as soon as it knows the peer.
    #[track_caller]
    pub fn send_known(&mut self, name: &str, parts: &[&[u8]]) {
        self.run(&format!("known {name} {}", hex(parts)));
    }

    /// Waits for a message and compares it.
    #[track_caller]
    pub fn expect(&mut self, name: &str, parts: &[&[u8]]) {
        assert_eq!(self.run(&format!("recv {name} 30000")), hex(parts));
    }

    /// The next message's parts.
    #[track_caller]
    pub fn recv(&mut self, name: &str) -> Vec<Vec<u8>> {
        unhex(&self.run(&format!("recv {name} 30000")))
    }

    /// Waits for an event of the socket's monitor, skipping others.
    #[track_caller]
    pub fn expect_event(&mut self, name: &str, wanted: &str) {
        loop {
            let event = self.run(&format!("events {name} 30000"));
            assert_ne!(event, "timeout", "waiting for {wanted}");
            if event == wanted {
                return;
            }
        }
    }

    /// Freezes the process: its connections stay open and silent.
    pub fn stop(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }

    /// All events that are there.
    pub fn events(&mut self, name: &str) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            match self.run(&format!("events {name} 0")) {
                event if event == "timeout" => return all,
                event => all.push(event),
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hex(parts: &[&[u8]]) -> String {
    let hexed = |part: &&[u8]| match part.len() {
        0 => "-".to_owned(),
        _ => part.iter().map(|octet| format!("{octet:02x}")).collect(),
    };
    parts.iter().map(hexed).collect::<Vec<_>>().join(",")
}

fn unhex(text: &str) -> Vec<Vec<u8>> {
    let part = |part: &str| {
        let digits = part.trim_start_matches('-');
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    };
    text.split(',').map(part).collect()
}

/// A Python that has pyzmq: the one named by `HALITE_PYZMQ_PYTHON`, or an environment of our own below `target/`.
fn python() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("HALITE_PYZMQ_PYTHON") {
        return has_zmq(named.into());
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target directory")?;
    // Other test processes may be making the same environment.
    let lock = File::create(target.join("pyzmq.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let environment = target.join("pyzmq");
    let python = environment.join("bin/python3");
    if let Ok(python) = has_zmq(python.clone()) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "pyzmq"]))?;
    has_zmq(python)
}

fn has_zmq(python: PathBuf) -> Result<PathBuf, String> {
    run(Command::new(&python).args(["-c", "import zmq"])).map(|()| python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}", errors.lines().last().unwrap_or("failed")))
}
