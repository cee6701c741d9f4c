//! Both sides of CURVE joined by hand, and every octet of theirs changed once. RFC 26.

use super::{super::*, SecretKey};
use crate::error::Violation;

fn server_key() -> SecretKey {
    SecretKey::from([3; 32])
}

fn new(mechanism: Mechanism, ask: bool, entropy: u8) -> Handshake {
    let authorizer = ask.then(|| Authorizer::new(|_| Decision::Deny));
    let options = Options { mechanism, authorizer, ..Options::default() };
    let metadata = Metadata::new().with("Socket-Type", "DEALER");
    let entropy: [u8; ENTROPY_OCTETS] =
        std::array::from_fn(|i| entropy.wrapping_mul(31).wrapping_add(u8::try_from(i).unwrap()));
    Handshake::new(&options, metadata, &Entropy::new(entropy))
}

fn server(ask: bool, entropy: u8) -> Handshake {
    new(Mechanism::CurveServer { curve_secretkey: server_key() }, ask, entropy)
}

fn client(entropy: u8) -> Handshake {
    let mechanism = Mechanism::CurveClient {
        curve_serverkey: server_key().public(),
        curve_secretkey: SecretKey::from([4; 32]),
    };
    new(mechanism, false, entropy)
}

fn sent(step: Step) -> Vec<u8> {
    match step {
        Step::Send(body) => body,
        other => panic!("{other:?}"),
    }
}

fn done(step: Step) -> Done {
    match step {
        Step::Done(done) => done,
        other => panic!("{other:?}"),
    }
}

/// All four commands and both ends.
fn handshake() -> ([Vec<u8>; 4], Done, Done) {
    let (mut client, mut server) = (client(1), server(false, 2));
    let hello = sent(client.greeted().unwrap());
    let welcome = sent(server.handle(&hello).unwrap());
    let initiate = sent(client.handle(&welcome).unwrap());
    let mut at_server = done(server.handle(&initiate).unwrap());
    let ready = at_server.last.take().unwrap();
    let at_client = done(client.handle(&ready).unwrap());
    ([hello, welcome, initiate, ready], at_server, at_client)
}

#[test]
fn commands_have_the_sizes_of_the_rfc_and_both_ends_understand_each_other() {
    let ([hello, welcome, initiate, ready], server, client) = handshake();
    let metadata = b"\x0bSocket-Type\0\0\0\x06DEALER".len();
    assert_eq!(
        [hello.len(), welcome.len(), initiate.len(), ready.len()],
        [200, 168, 257 + metadata, 30 + metadata]
    );
    assert!(hello.starts_with(b"\x05HELLO\x01\x00\0\0\0"));
    assert_eq!(server.metadata, client.metadata);
    let (mut server, mut client) = (server.traffic.unwrap(), client.traffic.unwrap());
    for (more, command) in [(false, false), (true, false), (false, true)] {
        let sealed = client.seal(more, command, &[b"to ", b"server"]);
        assert_eq!(sealed.len(), 33 + 9);
        let frame = server.open(&sealed).unwrap();
        assert_eq!((frame.more, frame.command, &frame.body[..]), (more, command, &b"to server"[..]));
        assert_eq!(server.open(&sealed).unwrap_err(), Violation::NonceReused.into(), "played back");
        let sealed = server.seal(more, command, &[]);
        assert_eq!(sealed.len(), 33);
        assert_eq!(client.open(&sealed).unwrap().body, "");
        let own = client.seal(false, false, &[b"mine"]);
        assert!(client.open(&own).is_err(), "its own message comes back");
    }
}

/// Covers: pitfalls A13; conformance 15
#[test]
fn a13_every_changed_octet_and_every_other_length_is_refused() {
    let (honest, ..) = handshake();
    for (number, body) in honest.iter().enumerate() {
        let mut variants: Vec<Vec<u8>> = (0..body.len())
            .map(|at| {
                let mut changed = body.clone();
                changed[at] ^= 0x20;
                changed
            })
            .collect();
        variants.extend((0..body.len()).map(|end| body[..end].to_vec()));
        variants.push([body.as_slice(), b"\0"].concat());
        for (variant, changed) in variants.iter().enumerate() {
            // The padding of HELLO is not significant.
            if number == 0 && (8..80).contains(&variant) {
                continue;
            }
            let (mut client, mut server) = (client(1), server(false, 2));
            client.greeted().unwrap();
            let refused = match number {
                0 => server.handle(changed),
                1 => client.handle(changed),
                2 => {
                    server.handle(&honest[0]).unwrap();
                    server.handle(changed)
                }
                _ => {
                    client.handle(&honest[1]).unwrap();
                    client.handle(changed)
                }
            };
            assert!(refused.is_err(), "command {number}, variant {variant}");
        }
    }
}

#[test]
fn messages_of_every_other_form_are_refused() {
    let (_, server, client) = handshake();
    let (mut server, mut client) = (server.traffic.unwrap(), client.traffic.unwrap());
    let sealed = client.seal(false, false, &[b"x"]);
    for end in 0..sealed.len() {
        assert!(server.open(&sealed[..end]).is_err());
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(server.open(&changed).is_err(), "octet {at}");
    }
    assert_eq!(server.open(b"in the clear").unwrap_err(), Violation::NotSealed.into());
    assert!(server.open(&sealed).is_ok(), "what was refused changed nothing");
}

#[test]
fn a_cookie_is_good_for_its_own_connection_only() {
    let (honest, ..) = handshake();
    let mut other = server(false, 9);
    other.handle(&honest[0]).unwrap();
    assert_eq!(other.handle(&honest[2]).unwrap_err(), Violation::BadBox("cookie").into());
}

#[test]
fn a_client_with_another_servers_key_gets_no_answer() {
    let mechanism = Mechanism::CurveClient {
        curve_serverkey: SecretKey::from([5; 32]).public(),
        curve_secretkey: SecretKey::from([4; 32]),
    };
    let hello = sent(new(mechanism, false, 1).greeted().unwrap());
    assert_eq!(server(false, 2).handle(&hello).unwrap_err(), Violation::BadBox("HELLO").into());
    let mechanism =
        Mechanism::CurveClient { curve_serverkey: [0; 32].into(), curve_secretkey: SecretKey::from([4; 32]) };
    assert_eq!(new(mechanism, false, 1).greeted().unwrap_err(), Violation::WeakKey.into());
}

#[test]
fn the_authoriser_sees_the_clients_long_term_key() {
    let (mut client, mut server) = (client(1), server(true, 2));
    let welcome = sent(server.handle(&sent(client.greeted().unwrap())).unwrap());
    let initiate = sent(client.handle(&welcome).unwrap());
    let Step::Authorize(Credentials::Curve { public_key }) = server.handle(&initiate).unwrap() else {
        panic!()
    };
    assert_eq!(public_key, SecretKey::from([4; 32]).public());
    assert!(done(server.decided().unwrap()).last.is_some());
}

proptest::proptest! {
    #[test]
    fn an_enemy_between_the_sides_achieves_nothing(script in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
        properties::curve_handshake(&script);
    }
}
