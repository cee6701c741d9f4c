//! Our sockets against our sockets, over both transports.
#![cfg(feature = "tokio")]

mod answers;
mod cancel;
mod fanout;
mod late_options;
mod more_types;
mod security;
mod support;
mod system_options;

use std::time::Duration;

use bytes::Bytes;
use support::*;
use zmtp::{
    DealerSocket, Endpoint, Event, Message, Options, PubSocket, RepSocket, ReqError, ReqSocket, RouterSocket,
    RoutingId, SendError, SubSocket, XPubEvent, XPubSocket, envelope,
};

/// Covers: conformance 36
#[tokio::test]
async fn a_request_is_answered() {
    let mut rep = RepSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut req = ReqSocket::connect(&rep.local_endpoint().unwrap(), quick());
    for _ in 0..100 {
        req.send(Message::from("q")).await.unwrap();
        assert_eq!(soon(rep.recv()).await, Message::from("q"));
        rep.send(parts(&["a", "b"])).unwrap();
        assert_eq!(soon(req.recv()).await, Ok(parts(&["a", "b"])));
    }
    assert_eq!(req.recv().await, Err(ReqError::OutOfTurn));
    req.send(Message::from("q")).await.unwrap();
    assert_eq!(req.send(Message::from("q")).await, Err(ReqError::OutOfTurn));
    assert!(rep.send(Message::from("to nobody")).is_err());
}

/// Covers: pitfalls D10; conformance 43
#[tokio::test]
async fn connecting_works_before_anybody_listens_over_both_transports() {
    let dir = TempDir::new("before");
    let path = Endpoint::ipc(dir.0.join("s")).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let name = format!("ipc://@zmtp-{}", std::process::id());
    for endpoint in [path, Endpoint::tcp("127.0.0.1", free), name.parse().unwrap()] {
        let mut req = ReqSocket::new(quick());
        let mut events = req.events();
        req.dial(&endpoint);
        req.send(Message::from("early")).await.unwrap();
        while !matches!(soon(events.recv()).await, Some(Event::ConnectRetried { .. })) {}
        let mut rep = RepSocket::bind(&endpoint, quick()).await.unwrap();
        assert_eq!(soon(rep.recv()).await, Message::from("early"));
        rep.send(Message::from("late")).unwrap();
        assert_eq!(soon(req.recv()).await, Ok(Message::from("late")));
    }
}

#[tokio::test]
async fn a_publisher_reaches_those_who_want_it() {
    let publisher = PubSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = publisher.local_endpoint().unwrap();
    let mut all = SubSocket::connect(&endpoint, quick());
    let mut some = SubSocket::connect(&endpoint, quick());
    all.subscribe(b"");
    some.subscribe(b"ab");
    some.subscribe(b"abc");
    soon(publisher.wait_for_subscribers(2)).await;
    assert_eq!(publisher.subscribers(), 2);
    let mut events = publisher.events();
    some.subscribe(b"last");
    while !matches!(soon(events.recv()).await, Some(Event::Subscribed { topic, .. }) if topic == "last") {}
    publisher.publish(Message::from("x"));
    publisher.publish(parts(&["abcd", "body"]));
    publisher.publish(Message::from(""));
    assert_eq!(soon(all.recv()).await, Message::from("x"));
    assert_eq!(soon(all.recv()).await, parts(&["abcd", "body"]));
    assert_eq!(soon(all.recv()).await, Message::from(""));
    assert_eq!(soon(some.recv()).await, parts(&["abcd", "body"]));
    some.unsubscribe(b"ab");
    some.unsubscribe(b"abc");
    while !matches!(soon(events.recv()).await, Some(Event::Unsubscribed { topic, .. }) if topic == "abc") {}
    publisher.publish(Message::from("abc"));
    publisher.publish(Message::from("last one"));
    assert_eq!(soon(some.recv()).await, Message::from("last one"));
}

/// Covers: pitfalls B6 B8; conformance 29
#[tokio::test]
async fn topics_are_told_again_after_every_reconnect_however_many() {
    let topics = 5000;
    let publisher = PubSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = publisher.local_endpoint().unwrap();
    let mut sub = SubSocket::connect(&endpoint, quick());
    for topic in 0..topics {
        sub.subscribe(format!("{topic}.").as_bytes());
    }
    let mut publisher = Some(publisher);
    for round in 0..10 {
        let publisher_now = match publisher.take() {
            Some(publisher) => publisher,
            None => PubSocket::bind(&endpoint, quick()).await.unwrap(),
        };
        let mut events = publisher_now.events();
        soon(publisher_now.wait_for_subscribers(1)).await;
        // The topics are told in order; the greatest comes last.
        let probe = format!("{}.{round}", topics - 1);
        loop {
            publisher_now.publish(Message::from(probe.clone().into_bytes()));
            let received = tokio::time::timeout(Duration::from_millis(20), sub.recv()).await;
            if let Ok(message) = received
                && message.first() == &probe
            {
                break;
            }
        }
        while events.try_recv().is_some() {}
        publisher_now.close().await;
    }
}

/// Covers: pitfalls B2; conformance 30 31
#[tokio::test]
async fn a_stalled_subscriber_keeps_the_oldest_and_the_others_lose_nothing() {
    let hwm = 100;
    let options = Options { sndhwm: Some(hwm), sndbuf: Some(8192), ..quick() };
    let publisher = PubSocket::bind(&anywhere(), options).await.unwrap();
    let mut events = publisher.events();
    let endpoint = publisher.local_endpoint().unwrap();
    let stalled_options = Options { rcvhwm: Some(1), rcvbuf: Some(8192), ..quick() };
    let mut stalled = SubSocket::connect(&endpoint, stalled_options);
    stalled.subscribe(b"");
    let mut live = SubSocket::connect(&endpoint, quick());
    live.subscribe(b"");
    soon(publisher.wait_for_subscribers(2)).await;
    let total = 2000_u32;
    for i in 0..total {
        let frames =
            vec![Bytes::copy_from_slice(&i.to_be_bytes()), vec![0; 1024].into(), Bytes::from_static(b"end")];
        publisher.publish(Message::from_parts(frames));
        let got = soon(live.recv()).await;
        assert_eq!(got.first()[..], i.to_be_bytes());
    }
    let mut dropped = false;
    while let Some(event) = events.try_recv() {
        dropped |= matches!(event, Event::Dropped { .. });
    }
    assert!(dropped);
    let mut numbers = Vec::new();
    while let Ok(message) = tokio::time::timeout(Duration::from_millis(300), stalled.recv()).await {
        assert_eq!(message.len(), 3, "only whole messages");
        numbers.push(u32::from_be_bytes(message.first()[..].try_into().unwrap()));
    }
    assert!(numbers.is_sorted());
    assert!(numbers[..hwm].iter().copied().eq(0..100), "the newest are dropped, not the oldest");
    assert!(numbers.len() < 1500, "{}", numbers.len());
    publisher.publish(Message::from("resumed"));
    assert_eq!(soon(stalled.recv()).await, Message::from("resumed"));
}

/// Covers: pitfalls B10; conformance 32
#[tokio::test]
async fn an_xpub_hears_of_first_and_last_subscribers() {
    let mut publisher = XPubSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = publisher.local_endpoint().unwrap();
    let a = SubSocket::connect(&endpoint, quick());
    a.subscribe(b"t");
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Subscribed("t".into()));
    let b = SubSocket::connect(&endpoint, quick());
    b.subscribe(b"t");
    b.subscribe(b"u");
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Subscribed("u".into()));
    b.close().await;
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Unsubscribed("u".into()));
    a.unsubscribe(b"t");
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Unsubscribed("t".into()));
}

#[tokio::test]
async fn a_router_tells_its_peers_apart() {
    let mut router = RouterSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = router.local_endpoint().unwrap();
    let named = Options { routing_id: Some(RoutingId::new(b"web1").unwrap()), ..quick() };
    let mut web1 = DealerSocket::connect(&endpoint, named);
    web1.send(Message::from("hello")).await;
    let (id, message) = soon(router.recv()).await;
    assert_eq!((id.as_bytes(), message), (&b"web1"[..], Message::from("hello")));
    let mut anonymous = DealerSocket::connect(&endpoint, quick());
    anonymous.send(Message::from("hi")).await;
    let (generated, _) = soon(router.recv()).await;
    assert!(generated.is_generated() && generated.as_bytes().len() == 5);
    router.send(&generated, Message::from("to anonymous")).unwrap();
    router.sender().send(&id, Message::from("to web1")).unwrap();
    router.send(&RoutingId::new(b"nobody").unwrap(), Message::from("dropped")).unwrap();
    assert_eq!(soon(web1.recv()).await, Message::from("to web1"));
    assert_eq!(soon(anonymous.recv()).await, Message::from("to anonymous"));
    assert!(router.sender().peer_address(&id).unwrap().ip().unwrap().is_loopback());
}

/// Covers: conformance 47
#[tokio::test]
async fn a_mandatory_router_says_what_it_cannot_send() {
    let options = Options { router_mandatory: true, sndhwm: Some(10), sndbuf: Some(4096), ..quick() };
    let mut router = RouterSocket::bind(&anywhere(), options).await.unwrap();
    let unknown = RoutingId::new(b"nobody").unwrap();
    assert_eq!(router.send(&unknown, Message::from("m")), Err(SendError::Unreachable));
    let stalled = Options { rcvhwm: Some(1), rcvbuf: Some(4096), ..quick() };
    let dealer = DealerSocket::connect(&router.local_endpoint().unwrap(), stalled);
    dealer.send(Message::from("hello")).await;
    let (id, _) = soon(router.recv()).await;
    loop {
        match router.send(&id, vec![0; 100_000].into()) {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break assert_eq!(error, SendError::Full),
        }
    }
}

#[tokio::test]
async fn a_routing_id_in_use_is_refused_or_handed_over() {
    let named = || Options { routing_id: Some(RoutingId::new(b"me").unwrap()), ..quick() };
    for handover in [false, true] {
        let options = Options { router_handover: handover, ..quick() };
        let mut router = RouterSocket::bind(&anywhere(), options).await.unwrap();
        let mut events = router.events();
        let endpoint = router.local_endpoint().unwrap();
        let mut first = DealerSocket::connect(&endpoint, Options { reconnect_ivl: None, ..named() });
        first.send(Message::from("1")).await;
        let (id, _) = soon(router.recv()).await;
        let mut second = DealerSocket::connect(&endpoint, Options { reconnect_ivl: None, ..named() });
        if handover {
            second.send(Message::from("2")).await;
            assert_eq!(soon(router.recv()).await.1, Message::from("2"));
            router.send(&id, Message::from("reply")).unwrap();
            assert_eq!(soon(second.recv()).await, Message::from("reply"));
        } else {
            loop {
                if let Some(Event::HandshakeFailed { reason, .. }) = soon(events.recv()).await {
                    break assert!(reason.contains("in use"), "{reason}");
                }
            }
            router.send(&id, Message::from("reply")).unwrap();
            assert_eq!(soon(first.recv()).await, Message::from("reply"));
        }
    }
}

/// Covers: pitfalls C13
#[tokio::test]
async fn a_flood_does_not_starve_the_others() {
    let mut router = RouterSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = router.local_endpoint().unwrap();
    let flood = DealerSocket::connect(&endpoint, quick());
    let sender = flood.sender();
    let flooding = tokio::spawn(async move {
        loop {
            sender.send(Message::from("flood")).await;
        }
    });
    soon(router.recv()).await;
    let light: Vec<_> = (0..20).map(|_| DealerSocket::connect(&endpoint, quick())).collect();
    for dealer in &light {
        dealer.send(Message::from("light")).await;
    }
    let mut seen = 0;
    while seen < light.len() {
        if soon(router.recv()).await.1 == Message::from("light") {
            seen += 1;
        }
    }
    flooding.abort();
}

/// Covers: conformance 42
#[tokio::test]
async fn dealers_share_the_work_in_turn() {
    let a = RepSocket::bind(&anywhere(), quick()).await.unwrap();
    let b = RepSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut dealer = DealerSocket::new(Options { immediate: true, ..quick() });
    let mut events = dealer.events();
    dealer.dial(&a.local_endpoint().unwrap());
    dealer.dial(&b.local_endpoint().unwrap());
    let mut connected = 0;
    while connected < 2 {
        if let Some(Event::Connected { .. }) = soon(events.recv()).await {
            connected += 1;
        }
    }
    let workers: Vec<_> = [a, b]
        .into_iter()
        .map(|mut worker| {
            tokio::spawn(async move {
                for _ in 0..10 {
                    let request = worker.recv().await;
                    worker.send(request).unwrap();
                }
            })
        })
        .collect();
    for _ in 0..20 {
        dealer.send(envelope::join(envelope::Envelope::empty(), Message::from("job"))).await;
    }
    for _ in 0..20 {
        soon(dealer.recv()).await;
    }
    for worker in workers {
        soon(worker).await.unwrap();
    }
}

/// Covers: pitfalls C4
#[tokio::test]
async fn a_lost_request_is_reported_and_the_socket_stays_usable() {
    let mut rep = RepSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = rep.local_endpoint().unwrap();
    let mut req = ReqSocket::connect(&endpoint, quick());
    req.send(Message::from("lost")).await.unwrap();
    soon(rep.recv()).await;
    rep.close().await;
    assert_eq!(soon(req.recv()).await, Err(ReqError::PeerLost));
    req.send(Message::from("again")).await.unwrap();
    let mut rep = RepSocket::bind(&endpoint, quick()).await.unwrap();
    assert_eq!(soon(rep.recv()).await, Message::from("again"));
    rep.send(Message::from("answer")).unwrap();
    assert_eq!(soon(req.recv()).await, Ok(Message::from("answer")));
}

/// Covers: conformance 54
#[tokio::test]
async fn closing_sends_what_is_queued() {
    let mut router = RouterSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = router.local_endpoint().unwrap();
    let dealer = DealerSocket::connect(&endpoint, quick());
    for _ in 0..500 {
        dealer.send(vec![7; 10_000].into()).await;
    }
    let closing = tokio::spawn(dealer.close());
    for _ in 0..500 {
        soon(router.recv()).await;
    }
    soon(closing).await.unwrap();
    let dealer = DealerSocket::connect(&endpoint, quick());
    dealer.send(Message::from("dropped, not closed")).await;
    drop(dealer);
    assert_eq!(soon(router.recv()).await.1, Message::from("dropped, not closed"));
}

/// Covers: pitfalls D12; conformance 54
#[tokio::test]
async fn linger_bounds_closing() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = Options { linger: Some(Duration::from_millis(20)), ..quick() };
    let dealer = DealerSocket::connect(&Endpoint::tcp("127.0.0.1", nobody.port()), options);
    dealer.send(Message::from("for nobody")).await;
    soon(dealer.close()).await;
}

/// Covers: pitfalls C1; conformance 58
#[tokio::test]
async fn dropping_futures_loses_nothing() {
    let mut rep = RepSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut req = ReqSocket::connect(&rep.local_endpoint().unwrap(), quick());
    for round in 0..200_u32 {
        req.send(round.to_be_bytes().to_vec().into()).await.unwrap();
        let request = loop {
            tokio::select! {
                biased;
                _ = tokio::task::yield_now() => {}
                request = rep.recv() => break request,
            }
        };
        rep.send(request).unwrap();
        let reply = loop {
            match tokio::time::timeout(Duration::from_micros(u64::from(round % 50)), req.recv()).await {
                Ok(reply) => break reply.unwrap(),
                Err(_elapsed) => {}
            }
        };
        assert_eq!(reply.first()[..], round.to_be_bytes());
    }
}

/// Covers: pitfalls B15
#[tokio::test]
async fn a_publishing_loop_leaves_subscribers_their_turns() {
    let publisher = PubSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut sub = SubSocket::connect(&publisher.local_endpoint().unwrap(), quick());
    sub.subscribe(b"");
    soon(publisher.wait_for_subscribers(1)).await;
    let publishing = publisher.publisher();
    let flood = tokio::spawn(async move {
        loop {
            publishing.send(Message::from("flood")).await;
        }
    });
    for _ in 0..10_000 {
        soon(sub.recv()).await;
    }
    flood.abort();
}

/// Covers: pitfalls D11; conformance 55
#[tokio::test]
async fn an_ipc_path_is_taken_from_the_dead_only_and_left_clean() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new("ipc");
    let path = dir.0.join("s");
    let endpoint = Endpoint::ipc(&path).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // leaves a dead file
    let options = Options { ipc_mode: Some(0o600), ..quick() };
    let rep = RepSocket::bind(&endpoint, options).await.unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let error = RepSocket::bind(&endpoint, quick()).await.unwrap_err();
    assert!(error.to_string().contains("another process listens there"), "{error}");
    rep.close().await;
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    assert!(RepSocket::bind(&endpoint, quick()).await.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}

#[tokio::test]
async fn a_busy_port_is_an_error_that_names_it() {
    let rep = RepSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = rep.local_endpoint().unwrap();
    let error = RepSocket::bind(&endpoint, quick()).await.unwrap_err();
    assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
    assert_eq!(error.source.kind(), std::io::ErrorKind::AddrInUse);
}

/// Covers: conformance 56
#[tokio::test]
async fn source_addresses_and_ipv6_are_used() {
    let mut rep = RepSocket::bind(&"tcp://[::1]:0".parse().unwrap(), quick()).await.unwrap();
    let mut req = ReqSocket::connect(&rep.local_endpoint().unwrap(), quick());
    req.send(Message::from("6")).await.unwrap();
    assert_eq!(soon(rep.recv()).await, Message::from("6"));
    let mut router = RouterSocket::bind(&anywhere(), quick()).await.unwrap();
    let target = router.local_endpoint().unwrap().to_string().replace("tcp://", "");
    let endpoint = format!("tcp://127.0.0.2:0;{target}").parse().unwrap();
    let dealer = DealerSocket::connect(&endpoint, quick());
    dealer.send(Message::from("4")).await;
    let (id, _) = soon(router.recv()).await;
    assert_eq!(router.sender().peer_address(&id).unwrap().ip().unwrap().to_string(), "127.0.0.2");
}

#[tokio::test]
async fn a_large_message_arrives_whole() {
    let mut router = RouterSocket::bind(&anywhere(), quick()).await.unwrap();
    let dealer = DealerSocket::connect(&router.local_endpoint().unwrap(), quick());
    let body: Vec<u8> = (0..20_000_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    dealer.send(body.clone().into()).await;
    assert!(soon(router.recv()).await.1.first()[..] == body[..]);
}
