//! PUSH, PULL, PAIR, XSUB, inproc, conflate.

use std::time::Duration;

use zmtp::{
    Event, Message, Options, PairSocket, PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket, SendError,
    SubSocket, XPubEvent, XPubSocket, XSubSocket,
};

use crate::support::*;

#[tokio::test]
async fn push_deals_out_in_turn_and_pull_takes_from_all() {
    let push = PushSocket::new(Options { immediate: true, ..quick() });
    let mut events = push.events();
    let mut pulls = Vec::new();
    for _ in 0..3 {
        let pull = PullSocket::bind(&anywhere(), quick()).await.unwrap();
        push.dial(&pull.local_endpoint().unwrap());
        pulls.push(pull);
    }
    let mut connected = 0;
    while connected < 3 {
        connected += usize::from(matches!(soon(events.recv()).await, Some(Event::Connected { .. })));
    }
    for number in 0..30_u8 {
        push.send(vec![number].into()).await;
    }
    let mut all = Vec::new();
    for pull in &mut pulls {
        for _ in 0..10 {
            all.push(soon(pull.recv()).await.first()[0]);
        }
        assert_eq!(pull.try_recv(), None, "each got its share");
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..30));
}

#[tokio::test]
async fn a_push_without_room_waits_and_loses_nothing() {
    let small = Options { sndhwm: Some(2), rcvhwm: Some(2), sndbuf: Some(16_384), ..quick() };
    let mut pull = PullSocket::bind(&anywhere(), small.clone()).await.unwrap();
    let push = PushSocket::connect(&pull.local_endpoint().unwrap(), small);
    let mut sent = 0_u32;
    while push.try_send(vec![1; 10_000].into()).is_ok() {
        sent += 1;
    }
    assert!(sent >= 2);
    let sender = push.sender();
    let sending = tokio::spawn(async move {
        for _ in 0..200 {
            sender.send(vec![2; 10_000].into()).await;
        }
    });
    for _ in 0..sent + 200 {
        soon(pull.recv()).await;
    }
    soon(sending).await.unwrap();
    let nobody = PushSocket::new(quick());
    let back = nobody.try_send(Message::from("m")).unwrap_err();
    assert_eq!((back.reason, &back.message), (SendError::Unreachable, &Message::from("m")));
    let error: Box<dyn std::error::Error> = Box::new(back);
    assert_eq!(error.to_string(), "the message was not queued: no connected peer for this message");
}

#[tokio::test]
async fn a_pair_has_one_peer_and_takes_the_next_when_that_is_gone() {
    let mut pair = PairSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut events = pair.events();
    let endpoint = pair.local_endpoint().unwrap();
    let mut first = PairSocket::connect(&endpoint, quick());
    first.send(Message::from("hello")).await;
    assert_eq!(soon(pair.recv()).await, Message::from("hello"));
    pair.send(parts(&["two", "parts"])).await;
    assert_eq!(soon(first.recv()).await, parts(&["two", "parts"]));
    let second = PairSocket::connect(&endpoint, quick());
    second.send(Message::from("me too")).await;
    loop {
        if let Some(Event::HandshakeFailed { reason, .. }) = soon(events.recv()).await {
            break assert!(reason.contains("has a peer already"), "{reason}");
        }
    }
    assert_eq!(pair.try_recv(), None);
    first.close().await;
    assert_eq!(
        soon(pair.recv()).await,
        Message::from("me too"),
        "what was queued came with the next attempt"
    );
}

#[tokio::test]
async fn an_xsub_subscribes_by_message_and_talks_to_its_publishers() {
    let mut publisher = XPubSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut xsub = XSubSocket::connect(&publisher.local_endpoint().unwrap(), quick());
    xsub.send(Message::from("\u{1}topic"));
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Subscribed("topic".into()));
    xsub.send(parts(&["up", "there"]));
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Message(parts(&["up", "there"])));
    publisher.publish(Message::from("other"));
    publisher.publish(Message::from("topic 1"));
    assert_eq!(soon(xsub.recv()).await, Message::from("topic 1"));
    xsub.send(Message::from("\0topic"));
    assert_eq!(soon(publisher.recv()).await, XPubEvent::Unsubscribed("topic".into()));
}

#[tokio::test]
async fn inproc_connects_before_and_after_somebody_listens() {
    let early = inproc("early");
    let mut req = ReqSocket::connect(&early, quick());
    req.send(Message::from("early")).await.unwrap();
    for _ in 0..3 {
        let mut rep = RepSocket::bind(&early, quick()).await.unwrap();
        let error = RepSocket::bind(&early, quick()).await.unwrap_err();
        assert_eq!(error.source.kind(), std::io::ErrorKind::AddrInUse);
        assert_eq!(soon(rep.recv()).await, Message::from("early"));
        rep.send(Message::from("answer")).unwrap();
        assert_eq!(soon(req.recv()).await, Ok(Message::from("answer")));
        rep.close().await;
        req.send(Message::from("early")).await.unwrap();
    }
}

#[tokio::test]
async fn inproc_carries_large_messages_and_many_subscribers() {
    let endpoint = inproc("many");
    let publisher = PubSocket::bind(&endpoint, Options { sndhwm: None, ..quick() }).await.unwrap();
    let mut subs: Vec<_> = (0..20).map(|_| SubSocket::connect(&endpoint, quick())).collect();
    subs.iter().for_each(|sub| sub.subscribe(b""));
    soon(publisher.wait_for_subscribers(20)).await;
    let body: Vec<u8> = (0..3_000_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    publisher.publish(body.clone().into());
    for sub in &mut subs {
        assert!(soon(sub.recv()).await.first()[..] == body[..]);
    }
    drop(publisher);
}

/// Covers: conformance 34
#[tokio::test]
async fn conflate_keeps_the_newest_on_both_sides() {
    let conflate = Options { conflate: true, ..quick() };
    let push = PushSocket::connect(&inproc("conflated"), conflate.clone());
    for number in 0..100_u8 {
        push.send(vec![number].into()).await;
    }
    let mut pull = PullSocket::bind(&inproc("conflated"), quick()).await.unwrap();
    assert_eq!(soon(pull.recv()).await, Message::from(vec![99]));

    let mut pull = PullSocket::bind(&anywhere(), conflate).await.unwrap();
    let push = PushSocket::connect(&pull.local_endpoint().unwrap(), quick());
    for number in 0..100_u8 {
        push.send(vec![number].into()).await;
    }
    let mut last = soon(pull.recv()).await.first()[0];
    let mut received = 1;
    while last < 99 {
        let next = soon(pull.recv()).await.first()[0];
        assert!(next > last);
        (last, received) = (next, received + 1);
    }
    assert!(received <= 100);
}

/// Covers: conformance 32
#[tokio::test]
async fn xpub_nodrop_sends_to_all_or_tells() {
    let options = Options { xpub_nodrop: true, sndhwm: Some(5), sndbuf: Some(4096), ..quick() };
    let publisher = XPubSocket::bind(&anywhere(), options).await.unwrap();
    let slow = Options { rcvhwm: Some(1), rcvbuf: Some(4096), ..quick() };
    let mut sub = SubSocket::connect(&publisher.local_endpoint().unwrap(), slow);
    sub.subscribe(b"");
    soon(publisher.wait_for_subscribers(1)).await;
    let mut sent = 0;
    while publisher.try_publish(vec![0; 20_000].into()).is_ok() {
        sent += 1;
        tokio::task::yield_now().await;
    }
    for _ in 0..sent {
        soon(sub.recv()).await;
    }
    assert_eq!(publisher.dropped(), []);
}

#[tokio::test]
async fn xpub_verbose_tells_of_every_subscriber() {
    let options = Options { xpub_verbose: true, ..quick() };
    let mut publisher = XPubSocket::bind(&anywhere(), options).await.unwrap();
    let subs: Vec<_> =
        (0..3).map(|_| SubSocket::connect(&publisher.local_endpoint().unwrap(), quick())).collect();
    for sub in &subs {
        sub.subscribe(b"t");
        assert_eq!(soon(publisher.recv()).await, XPubEvent::Subscribed("t".into()));
    }
}

/// Covers: pitfalls B1
#[tokio::test]
async fn what_was_dropped_is_counted_for_each_peer() {
    let options = Options { sndhwm: Some(5), sndbuf: Some(4096), ..quick() };
    let publisher = PubSocket::bind(&anywhere(), options).await.unwrap();
    let mut events = publisher.events();
    let slow = Options { rcvhwm: Some(1), rcvbuf: Some(4096), ..quick() };
    let mut sub = SubSocket::connect(&publisher.local_endpoint().unwrap(), slow);
    sub.subscribe(b"");
    soon(publisher.wait_for_subscribers(1)).await;
    for _ in 0..300 {
        publisher.send(vec![0; 20_000].into()).await;
    }
    let dropped = publisher.dropped();
    let [(peer, count)] = &dropped[..] else { panic!("{dropped:?}") };
    let mut received = 0;
    while received + count < 300 {
        soon(sub.recv()).await;
        received += 1;
    }
    assert!(
        tokio::time::timeout(Duration::from_millis(50), sub.recv()).await.is_err(),
        "sent + dropped = published"
    );
    let mut told = Vec::new();
    while told.len() < 2 {
        match soon(events.recv()).await {
            Some(Event::Dropped { peer, total }) => told.push((peer, total)),
            Some(Event::Drained { peer, total }) => told.push((peer, total)),
            _ => {}
        }
    }
    assert_eq!(told, [(peer.clone(), 1), (peer.clone(), *count)]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_device_that_does_not_exist_is_an_error_and_the_loopback_is_none() {
    let nowhere = Options { bindtodevice: Some("nosuchdevice".into()), ..quick() };
    assert!(PullSocket::bind(&anywhere(), nowhere).await.is_err());
    let loopback = Options { bindtodevice: Some("lo".into()), tos: 0x10, ..quick() };
    match PullSocket::bind(&anywhere(), loopback.clone()).await {
        Ok(mut pull) => {
            let push = PushSocket::connect(&pull.local_endpoint().unwrap(), loopback);
            push.send(Message::from("over lo")).await;
            assert_eq!(soon(pull.recv()).await, Message::from("over lo"));
        }
        // Older systems want a privilege for this.
        Err(error) => assert_eq!(error.source.kind(), std::io::ErrorKind::PermissionDenied),
    }
}
