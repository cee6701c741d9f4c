//! Handshakes joined by hand. RFC 24, RFC 25, RFC 26.

use super::*;
use crate::codec::Command;
use crate::error::Violation;

fn metadata(name: &str) -> Metadata {
    Metadata::new().with("Socket-Type", name.to_owned())
}

fn new(mechanism: Mechanism, entropy: u8) -> Handshake {
    let options = Options { mechanism, ..Options::default() };
    Handshake::new(&options, metadata("DEALER"), &Entropy::new([entropy; ENTROPY_OCTETS]))
}

fn sent(step: Step) -> Vec<u8> {
    match step {
        Step::Send(body) => body,
        other => panic!("{other:?}"),
    }
}

fn user() -> Mechanism {
    Mechanism::PlainClient { plain_username: "admin".into(), plain_password: "secret".into() }
}

/// Covers: conformance 14
#[test]
fn plain_says_what_libzmq_says() {
    let (mut client, mut server) = (new(user(), 0), new(Mechanism::PlainServer, 0));
    let hello = sent(client.greeted().unwrap());
    assert_eq!(hello, b"\x05HELLO\x05admin\x06secret");
    let Step::Authorize(credentials) = server.handle(&hello).unwrap() else { panic!() };
    assert_eq!(format!("{credentials:?}"), "Plain(\"admin\")", "no password in a log");
    let welcome = sent(server.decided().unwrap());
    assert_eq!(welcome, b"\x07WELCOME");
    let initiate = sent(client.handle(&welcome).unwrap());
    assert_eq!(initiate, b"\x08INITIATE\x0bSocket-Type\0\0\0\x06DEALER");
    let Step::Done(done) = server.handle(&initiate).unwrap() else { panic!() };
    let ready = done.last.unwrap();
    assert_eq!(ready, b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER");
    let Step::Done(done) = client.handle(&ready).unwrap() else { panic!() };
    assert_eq!(done.metadata, metadata("DEALER"));
    assert_eq!(done.last, None);
}

#[test]
fn a13_plain_commands_out_of_order_or_of_the_wrong_length_are_refused() {
    let hello = b"\x05HELLO\x05admin\x06secret".as_slice();
    let bad: &[&[u8]] = &[
        b"\x05HELLO",
        b"\x05HELLO\x05admi",
        b"\x05HELLO\x05admin\x06secre",
        b"\x05HELLO\x05admin\x06secrets",
        b"\x08INITIATE",
        b"\x07WELCOME",
        b"\x05READY",
        b"\x05HELL",
        b"",
    ];
    for body in bad {
        assert!(new(Mechanism::PlainServer, 0).handle(body).is_err(), "{}", body.escape_ascii());
    }
    let mut server = new(Mechanism::PlainServer, 0);
    server.handle(hello).unwrap();
    assert!(server.handle(b"\x08INITIATE").is_err(), "nobody has decided yet");
    let mut server = new(Mechanism::PlainServer, 0);
    server.handle(hello).unwrap();
    server.decided().unwrap();
    assert!(server.handle(hello).is_err(), "a second HELLO");
    for body in [b"\x05READY".as_slice(), b"\x07WELCOMEx", b"\x05HELLO\0\0", b"\x05PING\0\0"] {
        let mut client = new(user(), 0);
        client.greeted().unwrap();
        assert!(client.handle(body).is_err());
    }
    let refused = new(user(), 0).handle(b"^RROR\x03400");
    assert_eq!(refused.unwrap_err(), ConnectionError::Refused("400".into()), "as libzmq says it");
    let mut client = new(user(), 0);
    let refused = client.handle(&Command::Error("400".into()).encode());
    assert_eq!(refused.unwrap_err(), ConnectionError::Refused("400".into()));
}

#[test]
fn null_waits_for_a_decision_when_there_is_somebody_to_decide() {
    let options = Options { authorizer: Some(Authorizer::new(|_| Decision::Deny)), ..Options::default() };
    let mut null = Handshake::new(&options, metadata("PUB"), &Entropy::new([0; ENTROPY_OCTETS]));
    assert_eq!(null.start(), None);
    assert!(matches!(null.greeted().unwrap(), Step::Authorize(Credentials::Null)));
    assert!(sent(null.decided().unwrap()).starts_with(b"\x05READY"));
    assert!(matches!(null.decided().unwrap(), Step::Wait));
    assert_eq!(
        null.handle(b"\x07WELCOME").unwrap_err(),
        Violation::UnexpectedCommand("an unknown command").into()
    );
}

proptest::proptest! {
    #[test]
    fn an_enemy_between_the_sides_achieves_nothing(script in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
        properties::null_handshake(&script);
        properties::plain_handshake(&script);
    }
}
