//! Unbind and disconnect, random paths, first words, inverted matching, notices of a ROUTER.

use std::time::Duration;

use zmtp::{
    Authorizer, DealerSocket, Decision, Endpoint, Event, Mechanism, Message, Options, PubSocket, PullSocket,
    PushSocket, RepSocket, ReqSocket, RouterSocket, SubSocket, XPubEvent, XPubSocket,
};

use crate::support::*;

#[tokio::test]
async fn who_stops_listening_keeps_its_connections_and_frees_its_port() {
    let mut pull = PullSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = pull.local_endpoint().unwrap();
    let push = PushSocket::connect(&endpoint, quick());
    push.send("before".into()).await;
    assert_eq!(soon(pull.recv()).await, Message::from("before"));
    assert!(pull.unlisten(&endpoint).await);
    assert!(!pull.unlisten(&endpoint).await, "it does not listen there any more");
    push.send("after".into()).await;
    assert_eq!(soon(pull.recv()).await, Message::from("after"));
    let mut other = PullSocket::bind(&endpoint, quick()).await.unwrap();
    let late = PushSocket::connect(&endpoint, quick());
    late.send("other".into()).await;
    assert_eq!(soon(other.recv()).await, Message::from("other"));
}

#[tokio::test]
async fn who_hangs_up_sends_what_was_queued_and_does_not_come_back() {
    let mut pull = PullSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut events = pull.events();
    let endpoint = pull.local_endpoint().unwrap();
    let push = PushSocket::connect(&endpoint, quick());
    for _ in 0..100 {
        push.send("m".into()).await;
    }
    assert!(push.hang_up(&endpoint));
    for _ in 0..100 {
        soon(pull.recv()).await;
    }
    while !matches!(soon(events.recv()).await, Some(Event::Disconnected { .. })) {}
    assert!(push.try_send("nobody".into()).is_err());
    let publisher = PubSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = publisher.local_endpoint().unwrap();
    let mut told = publisher.events();
    let sub = SubSocket::connect(&endpoint, quick());
    sub.subscribe(b"");
    soon(publisher.wait_for_subscribers(1)).await;
    assert!(sub.hang_up(&endpoint));
    assert!(!sub.hang_up(&anywhere()));
    while !matches!(soon(told.recv()).await, Some(Event::Disconnected { .. })) {}
}

#[tokio::test]
async fn a_random_path_is_told_and_removed() {
    let mut rep = RepSocket::bind(&"ipc://*".parse().unwrap(), quick()).await.unwrap();
    let endpoint = rep.local_endpoint().unwrap();
    let Endpoint::Ipc(path) = &endpoint else { panic!("{endpoint}") };
    assert!(path.exists());
    let mut req = ReqSocket::connect(&endpoint, quick());
    req.send("a".into()).await.unwrap();
    assert_eq!(soon(rep.recv()).await, Message::from("a"));
    rep.close().await;
    assert!(!path.parent().unwrap().exists());
}

#[tokio::test]
async fn first_words_open_every_connection() {
    let greeting = Options { hello_msg: Some("hello".into()), router_notify_connect: true, ..quick() };
    let mut router = RouterSocket::bind(&anywhere(), greeting).await.unwrap();
    let probing = Options { probe_router: true, ..quick() };
    let mut dealer = DealerSocket::connect(&router.local_endpoint().unwrap(), probing);
    assert_eq!(soon(dealer.recv()).await, Message::from("hello"));
    for what in ["the notice", "the probe"] {
        assert_eq!(soon(router.recv()).await.1, Message::from(""), "{what}");
    }
    let welcoming = Options { xpub_welcome_msg: Some("welcome".into()), ..quick() };
    let xpub = XPubSocket::bind(&anywhere(), welcoming).await.unwrap();
    let mut sub = SubSocket::connect(&xpub.local_endpoint().unwrap(), quick());
    sub.subscribe(b"wel");
    assert_eq!(soon(sub.recv()).await, Message::from("welcome"));
}

#[tokio::test]
async fn a_router_hears_that_a_peer_has_gone() {
    let noticing = Options { router_notify_disconnect: true, ..quick() };
    let mut router = RouterSocket::bind(&anywhere(), noticing).await.unwrap();
    let dealer = DealerSocket::connect(&router.local_endpoint().unwrap(), quick());
    dealer.send("here".into()).await;
    let (id, message) = soon(router.recv()).await;
    assert_eq!(message, Message::from("here"));
    dealer.close().await;
    assert_eq!(soon(router.recv()).await, (id, Message::from("")));
}

#[tokio::test]
async fn inverted_matching_lets_the_others_through() {
    let inverted = Options { invert_matching: true, ..quick() };
    let publisher = PubSocket::bind(&anywhere(), inverted.clone()).await.unwrap();
    let mut sub = SubSocket::connect(&publisher.local_endpoint().unwrap(), inverted);
    sub.subscribe(b"a");
    soon(publisher.wait_for_subscribers(1)).await;
    for message in ["a1", "b1", "a2", "b2"] {
        publisher.publish(message.into());
    }
    assert_eq!(soon(sub.recv()).await, Message::from("b1"));
    assert_eq!(soon(sub.recv()).await, Message::from("b2"));
    assert_eq!(sub.try_recv(), None);
}

#[tokio::test]
async fn an_authoriser_may_take_its_time() {
    let later = Authorizer::later(|request| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let admin = format!("{:?}", request.credentials).contains("admin");
        if admin { Decision::Accept("admin".to_owned()) } else { Decision::Deny }
    });
    let server = Options { mechanism: Mechanism::PlainServer, authorizer: Some(later), ..quick() };
    let mut rep = RepSocket::bind(&anywhere(), server).await.unwrap();
    let client = |name: &str| {
        let (plain_username, plain_password) = (name.to_owned(), String::new());
        let mechanism = Mechanism::PlainClient { plain_username, plain_password };
        ReqSocket::new(Options { mechanism, ..quick() })
    };
    let (mut admin, eve) = (client("admin"), client("eve"));
    let mut refusals = eve.events();
    eve.dial(&rep.local_endpoint().unwrap());
    admin.dial(&rep.local_endpoint().unwrap());
    admin.send("let me in".into()).await.unwrap();
    assert_eq!(soon(rep.recv()).await, Message::from("let me in"));
    while !matches!(soon(refusals.recv()).await, Some(Event::HandshakeFailed { .. })) {}
}

/// zmq_setsockopt(3), XPUB_MANUAL: the application decides what a subscriber gets.
/// Covers: conformance 32
#[tokio::test]
async fn a_manual_xpub_gives_what_the_application_says() {
    let manual = Options { xpub_manual: true, ..quick() };
    let mut xpub = XPubSocket::bind(&anywhere(), manual).await.unwrap();
    assert!(!xpub.subscribe(b"A"), "nobody asked");
    let endpoint = xpub.local_endpoint().unwrap();
    let mut sub = SubSocket::connect(&endpoint, quick());
    sub.subscribe(b"A");
    assert_eq!(soon(xpub.recv()).await, XPubEvent::Subscribed("A".into()));
    assert_eq!(xpub.subscribers(), 0, "it is only told");
    assert!(xpub.subscribe(b"AB"));
    xpub.publish("A1".into());
    xpub.publish("AB1".into());
    assert_eq!(soon(sub.recv()).await, Message::from("AB1"));
    let mut other = SubSocket::connect(&endpoint, quick());
    other.subscribe(b"A");
    assert_eq!(soon(xpub.recv()).await, XPubEvent::Subscribed("A".into()), "not only the first is told");
    assert!(xpub.subscribe(b"A"));
    xpub.publish("A2".into());
    xpub.publish("AB2".into());
    assert_eq!(soon(sub.recv()).await, Message::from("AB2"));
    assert_eq!(soon(other.recv()).await, Message::from("A2"));
    assert!(xpub.unsubscribe(b"A"));
    assert_eq!(xpub.subscribers(), 1);
    for gone in [sub, other] {
        gone.close().await;
        assert_eq!(soon(xpub.recv()).await, XPubEvent::Unsubscribed("A".into()));
        assert!(!xpub.subscribe(b"A"), "it is gone");
    }
}

#[tokio::test]
async fn a_verboser_xpub_tells_of_every_end() {
    let verboser = Options { xpub_verboser: true, ..quick() };
    let mut xpub = XPubSocket::bind(&anywhere(), verboser).await.unwrap();
    let endpoint = xpub.local_endpoint().unwrap();
    let subs = [(); 2].map(|()| SubSocket::connect(&endpoint, quick()));
    subs.iter().for_each(|sub| sub.subscribe(b"t"));
    for _ in &subs {
        assert_eq!(soon(xpub.recv()).await, XPubEvent::Subscribed("t".into()));
    }
    subs.iter().for_each(|sub| sub.unsubscribe(b"t"));
    for _ in &subs {
        assert_eq!(soon(xpub.recv()).await, XPubEvent::Unsubscribed("t".into()));
    }
}

/// zmq_setsockopt(3), DISCONNECT_MSG and HICCUP_MSG.
#[tokio::test]
async fn last_words_tell_that_a_connection_has_ended() {
    let leaving = Options { disconnect_msg: Some("gone".into()), ..quick() };
    let mut router = RouterSocket::bind(&anywhere(), leaving).await.unwrap();
    let endpoint = router.local_endpoint().unwrap();
    let mut dealer =
        DealerSocket::connect(&endpoint, Options { hiccup_msg: Some("hiccup".into()), ..quick() });
    dealer.send("here".into()).await;
    let (id, _) = soon(router.recv()).await;
    drop(router);
    assert_eq!(soon(dealer.recv()).await, Message::from("hiccup"));
    let leaving = Options { disconnect_msg: Some("gone".into()), ..quick() };
    let mut router = soon(async {
        loop {
            match RouterSocket::bind(&endpoint, leaving.clone()).await {
                Ok(router) => break router,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    dealer.send("again".into()).await;
    let (again, _) = soon(router.recv()).await;
    assert!(again.is_generated() && id.is_generated());
    dealer.close().await;
    assert_eq!(soon(router.recv()).await, (again, Message::from("gone")));
}
