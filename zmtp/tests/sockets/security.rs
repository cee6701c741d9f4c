//! PLAIN, CURVE and the authoriser, between our own sockets.

use std::sync::{Arc, Mutex};

use zmtp::{
    Authorizer, Credentials, DealerSocket, Decision, Event, Mechanism, Message, Options, PubSocket,
    RepSocket, ReqSocket, RouterSocket, SubSocket,
    mechanism::curve::{PublicKey, SecretKey},
};

use crate::support::*;

fn with(mechanism: Mechanism) -> Options {
    Options { mechanism, ..quick() }
}

fn plain_client(password: &str) -> Options {
    let plain_username = "admin".to_owned();
    with(Mechanism::PlainClient { plain_username, plain_password: password.to_owned() })
}

fn curve_client(server: PublicKey, secret: &SecretKey) -> Options {
    with(Mechanism::CurveClient { curve_serverkey: server, curve_secretkey: secret.clone() })
}

async fn exchange(rep: &mut RepSocket, req: &mut ReqSocket, large: usize) {
    for octets in [0, 1, 300, large] {
        let body: Message = vec![7; octets].into();
        req.send(body.clone()).await.unwrap();
        assert_eq!(soon(rep.recv()).await, body);
        rep.send(parts(&["a", "", "b"])).unwrap();
        assert_eq!(soon(req.recv()).await, Ok(parts(&["a", "", "b"])));
    }
}

async fn failed_handshake(events: &mut zmtp::Events) -> String {
    loop {
        if let Some(Event::HandshakeFailed { reason, .. }) = soon(events.recv()).await {
            return reason;
        }
    }
}

#[tokio::test]
async fn plain_lets_in_who_has_the_password() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let authorizer = Authorizer::new({
        let seen = seen.clone();
        move |request| {
            seen.lock().unwrap().push((request.domain.clone(), request.address.clone()));
            match &request.credentials {
                Credentials::Plain { username, password } if password == "secret" => {
                    Decision::Accept(username.clone())
                }
                _ => Decision::Deny,
            }
        }
    });
    let options =
        Options { authorizer: Some(authorizer), zap_domain: "fleet".into(), ..with(Mechanism::PlainServer) };
    let mut rep = RepSocket::bind(&anywhere(), options).await.unwrap();
    let mut events = rep.events();
    let endpoint = rep.local_endpoint().unwrap();
    let mut req = ReqSocket::connect(&endpoint, plain_client("secret"));
    exchange(&mut rep, &mut req, 100_000).await;
    loop {
        if let Some(Event::Connected { user_id, .. }) = soon(events.recv()).await {
            break assert_eq!(user_id.as_deref(), Some("admin"));
        }
    }
    assert_eq!(seen.lock().unwrap()[0], ("fleet".to_owned(), "127.0.0.1".to_owned()));
    let wrong = DealerSocket::new(plain_client("guess"));
    let mut at_client = wrong.events();
    wrong.dial(&endpoint);
    assert_eq!(failed_handshake(&mut events).await, "peer was not let in (400)");
    assert_eq!(failed_handshake(&mut at_client).await, "peer refused the connection: 400");
}

#[tokio::test]
async fn nobody_gets_in_where_nobody_knows_the_passwords() {
    let rep = RepSocket::bind(&anywhere(), with(Mechanism::PlainServer)).await.unwrap();
    let mut events = rep.events();
    let _client = DealerSocket::connect(&rep.local_endpoint().unwrap(), plain_client("secret"));
    assert_eq!(failed_handshake(&mut events).await, "peer was not let in (400)");
}

/// Covers: pitfalls A15
#[tokio::test]
async fn a15_the_pause_after_a_refusal_grows() {
    let rep = RepSocket::bind(&anywhere(), with(Mechanism::PlainServer)).await.unwrap();
    let client = DealerSocket::new(plain_client("secret"));
    let mut events = client.events();
    client.dial(&rep.local_endpoint().unwrap());
    let mut delays = Vec::new();
    while delays.len() < 5 {
        if let Some(Event::ConnectRetried { delay, .. }) = soon(events.recv()).await {
            delays.push(delay);
        }
    }
    assert!(delays[4] >= delays[0] * 4, "{delays:?}");
}

#[tokio::test]
async fn curve_encrypts_and_tells_who_the_client_is() {
    let (server_key, client_key) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
    let known = client_key.public();
    let authorizer = Authorizer::new(move |request| match request.credentials {
        Credentials::Curve { public_key } if public_key == known => Decision::Accept(public_key.to_string()),
        _ => Decision::Deny,
    });
    let public = server_key.public();
    let options = Options {
        authorizer: Some(authorizer),
        ..with(Mechanism::CurveServer { curve_secretkey: server_key })
    };
    let mut rep = RepSocket::bind(&anywhere(), options).await.unwrap();
    let mut events = rep.events();
    let endpoint = rep.local_endpoint().unwrap();
    let mut req = ReqSocket::connect(&endpoint, curve_client(public, &client_key));
    exchange(&mut rep, &mut req, 1_000_000).await;
    loop {
        if let Some(Event::Connected { user_id, .. }) = soon(events.recv()).await {
            break assert_eq!(user_id, Some(known.to_string()));
        }
    }
    // Somebody else's key, and a client that takes somebody else for the server.
    let stranger = SecretKey::generate().unwrap();
    let _turned_away = DealerSocket::connect(&endpoint, curve_client(public, &stranger));
    assert_eq!(failed_handshake(&mut events).await, "peer was not let in (400)");
    let _mistaken = DealerSocket::connect(&endpoint, curve_client(stranger.public(), &client_key));
    loop {
        let reason = failed_handshake(&mut events).await;
        if reason.contains("HELLO cannot be opened") {
            break;
        }
    }
    let downgrading = DealerSocket::new(quick());
    let mut at_client = downgrading.events();
    downgrading.dial(&endpoint);
    let reason = failed_handshake(&mut at_client).await;
    assert!(reason.contains("CURVE") || reason.contains("closed") || reason.contains("reset"), "{reason}");
}

#[tokio::test]
async fn a_published_message_is_encrypted_for_each_subscriber_and_subscriptions_too() {
    let server_key = SecretKey::generate().unwrap();
    let public = server_key.public();
    let heartbeats = Options {
        heartbeat_ivl: std::time::Duration::from_millis(5),
        heartbeat_timeout: Some(PATIENCE),
        ..with(Mechanism::CurveServer { curve_secretkey: server_key })
    };
    let publisher = PubSocket::bind(&anywhere(), heartbeats).await.unwrap();
    let mut subs = Vec::new();
    for _ in 0..5 {
        let secret = SecretKey::generate().unwrap();
        let sub = SubSocket::connect(&publisher.local_endpoint().unwrap(), curve_client(public, &secret));
        sub.subscribe(b"t");
        subs.push(sub);
    }
    soon(publisher.wait_for_subscribers(5)).await;
    for _ in 0..100 {
        publisher.send(Message::from("unwanted")).await;
        publisher.send(parts(&["topic", "", "body"])).await;
    }
    for sub in &mut subs {
        for _ in 0..100 {
            assert_eq!(soon(sub.recv()).await, parts(&["topic", "", "body"]));
        }
    }
}

#[tokio::test]
async fn an_authoriser_is_asked_about_peers_without_any_mechanism() {
    let options = Options {
        authorizer: Some(Authorizer::new(|request| {
            assert_eq!(request.credentials, Credentials::Null);
            if request.address == "127.0.0.2" { Decision::TryLater } else { Decision::Accept(String::new()) }
        })),
        ..quick()
    };
    let mut router = RouterSocket::bind(&anywhere(), options).await.unwrap();
    let mut events = router.events();
    let endpoint = router.local_endpoint().unwrap();
    let dealer = DealerSocket::connect(&endpoint, quick());
    dealer.send(Message::from("in")).await;
    assert_eq!(soon(router.recv()).await.1, Message::from("in"));
    let target = endpoint.to_string().replace("tcp://", "");
    let _out = DealerSocket::connect(&format!("tcp://127.0.0.2:0;{target}").parse().unwrap(), quick());
    assert_eq!(failed_handshake(&mut events).await, "peer was not let in (300)");
}
