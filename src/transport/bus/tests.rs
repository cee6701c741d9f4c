//! A bus with listeners that behave, lag, vanish and lie.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::event::{Event, Filter};
use crate::map;

/// Longer than anything here takes; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

struct Place {
    root: PathBuf,
    paths: BusPaths,
}

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("hb{}-{number}", std::process::id()));
        let paths = BusPaths::master(&root);
        Place { root, paths }
    }

    fn serve(&self, options: &BusOptions) -> BusServer {
        BusServer::bind(&self.paths, options).expect("a bus")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

async fn next(events: &mut BusEvents) -> Event {
    events.next(Some(PATIENCE)).await.expect("a good stream").expect("an event in time")
}

/// Waits until the server has done its part of something.
async fn until(bus: &Bus, is_so: impl Fn(BusCounters) -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so(bus.counters()) {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", bus.counters());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_listener_sees_every_event_in_order_whoever_fires() {
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let mut client = BusClient::new(place.paths.clone());
    let mut one = client.subscribe(Filter::all()).await.expect("connected");
    let mut two = client.subscribe(Filter::prefix("b")).await.expect("connected");
    until(&bus, |counters| counters.listeners == 2).await;
    let mut inside = bus.subscribe(Filter::all());

    bus.fire("a/1", map! { "n" => 1 }).expect("fired");
    assert_eq!(next(&mut one).await.tag, "a/1");
    client.fire("b/2", map! { "n" => 2 }).await.expect("fired");
    assert_eq!(next(&mut one).await.tag, "b/2");
    let paths = place.paths.clone();
    tokio::task::spawn_blocking(move || fire_blocking(&paths, "b/3", map! { "n" => 3 }))
        .await
        .expect("no panic")
        .expect("fired");
    let last = next(&mut one).await;
    assert_eq!((last.tag.as_str(), last.data.get("n")), ("b/3", Some(&3.into())));
    assert!(last.data.str("_stamp").is_some());
    assert_eq!(next(&mut two).await.tag, "b/2");
    assert_eq!(next(&mut two).await.tag, "b/3");
    for tag in ["a/1", "b/2", "b/3"] {
        assert_eq!(inside.next_within(PATIENCE).await.expect("an event").tag, tag);
    }
    assert_eq!(one.next(Some(Duration::ZERO)).await.expect("a good stream"), None);
    drop((one, two));
    until(&bus, |counters| counters.listeners == 1).await;
    assert!(matches!(bus.fire("", map! {}), Err(BusError::NoTag)));
    assert!(matches!(client.fire("", map! {}).await, Err(BusError::NoTag)));
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_disconnected_and_the_others_lose_nothing() {
    let place = Place::new();
    let server = place.serve(&BusOptions { max_queued: 4 << 20, ..Default::default() });
    let bus = server.handle();
    let mut stuck = UnixStream::connect(&place.paths.publish).expect("connected");
    let client = BusClient::new(place.paths.clone());
    let mut good = client.subscribe(Filter::all()).await.expect("connected");
    until(&bus, |counters| counters.listeners == 2).await;
    let mut fired = 0;
    while bus.counters().too_slow == 0 {
        bus.fire("large", map! { "n" => fired, "text" => "x".repeat(500_000) }).expect("fired");
        assert_eq!(next(&mut good).await.data.get("n"), Some(&fired.into()));
        fired += 1;
    }
    until(&bus, |counters| counters.listeners == 1).await;
    bus.fire("after", map! {}).expect("fired");
    assert_eq!(next(&mut good).await.tag, "after");
    assert_eq!(bus.counters().too_slow, 1);
    // The stuck one finds its connection closed behind what the kernel still held.
    let rest =
        tokio::task::spawn_blocking(move || stuck.read_to_end(&mut Vec::new())).await.expect("no panic");
    assert!(rest.is_ok(), "{rest:?}");
}

#[tokio::test]
async fn what_other_processes_fire_can_be_told_from_what_the_process_fires_itself() {
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let mut others = bus.subscribe_to_others(Filter::prefix("a/"));
    bus.fire("a/own", map! {}).expect("fired");
    let mut client = BusClient::new(place.paths.clone());
    for tag in ["b/theirs", "a/theirs"] {
        client.fire(tag, map! {}).await.expect("fired");
    }
    let heard = tokio::time::timeout(PATIENCE, others.next()).await.expect("in time").expect("an event");
    assert_eq!(heard.tag, "a/theirs");
}

#[tokio::test]
async fn a_listener_of_the_process_loses_the_oldest_first() {
    let bus = Bus::new(1 << 20, 3_000, None);
    let mut events = bus.subscribe(Filter::all());
    for n in 0..10 {
        bus.fire("t", map! { "n" => n, "text" => "x".repeat(900) }).expect("fired");
    }
    let first = events.next().await.expect("an event");
    let lost = bus.counters().lost;
    assert!(lost > 0);
    assert_eq!(first.data.get("n").and_then(crate::value::Value::as_int), i64::try_from(lost).ok());
    bus.close();
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn an_event_larger_than_every_limit_still_passes() {
    let place = Place::new();
    let server = place.serve(&BusOptions { max_queued: 10, ..Default::default() });
    let mut client = BusClient::new(place.paths.clone());
    let mut events = client.subscribe(Filter::all()).await.expect("connected");
    until(&server.handle(), |counters| counters.listeners == 1).await;
    client.fire("large", map! { "text" => "x".repeat(1_000_000) }).await.expect("fired");
    assert_eq!(next(&mut events).await.data.str("text").map(str::len), Some(1_000_000));
}

#[tokio::test]
async fn what_is_no_event_costs_only_its_own_connection() {
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let mut client = BusClient::new(place.paths.clone());
    let mut events = client.subscribe(Filter::all()).await.expect("connected");
    until(&bus, |counters| counters.listeners == 1).await;
    for (count, bad) in [&b"\xc1"[..], b"\x01", b"\xdf\xff\xff\xff\xff"].into_iter().enumerate() {
        let mut stream = tokio::net::UnixStream::connect(&place.paths.pull).await.expect("connected");
        stream.write_all(bad).await.expect("written");
        until(&bus, |counters| counters.refused == count as u64 + 1).await;
    }
    // Half a frame and an end: nothing to complain about, nothing fired.
    let mut stream = tokio::net::UnixStream::connect(&place.paths.pull).await.expect("connected");
    stream.write_all(&crate::event::frame(b"t\n\n\x80")[..9]).await.expect("written");
    drop(stream);
    // Without a tag it is no event, but the stream goes on.
    let mut stream = tokio::net::UnixStream::connect(&place.paths.pull).await.expect("connected");
    stream.write_all(&crate::event::frame(b"\n\n\x80")).await.expect("written");
    stream.write_all(&crate::event::frame(b"good\n\n\x80")).await.expect("written");
    assert_eq!(next(&mut events).await.tag, "good");
    assert_eq!(bus.counters().refused, 4);
    client.fire("still/here", map! {}).await.expect("fired");
    assert_eq!(next(&mut events).await.tag, "still/here");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let place = Place::new();
    let server = place.serve(&BusOptions { max_connections: 1, ..Default::default() });
    let bus = server.handle();
    let client = BusClient::new(place.paths.clone());
    let mut first = client.subscribe(Filter::all()).await.expect("connected");
    until(&bus, |counters| counters.listeners == 1).await;
    let mut second = UnixStream::connect(&place.paths.publish).expect("connected");
    until(&bus, |counters| counters.refused == 1).await;
    let read = tokio::task::spawn_blocking(move || second.read(&mut [0; 1])).await.expect("no panic");
    assert_eq!(read.expect("closed, not broken"), 0);
    bus.fire("t", map! {}).expect("fired");
    assert_eq!(next(&mut first).await.tag, "t");
}

#[tokio::test]
async fn sockets_have_their_modes_and_go_with_the_server() {
    let place = Place::new();
    let server = place.serve(&BusOptions { publish_mode: 0o660, ..Default::default() });
    let mode = |path: &PathBuf| fs::metadata(path).expect("a socket").permissions().mode() & 0o777;
    assert_eq!((mode(&place.paths.publish), mode(&place.paths.pull)), (0o660, 0o600));
    assert!(matches!(BusServer::bind(&place.paths, &BusOptions::default()), Err(BusError::InUse(_))));
    drop(server);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while place.paths.publish.exists() || place.paths.pull.exists() {
        assert!(tokio::time::Instant::now() < deadline, "the sockets are still there");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dead_sockets_are_replaced_and_other_files_are_not() {
    let place = Place::new();
    fs::create_dir_all(&place.root).expect("a directory");
    drop(UnixListener::bind(&place.paths.publish).expect("a socket"));
    assert!(place.paths.publish.exists());
    drop(place.serve(&BusOptions::default()));

    let place = Place::new();
    fs::create_dir_all(&place.root).expect("a directory");
    fs::write(&place.paths.pull, "precious").expect("written");
    let refused = BusServer::bind(&place.paths, &BusOptions::default());
    assert!(matches!(refused, Err(BusError::NotASocket(_))), "{refused:?}");
    assert_eq!(fs::read(&place.paths.pull).expect("read"), b"precious");

    let long = BusPaths::master(&place.root.join("x".repeat(120)));
    assert!(matches!(BusServer::bind(&long, &BusOptions::default()), Err(BusError::PathTooLong(_))));
}

#[tokio::test]
async fn clients_come_back_after_the_daemon() {
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let mut client = BusClient::new(place.paths.clone());
    let mut events = client.subscribe(Filter::all()).await.expect("connected");
    until(&server.handle(), |counters| counters.listeners == 1).await;
    client.fire("one", map! {}).await.expect("fired");
    assert_eq!(next(&mut events).await.tag, "one");
    drop(server);
    while place.paths.publish.exists() || place.paths.pull.exists() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(client.subscribe(Filter::all()).await, Err(BusError::Connect { .. })));
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let waiting = tokio::spawn(async move { (next(&mut events).await, events.reconnects()) });
    until(&bus, |counters| counters.listeners == 1).await;
    client.fire("two", map! {}).await.expect("fired");
    let (event, reconnects) = waiting.await.expect("no panic");
    assert_eq!((event.tag.as_str(), reconnects), ("two", 1));
}

#[test]
fn a_minions_sockets_carry_ten_digits_of_the_hash_of_its_id() {
    // Salt 3006.25: hashlib.sha256(b"minion-a").hexdigest()[:10]
    let paths = BusPaths::minion(std::path::Path::new("/run"), "minion-a", crate::crypt::HashType::Sha256);
    assert_eq!(paths.publish, PathBuf::from("/run/minion_event_c14cb8c242_pub.ipc"));
    assert_eq!(paths.pull, PathBuf::from("/run/minion_event_c14cb8c242_pull.ipc"));
}

#[tokio::test]
async fn who_fires_and_waits_hears_the_answer_that_comes_at_once() {
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let mut inside = bus.subscribe(Filter::prefix("ask"));
    let paths = place.paths.clone();
    let asking = tokio::task::spawn_blocking(move || {
        fire_and_wait_blocking(&paths, "ask/1", map! { "n" => 1 }, "answer/1", PATIENCE)
    });
    inside.next().await.expect("the question");
    bus.fire("answer/2", map! { "n" => 2 }).expect("fired");
    bus.fire("answer/1", map! { "n" => 3 }).expect("fired");
    let answer = asking.await.expect("no panic").expect("a bus").expect("an answer");
    assert_eq!(answer.get("n"), Some(&3.into()));

    let paths = place.paths.clone();
    let nobody_answers = tokio::task::spawn_blocking(move || {
        fire_and_wait_blocking(&paths, "ask/2", map! {}, "answer", Duration::ZERO)
    });
    assert_eq!(nobody_answers.await.expect("no panic").expect("a bus"), None);
    let nowhere = BusPaths::master(&place.root.join("nowhere"));
    assert!(fire_and_wait_blocking(&nowhere, "ask", map! {}, "answer", PATIENCE).is_err());
}

#[test]
fn who_watches_sees_every_event_also_of_a_daemon_that_was_started_anew() {
    let place = Place::new();
    fs::create_dir_all(&place.root).expect("made");
    let daemon = UnixListener::bind(&place.paths.publish).expect("a socket");
    daemon.set_nonblocking(true).expect("it does not wait");
    let paths = place.paths.clone();
    let (sender, seen) = std::sync::mpsc::channel();
    // Not joined: a mistake here must not keep the test from ending.
    let watching = std::thread::spawn(move || {
        watch_blocking(&paths, &mut |tag, data| {
            let _ = sender.send((tag.to_owned(), data.get("n").cloned()));
            tag != "last"
        })
    });
    for events in [["a", "b"], ["c", "last"]] {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut listener = loop {
            match daemon.accept() {
                Ok((listener, _)) => break listener,
                Err(_) => assert!(std::time::Instant::now() < deadline, "nobody listens"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        for tag in events {
            let packed =
                crate::event::pack(tag, map! { "n" => tag }, jiff::civil::DateTime::default(), 1 << 20);
            std::io::Write::write_all(&mut listener, &crate::event::frame(&packed)).expect("written");
            assert_eq!(seen.recv_timeout(PATIENCE), Ok((tag.to_owned(), Some(tag.into()))));
        }
    }
    let ended = seen.recv_timeout(PATIENCE);
    assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected), "it goes on");
    watching.join().expect("no panic").expect("a bus");
    let nowhere = BusPaths::master(&place.root.join("nowhere"));
    assert!(watch_blocking(&nowhere, &mut |_, _| true).is_err());
}

/// What a client of Salt 3007 reads without having asked lies there until more comes: that may not be an event.
#[tokio::test]
async fn no_event_comes_before_the_first_octet_is_read() {
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let mut silent = tokio::net::UnixStream::connect(&place.paths.publish).await.expect("a connection");
    let mut other = BusClient::new(place.paths.clone()).subscribe(Filter::all()).await.expect("a listener");
    until(&bus, |counters| counters.listeners == 2).await;
    bus.fire("salt/job/1/ret/m", map! { "return" => true }).expect("fired");
    let heard = next(&mut other).await;
    assert_eq!(heard.tag, "salt/job/1/ret/m");
    let mut octets = [0; 4096];
    let first = silent.read(&mut octets).await.expect("readable");
    assert_eq!(&octets[..first], b"\x82");
    let mut reader = crate::event::FrameReader::new(crate::event::MAX_FRAME);
    reader.buffer().extend_from_slice(b"\x82");
    while reader.next().expect("frames").is_none() {
        assert!(silent.read_buf(reader.buffer()).await.expect("readable") > 0);
    }
}

/// A client of Salt 3007 that has read more than 4,096 octets at once does not see the end of it until more comes.
#[tokio::test]
async fn a_large_event_comes_when_those_before_it_were_read() {
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let mut client = tokio::net::UnixStream::connect(&place.paths.publish).await.expect("a connection");
    until(&bus, |counters| counters.listeners == 1).await;
    let events = [("small", 100), ("large", 10_000), ("large", 5000), ("small", 100), ("small", 200)];
    for (tag, octets) in events {
        bus.fire(tag, map! { "return" => "r".repeat(octets) }).expect("fired");
    }
    let mut reader = crate::event::FrameReader::new(crate::event::MAX_FRAME);
    let mut seen = 0;
    while seen < events.len() {
        let before = seen;
        let read = client.read_buf(reader.buffer()).await.expect("readable");
        assert!(read > 0);
        while reader.next().expect("frames").is_some() {
            seen += 1;
        }
        let ends = seen == events.len();
        assert!(!ends || before == events.len() - 1 || read <= 4096, "the end came in {read} octets");
    }
}

/// Nothing is awaited between the connection and the event: the server's task has had no turn to take the connection.
#[tokio::test]
async fn whoever_has_connected_hears_what_is_fired_once_those_who_wait_are_admitted() {
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let mut heard = UnixStream::connect(&place.paths.publish).expect("connected");
    bus.admit_waiting();
    bus.fire("salt/run/1/ret", map! { "return" => 7 }).expect("fired");
    assert_eq!(bus.counters().listeners, 1);
    let read = tokio::task::spawn_blocking(move || {
        heard.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut octets = [0; 40];
        heard.read_exact(&mut octets).map(|()| octets)
    });
    let octets = read.await.expect("no panic").expect("the event");
    assert!(octets.windows(14).any(|part| part == b"salt/run/1/ret"), "{octets:?}");
}

/// The two sockets are taken from by two tasks: an answer to what is fired on one goes to who listens on the other.
#[tokio::test]
async fn whoever_listens_before_it_fires_hears_its_own_event() {
    let place = Place::new();
    let _server = place.serve(&BusOptions::default());
    let paths = place.paths.clone();
    let heard = tokio::task::spawn_blocking(move || {
        for number in 0..200 {
            let mut listens = UnixStream::connect(&paths.publish).expect("connected");
            fire_blocking(&paths, "mine/1", map! { "number" => number }).expect("fired");
            listens.set_read_timeout(Some(PATIENCE)).expect("set");
            let mut octets = [0; 40];
            listens.read_exact(&mut octets).expect("the event");
        }
    });
    heard.await.expect("every event");
}

/// A client that connects and does nothing else for a while hears everything from when it connected.
#[tokio::test]
async fn who_does_not_read_the_first_octet_is_written_to_after_a_while() {
    use rustix::net::{RecvFlags, recv};
    let place = Place::new();
    let server = place.serve(&BusOptions::default());
    let bus = server.handle();
    let silent = tokio::net::UnixStream::connect(&place.paths.publish).await.expect("a connection");
    until(&bus, |counters| counters.listeners == 1).await;
    for number in 0..3 {
        bus.fire("tag", map! { "number" => number }).expect("fired");
    }
    let frames = |octets: &[u8]| {
        let mut reader = crate::event::FrameReader::new(crate::event::MAX_FRAME);
        reader.buffer().extend_from_slice(octets);
        std::iter::from_fn(|| reader.next().expect("frames")).count()
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut octets = [0; 4096];
    // Looks without reading.
    while recv(&silent, &mut octets, RecvFlags::PEEK | RecvFlags::DONTWAIT)
        .map_or(0, |(_, read)| frames(&octets[..read]))
        < 3
    {
        assert!(tokio::time::Instant::now() < deadline, "nothing was written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
