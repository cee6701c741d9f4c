//! Either side goes away and comes back; thousands of topics.

use zmtp::{DealerSocket, Event, PubSocket, RouterSocket, SubSocket};

use crate::{anywhere, assert_parts, event, message, options, peer::Peer, soon};

/// Covers: pitfalls B6 B7; conformance 29
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libzmq_finds_our_restarted_publisher_and_subscribes_again() {
    let Some(mut peer) = Peer::start() else { return };
    // libzmq drops topics above its high-water mark when it subscribes again.
    peer.run("new s SUB RECONNECT_IVL=10 SNDHWM=0");
    peer.run("topics s 3000");
    let mut endpoint = anywhere();
    for round in 0..5_u8 {
        let publisher = PubSocket::bind(&endpoint, options()).await.unwrap();
        endpoint = publisher.local_endpoint().unwrap();
        if round == 0 {
            peer.connect("s", &endpoint);
        }
        for topic in ["2999.", "0.", "1500."] {
            // libzmq subscribes again only while its application is in a call: asking for a message is one.
            loop {
                publisher.publish(message(&[topic.as_bytes(), &[round]]));
                let got = peer.run("recv s 20");
                if got == format!("{},{round:02x}", hex(topic)) {
                    break;
                }
            }
        }
        publisher.close().await;
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|octet| format!("{octet:02x}")).collect()
}

/// Covers: conformance 44
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_libzmq_dealer_finds_our_restarted_router_again_and_again() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new d DEALER RECONNECT_IVL=10 IDENTITY=hex:6d65");
    let mut endpoint = anywhere();
    for round in 0..10_u8 {
        let mut router = RouterSocket::bind(&endpoint, options()).await.unwrap();
        endpoint = router.local_endpoint().unwrap();
        if round == 0 {
            peer.connect("d", &endpoint);
        }
        peer.send("d", &[&[round]]);
        // What libzmq had written to the old connection is lost; so it says it until it is heard.
        let (id, got) = loop {
            match tokio::time::timeout(std::time::Duration::from_millis(200), router.recv()).await {
                Ok(got) => break got,
                Err(_elapsed) => peer.send("d", &[&[round]]),
            }
        };
        assert_eq!(id.as_bytes(), b"me");
        assert_parts(&got, &[&[round]]);
        router.send(&id, message(&[b"answer", &[round]])).unwrap();
        while peer.recv("d") != [b"answer".to_vec(), vec![round]] {}
        router.close().await;
    }
}

/// Covers: pitfalls C16; conformance 57
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_dealer_finds_a_libzmq_router_that_restarts() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new r ROUTER");
    let endpoint = peer.bind("r");
    let mut dealer = DealerSocket::new(options());
    let mut events = dealer.events();
    dealer.dial(&endpoint);
    for round in 0..10_u8 {
        event(&mut events, |e| matches!(e, Event::Connected { .. })).await;
        dealer.send(message(&[&[round]])).await;
        let got = peer.recv("r");
        assert_eq!(got[1], [round]);
        peer.send("r", &[&got[0], b"answer"]);
        assert_parts(&soon(dealer.recv()).await, &[b"answer"]);
        peer.run("close r");
        event(&mut events, |e| matches!(e, Event::Disconnected { .. })).await;
        peer.run("new r ROUTER");
        peer.run(&format!("bind r {endpoint}"));
    }
}

/// Covers: pitfalls B8; conformance 29
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_topics_of_ours_reach_libzmq() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new p XPUB RCVHWM=0");
    let mut sub = SubSocket::connect(&peer.bind("p"), options());
    for topic in 0..5000 {
        sub.subscribe(format!("{topic}.").as_bytes());
    }
    for _ in 0..5000 {
        assert_eq!(peer.recv("p")[0][0], 1);
    }
    peer.send("p", &[b"unwanted"]);
    peer.send("p", &[b"4321.", b"x"]);
    assert_parts(&soon(sub.recv()).await, &[b"4321.", b"x"]);
}
