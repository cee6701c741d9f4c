//! Real Salt's programs as forks of a Python that has imported Salt already, see original_salt.py: one such Python for each
//! version and run of the tests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use halite::map;
use halite::value::{JsonStyle, Value};

use crate::peers::Peer;

/// A Python that waits for requests. It ends with this process, whose end it sees by its standard input.
struct Original {
    socket: PathBuf,
    /// With the standard input that it watches.
    _python: Child,
}

impl Original {
    fn of(peer: Peer) -> &'static Original {
        static ORIGINALS: [OnceLock<Original>; 2] = [OnceLock::new(), OnceLock::new()];
        ORIGINALS[usize::from(peer == Peer::Salt3007)].get_or_init(|| Self::start(peer))
    }

    fn start(peer: Peer) -> Original {
        let socket = std::env::temp_dir().join(format!("hio{}-{peer:?}", std::process::id()));
        let mut child = peer
            .python()
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/original_salt.py"))
            .arg(&socket)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("SALT_CONFIG_DIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut said).expect("a line");
        assert_eq!(said, "ready\n", "{peer:?} does not import");
        Original { socket, _python: child }
    }
}

/// A program of real Salt that was started.
pub struct Running {
    pid: u32,
    answers: BufReader<UnixStream>,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Starts what `command` would start. What it prints is kept for [`Running::output`], or goes to the end of `log`; it
    /// is killed after `longest`.
    pub fn start(peer: Peer, command: &Command, log: Option<&Path>, longest: Option<Duration>) -> Running {
        let text = |text: &std::ffi::OsStr| text.to_str().expect("UTF-8").to_owned();
        let tool = Path::new(command.get_program()).file_name().expect("a name");
        let words: Vec<Value> = command.get_args().map(|word| text(word).into()).collect();
        let environment: BTreeMap<_, _> =
            command.get_envs().filter_map(|(name, value)| Some((text(name), text(value?)))).collect();
        let request = Value::from(map! {
            "tool" => text(tool),
            "words" => words,
            "environment" => environment.into_iter().collect::<halite::value::Map>(),
            "seconds" => longest.map_or(0, |longest| i64::try_from(longest.as_secs()).expect("small")),
            "log" => log.map(|log| text(log.as_os_str())),
        });
        let mut stream = UnixStream::connect(&Original::of(peer).socket).expect("the Python runs");
        stream.write_all(format!("{}\n", request.to_json(JsonStyle::default())).as_bytes()).expect("sent");
        let mut running = Running { pid: 0, answers: BufReader::new(stream), ended: None };
        let pid = running.answer().get("pid").and_then(Value::as_int).expect("a process");
        running.pid = u32::try_from(pid).expect("a process");
        running
    }

    pub fn id(&self) -> u32 {
        self.pid
    }

    /// Ends it at once, with all that it started.
    pub fn kill_group(&self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.pid)]).status();
    }

    /// Waits for the end, and gives what was printed.
    pub fn output(mut self) -> Output {
        let end = self.answer();
        let size = |name: &str| {
            usize::try_from(end.get(name).and_then(Value::as_int).expect("a size")).expect("small")
        };
        let [mut stdout, mut stderr] = ["stdout", "stderr"].map(|name| vec![0; size(name)]);
        self.answers.read_exact(&mut stdout).expect("what was printed");
        self.answers.read_exact(&mut stderr).expect("what was printed");
        Output { status: status(&end), stdout, stderr }
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            let stream = self.answers.get_ref();
            stream.set_nonblocking(true).expect("set");
            // The answer is one write: it is here as a whole, or not at all.
            let here = self.answers.fill_buf().is_ok();
            self.answers.get_ref().set_nonblocking(false).expect("set");
            if here {
                let end = self.answer();
                self.ended = Some(status(&end));
            }
        }
        self.ended
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        Value::from_json(&line).unwrap_or_else(|error| panic!("Python said {line:?}: {error}"))
    }
}

fn status(end: &Value) -> ExitStatus {
    use std::os::unix::process::ExitStatusExt;
    let code = end.get("code").and_then(Value::as_int);
    // As wait(2) has it: a signal, or the code in the second octet.
    ExitStatus::from_raw(code.map_or(9, |code| i32::try_from(code).expect("a code") << 8))
}
