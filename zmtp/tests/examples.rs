//! Every example runs and does what it says. `cargo test` has built them; with `--test examples` alone, `cargo build
//! --examples` has to come first.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use zmtp::{Endpoint, Message, Options, PubSocket, SubSocket};

fn example(name: &str, arguments: &[&str]) -> Command {
    let this = std::env::current_exe().unwrap();
    let program = this.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is missing: cargo build -p zmtp --examples", program.display());
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// An example that runs until it is told to stop.
struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(name: &str, arguments: &[&str]) -> Running {
        let mut child = example(name, arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }

    /// Reads on until a line has this in it.
    fn says(&mut self, words: &str) {
        let said = self.lines.by_ref().map(Result::unwrap).any(|line| line.contains(words));
        assert!(said, "it ended without saying {words:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("zmtp-example-{}-{name}", std::process::id()))
}

fn ipc(name: &str) -> String {
    format!("ipc://{}", path(name).display())
}

#[test]
fn examples_of_one_process_come_to_their_end() {
    for (name, says) in [
        ("pair", "right heard b\"pong\""),
        ("push_pull", ": b\"job "),
        ("router_dealer", "bela: b\"A JOB FOR BELA\""),
        ("curve", "b\"nor this\""),
        ("blocking", "NO RUNTIME AT ALL"),
    ] {
        let output = example(name, &[]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(says), "{name}: {output:?}");
    }
}

#[test]
fn req_asks_rep() {
    let endpoint = ipc("rep");
    let mut rep = Running::start("rep", &[&endpoint]);
    rep.says("answering");
    let output = example("req", &[&endpoint]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("QUESTION 10"), "{output:?}");
    drop(rep);
    let _gone = std::fs::remove_file(path("rep"));
}

#[test]
fn sub_hears_pub() {
    let endpoint = ipc("pub");
    let mut sub = Running::start("sub", &[&endpoint]);
    let mut publisher = Running::start("pub", &[&endpoint]);
    publisher.says("publishing");
    sub.says("Connected");
    sub.says("[b\"even\", ");
    drop(publisher);
    let _gone = std::fs::remove_file(path("pub"));
}

#[tokio::test]
async fn xpub_and_xsub_forward() {
    let (back, front) = (ipc("back"), ipc("front"));
    let mut forwarder = Running::start("xpub_xsub", &[&back, &front]);
    forwarder.says("publishers connect");
    let endpoint = |text: &str| text.parse::<Endpoint>().unwrap();
    let publisher = PubSocket::connect(&endpoint(&back), Options::default());
    let mut sub = SubSocket::connect(&endpoint(&front), Options::default());
    sub.subscribe(b"t");
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, publisher.wait_for_subscribers(1)).await.unwrap();
    publisher.publish(Message::from("unwanted"));
    publisher.publish(Message::from(["topic", "body"]));
    assert_eq!(tokio::time::timeout(patience, sub.recv()).await.unwrap(), Message::from(["topic", "body"]));
    drop(forwarder);
    for name in ["back", "front"] {
        let _gone = std::fs::remove_file(path(name));
    }
}
