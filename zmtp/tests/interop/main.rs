//! Our sockets against libzmq, through pyzmq, in both directions. Without pyzmq the tests say SKIP and pass, or
//! fail when `HALITE_REQUIRE_PEERS` is set.
#![cfg(feature = "tokio")]

mod matrix;
mod peer;
mod restart;
mod security;
mod topics;

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use peer::Peer;
use zmtp::{
    DealerSocket, Endpoint, Event, Events, Message, Options, PubSocket, RepSocket, ReqSocket, RouterSocket,
    RoutingId, SubSocket, XPubEvent, XPubSocket,
};

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("this takes too long")
}

/// The next event that `wanted` recognises.
async fn event(events: &mut Events, wanted: impl Fn(&Event) -> bool) -> Event {
    loop {
        match soon(events.recv()).await {
            Some(event) if wanted(&event) => return event,
            Some(_) => {}
            None => panic!("the socket is gone"),
        }
    }
}

fn anywhere() -> Endpoint {
    "tcp://127.0.0.1:0".parse().unwrap()
}

fn options() -> Options {
    Options { reconnect_ivl: Some(Duration::from_millis(10)), ..Options::default() }
}

fn message(parts: &[&[u8]]) -> Message {
    Message::from_parts(parts.iter().map(|part| Bytes::copy_from_slice(part)).collect())
}

#[track_caller]
fn assert_parts(message: &Message, parts: &[&[u8]]) {
    let got: Vec<&[u8]> = message.parts().iter().map(|part| &part[..]).collect();
    assert_eq!(got, parts);
}

/// Covers: pitfalls B9; conformance 27
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_pub_serves_a_libzmq_sub_over_tcp_and_ipc() {
    let Some(mut peer) = Peer::start() else { return };
    let path = std::env::temp_dir().join(format!("zmtp-interop-{}", std::process::id()));
    for endpoint in [anywhere(), Endpoint::ipc(path).unwrap()] {
        let publisher = PubSocket::bind(&endpoint, options()).await.unwrap();
        let mut events = publisher.events();
        peer.run("new s SUB");
        for topic in ["61", "6162", "-"] {
            peer.run(&format!("sub s {topic}"));
        }
        peer.connect("s", &publisher.local_endpoint().unwrap());
        event(&mut events, |e| matches!(e, Event::Subscribed { topic, .. } if topic.is_empty())).await;
        for parts in [&[&b"abc"[..], b"", b"body"][..], &[b""], &[b"x"], &[&[7; 300]], &[&[8; 70_000]]] {
            publisher.publish(message(parts));
            peer.expect("s", parts);
        }
        // Subscribed twice and cancelled twice: libzmq sends one CANCEL.
        peer.run("sub s -");
        peer.run("unsub s -");
        peer.run("unsub s -");
        event(&mut events, |e| matches!(e, Event::Unsubscribed { topic, .. } if topic.is_empty())).await;
        publisher.publish(message(&[b"unwanted"]));
        publisher.publish(message(&[b"ab"]));
        peer.expect("s", &[b"ab"]);
        peer.run("close s");
        event(&mut events, |e| matches!(e, Event::Disconnected { .. })).await;
        assert_eq!(publisher.subscribers(), 0);
    }
}

/// Covers: pitfalls B6 B7; conformance 24 29
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_sub_hears_a_libzmq_pub_before_and_after_its_restart() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new p XPUB");
    let endpoint = peer.bind("p");
    let mut sub = SubSocket::connect(&endpoint, options());
    sub.subscribe(b"t");
    sub.subscribe(&[b'l'; 300]);
    let mut expected = vec![[b"\x01".as_slice(), &[b'l'; 300]].concat(), b"\x01t".to_vec()];
    for _ in 0..2 {
        for topic in &expected {
            assert_eq!(peer.recv("p"), std::slice::from_ref(topic));
        }
        peer.send("p", &[b"unwanted"]);
        peer.send("p", &[b"topic", b"", &[1; 100_000]]);
        let got = soon(sub.recv()).await;
        assert_parts(&got, &[b"topic", b"", &[1; 100_000]]);
        peer.run("close p");
        peer.run("new p XPUB");
        peer.run(&format!("bind p {endpoint}"));
    }
    for topic in expected.drain(..) {
        assert_eq!(peer.recv("p"), [topic]);
    }
    sub.unsubscribe(b"t");
    peer.expect("p", &[b"\x00t"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_xpub_tells_what_a_libzmq_sub_does() {
    let Some(mut peer) = Peer::start() else { return };
    let mut publisher = XPubSocket::bind(&anywhere(), options()).await.unwrap();
    peer.run("new s XSUB");
    peer.connect("s", &publisher.local_endpoint().unwrap());
    peer.send("s", &[b"\x01topic"]);
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Subscribed("topic".into()));
    peer.send("s", &[b"hello", b"up there"]);
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Message(message(&[b"hello", b"up there"])));
    peer.run("close s");
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Unsubscribed("topic".into()));
}

/// The same application on both XPUBs with XPUB_MANUAL: what it hears and what its subscriber gets.
/// Covers: conformance 32
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manual_xpub_does_what_libzmqs_does() {
    let Some(mut peer) = Peer::start() else { return };
    let mut ours = XPubSocket::bind(&anywhere(), Options { xpub_manual: true, ..options() }).await.unwrap();
    peer.run("new s SUB");
    peer.run("sub s 41");
    peer.connect("s", &ours.local_endpoint().unwrap());
    assert_eq!(soon(ours.recv()).await, XPubEvent::Subscribed("A".into()));
    assert!(ours.subscribe(b"AB"));
    ours.publish(message(&[b"A"]));
    ours.publish(message(&[b"AB"]));
    peer.expect("s", &[b"AB"]);
    peer.run("close s");
    assert_eq!(soon(ours.recv()).await, XPubEvent::Unsubscribed("A".into()));

    peer.run("new p XPUB XPUB_MANUAL=1");
    let endpoint = peer.bind("p");
    let mut sub = SubSocket::connect(&endpoint, options());
    sub.subscribe(b"A");
    peer.expect("p", &[b"\x01A"]);
    peer.run("sub p 4142");
    peer.send("p", &[b"A"]);
    peer.send("p", &[b"AB"]);
    assert_parts(&soon(sub.recv()).await, &[b"AB"]);
    sub.close().await;
    peer.expect("p", &[b"\x00A"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_replies_pass_both_ways() {
    let Some(mut peer) = Peer::start() else { return };
    let mut rep = RepSocket::bind(&anywhere(), options()).await.unwrap();
    peer.run("new req REQ");
    peer.connect("req", &rep.local_endpoint().unwrap());
    peer.run("new rep REP");
    let mut req = ReqSocket::connect(&peer.bind("rep"), options());
    for parts in [&[&b"q"[..]][..], &[b"", b"two"], &[b""]] {
        peer.send("req", parts);
        assert_parts(&soon(rep.recv()).await, parts);
        rep.send(message(&[b"r", b""])).unwrap();
        peer.expect("req", &[b"r", b""]);
        req.send(message(parts)).await.unwrap();
        peer.expect("rep", parts);
        peer.send("rep", &[b"answer"]);
        assert_parts(&soon(req.recv()).await.unwrap(), &[b"answer"]);
    }
}

/// Covers: conformance 38
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_relaxed_and_correlated_req_skips_old_replies() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new r ROUTER");
    let endpoint = peer.bind("r");
    let relaxed = Options { req_relaxed: true, req_correlate: true, ..options() };
    let mut req = ReqSocket::connect(&endpoint, relaxed);
    req.send(message(&[b"one"])).await.unwrap();
    req.send(message(&[b"two"])).await.unwrap();
    for _ in 0..2 {
        let request = peer.recv("r");
        assert_eq!((request.len(), request[1].len(), &request[2][..]), (4, 4, &b""[..]));
        let parts: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        peer.send("r", &parts);
    }
    assert_parts(&soon(req.recv()).await.unwrap(), &[b"two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routers_and_dealers_know_each_other_by_name() {
    let Some(mut peer) = Peer::start() else { return };
    let mut router = RouterSocket::bind(&anywhere(), options()).await.unwrap();
    peer.run("new d DEALER IDENTITY=hex:776562");
    peer.connect("d", &router.local_endpoint().unwrap());
    peer.send("d", &[b"", b"hello"]);
    let (id, got) = soon(router.recv()).await;
    assert_eq!(id.as_bytes(), b"web");
    assert_parts(&got, &[b"", b"hello"]);
    router.send(&id, message(&[b"back", b"x"])).unwrap();
    peer.expect("d", &[b"back", b"x"]);

    peer.run("new r ROUTER");
    let named = Options { routing_id: Some(RoutingId::new(b"ours").unwrap()), ..options() };
    let mut dealer = DealerSocket::connect(&peer.bind("r"), named);
    dealer.send(message(&[b"m"])).await;
    peer.expect("r", &[b"ours", b"m"]);
    peer.send("r", &[b"ours", b"reply"]);
    assert_parts(&soon(dealer.recv()).await, &[b"reply"]);
}

/// Salt's master: ROUTER in front, DEALER behind, REP workers connecting to it.
/// Covers: conformance 41
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_libzmq_device_stands_between_our_req_and_our_rep() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new front ROUTER");
    peer.run("new back DEALER");
    let front = peer.bind("front");
    let back = peer.bind("back");
    peer.run("proxy front back");
    let mut rep = RepSocket::connect(&back, options());
    let mut req = ReqSocket::connect(&front, options());
    for round in 0..50_u8 {
        req.send(message(&[&[round]])).await.unwrap();
        assert_parts(&soon(rep.recv()).await, &[&[round]]);
        rep.send(message(&[&[round], b"done"])).unwrap();
        assert_parts(&soon(req.recv()).await.unwrap(), &[&[round], b"done"]);
    }
}

/// The same device made of our sockets, with libzmq or ours in front of it.
/// Covers: conformance 41
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_of_ours_stands_before_a_libzmq_rep() {
    let Some(mut peer) = Peer::start() else { return };
    let mut front = RouterSocket::bind(&anywhere(), options()).await.unwrap();
    let mut back = DealerSocket::bind(&anywhere(), options()).await.unwrap();
    let before = front.local_endpoint().unwrap();
    peer.run("new rep REP");
    peer.connect("rep", &back.local_endpoint().unwrap());
    let device = tokio::spawn(async move {
        let mut clients = HashMap::new();
        loop {
            tokio::select! {
                (id, request) = front.recv() => {
                    let address = Bytes::from(id.clone());
                    clients.insert(address.clone(), id);
                    let parts = [vec![address], request.into_parts()].concat();
                    back.send(Message::from_parts(parts)).await;
                }
                reply = back.recv() => {
                    let mut parts = reply.into_parts();
                    front.send(&clients[&parts.remove(0)], Message::from_parts(parts)).unwrap();
                }
            }
        }
    });
    peer.run("new theirs REQ");
    peer.connect("theirs", &before);
    let mut ours = ReqSocket::connect(&before, options());
    for round in 0..50_u8 {
        peer.send("theirs", &[b"theirs", &[round]]);
        ours.send(message(&[b"ours", &[round]])).await.unwrap();
        for _ in 0..2 {
            let request = peer.recv("rep");
            assert_eq!(request[1], [round]);
            peer.send("rep", &[&request[0], b"done"]);
        }
        peer.expect("theirs", &[b"theirs", b"done"]);
        assert_parts(&soon(ours.recv()).await.unwrap(), &[b"ours", b"done"]);
    }
    device.abort();
}

/// Covers: conformance 49
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_are_asked_and_answered_on_both_sides() {
    let Some(mut peer) = Peer::start() else { return };
    let router = RouterSocket::bind(&anywhere(), options()).await.unwrap();
    let mut events = router.events();
    peer.run("new d DEALER HEARTBEAT_IVL=30 HEARTBEAT_TIMEOUT=2000 HEARTBEAT_TTL=3000");
    peer.run("monitor d");
    peer.connect("d", &router.local_endpoint().unwrap());
    peer.run("new r ROUTER");
    peer.run("monitor r");
    let ours = Options {
        heartbeat_ivl: Duration::from_millis(30),
        heartbeat_timeout: Some(Duration::from_secs(2)),
        heartbeat_ttl: Duration::from_secs(100),
        ..options()
    };
    let dealer = DealerSocket::new(ours);
    let mut ours = dealer.events();
    dealer.dial(&peer.bind("r"));
    event(&mut ours, |e| matches!(e, Event::Connected { .. })).await;
    // Both would be closed after two seconds without answers.
    tokio::time::sleep(Duration::from_millis(3500)).await;
    assert!(ours.try_recv().is_none());
    event(&mut events, |e| matches!(e, Event::Connected { .. })).await;
    assert!(events.try_recv().is_none());
    assert!(!peer.events("d").contains(&"DISCONNECTED".to_owned()));
    assert!(!peer.events("r").contains(&"DISCONNECTED".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_libzmq_peer_is_noticed_by_heartbeats() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new r ROUTER");
    let ours = Options { heartbeat_ivl: Duration::from_millis(50), ..options() };
    let dealer = DealerSocket::new(ours);
    let mut events = dealer.events();
    dealer.dial(&peer.bind("r"));
    event(&mut events, |e| matches!(e, Event::Connected { .. })).await;
    peer.stop();
    let Event::Disconnected { reason, .. } =
        event(&mut events, |e| matches!(e, Event::Disconnected { .. })).await
    else {
        unreachable!()
    };
    assert_eq!(reason.unwrap(), "heartbeat timed out");
}

/// Covers: conformance 5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_told_apart_from_peers() {
    let Some(mut peer) = Peer::start() else { return };
    let router = RouterSocket::bind(&anywhere(), options()).await.unwrap();
    let mut events = router.events();
    let endpoint = router.local_endpoint().unwrap();
    // libzmq closes as well, and its end may overtake its greeting.
    let mut failed = async |fragment: &str| {
        let failed = event(&mut events, |e| matches!(e, Event::HandshakeFailed { .. })).await;
        let Event::HandshakeFailed { reason, .. } = failed else { unreachable!() };
        assert!([fragment, "reset", "closed"].iter().any(|words| reason.contains(words)), "{reason}");
    };
    peer.run("new plain DEALER PLAIN_USERNAME=hex:61 PLAIN_PASSWORD=hex:62 RECONNECT_IVL=-1");
    peer.run("monitor plain");
    peer.connect("plain", &endpoint);
    failed("PLAIN").await;
    peer.expect_event("plain", "HANDSHAKE_FAILED_PROTOCOL");
    peer.run("new sub SUB RECONNECT_IVL=-1");
    peer.run("monitor sub");
    peer.connect("sub", &endpoint);
    failed("SUB").await;
    peer.expect_event("sub", "DISCONNECTED");
}

/// Covers: pitfalls A4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_never_fail() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new p PUB BACKLOG=1000");
    let endpoint = peer.bind("p");
    let mut subs = Vec::new();
    let mut all_events = Vec::new();
    for _ in 0..1000 {
        let sub = SubSocket::new(options());
        sub.subscribe(b"t");
        all_events.push(sub.events());
        sub.dial(&endpoint);
        subs.push(sub);
    }
    for events in &mut all_events {
        let first = soon(events.recv()).await.unwrap();
        assert!(matches!(first, Event::Connected { .. }), "{first:?}");
    }
    for _ in 0..20 {
        peer.send("p", &[b"tick"]);
    }
    for (sub, events) in subs.iter_mut().zip(&mut all_events) {
        // The subscription may have arrived after the first ticks.
        while tokio::time::timeout(Duration::from_millis(100), sub.recv()).await.is_err() {
            peer.send("p", &[b"tick"]);
        }
        assert!(events.try_recv().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_pass_both_ways() {
    let Some(mut peer) = Peer::start() else { return };
    let mut router = RouterSocket::bind(&anywhere(), options()).await.unwrap();
    peer.run("new d DEALER");
    peer.connect("d", &router.local_endpoint().unwrap());
    peer.run("large d 268435456");
    let (id, got) = tokio::time::timeout(Duration::from_secs(120), router.recv()).await.unwrap();
    assert_eq!(got.octets(), 268_435_459);
    assert!(got.first().ends_with(b"\0end"));
    router.send(&id, got).unwrap();
    assert_eq!(peer.run("recv d 120000"), "large 268435459");
}

/// Covers: conformance 44
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_messages_reach_the_restarted_peer_in_order() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new r ROUTER");
    let endpoint = peer.bind("r");
    let dealer = DealerSocket::new(options());
    let mut events = dealer.events();
    dealer.dial(&endpoint);
    dealer.send(message(&[b"first"])).await;
    assert_eq!(peer.recv("r")[1], b"first");
    peer.run("close r");
    event(&mut events, |e| matches!(e, Event::Disconnected { .. })).await;
    for number in 0..100_u8 {
        dealer.send(message(&[&[number]])).await;
    }
    peer.run("new r ROUTER");
    peer.run(&format!("bind r {endpoint}"));
    for number in 0..100_u8 {
        assert_eq!(peer.recv("r")[1], [number]);
    }
}
