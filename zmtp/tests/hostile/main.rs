//! Peers that do everything wrong. Each test names its row in the list of what has broken other implementations.
#![cfg(feature = "tokio")]

mod counted;
mod covered;
mod files;
mod more;
mod musts;
mod raw;

use std::time::Duration;

use bytes::Bytes;
use raw::{Raw, greeting, ready, soon};
use tokio::net::TcpListener;
use zmtp::{
    DealerSocket, Endpoint, Event, Events, Message, Options, PubSocket, RepSocket, ReqSocket, RouterSocket,
    SubSocket,
};

fn anywhere() -> Endpoint {
    "tcp://127.0.0.1:0".parse().unwrap()
}

fn options() -> Options {
    Options { reconnect_ivl: Some(Duration::from_millis(5)), ..Options::default() }
}

async fn router(options: Options) -> (RouterSocket, Endpoint) {
    let router = RouterSocket::bind(&anywhere(), options).await.unwrap();
    let endpoint = router.local_endpoint().unwrap();
    (router, endpoint)
}

async fn publisher(options: Options) -> (PubSocket, Endpoint) {
    let publisher = PubSocket::bind(&anywhere(), options).await.unwrap();
    let endpoint = publisher.local_endpoint().unwrap();
    (publisher, endpoint)
}

async fn event(events: &mut Events, wanted: impl Fn(&Event) -> bool) -> Event {
    loop {
        match soon(events.recv()).await {
            Some(event) if wanted(&event) => return event,
            Some(_) => {}
            None => panic!("the socket is gone"),
        }
    }
}

/// Whatever happened before, a well-behaved peer is served.
async fn check_good_peer(router: &mut RouterSocket) {
    let mut dealer = DealerSocket::connect(&router.local_endpoint().unwrap(), options());
    dealer.send(Message::from("good")).await;
    loop {
        let (id, message) = soon(router.recv()).await;
        if message == Message::from("good") {
            router.send(&id, Message::from("served")).unwrap();
            break;
        }
    }
    assert_eq!(soon(dealer.recv()).await, Message::from("served"));
}

/// Covers: pitfalls A1 A3 A9 A10 A14; conformance 4 9 10 12 17 18 19 21 48
#[tokio::test]
async fn a1_a9_a10_a14_offences_close_their_own_connection_only() {
    let limits = Options { maxmsgsize: Some(1000), max_multipart_frames: 100, ..options() };
    let (mut router, endpoint) = router(limits).await;
    let before: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x01\x00",
        b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x02",
        b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01",
    ];
    for octets in before {
        let mut raw = Raw::connect(&endpoint).await;
        raw.send(octets).await;
        raw.closed().await;
    }
    let in_handshake: &[&[u8]] = &[
        b"\x00\x05early",
        b"\x04\x0a\x09SUBSCRIBE",
        b"\x04\x06\x05READYx",
        b"\x04\x0b\x05READY\x01A\xff\xff\xff\xff",
        b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB",
        b"\x06\x00\x00\x00\x00\x7f\xff\xff\xff",
        b"\x06\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x04\x0a\x05ERROR\x03400",
    ];
    for octets in in_handshake {
        let mut raw = Raw::connect(&endpoint).await;
        raw.send(&[&greeting(1), *octets].concat()).await;
        raw.closed().await;
    }
    let frames = b"\x01\x00".repeat(101);
    let in_traffic: &[&[u8]] = &[
        b"\x02\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x02\x80\x00\x00\x00\x00\x00\x00\x00",
        b"\x02\x00\x00\x00\x00\x00\x00\x03\xe9",
        b"\x04\x05\x04PING",
        b"\x04\x02\x09X",
        b"\x06\x00\x00\x00\x00\x10\x00\x00\x00",
        &frames,
    ];
    for octets in in_traffic {
        let mut raw = Raw::greeted(&endpoint, "DEALER").await;
        raw.send(octets).await;
        raw.closed().await;
    }
    let mut exactly = Raw::greeted(&endpoint, "DEALER").await;
    exactly.send(&[&b"\x02\x00\x00\x00\x00\x00\x00\x03\xe8"[..], &[7; 1000]].concat()).await;
    assert_eq!(soon(router.recv()).await.1.octets(), 1000, "nothing of the garbage was delivered");
    check_good_peer(&mut router).await;
}

/// Covers: pitfalls A5; conformance 1
#[tokio::test]
async fn a5_a_peer_that_dribbles_is_not_waited_for_and_gets_our_greeting_first() {
    let (mut router, endpoint) = router(options()).await;
    let mut raw = Raw::connect(&endpoint).await;
    raw.read_handshake().await; // without having sent anything
    let mut stream = [greeting(0), ready("DEALER", Some(b"slow"))].concat();
    stream.extend(b"\x01\x00\x00\x02hi");
    for octet in stream {
        raw.send(&[octet]).await;
        tokio::task::yield_now().await;
    }
    let (id, message) = soon(router.recv()).await;
    assert_eq!((id.as_bytes(), message.len()), (&b"slow"[..], 2));
}

/// Covers: pitfalls A6 A12; conformance 13
#[tokio::test]
async fn a6_a12_silence_in_the_handshake_is_cut_and_afterwards_is_not() {
    let short = Options { handshake_ivl: Duration::from_millis(200), ..options() };
    let (mut router, endpoint) = router(short).await;
    let mut idle = Raw::greeted(&endpoint, "DEALER").await;
    let mut silent = Vec::new();
    for said in [0, 9, 10, 63, 64] {
        let mut raw = Raw::connect(&endpoint).await;
        raw.send(&greeting(1)[..said]).await;
        silent.push(raw);
    }
    for raw in &mut silent {
        raw.closed().await;
    }
    idle.send(b"\x00\x05still").await;
    assert_eq!(soon(router.recv()).await.1, Message::from("still"));
    // The other side of a connection has the same limit.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let once = Options { handshake_ivl: Duration::from_millis(200), ..options() };
    let dealer = DealerSocket::new(once);
    let mut events = dealer.events();
    dealer.dial(&endpoint);
    let _silent = soon(listener.accept()).await.unwrap();
    event(
        &mut events,
        |e| matches!(e, Event::HandshakeFailed { reason, .. } if reason == "handshake timed out"),
    )
    .await;
}

/// Covers: pitfalls A7
#[tokio::test]
async fn a7_a_half_open_peer_is_no_subscriber_and_takes_no_message() {
    let (publisher, endpoint) = publisher(options()).await;
    let mut half = Raw::connect(&endpoint).await;
    half.send(&greeting(1)).await;
    half.read_handshake().await;
    let dealer = DealerSocket::new(options());
    let dealer_at = dealer.listen(&anywhere()).await.unwrap();
    let mut stranger = Raw::connect(&dealer_at).await;
    stranger.send(&greeting(1)).await;
    stranger.read_handshake().await;
    assert_eq!((publisher.connections(), publisher.subscribers()), (0, 0));
    assert!(dealer.try_send(Message::from("for nobody")).is_err());
    half.send(&ready("SUB", None)).await;
    half.send(b"\x00\x01\x01").await;
    soon(publisher.wait_for_subscribers(1)).await;
}

/// Covers: pitfalls A8
#[tokio::test]
async fn a8_five_hundred_stalled_peers_do_not_hold_up_a_good_one() {
    let (mut router, endpoint) = router(Options { backlog: 1000, ..options() }).await;
    let mut stalled = Vec::new();
    for _ in 0..500 {
        stalled.push(Raw::connect(&endpoint).await);
    }
    check_good_peer(&mut router).await;
}

#[tokio::test]
async fn half_open_connections_above_the_limit_push_out_the_oldest() {
    let (mut router, endpoint) = router(Options { max_half_open: 10, ..options() }).await;
    let mut events = router.events();
    let mut stalled = Vec::new();
    for _ in 0..15 {
        stalled.push(Raw::connect(&endpoint).await);
    }
    for _ in 0..5 {
        event(&mut events, |e| matches!(e, Event::HandshakeFailed { .. })).await;
    }
    stalled[0].closed().await;
    check_good_peer(&mut router).await;
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_a_place() {
    let (mut router, endpoint) = router(Options { max_connections: 1, ..options() }).await;
    let mut first = Raw::greeted(&endpoint, "DEALER").await;
    let dealer = DealerSocket::connect(&endpoint, options());
    dealer.send(Message::from("second")).await;
    first.send(b"\x00\x05first").await;
    assert_eq!(soon(router.recv()).await.1, Message::from("first"));
    drop(first);
    assert_eq!(soon(router.recv()).await.1, Message::from("second"));
}

/// Covers: pitfalls A11; conformance 49
#[tokio::test]
async fn a11_a_flood_of_pings_from_a_peer_that_does_not_read_is_harmless() {
    let (mut router, endpoint) = router(Options { sndbuf: Some(4096), ..options() }).await;
    let mut raw = Raw::greeted(&endpoint, "DEALER").await;
    let pings = b"\x04\x17\x04PING\x00\x000123456789abcdef".repeat(1000);
    for _ in 0..100 {
        raw.send(&pings).await;
    }
    check_good_peer(&mut router).await;
    let (flags, body) = raw.frame().await;
    assert_eq!((flags, &body[..]), (4, &b"\x04PONG0123456789abcdef"[..]));
}

/// Covers: conformance 22 28
#[tokio::test]
async fn conformance_22_subscriptions_follow_the_minor_version_of_the_publisher() {
    for (minor, plus, minus) in [
        (0, (0, b"\x01A".to_vec()), (0, b"\x00A".to_vec())),
        (1, (4, b"\x09SUBSCRIBEA".to_vec()), (4, b"\x06CANCELA".to_vec())),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
        let mut sub = SubSocket::connect(&endpoint, options());
        sub.subscribe(b"A");
        let mut raw = Raw { stream: soon(listener.accept()).await.unwrap().0 };
        raw.greet(minor, "PUB").await;
        assert_eq!(raw.frame().await, plus);
        // A publisher that sends what was not asked for.
        raw.send(b"\x00\x01B\x01\x01B\x00\x01A\x00\x02AB").await;
        assert_eq!(soon(sub.recv()).await, Message::from("AB"));
        sub.unsubscribe(b"A");
        assert_eq!(raw.frame().await, minus);
    }
}

/// Covers: pitfalls B9 B16; conformance 25
#[tokio::test]
async fn b9_b16_subscriptions_are_a_set_and_empty_frames_match_the_empty_topic() {
    let (publisher, endpoint) = publisher(options()).await;
    let mut events = publisher.events();
    let mut raw = Raw::greeted(&endpoint, "SUB").await;
    raw.send(b"\x04\x0b\x09SUBSCRIBEt\x04\x0b\x09SUBSCRIBEt\x04\x08\x06CANCELt\x00\x01\x01").await;
    event(&mut events, |e| matches!(e, Event::Subscribed { topic, .. } if topic.is_empty())).await;
    publisher.publish(Message::from(""));
    assert_eq!(raw.frame().await, (0, vec![]));
    raw.send(b"\x04\x07\x06CANCEL").await;
    event(&mut events, |e| matches!(e, Event::Unsubscribed { topic, .. } if topic.is_empty())).await;
    publisher.publish(Message::from("t"));
    raw.send(b"\x00\x02\x01u").await;
    event(&mut events, |e| matches!(e, Event::Subscribed { .. })).await;
    publisher.publish(Message::from("u"));
    assert_eq!(raw.frame().await, (0, b"u".to_vec()));
}

/// Covers: pitfalls B14
#[tokio::test]
async fn b14_a_peer_that_subscribes_without_end_is_closed() {
    let (publisher, endpoint) =
        publisher(Options { max_subscriptions: 10, max_subscription_octets: 1000, ..options() }).await;
    let mut many = Raw::greeted(&endpoint, "SUB").await;
    for topic in b'a'..b'a' + 11 {
        many.send(&[0, 2, 1, topic]).await;
    }
    many.closed().await;
    let mut long = Raw::greeted(&endpoint, "SUB").await;
    long.send(&[&[2, 0, 0, 0, 0, 0, 0, 4, 0, 1][..], &[b'x'; 1023]].concat()).await;
    long.closed().await;
    let mut fine = Raw::greeted(&endpoint, "SUB").await;
    for topic in b'a'..b'a' + 10 {
        fine.send(&[0, 2, 1, topic]).await;
    }
    soon(publisher.wait_for_subscribers(1)).await;
}

/// Covers: conformance 33
#[tokio::test]
async fn data_on_a_pub_is_dropped_and_the_peer_stays_subscribed() {
    let (publisher, endpoint) = publisher(options()).await;
    let mut raw = Raw::greeted(&endpoint, "SUB").await;
    raw.send(b"\x00\x05hello\x01\x01\x01\x00\x01\x01\x00\x00\x04\x0a\x09SUBSCRIBE").await;
    soon(publisher.wait_for_subscribers(1)).await;
    publisher.publish(Message::from("m"));
    assert_eq!(raw.frame().await, (0, b"m".to_vec()));
}

/// Covers: pitfalls B5; conformance 31
#[tokio::test]
async fn b5_a_stalled_subscriber_loses_whole_messages_only() {
    let (publisher, endpoint) =
        publisher(Options { sndhwm: Some(10), sndbuf: Some(4096), ..options() }).await;
    let mut raw = Raw::greeted(&endpoint, "SUB").await;
    raw.send(b"\x00\x01\x01").await;
    soon(publisher.wait_for_subscribers(1)).await;
    for _ in 0..1000 {
        let part = Bytes::from(vec![1; 20_000]);
        publisher.send(Message::from_parts(vec![part.clone(), part.clone(), part])).await;
    }
    let mut received = 0;
    loop {
        let next = tokio::time::timeout(Duration::from_millis(300), raw.frame()).await;
        let Ok((flags, body)) = next else { break };
        assert_eq!((flags & 1, body.len()), (u8::from(received % 3 != 2), 20_000));
        received += 1;
    }
    assert!(received >= 30 && received % 3 == 0 && received < 3000, "{received}");
}

/// Covers: pitfalls C6; conformance 39 40
#[tokio::test]
async fn c6_clients_that_leave_before_their_reply_do_not_stop_a_rep() {
    let mut rep = RepSocket::bind(&anywhere(), options()).await.unwrap();
    let endpoint = rep.local_endpoint().unwrap();
    for _ in 0..1000 {
        let mut raw = Raw::greeted(&endpoint, "REQ").await;
        raw.send(b"\x01\x00\x00\x01q").await;
        drop(raw);
        soon(rep.recv()).await;
        rep.send(Message::from("too late")).unwrap();
    }
    let mut raw = Raw::greeted(&endpoint, "DEALER").await;
    raw.send(b"\x00\x0cno delimiter\x01\x02l1\x01\x00\x00\x02ok").await;
    assert_eq!(soon(rep.recv()).await, Message::from("ok"));
    rep.send(Message::from("R")).unwrap();
    assert_eq!(raw.read(9).await, b"\x01\x02l1\x01\x00\x00\x01R");
}

/// Covers: pitfalls D4; conformance 35
#[tokio::test]
async fn conformance_35_a_malformed_reply_closes_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let mut req = ReqSocket::connect(&endpoint, options());
    req.send(Message::from("q")).await.unwrap();
    let mut raw = Raw { stream: soon(listener.accept()).await.unwrap().0 };
    raw.greet(1, "REP").await;
    assert_eq!(raw.read(5).await, b"\x01\x00\x00\x01q");
    // D4: a PING between request and reply is not a reply.
    raw.send(b"\x04\x07\x04PING\x00\x00\x00\x03bad").await;
    assert!(soon(req.recv()).await.is_err());
    raw.closed().await;
}

/// Covers: pitfalls C7; conformance 46
#[tokio::test]
async fn c7_a_stolen_routing_id_is_refused_two_thousand_times() {
    let (mut router, endpoint) = router(options()).await;
    let mut owner = Raw::connect(&endpoint).await;
    owner.send(&[greeting(1), ready("DEALER", Some(b"me"))].concat()).await;
    owner.send(b"\x00\x01m").await;
    let (id, _) = soon(router.recv()).await;
    for _ in 0..2000 {
        let mut thief = Raw::connect(&endpoint).await;
        thief.send(&[greeting(1), ready("DEALER", Some(b"me"))].concat()).await;
        thief.send(b"\x00\x05steal").await;
        thief.closed().await;
    }
    assert_eq!(router.connections(), 1);
    owner.read_handshake().await;
    router.send(&id, Message::from("mine")).unwrap();
    assert_eq!(owner.frame().await, (0, b"mine".to_vec()));
    owner.send(b"\x00\x05still").await;
    assert_eq!(soon(router.recv()).await.1, Message::from("still"));
}

/// Covers: pitfalls C10
#[tokio::test]
async fn c10_a_peer_that_floods_without_reading_costs_only_itself() {
    let small = Options { rcvhwm: Some(10), sndhwm: Some(10), sndbuf: Some(4096), ..options() };
    let (mut router, endpoint) = router(small).await;
    let mut flood = Raw::greeted(&endpoint, "DEALER").await;
    flood.send(b"\x00\x05flood").await;
    let (id, _) = soon(router.recv()).await;
    let flooding = tokio::spawn(async move {
        let block = b"\x00\x05flood".repeat(1000);
        loop {
            flood.send(&block).await;
        }
    });
    for _ in 0..100 {
        router.send(&id, vec![0; 10_000].into()).unwrap();
        tokio::task::yield_now().await;
    }
    check_good_peer(&mut router).await;
    flooding.abort();
}

/// Covers: pitfalls D7; conformance 12 53
#[tokio::test]
async fn d7_a_server_that_accepts_and_closes_is_left_alone_more_and_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let accepting = tokio::spawn(async move {
        loop {
            let _closed = listener.accept().await;
        }
    });
    let options = Options {
        reconnect_ivl: Some(Duration::from_millis(1)),
        reconnect_ivl_max: Duration::from_millis(64),
        ..Options::default()
    };
    let sub = SubSocket::new(options);
    let mut events = sub.events();
    sub.dial(&endpoint);
    let mut delays = Vec::new();
    while delays.len() < 16 {
        if let Event::ConnectRetried { delay, .. } =
            event(&mut events, |e| matches!(e, Event::ConnectRetried { .. })).await
        {
            delays.push(delay);
        }
    }
    assert!(delays[0] <= Duration::from_millis(2));
    // Anything up to 64 ms; ten of them below 16 ms in a row happen once in a million.
    assert!(delays[6..].iter().any(|delay| *delay >= Duration::from_millis(16)), "{delays:?}");
    let mut distinct = delays[6..].to_vec();
    distinct.dedup();
    assert!(distinct.len() > 1, "no jitter: {delays:?}");
    accepting.abort();
}

/// Covers: pitfalls D13
#[tokio::test]
async fn d13_sockets_may_be_dropped_in_any_state() {
    for round in 0..50_u8 {
        let (router, endpoint) = router(Options { linger: Some(Duration::ZERO), ..options() }).await;
        let dealers: Vec<_> = (0..5).map(|_| DealerSocket::connect(&endpoint, options())).collect();
        for dealer in &dealers {
            dealer.try_send(Message::from("m")).unwrap();
        }
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        if round % 2 == 0 {
            soon(router.close()).await;
        } else {
            drop(dealers);
            drop(router);
        }
    }
}
