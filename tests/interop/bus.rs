//! The event bus against Salt's own event classes: theirs listening and firing on our sockets, ours on theirs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use halite::event::{Event, Filter};
use halite::map;
use halite::transport::bus::{BusClient, BusEvents, BusOptions, BusPaths, BusServer};
use halite::value::Value;

use crate::peers::Peer;

const PATIENCE: Duration = Duration::from_secs(120);

struct SockDir(PathBuf);

impl SockDir {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("hbi{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        SockDir(path)
    }

    fn paths(&self) -> BusPaths {
        BusPaths::master(&self.0)
    }
}

impl Drop for SockDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A Python process that ends with the test.
struct Python(Child);

impl Python {
    fn start(peer: Peer, what: &str, sock_dir: &Path) -> Self {
        let child = peer
            .python()
            .args(["-c", include_str!("bus.py"), what])
            .arg(sock_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        Python(child)
    }

    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        BufReader::new(self.0.stdout.take().expect("a pipe")).lines().map(|line| line.expect("a line"))
    }

    fn succeeds(mut self) {
        assert!(self.0.wait().expect("a status").success());
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn next(events: &mut BusEvents) -> Event {
    events.next(Some(PATIENCE)).await.expect("a good stream").expect("an event in time")
}

/// What `bus.py fire` fires, as a listener of ours sees it.
async fn sees_what_python_fires(events: &mut BusEvents) {
    let event = next(events).await;
    assert_eq!(event.tag, "from/python");
    assert_eq!(event.data.str("text"), Some("grüße\n\n"));
    assert_eq!(event.data.get("raw"), Some(&Value::Bytes(vec![0xff, 10, 10, 0].into())));
    let list = [1.into(), (-2).into(), Value::Int(1 << 40), 1.5.into(), Value::Null, true.into()];
    assert_eq!(event.data.get("list"), Some(&Value::List(list.into())));
    assert_eq!(event.data.get("deep"), Some(&map! { "a" => map! { "b" => Value::List(vec![]) } }.into()));
    let when = "2026-01-02T03:04:05.678901".parse().expect("a time");
    assert_eq!(event.data.get("when"), Some(&Value::Time(Box::new(when))));
    assert!(event.data.str("_stamp").is_some());
    let large = next(events).await;
    assert_eq!(large.data.str("large").map(str::len), Some(300_000));
    assert_eq!(next(events).await.tag, "stop");
}

async fn python_on_our_bus(peer: Peer) {
    if !peer.is_here() {
        return;
    }
    let place = SockDir::new();
    let server = BusServer::bind(&place.paths(), &BusOptions::default()).expect("a bus");
    let bus = server.handle();
    let mut events = BusClient::new(place.paths()).subscribe(Filter::all()).await.expect("connected");
    let firing = Python::start(peer, "fire", &place.0);
    sees_what_python_fires(&mut events).await;
    firing.succeeds();

    let mut listener = Python::start(peer, "listen", &place.0);
    let lines = listener.lines();
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let read = tokio::task::spawn_blocking(move || {
        let mut ready = Some(ready);
        let mut seen = Vec::new();
        for line in lines {
            match ready.take() {
                Some(ready) => {
                    assert_eq!(line, "listening");
                    ready.send(()).expect("the test waits");
                }
                None => seen.push(line),
            }
        }
        seen
    });
    is_ready.await.expect("the listener is there");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while bus.counters().listeners < 2 {
        assert!(tokio::time::Instant::now() < deadline, "Salt's listener does not come");
        tokio::task::yield_now().await;
    }
    let data = map! { "text" => "grüße\n\n", "list" => Value::list([1, 2]), "large" => "x".repeat(300_000) };
    bus.fire("ours/inside", data).expect("fired");
    let raw = map! { "raw" => Value::Bytes(vec![0xff, 10, 10].into()) };
    BusClient::new(place.paths()).fire("ours/client", raw).await.expect("fired");
    // One client's events are ordered, those of different ones need not be.
    while next(&mut events).await.tag != "ours/client" {}
    bus.fire("stop", map! {}).expect("fired");
    let seen = read.await.expect("read");
    listener.succeeds();
    let seen: Vec<Value> = seen.iter().map(|line| Value::from_json(line).expect("JSON")).collect();
    let of = |tag: &str| {
        let found = seen.iter().find(|event| event.get("tag").and_then(Value::as_str) == Some(tag));
        found.and_then(|event| event.get("data")).unwrap_or_else(|| panic!("no {tag} in {seen:?}"))
    };
    let inside = of("ours/inside");
    assert_eq!(inside.get("text"), Some(&"grüße\n\n".into()));
    assert_eq!(inside.get("list"), Some(&Value::list([1, 2])));
    assert_eq!(inside.get("large").and_then(Value::as_str).map(str::len), Some(300_000));
    assert_eq!(of("ours/client").get("raw"), Some(&map! { "bytes" => Value::list([255, 10, 10]) }.into()));
}

async fn ours_on_pythons_bus(peer: Peer) {
    if !peer.is_here() {
        return;
    }
    let place = SockDir::new();
    let _server = Python::start(peer, "serve", &place.0);
    let mut client = BusClient::new(place.paths());
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut events = loop {
        match client.subscribe(Filter::prefix("ours/")).await {
            Ok(events) => break events,
            Err(_) => assert!(tokio::time::Instant::now() < deadline, "Salt's bus does not come up"),
        }
        tokio::task::yield_now().await;
    };
    let data = map! { "text" => "grüße", "raw" => Value::Bytes(vec![0xff].into()), "n" => 1 };
    // Their socket is there before they listen on it, and their server may take our event before our listener: fire
    // until it comes back.
    let event = loop {
        if let Err(error) = client.fire("ours/1", data.clone()).await {
            assert!(tokio::time::Instant::now() < deadline, "Salt's bus takes no event: {error}");
            tokio::task::yield_now().await;
            continue;
        }
        if let Some(event) = events.next(Some(Duration::from_millis(500))).await.expect("a good stream") {
            break event;
        }
        assert!(tokio::time::Instant::now() < deadline, "our event does not come back");
    };
    assert_eq!(event.data.str("text"), Some("grüße"));
    assert_eq!(event.data.get("raw"), data.get("raw"));
    events.set_filter(Filter::prefix("from/").or(Filter::prefix("stop")));
    let firing = Python::start(peer, "fire", &place.0);
    sees_what_python_fires(&mut events).await;
    firing.succeeds();
}

#[tokio::test]
async fn salt_3006_listens_and_fires_on_our_bus() {
    python_on_our_bus(Peer::Salt3006).await;
}

#[tokio::test]
async fn salt_3007_listens_and_fires_on_our_bus() {
    python_on_our_bus(Peer::Salt3007).await;
}

#[tokio::test]
async fn we_listen_and_fire_on_the_bus_of_salt_3006() {
    ours_on_pythons_bus(Peer::Salt3006).await;
}

#[tokio::test]
async fn we_listen_and_fire_on_the_bus_of_salt_3007() {
    ours_on_pythons_bus(Peer::Salt3007).await;
}
