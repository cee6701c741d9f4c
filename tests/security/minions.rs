//! A4 to B18 from the minion's side: a minion of ours whose master, or what sits between, lies.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use halite::channel::pack_map;
use halite::map;
use halite::value::msgpack::{Dialect, Reading, decode, encode};
use halite::value::{Map, Value};
use tokio::time::timeout;
use zmtp::{Endpoint, Message, Options, PubSocket, RouterSocket, SubSocket};

use crate::victim::Victim;

const PATIENCE: Duration = Duration::from_secs(60);

/// A minion of ours, in a process and a directory of its own.
struct Minion {
    root: PathBuf,
    child: Option<Child>,
}

impl Minion {
    fn start(name: &str, master_port: u16, publish_port: u16) -> Self {
        let root = std::env::temp_dir().join(format!("hm{}-{name}", std::process::id()));
        fs::create_dir_all(root.join("etc")).expect("a directory");
        let config = format!(
            "id: web1\nmaster: 127.0.0.1\nmaster_port: {master_port}\npublish_port: {publish_port}\nroot_dir: {0}\n\
             pki_dir: {0}/pki\ncachedir: {0}/cache\nsock_dir: {0}/run\nlog_file: {0}/log\nuser: {1}\n\
             acceptance_wait_time: 1\nauth_timeout: 2\nrandom_reauth_delay: 0\nrecon_default: 100\nrecon_max: 200\n\
             multiprocessing: false\nmine_enabled: false\n",
            root.display(),
            halite::host::daemon::current_user()
        );
        fs::write(root.join("etc/minion"), config).expect("written");
        let mut minion = Minion { root, child: None };
        minion.run();
        minion
    }

    fn run(&mut self) {
        let child = Command::new(env!("CARGO_BIN_EXE_halite"))
            .args(["salt-minion", "-l", "quiet", "-c"])
            .arg(self.root.join("etc"))
            .stdin(Stdio::null())
            .spawn()
            .expect("the minion starts");
        self.child = Some(child);
    }

    fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().expect("asked").is_none())
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Minion {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port()
}

fn at(port: u16) -> Endpoint {
    format!("tcp://127.0.0.1:{port}").parse().expect("an endpoint")
}

/// What a master, or somebody between, can answer to `_auth` without being able to sign anything.
fn unsigned_answers() -> Vec<Vec<u8>> {
    let clear = |load: Map| pack_map(&map! { "enc" => "clear", "load" => load });
    let text = |text: &str| encode(&text.into(), Dialect::Bin);
    vec![
        clear(map! { "ret" => false }),
        clear(map! { "ret" => "full" }),
        clear(map! { "ret" => "bad enc algo" }),
        clear(map! { "ret" => "bad sig algo" }),
        clear(map! { "ret" => true }),
        clear(Map::new()),
        text("bad load"),
        text("payload and load must be a dict"),
        text("Server-side exception handling payload"),
        text("Some exception handling minion payload"),
        text(""),
        encode(&Value::Null, Dialect::Bin),
        encode(&Value::List(vec![1.into()]), Dialect::Bin),
        pack_map(&map! { "enc" => "pub", "aes" => "x", "pub_key" => "y", "publish_port" => 1, "sig" => "z" }),
        vec![0xc1, 0xff, 0x00],
        Vec::new(),
    ]
}

/// F8: none of it ends the minion, or makes it ask without pause; and it works as soon as its master is there.
#[tokio::test(flavor = "multi_thread")]
async fn b04_b18_answers_that_nobody_signed_neither_end_nor_hurry_a_minion() {
    let port = free_port();
    let mut liar = RouterSocket::bind(&at(port), Options::default()).await.expect("a liar");
    let mut minion = Minion::start("b04", port, free_port());
    for answer in unsigned_answers() {
        let (peer, request) = timeout(PATIENCE, liar.recv()).await.expect("the minion asks again");
        let again = tokio::time::Instant::now();
        let mut parts: Vec<bytes::Bytes> = request.parts().to_vec();
        let body = parts.pop().expect("a body");
        let asked = decode(&body, Reading::Wire).expect("msgpack");
        assert_eq!(asked.get("load").and_then(|load| load.get("cmd")), Some(&"_auth".into()));
        parts.push(bytes::Bytes::from(answer));
        liar.send(&peer, Message::from_parts(parts)).expect("sent");
        // At most one more request within the back-off (which has a random part).
        let early = timeout(Duration::from_millis(300), liar.recv()).await;
        assert!(early.is_err() || again.elapsed() >= Duration::from_millis(100), "asked again at once");
        assert!(minion.is_alive());
    }
    liar.close().await;
    let options = map! { "ret_port" => i64::from(port) };
    let victim = Victim::start(options).await;
    let mut events = victim.events().await;
    let started = async {
        loop {
            let event = events.next(Some(PATIENCE)).await.expect("the bus").expect("an event");
            if event.tag.starts_with("salt/auth") {
                return event.data.get("result").is_some_and(Value::truthy);
            }
        }
    };
    assert!(timeout(PATIENCE, started).await.expect("the minion signs in"));
    assert!(minion.is_alive());
    victim.end().await;
}

/// Between publisher and minion: hands publishes on, and keeps them.
struct Tap {
    heard: SubSocket,
    told: PubSocket,
}

impl Tap {
    async fn new(victim: &Victim, port: u16) -> Self {
        let heard = SubSocket::connect(&at(victim.publish_port), Options::default());
        heard.subscribe(b"");
        let told = PubSocket::bind(&at(port), Options::default()).await.expect("a publisher");
        Tap { heard, told }
    }

    async fn pass(&mut self) -> Message {
        let message = timeout(PATIENCE, self.heard.recv()).await.expect("a publish");
        self.told.send(message.clone()).await;
        message
    }

    /// Publishes a job, hands it on, and waits for its return.
    async fn job(&mut self, victim: &Victim, fun: &str, arg: &[&str]) -> Message {
        let mut events = victim.events().await;
        let proof = map! {
            "user" => halite::host::daemon::current_user(), "key" => victim.own_key(), "arg" => Value::list(arg.to_vec()),
        };
        let reply = victim.publish(fun, proof).await;
        let jid = reply.get("load").and_then(|load| load.get("jid")).and_then(Value::as_str).expect("a jid");
        let passed = self.pass().await;
        let tag = format!("salt/job/{jid}/ret/web1");
        loop {
            let event = events.next(Some(PATIENCE)).await.expect("the bus").expect("the return");
            if event.tag == tag {
                return passed;
            }
        }
    }

    async fn wait_for_minion(&self) {
        timeout(PATIENCE, self.told.wait_for_subscribers(1)).await.expect("the minion listens");
    }
}

/// F5: neither beside the running minion, nor after it connected again, nor after it was started again.
#[tokio::test(flavor = "multi_thread")]
async fn b05_a_job_that_was_overheard_is_not_carried_out_again() {
    let victim = Victim::start(Map::new()).await;
    let port = free_port();
    let mut tap = Tap::new(&victim, port).await;
    let mut minion = Minion::start("b05", victim.ret_port, port);
    tap.wait_for_minion().await;
    let marks = minion.root.join("marks");
    let line = format!("echo done >> {}", marks.display());
    let done = || fs::read_to_string(&marks).unwrap_or_default().lines().count();
    let overheard = tap.job(&victim, "cmd.run", &[&line]).await;
    assert_eq!(done(), 1);
    tap.told.send(overheard.clone()).await;
    tap.job(&victim, "test.ping", &[]).await;
    assert_eq!(done(), 1, "replayed at once");
    // Another connection.
    tap.told.close().await;
    tap.told = PubSocket::bind(&at(port), Options::default()).await.expect("a publisher");
    tap.wait_for_minion().await;
    tap.told.send(overheard.clone()).await;
    tap.job(&victim, "test.ping", &[]).await;
    assert_eq!(done(), 1, "replayed after a reconnect");
    // Another process, which knows no jid.
    minion.kill();
    tap.told.close().await;
    tap.told = PubSocket::bind(&at(port), Options::default()).await.expect("a publisher");
    minion.run();
    tap.wait_for_minion().await;
    tap.told.send(overheard).await;
    tap.job(&victim, "test.ping", &[]).await;
    assert_eq!(done(), 1, "replayed after a restart");
    victim.end().await;
}
