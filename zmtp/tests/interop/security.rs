//! PLAIN and CURVE against libzmq, in both roles.

use zmtp::{
    Authorizer, Credentials, DealerSocket, Decision, Event, Mechanism, Options, PubSocket, RepSocket,
    ReqSocket, SubSocket, mechanism::curve::SecretKey,
};

use crate::{anywhere, assert_parts, event, message, options, peer::Peer, soon};

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn secret_hex(key: &SecretKey) -> String {
    hex(&zmtp::mechanism::curve::z85_decode(&key.to_z85()).unwrap())
}

fn with(mechanism: Mechanism) -> Options {
    Options { mechanism, ..options() }
}

fn plain_client(password: &str) -> Options {
    let plain_username = "admin".to_owned();
    with(Mechanism::PlainClient { plain_username, plain_password: password.to_owned() })
}

/// Covers: conformance 14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_in_both_roles() {
    let Some(mut peer) = Peer::start() else { return };
    let authorizer = Authorizer::new(|request| match &request.credentials {
        Credentials::Plain { username, password } if username == "admin" && password == "secret" => {
            Decision::Accept("admin".into())
        }
        _ => Decision::Deny,
    });
    let server = Options { authorizer: Some(authorizer), ..with(Mechanism::PlainServer) };
    let mut rep = RepSocket::bind(&anywhere(), server).await.unwrap();
    let mut events = rep.events();
    let user = format!("PLAIN_USERNAME=hex:{}", hex(b"admin"));
    peer.run(&format!("new good REQ {user} PLAIN_PASSWORD=hex:{}", hex(b"secret")));
    peer.connect("good", &rep.local_endpoint().unwrap());
    peer.send("good", &[b"q"]);
    assert_parts(&soon(rep.recv()).await, &[b"q"]);
    rep.send(message(&[b"r"])).unwrap();
    peer.expect("good", &[b"r"]);
    peer.run(&format!("new bad REQ {user} PLAIN_PASSWORD=hex:{}", hex(b"guess")));
    peer.run("monitor bad");
    peer.connect("bad", &rep.local_endpoint().unwrap());
    event(&mut events, |e| matches!(e, Event::HandshakeFailed { reason, .. } if reason.contains("400")))
        .await;
    // libzmq 4.3 spells its own ERROR with a wrong first octet, and takes that of RFC 24 for an unexpected command, which
    // ends its handshake all the same.
    peer.expect_event("bad", "DISCONNECTED");

    peer.run("auth admin secret");
    peer.run("new server REP PLAIN_SERVER=1 ZAP_DOMAIN=hex:676c6f62616c");
    let endpoint = peer.bind("server");
    let mut req = ReqSocket::connect(&endpoint, plain_client("secret"));
    req.send(message(&[b"q", b""])).await.unwrap();
    peer.expect("server", &[b"q", b""]);
    peer.send("server", &[b"r"]);
    assert_parts(&soon(req.recv()).await.unwrap(), &[b"r"]);
    let guess = DealerSocket::new(plain_client("guess"));
    let mut events = guess.events();
    guess.dial(&endpoint);
    let refused = |e: &Event| matches!(e, Event::HandshakeFailed { reason, .. } if reason.ends_with("400"));
    event(&mut events, refused).await;
}

/// Covers: conformance 15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curve_in_both_roles_with_large_messages() {
    let Some(mut peer) = Peer::start() else { return };
    let (server, client) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
    let their_client = format!(
        "CURVE_SERVERKEY=hex:{} CURVE_PUBLICKEY=hex:{} CURVE_SECRETKEY=hex:{}",
        hex(server.public().as_bytes()),
        hex(client.public().as_bytes()),
        secret_hex(&client)
    );
    let known = client.public();
    let authorizer = Authorizer::new(move |request| match request.credentials {
        Credentials::Curve { public_key } if public_key == known => Decision::Accept("client".into()),
        _ => Decision::Deny,
    });
    let ours = with(Mechanism::CurveServer { curve_secretkey: server.clone() });
    let mut rep =
        RepSocket::bind(&anywhere(), Options { authorizer: Some(authorizer), ..ours.clone() }).await.unwrap();
    peer.run(&format!("new req REQ {their_client}"));
    peer.connect("req", &rep.local_endpoint().unwrap());
    for parts in [&[&b"q"[..]][..], &[b"", b"x"], &[&[7; 300]], &[&[8; 200_000], b""]] {
        peer.send("req", parts);
        assert_parts(&soon(rep.recv()).await, parts);
        rep.send(message(parts)).unwrap();
        peer.expect("req", parts);
    }
    let publisher = PubSocket::bind(&anywhere(), ours).await.unwrap();
    peer.run(&format!("new sub SUB {their_client}"));
    peer.run("sub sub 74");
    peer.connect("sub", &publisher.local_endpoint().unwrap());
    soon(publisher.wait_for_subscribers(1)).await;
    publisher.publish(message(&[b"other"]));
    publisher.publish(message(&[b"topic", b"body"]));
    peer.expect("sub", &[b"topic", b"body"]);

    let their_server = format!("CURVE_SERVER=1 CURVE_SECRETKEY=hex:{}", secret_hex(&server));
    let our_client = Options {
        heartbeat_ivl: std::time::Duration::from_millis(20),
        heartbeat_timeout: Some(std::time::Duration::from_secs(20)),
        ..with(Mechanism::CurveClient { curve_serverkey: server.public(), curve_secretkey: client })
    };
    peer.run(&format!("new rep REP {their_server}"));
    let mut req = ReqSocket::connect(&peer.bind("rep"), our_client.clone());
    for parts in [&[&b"q"[..]][..], &[b"", b"x"], &[&[8; 200_000], b""]] {
        req.send(message(parts)).await.unwrap();
        peer.expect("rep", parts);
        peer.send("rep", parts);
        assert_parts(&soon(req.recv()).await.unwrap(), parts);
    }
    peer.run(&format!("new xpub XPUB {their_server}"));
    let mut sub = SubSocket::connect(&peer.bind("xpub"), our_client);
    sub.subscribe(b"t");
    peer.expect("xpub", &[b"\x01t"]);
    peer.send("xpub", &[b"topic"]);
    assert_parts(&soon(sub.recv()).await, &[b"topic"]);
}

/// Covers: conformance 15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_libzmq_client_with_the_wrong_server_key_is_not_let_in() {
    let Some(mut peer) = Peer::start() else { return };
    let (server, client) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
    let options = with(Mechanism::CurveServer { curve_secretkey: server });
    let rep = RepSocket::bind(&anywhere(), options).await.unwrap();
    let mut events = rep.events();
    peer.run(&format!(
        "new req REQ CURVE_SERVERKEY=hex:{} CURVE_PUBLICKEY=hex:{} CURVE_SECRETKEY=hex:{}",
        hex(client.public().as_bytes()),
        hex(client.public().as_bytes()),
        secret_hex(&client)
    ));
    peer.connect("req", &rep.local_endpoint().unwrap());
    let cannot = |e: &Event| matches!(e, Event::HandshakeFailed { reason, .. } if reason.contains("HELLO"));
    event(&mut events, cannot).await;
}
