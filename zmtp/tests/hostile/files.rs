//! Too few file descriptors, and very many connections: each in a process of its own, with a limit of its own.

use std::{process::Command, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream};
use zmtp::{Event, Message, Options};

use crate::{
    check_good_peer, event, options, publisher,
    raw::{Raw, address, greeting, ready, soon},
    router,
};

/// Runs one test of this program again, alone, with another limit of open files. True in that process.
fn alone(test: &str, limit: &str) -> bool {
    if std::env::var("ZMTP_ALONE").is_ok_and(|name| name == test) {
        return true;
    }
    let run = format!("ulimit -n {limit} && exec \"$0\" --exact files::{test} --nocapture");
    let program = std::env::current_exe().unwrap();
    let output = Command::new("sh").arg("-c").arg(run).arg(program).env("ZMTP_ALONE", test).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    false
}

/// The limit of open files of this process.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX)
}

/// Whether this process may open so many. With `HALITE_REQUIRE_PEERS` it has to be allowed to.
fn enough_files(wanted: usize) -> bool {
    let allowed = open_files();
    if allowed < wanted {
        assert!(std::env::var_os("HALITE_REQUIRE_PEERS").is_none(), "{allowed} open files are too few");
        eprintln!("SKIP: {allowed} open files are too few");
    }
    allowed >= wanted
}

/// Covers: pitfalls D8
#[cfg(target_os = "linux")]
#[tokio::test]
async fn d8_without_file_descriptors_accepting_pauses_and_goes_on_later() {
    if !alone("d8_without_file_descriptors_accepting_pauses_and_goes_on_later", "100") {
        return;
    }
    let (mut router, endpoint) = router(Options { backlog: 1000, ..options() }).await;
    let mut events = router.events();
    // Peers of this same process: both ends count, so the last accept fails.
    let mut peers = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect(address(&endpoint)) {
        peers.push(stream);
        tokio::task::yield_now().await;
    }
    event(&mut events, |e| matches!(e, Event::AcceptFailed { .. })).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut failures = 0;
    while let Some(event) = events.try_recv() {
        failures += usize::from(matches!(event, Event::AcceptFailed { .. }));
    }
    assert!(failures <= 10, "{failures} attempts in half a second: it does not pause");
    drop(peers);
    check_good_peer(&mut router).await;
}

/// Covers: pitfalls D9 A8
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d9_five_thousand_connect_in_one_burst_and_none_is_refused() {
    const PEERS: usize = 5000;
    if !alone("d9_five_thousand_connect_in_one_burst_and_none_is_refused", "$(ulimit -Hn)") {
        return;
    }
    if !enough_files(2 * PEERS + 100) {
        return;
    }
    let (publisher, endpoint) = publisher(Options { backlog: 8192, ..options() }).await;
    let mut events = publisher.events();
    let hello = [greeting(1), ready("SUB", None), b"\x00\x01\x01".to_vec()].concat();
    let target = address(&endpoint);
    let attempts: Vec<_> = (0..PEERS)
        .map(|_| {
            let (target, hello) = (target.clone(), hello.clone());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(&target).await.unwrap();
                stream.write_all(&hello).await.unwrap();
                stream
            })
        })
        .collect();
    let mut peers = Vec::new();
    for attempt in attempts {
        peers.push(soon(attempt).await.unwrap());
    }
    let arrived = tokio::time::timeout(Duration::from_secs(60), publisher.wait_for_subscribers(PEERS)).await;
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).filter(is_failure).take(3).collect();
    assert!(arrived.is_ok(), "{} of {PEERS}: {told:?}", publisher.subscribers());
    publisher.publish(Message::from("to all"));
    for stream in peers {
        let mut raw = Raw { stream };
        raw.read_handshake().await;
        assert_eq!(raw.frame().await, (0, b"to all".to_vec()));
    }
}

fn is_failure(event: &Event) -> bool {
    matches!(event, Event::HandshakeFailed { .. } | Event::AcceptFailed { .. } | Event::Disconnected { .. })
}

/// Covers: pitfalls D9 A6 A8
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_half_finished_handshakes_do_not_keep_a_good_peer_out() {
    const PEERS: usize = 5000;
    if !alone("five_thousand_half_finished_handshakes_do_not_keep_a_good_peer_out", "$(ulimit -Hn)") {
        return;
    }
    if !enough_files(2 * PEERS + 100) {
        return;
    }
    let (mut router, endpoint) = router(Options { backlog: 8192, max_half_open: 2000, ..options() }).await;
    let target = address(&endpoint);
    let half = greeting(1)[..40].to_vec();
    let attempts: Vec<_> = (0..PEERS)
        .map(|_| {
            let (target, half) = (target.clone(), half.clone());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(&target).await.unwrap();
                stream.write_all(&half).await.unwrap();
                stream
            })
        })
        .collect();
    let mut stalled = Vec::new();
    for attempt in attempts {
        stalled.push(soon(attempt).await.unwrap());
    }
    check_good_peer(&mut router).await;
}
