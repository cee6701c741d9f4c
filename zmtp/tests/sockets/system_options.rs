//! Options that the system carries out, or that bound what waits: looked at from outside.

use std::{
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use zmtp::{
    DealerSocket, Endpoint, Event, Message, Options, PullSocket, PushSocket, RepSocket, ReqSocket, SendError,
};

use crate::support::*;

fn address(endpoint: &Endpoint) -> SocketAddr {
    endpoint.to_string().replace("tcp://", "").replace('*', "127.0.0.1").parse().unwrap()
}

/// What the kernel's table says of the connections that have this port at their own or at their other end: which timer runs,
/// and for how many seconds still. proc_pid_net(5): timer 2 is keep-alive, 0 is none, 1 is for data on its way.
#[cfg(target_os = "linux")]
fn timers(port: u16) -> Vec<(u8, u64)> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let wanted = format!(":{port:04X}");
    let established = "01";
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.get(3) == Some(&established))
        .filter(|words| words[1].ends_with(&wanted) || words[2].ends_with(&wanted))
        .map(|words| {
            let (timer, when) = words[5].split_once(':').unwrap();
            let hundredths = u64::from_str_radix(when, 16).unwrap();
            (timer.parse().unwrap(), hundredths / 100)
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn keep_alive_runs_at_both_ends_after_the_time_that_was_asked_for() {
    let idle = Some(Duration::from_secs(5000));
    for tcp_keepalive in [Some(true), Some(false), None] {
        let options = Options { tcp_keepalive, tcp_keepalive_idle: idle, ..quick() };
        let mut rep = RepSocket::bind(&anywhere(), options.clone()).await.unwrap();
        let endpoint = rep.local_endpoint().unwrap();
        let mut req = ReqSocket::connect(&endpoint, options);
        req.send(Message::from("q")).await.unwrap();
        soon(rep.recv()).await;
        rep.send(Message::from("r")).unwrap();
        soon(req.recv()).await.unwrap();
        let expected = |timer: &(u8, u64)| match tcp_keepalive {
            Some(true) => timer.0 == 2 && (4000..=5000).contains(&timer.1),
            _ => timer.0 == 0,
        };
        // While the last octets are on their way, another timer runs.
        soon(async {
            loop {
                let timers = timers(address(&endpoint).port());
                if timers.len() == 2 && timers.iter().all(expected) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}

/// `max_connections: 0` leaves all connections to the system's queue, whose length is the backlog; Linux has one place more.
/// Who finds no place there hears nothing, and gives up after `connect_timeout`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_backlog_is_the_systems_queue_and_a_connect_without_an_answer_is_given_up() {
    for backlog in [1, 6] {
        let full = Options { backlog, max_connections: 0, ..quick() };
        let pull = PullSocket::bind(&anywhere(), full).await.unwrap();
        let endpoint = pull.local_endpoint().unwrap();
        let connect = || TcpStream::connect_timeout(&address(&endpoint), Duration::from_millis(300)).ok();
        let waiting: Vec<_> = std::iter::from_fn(connect).take(20).collect();
        assert_eq!(waiting.len(), backlog as usize + 1);
        let dealer =
            DealerSocket::new(Options { connect_timeout: Some(Duration::from_millis(150)), ..quick() });
        let mut events = dealer.events();
        let began = Instant::now();
        dealer.dial(&endpoint);
        let Some(Event::ConnectRetried { reason, .. }) = soon(events.recv()).await else {
            panic!("something else happened first")
        };
        assert_eq!(reason, "connecting timed out");
        assert!(began.elapsed() >= Duration::from_millis(150));
    }
}

#[tokio::test]
async fn ipv6_opens_every_address_to_both_families() {
    for ipv6 in [true, false] {
        let pull =
            PullSocket::bind(&"tcp://*:*".parse().unwrap(), Options { ipv6, ..quick() }).await.unwrap();
        let port = address(&pull.local_endpoint().unwrap()).port();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        assert_eq!(TcpStream::connect(("::1", port)).is_ok(), ipv6);
    }
}

/// Sends until nothing more is taken for a while, or `most` messages are on their way. Returns how many.
async fn fill(push: &PushSocket, most: u32) -> u32 {
    let mut sent = 0;
    let mut refused = 0;
    while sent < most && refused < 50 {
        match push.try_send(vec![7; 10_000].into()) {
            Ok(()) => (sent, refused) = (sent + 1, 0),
            Err(back) => {
                assert_eq!(back.reason, SendError::Full);
                refused += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    sent
}

#[tokio::test]
async fn limits_in_octets_stop_a_sender_whose_messages_nobody_receives() {
    const MOST: u32 = 500;
    let few = Options { rcvhwm: None, rcvbuf: Some(16_384), ..quick() };
    let for_each = Options { rcvhwm_bytes: Some(50_000), ..few.clone() };
    let for_all = Options { max_queued_octets: 50_000, ..few.clone() };
    for (receiver, bounded) in [(few, false), (for_each, true), (for_all, true)] {
        let mut pull = PullSocket::bind(&anywhere(), receiver).await.unwrap();
        let sender = Options { sndhwm: None, sndhwm_bytes: Some(50_000), sndbuf: Some(16_384), ..quick() };
        let push = PushSocket::connect(&pull.local_endpoint().unwrap(), sender);
        let sent = fill(&push, MOST).await;
        // Five messages wait at either side; the rest is the system's, and what both sides are at.
        assert_eq!(sent < 100, bounded, "{sent} messages of 10 kB");
        for _ in 0..sent {
            assert_eq!(soon(pull.recv()).await.octets(), 10_000);
        }
        assert_eq!(fill(&push, 3).await, 3, "and it goes on");
    }
}

#[tokio::test]
async fn events_begin_with_listening_and_end_with_closed() {
    let pull = PullSocket::new(quick());
    let mut events = pull.events();
    let listening = pull.listen(&anywhere()).await.unwrap();
    let Some(Event::Listening { endpoint }) = soon(events.recv()).await else { panic!("not listening") };
    assert_eq!(endpoint, listening);
    assert_ne!(address(&endpoint).port(), 0, "the real port");
    let push = PushSocket::connect(&listening, quick());
    push.send(Message::from("m")).await;
    assert!(matches!(soon(events.recv()).await, Some(Event::Connected { .. })));
    pull.close().await;
    let mut last = None;
    while let Some(event) = soon(events.recv()).await {
        last = Some(event);
    }
    assert!(matches!(last, Some(Event::Closed)), "{last:?}");
}
