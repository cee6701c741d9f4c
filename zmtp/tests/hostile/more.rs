//! Slow peers, dead networks, stolen names: the pitfalls that need more than a few octets.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use zmtp::{
    DealerSocket, Endpoint, Event, Message, Options, PubSocket, PullSocket, RepSocket, ReqError, ReqSocket,
    RouterSocket, RoutingId, SubSocket,
};

use crate::{
    anywhere, check_good_peer, event, options, publisher,
    raw::{Raw, address, greeting, ready, soon},
    router,
};

fn listener_endpoint(listener: &TcpListener) -> Endpoint {
    Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port())
}

fn named(name: &[u8]) -> Options {
    Options { routing_id: Some(RoutingId::new(name).unwrap()), ..options() }
}

/// Covers: pitfalls B2 C11; conformance 30
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b2_one_stalled_subscriber_among_many_costs_the_others_nothing() {
    let (publisher, endpoint) =
        publisher(Options { sndhwm: Some(100), sndbuf: Some(4096), ..options() }).await;
    let mut stalled = Raw::greeted(&endpoint, "SUB").await;
    stalled.send(b"\x00\x01\x01").await;
    let mut live: Vec<_> = (0..20).map(|_| SubSocket::connect(&endpoint, options())).collect();
    live.iter().for_each(|sub| sub.subscribe(b""));
    soon(publisher.wait_for_subscribers(21)).await;
    for number in 0..500_u32 {
        let body = [number.to_be_bytes().to_vec(), vec![0; 4000]].concat();
        publisher.send(body.into()).await;
        for sub in &mut live {
            assert_eq!(soon(sub.recv()).await.first()[..4], number.to_be_bytes());
        }
    }
    let [(_, dropped)] = publisher.dropped()[..] else { panic!("only one is slow") };
    assert!(dropped > 100);
}

/// Covers: pitfalls B17
#[tokio::test]
async fn b17_subscriptions_that_come_and_go_take_no_room_from_messages() {
    let (publisher, endpoint) = publisher(Options { sndhwm: Some(10), ..options() }).await;
    let mut sub = SubSocket::connect(&endpoint, Options { sndhwm: Some(10), ..options() });
    for _ in 0..10_000 {
        sub.subscribe(b"t");
        sub.unsubscribe(b"t");
    }
    sub.subscribe(b"t");
    soon(publisher.wait_for_subscribers(1)).await;
    let mut events = publisher.events();
    sub.subscribe(b"last");
    event(&mut events, |e| matches!(e, Event::Subscribed { topic, .. } if topic == "last")).await;
    publisher.publish(Message::from("t"));
    assert_eq!(soon(sub.recv()).await, Message::from("t"));
}

/// Covers: pitfalls C4 D12
#[tokio::test]
async fn c4_a_requester_of_a_dead_server_is_told_and_can_be_thrown_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let once = Options { linger: Some(Duration::ZERO), ..options() };
    let mut req = ReqSocket::connect(&listener_endpoint(&listener), once);
    req.send(Message::from("q")).await.unwrap();
    let mut raw = Raw { stream: soon(listener.accept()).await.unwrap().0 };
    raw.greet(1, "REP").await;
    raw.read(5).await;
    drop((raw, listener));
    assert_eq!(soon(req.recv()).await, Err(ReqError::PeerLost));
    req.send(Message::from("to nobody")).await.unwrap();
    soon(req.close()).await;
}

/// Covers: pitfalls C5; conformance 38
#[tokio::test]
async fn c5_two_correlated_requests_before_the_server_is_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", free.port());
    let relaxed = Options { req_relaxed: true, req_correlate: true, ..options() };
    let mut req = ReqSocket::connect(&endpoint, relaxed);
    req.send(Message::from("one")).await.unwrap();
    req.send(Message::from("two")).await.unwrap();
    let mut rep = RepSocket::bind(&endpoint, options()).await.unwrap();
    for _ in 0..2 {
        let request = soon(rep.recv()).await;
        rep.send(request).unwrap();
    }
    assert_eq!(soon(req.recv()).await, Ok(Message::from("two")));
}

/// Covers: pitfalls C8 C9; conformance 46
#[tokio::test]
async fn c8_c9_a_name_is_taken_over_while_nobody_receives_and_old_replies_stay_with_the_old_peer() {
    let (mut router, endpoint) =
        router(Options { router_handover: true, sndbuf: Some(4096), ..options() }).await;
    let mut old = Raw::connect(&endpoint).await;
    old.send(&[greeting(1), ready("DEALER", Some(b"me"))].concat()).await;
    old.send(b"\x00\x01m").await;
    let (id, _) = soon(router.recv()).await;
    assert_eq!(id.as_bytes(), b"me");
    // The old peer does not read: some of these wait in its queue.
    for _ in 0..200 {
        router.send(&id, vec![b'o'; 50_000].into()).unwrap();
    }
    let mut events = router.events();
    let mut new = Raw::connect(&endpoint).await;
    new.send(&[greeting(1), ready("DEALER", Some(b"me"))].concat()).await;
    new.read_handshake().await;
    // Nobody is in recv(), and yet the new peer gets what is for it, and only that.
    event(&mut events, |e| matches!(e, Event::Connected { .. })).await;
    router.send(&id, Message::from("for the new one")).unwrap();
    assert_eq!(new.frame().await, (0, b"for the new one".to_vec()));
    event(
        &mut events,
        |e| matches!(e, Event::Disconnected { reason: Some(reason), .. } if reason.contains("taken over")),
    )
    .await;
    assert_eq!(router.connections(), 1);
}

/// Covers: pitfalls C11; conformance 47
#[tokio::test]
async fn c11_one_stalled_dealer_among_many_holds_up_nobody() {
    let (mut router, endpoint) = router(Options { sndhwm: Some(10), sndbuf: Some(4096), ..options() }).await;
    let mut stalled = Raw::connect(&endpoint).await;
    stalled.send(&[greeting(1), ready("DEALER", Some(b"stalled"))].concat()).await;
    stalled.send(b"\x00\x01m").await;
    let (stalled_id, _) = soon(router.recv()).await;
    let mut others: Vec<_> = (0..50).map(|_| DealerSocket::connect(&endpoint, options())).collect();
    for round in 0..20_u8 {
        for _ in 0..10 {
            router.send(&stalled_id, vec![0; 10_000].into()).unwrap();
        }
        for dealer in &others {
            dealer.send(vec![round].into()).await;
        }
        for _ in 0..others.len() {
            let (id, message) = soon(router.recv()).await;
            router.send(&id, message).unwrap();
        }
        for dealer in &mut others {
            assert_eq!(soon(dealer.recv()).await, Message::from(vec![round]));
        }
    }
}

/// Covers: pitfalls C13
#[tokio::test]
async fn c13_a_light_peer_waits_for_one_message_of_each_flooding_one_at_most() {
    let (mut router, endpoint) = router(Options { rcvhwm: Some(100), ..options() }).await;
    let mut floods = Vec::new();
    for _ in 0..3 {
        let mut flood = Raw::greeted(&endpoint, "DEALER").await;
        floods.push(tokio::spawn(async move {
            let block = b"\x00\x05flood".repeat(100);
            while flood.stream.write_all(&block).await.is_ok() {}
        }));
    }
    for _ in 0..100 {
        soon(router.recv()).await;
    }
    let mut light = Raw::greeted(&endpoint, "DEALER").await;
    for _ in 0..20 {
        light.send(b"\x00\x05light").await;
        let mut waited = 0;
        while soon(router.recv()).await.1 != Message::from("light") {
            waited += 1;
        }
        // Apart from the time that the octets take to arrive, which has no bound in messages.
        assert!(waited < 100_000, "{waited}");
    }
    floods.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Covers: pitfalls C14
#[tokio::test]
async fn c14_a_router_that_dials_learns_the_new_name_of_a_restarted_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut router = RouterSocket::connect(&listener_endpoint(&listener), options());
    for name in [b"first".as_slice(), b"second"] {
        let mut raw = Raw { stream: soon(listener.accept()).await.unwrap().0 };
        raw.send(&[greeting(1), ready("DEALER", Some(name))].concat()).await;
        raw.read_handshake().await;
        raw.send(b"\x00\x01m").await;
        let (id, _) = soon(router.recv()).await;
        assert_eq!(id.as_bytes(), name);
        router.send(&id, Message::from("hello")).unwrap();
        assert_eq!(raw.frame().await.1, b"hello");
    }
}

/// Covers: pitfalls C15; conformance 37
#[tokio::test]
async fn c15_only_the_asked_peer_answers_and_late_answers_are_dropped() {
    let (first, second) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let mut req = ReqSocket::new(Options { req_relaxed: true, ..options() });
    req.dial(&listener_endpoint(&first));
    req.dial(&listener_endpoint(&second));
    let mut one = Raw { stream: soon(first.accept()).await.unwrap().0 };
    one.greet(1, "REP").await;
    let mut other = Raw { stream: soon(second.accept()).await.unwrap().0 };
    other.greet(1, "REP").await;
    req.send(Message::from("q")).await.unwrap();
    assert_eq!(one.read(5).await, b"\x01\x00\x00\x01q");
    one.send(b"\x01\x00\x00\x05right\x01\x00\x00\x04late").await;
    assert_eq!(soon(req.recv()).await, Ok(Message::from("right")));
    req.send(Message::from("q")).await.unwrap();
    assert_eq!(other.read(5).await, b"\x01\x00\x00\x01q");
    one.send(b"\x01\x00\x00\x05wrong").await;
    let waiting = tokio::time::timeout(Duration::from_millis(100), req.recv()).await;
    assert!(waiting.is_err(), "nobody who was asked has answered: {waiting:?}");
    other.send(b"\x01\x00\x00\x06second").await;
    assert_eq!(soon(req.recv()).await, Ok(Message::from("second")));
}

/// Covers: pitfalls C16 B6
#[tokio::test]
async fn c16_clients_come_back_to_a_server_that_restarts_fifty_times() {
    let (mut router, endpoint) = router(options()).await;
    let mut dealer = DealerSocket::connect(&endpoint, named(b"client"));
    for round in 0..50_u8 {
        let answer = loop {
            dealer.send(vec![round].into()).await;
            match tokio::time::timeout(Duration::from_millis(500), router.recv()).await {
                Ok((id, message)) if message == Message::from(vec![round]) => break id,
                _ => {}
            }
        };
        router.send(&answer, vec![round].into()).unwrap();
        while soon(dealer.recv()).await != Message::from(vec![round]) {}
        router.close().await;
        router = RouterSocket::bind(&endpoint, options()).await.unwrap();
    }
}

/// Covers: pitfalls C17 C12
#[tokio::test]
async fn c17_requests_above_the_mark_wait_at_their_senders_and_all_are_served() {
    let (mut router, endpoint) = router(Options { rcvhwm: Some(1), ..options() }).await;
    let dealers: Vec<_> = (0..20).map(|_| DealerSocket::connect(&endpoint, options())).collect();
    for dealer in &dealers {
        for _ in 0..50 {
            dealer.send(Message::from("work")).await;
        }
    }
    for _ in 0..20 * 50 {
        soon(router.recv()).await;
    }
}

/// A relay that can swallow everything both ways, as a network does whose master lost its power.
struct Relay {
    endpoint: Endpoint,
    swallow: watch::Sender<bool>,
}

async fn relay(target: &Endpoint) -> Relay {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener_endpoint(&listener);
    let target = address(target);
    let swallow = watch::Sender::new(false);
    let swallowing = swallow.subscribe();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(&target).await else { continue };
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_read, far_write, swallowing.clone()));
            tokio::spawn(carry(far_read, near_write, swallowing.clone()));
        }
    });
    Relay { endpoint, swallow }
}

async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    swallowing: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(octets) = from.read(&mut buffer).await {
        if *swallowing.borrow() {
            if octets == 0 {
                std::future::pending::<()>().await;
            }
            continue;
        }
        if octets == 0 || to.write_all(&buffer[..octets]).await.is_err() {
            return;
        }
    }
}

/// Covers: pitfalls D1 D6; conformance 51
#[tokio::test]
async fn d1_d6_a_network_that_swallows_everything_is_noticed_by_heartbeats_on_both_sides() {
    let beating = || Options {
        heartbeat_ivl: Duration::from_millis(100),
        heartbeat_timeout: Some(Duration::from_millis(500)),
        handshake_ivl: Duration::from_secs(1),
        ..options()
    };
    let (publisher, endpoint) = publisher(beating()).await;
    let mut at_publisher = publisher.events();
    let relay = relay(&endpoint).await;
    let mut sub = SubSocket::new(beating());
    let mut at_sub = sub.events();
    sub.subscribe(b"");
    sub.dial(&relay.endpoint);
    soon(publisher.wait_for_subscribers(1)).await;
    publisher.publish(Message::from("before"));
    assert_eq!(soon(sub.recv()).await, Message::from("before"));
    relay.swallow.send_replace(true);
    let timed_out = |e: &Event| matches!(e, Event::Disconnected { reason: Some(reason), .. } if reason == "heartbeat timed out");
    event(&mut at_sub, timed_out).await;
    event(&mut at_publisher, timed_out).await;
    assert_eq!(publisher.connections(), 0, "its queue went with it");
    relay.swallow.send_replace(false);
    soon(publisher.wait_for_subscribers(1)).await;
    publisher.publish(Message::from("after"));
    assert_eq!(soon(sub.recv()).await, Message::from("after"));
}

/// Covers: pitfalls D2
#[cfg(target_os = "linux")]
#[tokio::test]
async fn d2_data_that_nobody_takes_ends_the_connection_after_tcp_maxrt() {
    let limits = Options { tcp_maxrt: Some(Duration::from_secs(1)), sndbuf: Some(4096), ..options() };
    let (publisher, endpoint) = publisher(limits).await;
    let mut events = publisher.events();
    // A window that stays closed is for the sender what a swallowing network is: data that is never taken.
    let mut deaf = Raw::greeted(&endpoint, "SUB").await;
    deaf.send(b"\x00\x01\x01").await;
    soon(publisher.wait_for_subscribers(1)).await;
    for _ in 0..500 {
        publisher.send(vec![0; 20_000].into()).await;
    }
    let ended = event(&mut events, |e| matches!(e, Event::Disconnected { .. })).await;
    let Event::Disconnected { reason, .. } = ended else { unreachable!() };
    assert_eq!(reason.as_deref(), Some("network timed out"));
    assert_eq!(publisher.connections(), 0);
}

/// Covers: pitfalls D3 D4 D5; conformance 50 52
#[tokio::test]
async fn d4_pings_between_the_frames_of_a_request_and_of_its_reply() {
    let mut rep = RepSocket::bind(&anywhere(), options()).await.unwrap();
    let mut raw = Raw::greeted(&rep.local_endpoint().unwrap(), "REQ").await;
    let ping = b"\x04\x0a\x04PING\xff\xff\xffab";
    raw.send(&[&b"\x01\x00"[..], ping, b"\x01\x01a", ping, b"\x00\x01b"].concat()).await;
    let request = soon(rep.recv()).await;
    assert_eq!(request.parts(), ["a", "b"].map(Bytes::from));
    raw.send(ping).await;
    assert_eq!(raw.frame().await, (4, b"\x04PONG\xffab".to_vec()));
    rep.send(Message::from("r")).unwrap();
    let mut frame = raw.frame().await;
    while frame.0 == 4 {
        frame = raw.frame().await;
    }
    assert_eq!(frame, (1, vec![]));
    assert_eq!(raw.frame().await, (0, b"r".to_vec()));
}

/// A receive that has begun, is kept and not polled: the connection's own task takes it over.
#[tokio::test]
async fn a_receiver_that_does_not_come_back_holds_up_nothing() {
    let mut rep = RepSocket::bind(&anywhere(), options()).await.unwrap();
    let mut raw = Raw::greeted(&rep.local_endpoint().unwrap(), "REQ").await;
    let ping = b"\x04\x0a\x04PING\xff\xff\xffab";
    let pong = (4, b"\x04PONG\xffab".to_vec());
    raw.send(ping).await;
    assert_eq!(raw.frame().await, pong, "the handshake is complete");
    for name in [b'a', b'b'] {
        {
            let mut kept = std::pin::pin!(rep.recv());
            let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
            assert!(kept.as_mut().poll(cx).is_pending());
            for _ in 0..2 {
                raw.send(ping).await;
                assert_eq!(raw.frame().await, pong);
            }
            raw.send(&[1, 0, 0, 1, name]).await;
            raw.send(ping).await;
            assert_eq!(raw.frame().await, pong);
            assert_eq!(soon(kept).await.first()[..], [name], "and what came meanwhile is there");
        }
        rep.send(Message::from("r")).unwrap();
        assert_eq!((raw.frame().await, raw.frame().await), ((1, vec![]), (0, b"r".to_vec())));
    }
}

/// A receiver that took one message and does not come for the rest: the connection's own task reads on.
#[tokio::test]
async fn a_receiver_that_leaves_octets_unread_holds_up_nothing() {
    let mut pull = PullSocket::bind(&anywhere(), options()).await.unwrap();
    let mut raw = Raw::greeted(&pull.local_endpoint().unwrap(), "PUSH").await;
    let ping = b"\x04\x0a\x04PING\xff\xff\xffab";
    let pong = (4, b"\x04PONG\xffab".to_vec());
    raw.send(ping).await;
    assert_eq!(raw.frame().await, pong, "the handshake is complete");
    let messages = [&b"\x02\0\0\0\0\0\0\x27\x10"[..], &[7; 10_000]].concat().repeat(50);
    for _ in 0..3 {
        raw.send(&[&messages[..], ping].concat()).await;
        assert_eq!(soon(pull.recv()).await.octets(), 10_000);
        assert_eq!(raw.frame().await, pong, "while nobody receives");
        for _ in 1..50 {
            assert_eq!(soon(pull.recv()).await.octets(), 10_000);
        }
    }
    assert_eq!(pull.try_recv(), None);
}

/// Covers: conformance 1 2 3 16
#[tokio::test]
async fn one_octet_at_a_time_and_greetings_full_of_noise_from_the_future() {
    let (mut router, endpoint) = router(options()).await;
    for (major, minor) in [(3, 0), (3, 1), (3, 2), (4, 0), (9, 9)] {
        let mut octets = greeting(minor);
        octets[1..9].fill(0xA5);
        octets[10] = major;
        octets[32] = 1;
        octets[33..].fill(0x5A);
        octets.extend(ready("DEALER", None));
        octets.extend(b"\x02\x00\x00\x00\x00\x00\x00\x00\x02hi");
        let mut raw = Raw::connect(&endpoint).await;
        for octet in octets {
            raw.send(&[octet]).await;
        }
        assert_eq!(soon(router.recv()).await.1, Message::from("hi"));
    }
}

/// Covers: conformance 59; pitfalls A1 A3 A9
#[tokio::test]
async fn garbage_of_every_kind_never_disturbs_a_good_peer() {
    let (mut router, endpoint) = router(Options { handshake_ivl: Duration::from_secs(2), ..options() }).await;
    let seed = [greeting(1), ready("DEALER", Some(b"x")), b"\x01\x01a\x00\x01b\x04\x07\x04PING\0\0".to_vec()]
        .concat();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 33) as usize % bound
    };
    let mut open = Vec::new();
    for round in 0..300 {
        let mut octets = seed.clone();
        for _ in 0..=below(4) {
            let at = below(octets.len());
            match below(4) {
                0 => octets.truncate(at + 1),
                1 => octets[at] = [0, 1, 2, 4, 0x7F, 0x80, 0xFF][below(7)],
                2 => octets[at] ^= 1 << below(8),
                _ => octets.insert(at, 0xFF),
            }
        }
        let mut raw = Raw::connect(&endpoint).await;
        let _refused = raw.stream.write_all(&octets).await;
        open.push(raw);
        if round % 50 == 49 {
            check_good_peer(&mut router).await;
        }
    }
}

/// Covers: conformance 57
#[tokio::test]
async fn conformance_57_events_tell_the_life_of_a_connection_in_order() {
    let dealer = DealerSocket::new(options());
    let mut events = dealer.events();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    dealer.dial(&listener_endpoint(&listener));
    let mut raw = Raw { stream: soon(listener.accept()).await.unwrap().0 };
    raw.greet(1, "ROUTER").await;
    drop(raw);
    let raw = Raw { stream: soon(listener.accept()).await.unwrap().0 };
    drop(raw);
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(match soon(events.recv()).await.unwrap() {
            Event::Connected { .. } => "connected",
            Event::Disconnected { .. } => "disconnected",
            Event::ConnectRetried { .. } => "retried",
            Event::HandshakeFailed { .. } => "failed",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["connected", "disconnected", "retried", "failed"]);
}

/// Covers: conformance 60; pitfalls B11 C7 D13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_60_peers_that_come_and_go_leave_nothing() {
    let publisher = PubSocket::bind(&anywhere(), Options { backlog: 1000, ..options() }).await.unwrap();
    let endpoint = publisher.local_endpoint().unwrap();
    for _ in 0..20 {
        let subs: Vec<_> = (0..50).map(|_| SubSocket::connect(&endpoint, options())).collect();
        subs.iter().for_each(|sub| sub.subscribe(b""));
        soon(publisher.wait_for_subscribers(25)).await;
        publisher.publish(Message::from("m"));
        let mut events = publisher.events();
        drop(subs);
        while publisher.connections() > 0 {
            soon(events.recv()).await;
        }
    }
    assert_eq!(publisher.subscribers(), 0);
}
