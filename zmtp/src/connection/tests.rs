//! Two connections joined by hand, and a hand-written peer.

use super::*;
use crate::codec::MechanismName;
use crate::error::CodecError;

const T0: fn() -> Instant = Instant::now;
const MS: fn(u64) -> Duration = Duration::from_millis;

fn connection(socket_type: SocketType, options: Options) -> (Connection, Instant) {
    let now = T0();
    (Connection::new(socket_type, Arc::new(options), now), now)
}

fn transmit(connection: &mut Connection) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(piece) = connection.take_transmit() {
        all.extend_from_slice(&piece);
    }
    all
}

fn events(connection: &mut Connection, now: Instant) -> Result<Vec<Event>, ConnectionError> {
    let mut all = Vec::new();
    while let Some(event) = connection.poll_event(now)? {
        all.push(event);
    }
    Ok(all)
}

fn hello(socket_type: &str, minor: u8) -> Vec<u8> {
    let mut greeting = Greeting::new(MechanismName::NULL, false);
    greeting.minor = minor;
    let mut octets = greeting.encode().to_vec();
    octets.extend(command(&Command::Ready(
        Metadata::new().with("Socket-Type", Bytes::copy_from_slice(socket_type.as_bytes())),
    )));
    octets
}

fn command(command: &Command) -> Vec<u8> {
    let mut out = Vec::new();
    Frame { more: false, command: true, body: command.encode().into() }.encode_to(&mut out);
    out
}

/// A connection that has completed its handshake with a peer of `peer_type`, its output drained.
fn ready(socket_type: SocketType, peer_type: &str, minor: u8, options: Options) -> (Connection, Instant) {
    let (mut connection, now) = connection(socket_type, options);
    connection.handle_input(now, &hello(peer_type, minor));
    assert!(matches!(events(&mut connection, now).unwrap()[..], [Event::Ready(_)]));
    transmit(&mut connection);
    (connection, now)
}

fn octets(event: &Event) -> Vec<&[u8]> {
    match event {
        Event::Message(message) => message.parts().iter().map(|part| &part[..]).collect(),
        Event::Subscribe(topic) => vec![b"+", topic],
        Event::Cancel(topic) => vec![b"-", topic],
        Event::Authorize(_) => vec![b"?"],
        Event::Ready(_) => vec![b"ready"],
    }
}

/// Events after `input`, flattened, or the error.
fn check(connection: &mut Connection, now: Instant, input: &[u8], expected: &[&[&[u8]]]) {
    connection.handle_input(now, input);
    let events = events(connection, now).unwrap();
    let got: Vec<Vec<&[u8]>> = events.iter().map(octets).collect();
    assert_eq!(got, expected);
}

#[track_caller]
fn check_error(
    connection: &mut Connection,
    now: Instant,
    input: &[u8],
    expected: impl Into<ConnectionError>,
) {
    connection.handle_input(now, input);
    let expected = expected.into();
    assert_eq!(events(connection, now).unwrap_err(), expected);
    assert_eq!(events(connection, now).unwrap_err(), expected, "the same answer ever after");
    assert_eq!(connection.poll_timeout(), None);
    assert!(!connection.wants_transmit());
}

/// Covers: conformance 6
#[test]
fn greeting_and_ready_leave_at_once_and_are_those_of_libzmq() {
    let (mut connection, _) = connection(SocketType::Dealer, Options::default());
    let sent = transmit(&mut connection);
    let ready = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";
    assert_eq!(&sent[..64], Greeting::new(MechanismName::NULL, false).encode());
    assert_eq!(&sent[64..], ready);
}

/// Covers: conformance 7
#[test]
fn only_req_dealer_and_router_tell_their_identity() {
    for socket_type in crate::pattern::socket_type::ALL {
        let options = Options { routing_id: Some(RoutingId::new(b"me").unwrap()), ..Options::default() };
        let (mut connection, _) = connection(socket_type, options);
        let sent = transmit(&mut connection);
        let tells = sent.windows(14).any(|window| window == b"\x08Identity\0\0\0\x02m");
        assert_eq!(tells, socket_type.announces_identity(), "{socket_type}");
    }
}

/// Covers: pitfalls A4; conformance 11
#[test]
fn nothing_but_the_handshake_leaves_before_the_peers_ready() {
    let (mut connection, now) = connection(SocketType::Sub, Options::default());
    transmit(&mut connection);
    assert_eq!(connection.send(&Message::from("early")), Err(NotReady));
    assert_eq!(connection.subscribe(b"early"), Err(NotReady));
    connection.handle_input(now, &hello("PUB", 1)[..64]);
    assert!(events(&mut connection, now).unwrap().is_empty());
    assert_eq!(connection.subscribe(b"early"), Err(NotReady));
    assert_eq!(transmit(&mut connection), b"");
}

/// Covers: conformance 8
#[test]
fn every_pair_of_socket_types_is_accepted_or_refused_by_both() {
    for ours in crate::pattern::socket_type::ALL {
        for theirs in crate::pattern::socket_type::ALL {
            let (mut connection, now) = connection(ours, Options::default());
            connection.handle_input(now, &hello(theirs.name(), 1));
            assert_eq!(events(&mut connection, now).is_ok(), ours.may_talk_to(theirs), "{ours} {theirs}");
        }
    }
}

/// Covers: conformance 16
#[test]
fn any_cut_of_the_stream_gives_the_same_events() {
    let mut stream = hello("DEALER", 1);
    stream.extend(b"\x01\x00\x00\x01q");
    stream.extend(command(&Command::Ping { ttl: 0, context: Bytes::from_static(b"ctx") }));
    stream.extend(b"\x03\0\0\0\0\0\0\0\x01a");
    stream.extend(command(&Command::Ping { ttl: 0, context: Bytes::new() }));
    stream.extend(b"\x00\x02bc");
    for cut in 0..stream.len() {
        let (mut connection, now) = connection(SocketType::Router, Options::default());
        let mut got = Vec::new();
        for piece in [&stream[..cut], &stream[cut..]] {
            connection.handle_input(now, piece);
            got.extend(events(&mut connection, now).unwrap());
        }
        let got: Vec<_> = got.iter().map(octets).collect();
        assert_eq!(got, [vec![&b"ready"[..]], vec![b"", b"q"], vec![b"a", b"bc"]], "cut at {cut}");
    }
}

#[test]
fn handshake_offences_close() {
    let mismatch = |name: &str| Mismatch::SocketType(name.into(), SocketType::Req);
    let mut plain = hello("REP", 1);
    plain[12..17].copy_from_slice(b"PLAIN");
    let greeting = hello("REP", 1)[..64].to_vec();
    let then = |octets: &[u8]| [&greeting[..], octets].concat();
    let cases: Vec<(Vec<u8>, ConnectionError)> = vec![
        (b"GET / HTTP/1.1\r\n".to_vec(), CodecError::NotZmtp.into()),
        (plain, Mismatch::Mechanism("PLAIN".into()).into()),
        (hello("PUB", 1), mismatch("PUB").into()),
        (hello("XYZ", 1), mismatch("XYZ").into()),
        (then(b"\x00\x01x"), Violation::MessageInHandshake.into()),
        (then(b"\x02\x00\x00\x00\x00\x40"), ConnectionError::Closed), // incomplete header: nothing yet
        (
            then(&command(&Command::Ping { ttl: 0, context: Bytes::new() })),
            Violation::UnexpectedCommand("PING").into(),
        ),
        (then(&command(&Command::Subscribe(Bytes::new()))), Violation::UnexpectedCommand("SUBSCRIBE").into()),
        (then(&command(&Command::Error("400".into()))), ConnectionError::Refused("400".into())),
        (then(&command(&Command::Ready(Metadata::new()))), Mismatch::NoSocketType.into()),
        (then(b"\x04\x0a\x05READY\x03ABC"), CodecError::Truncated("property value length").into()),
        (
            then(b"\x06\x00\x00\x00\x00\x00\x00\x20\x01"),
            CodecError::CommandTooLong { announced: 8193, limit: 8192 }.into(),
        ),
    ];
    for (input, expected) in cases {
        let (mut connection, now) = connection(SocketType::Req, Options::default());
        if expected == ConnectionError::Closed {
            check(&mut connection, now, &input, &[]);
        } else {
            check_error(&mut connection, now, &input, expected);
        }
    }
}

#[test]
fn a_routing_id_from_the_wire_is_at_most_255_octets_and_never_a_generated_one() {
    for (id, fine) in
        [(vec![], true), (vec![1; 255], true), (vec![1; 256], false), (vec![0, 1, 2, 3, 4], false)]
    {
        let (mut connection, now) = connection(SocketType::Router, Options::default());
        let metadata = Metadata::new().with("Socket-Type", "DEALER").with("Identity", id);
        let greeting = hello("DEALER", 1)[..64].to_vec();
        connection.handle_input(now, &[greeting, command(&Command::Ready(metadata))].concat());
        assert_eq!(events(&mut connection, now).is_ok(), fine);
    }
}

#[test]
fn silence_in_the_handshake_times_out_and_success_disarms_the_timer() {
    let options = || Options { handshake_ivl: MS(300), ..Options::default() };
    for said in [0, 9, 10, 63, 64] {
        let (mut connection, now) = connection(SocketType::Rep, options());
        connection.handle_input(now, &hello("REQ", 1)[..said]);
        events(&mut connection, now).unwrap();
        assert_eq!(connection.poll_timeout(), Some(now + MS(300)));
        connection.handle_timeout(now + MS(299)).unwrap();
        let error = connection.handle_timeout(now + MS(300)).unwrap_err();
        assert_eq!(error, ConnectionError::TimedOut(Timer::Handshake));
    }
    let (connection, _) = ready(SocketType::Rep, "REQ", 1, options());
    assert_eq!(connection.poll_timeout(), None);
}

#[test]
fn subscriptions_take_the_form_of_the_minor_version() {
    for (minor, expected) in
        [(0, &b"\x00\x02\x01A\x00\x02\x00A"[..]), (1, b"\x04\x0b\x09SUBSCRIBEA\x04\x08\x06CANCELA")]
    {
        let (mut connection, _) = ready(SocketType::Sub, "PUB", minor, Options::default());
        connection.subscribe(b"A").unwrap();
        connection.cancel(b"A").unwrap();
        assert_eq!(transmit(&mut connection), expected);
    }
    let (mut connection, _) = ready(SocketType::Sub, "PUB", 1, Options::default());
    connection.subscribe(&[b'x'; 300]).unwrap();
    assert_eq!(transmit(&mut connection)[..10], [6, 0, 0, 0, 0, 0, 0, 1, 0x36, 9]);
}

/// Covers: conformance 23
#[test]
fn a_publisher_takes_both_forms_on_any_session() {
    for minor in [0, 1] {
        let (mut connection, now) = ready(SocketType::XPub, "SUB", minor, Options::default());
        let input = b"\x00\x02\x01A\x04\x0b\x09SUBSCRIBEB\x00\x02\x00A\x04\x08\x06CANCELB\x00\x02hi\x01\x01\x01\x00\x01x";
        let expected: &[&[&[u8]]] =
            &[&[b"+", b"A"], &[b"+", b"B"], &[b"-", b"A"], &[b"-", b"B"], &[b"hi"], &[b"\x01", b"x"]];
        check(&mut connection, now, input, expected);
    }
    let (mut connection, now) = ready(SocketType::Pub, "SUB", 1, Options::default());
    check(&mut connection, now, b"\x00\x02hi\x01\x01\x01\x00\x01x\x00\x00\x00\x01\x01", &[&[b"+", b""]]);
}

#[test]
fn a_publisher_never_collects_messages() {
    let (mut connection, now) = ready(SocketType::Pub, "SUB", 1, Options::default());
    let long = [&[3, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 65_536]].concat();
    for _ in 0..20 {
        check(&mut connection, now, &long, &[]);
    }
    assert!(connection.partial.as_ref().is_none_or(|partial| partial.parts.is_empty()));
    check_error(
        &mut connection,
        now,
        &[2, 0, 0, 0, 0, 0, 2, 0, 0],
        CodecError::FrameTooLong { announced: 131_072, limit: MAX_COMMAND_OCTETS },
    );
}

/// Covers: conformance 21
#[test]
fn odd_commands_in_traffic_are_swallowed_and_lying_ones_close() {
    let (mut connection, now) = ready(SocketType::Rep, "REQ", 1, Options::default());
    let ready_again = command(&Command::Ready(Metadata::new()));
    let input = [
        b"\x04\x00",
        &b"\x05\x02\x01X"[..],
        &ready_again,
        b"\x04\x0b\x05ERROR\x04oops",
        b"\x04\x0a\x09SUBSCRIBE",
        b"\x00\x01m",
    ]
    .concat();
    check(&mut connection, now, &input, &[&[b"m"]]);
    check_error(&mut connection, now, b"\x04\x02\x05X", CodecError::Truncated("command name"));
}

/// Covers: pitfalls A14; conformance 18
#[test]
fn limits_are_exact() {
    let options = Options {
        maxmsgsize: Some(4),
        max_multipart_frames: 3,
        max_multipart_octets: 9,
        ..Options::default()
    };
    let fresh = || ready(SocketType::Pair, "PAIR", 1, options.clone());
    let (mut connection, now) = fresh();
    check(
        &mut connection,
        now,
        b"\x00\x04abcd\x01\x04abcd\x01\x04abcd\x00\x01e",
        &[&[b"abcd"], &[b"abcd", b"abcd", b"e"]],
    );
    check_error(&mut connection, now, b"\x00\x05", CodecError::FrameTooLong { announced: 5, limit: 4 });
    let (mut connection, now) = fresh();
    check_error(&mut connection, now, &b"\x01\x00".repeat(4), Violation::TooManyFrames(3));
    let (mut connection, now) = fresh();
    check_error(&mut connection, now, b"\x01\x04abcd\x01\x04abcd\x00\x02ef", Violation::MessageTooLong(9));
    let (mut connection, now) = fresh();
    check_error(&mut connection, now, &[2, 128, 0, 0, 0, 0, 0, 0, 0], CodecError::FrameLength(1 << 63));
}

/// Covers: pitfalls A1 A2
#[test]
fn an_announced_length_reserves_nothing() {
    let (mut connection, now) = ready(SocketType::Pull, "PUSH", 1, Options::default());
    check(&mut connection, now, b"\x02\x00\x00\x00\x00\x40\x00\x00\x00ten octets", &[]);
    assert_eq!(connection.octets_missing(), (1 << 30) - 10);
    connection.shrink();
    assert!(connection.input.capacity() < 4096);
}

#[test]
fn a_ping_is_answered_with_at_most_16_octets_and_a_flood_with_one_pong() {
    for minor in [0, 1] {
        let (mut connection, now) = ready(SocketType::Req, "REP", minor, Options::default());
        check(&mut connection, now, b"\x04\x0a\x04PING\x00\x00abc", &[]);
        assert_eq!(transmit(&mut connection), b"\x04\x08\x04PONGabc");
        for i in 0..100_000_u32 {
            let ping = [&b"\x04\x1b\x04PING\x00\x00"[..], &[7; 16], &i.to_be_bytes()].concat();
            check(&mut connection, now, &ping, &[]);
        }
        assert_eq!(transmit(&mut connection), [&b"\x04\x15\x04PONG"[..], &[7; 16]].concat());
    }
}

/// Covers: pitfalls D4; conformance 52
#[test]
fn a_ping_between_the_frames_of_a_message_is_fine() {
    let (mut connection, now) = ready(SocketType::Req, "REP", 1, Options::default());
    check(&mut connection, now, b"\x01\x00\x04\x07\x04PING\x00\x00\x00\x01r", &[&[b"", b"r"]]);
}

#[test]
fn heartbeats_close_a_dead_peer_after_interval_plus_timeout() {
    let options = Options {
        heartbeat_ivl: MS(200),
        heartbeat_timeout: Some(MS(400)),
        heartbeat_ttl: MS(100_000),
        ..Options::default()
    };
    let (mut connection, now) = ready(SocketType::Dealer, "ROUTER", 1, options);
    for ping_at in [200, 400] {
        assert_eq!(connection.poll_timeout(), Some(now + MS(ping_at)));
        connection.handle_timeout(now + MS(ping_at)).unwrap();
        assert_eq!(transmit(&mut connection), b"\x04\x07\x04PING\x02\x8f");
    }
    assert_eq!(connection.poll_timeout(), Some(now + MS(600)));
    let error = connection.handle_timeout(now + MS(600)).unwrap_err();
    assert_eq!(error, ConnectionError::TimedOut(Timer::Heartbeat));
}

/// Covers: pitfalls D5; conformance 51
#[test]
fn any_octet_counts_as_a_sign_of_life() {
    let options = Options { heartbeat_ivl: MS(200), ..Options::default() };
    let (mut connection, now) = ready(SocketType::Pull, "PUSH", 1, options);
    connection.handle_input(now, &[2, 0, 0, 0, 0, 0x40, 0, 0, 0]);
    for tick in 1..50 {
        let now = now + MS(200 * tick);
        connection.handle_timeout(now).unwrap();
        connection.handle_input(now + MS(100), b"x");
        events(&mut connection, now).unwrap();
    }
}

#[test]
fn a_paused_reader_does_not_blame_the_peer() {
    let options = Options { heartbeat_ivl: MS(200), ..Options::default() };
    let (mut connection, now) = ready(SocketType::Pull, "PUSH", 1, options);
    connection.handle_timeout(now + MS(200)).unwrap();
    connection.set_input_paused(true);
    for tick in 2..50 {
        connection.handle_timeout(now + MS(200 * tick)).unwrap();
    }
    connection.set_input_paused(false);
    connection.handle_timeout(now + MS(10_000)).unwrap();
    assert!(connection.handle_timeout(now + MS(10_200)).is_err());
}

/// Covers: pitfalls D3; conformance 50
#[test]
fn a_time_to_live_is_honoured_over_its_whole_range() {
    for ttl in [1_u16, 5, 655, 656, u16::MAX] {
        let (mut connection, now) = ready(SocketType::Dealer, "ROUTER", 1, Options::default());
        let ping = Command::Ping { ttl, context: Bytes::new() };
        check(&mut connection, now, &command(&ping), &[]);
        let deadline = now + MS(u64::from(ttl) * 100);
        assert_eq!(connection.poll_timeout(), Some(deadline));
        connection.handle_timeout(deadline - MS(1)).unwrap();
        check(&mut connection, now, b"\x00\x01m", &[&[b"m"]]);
        assert_eq!(connection.poll_timeout(), None, "traffic disarms it");
        check(&mut connection, now, &command(&ping), &[]);
        assert_eq!(connection.handle_timeout(deadline), Err(ConnectionError::TimedOut(Timer::TimeToLive)));
    }
}

/// Covers: conformance 20
#[test]
fn an_unfinished_message_is_never_delivered() {
    let (mut connection, now) = ready(SocketType::Pull, "PUSH", 1, Options::default());
    check(&mut connection, now, b"\x01\x01a", &[]);
    check(&mut connection, now, b"\x01\x01b\x00", &[]);
    check(&mut connection, now, b"\x00", &[&[b"a", b"b", b""]]);
}

#[test]
fn two_connections_understand_each_other() {
    let now = T0();
    let options = Arc::new(Options::default());
    let mut a = Connection::new(SocketType::Dealer, options.clone(), now);
    let mut b = Connection::new(SocketType::Router, options, now);
    let to_b = transmit(&mut a);
    b.handle_input(now, &to_b);
    a.handle_input(now, &transmit(&mut b));
    assert_eq!(events(&mut a, now).unwrap().len(), 1);
    assert_eq!(events(&mut b, now).unwrap().len(), 1);
    let message = Message::from_parts(vec![Bytes::new(), vec![3; 100_000].into(), Bytes::from_static(b"x")]);
    a.send(&message).unwrap();
    a.send_encoded(Encoded::message(&message)).unwrap();
    b.handle_input(now, &transmit(&mut a));
    for event in events(&mut b, now).unwrap() {
        let Event::Message(got) = event else { panic!() };
        assert!(got == message);
    }
}

/// Pieces that a peer may send, sensible ones and odd ones.
fn pieces() -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = [
        &b"\x00\x02hi"[..],
        b"\x01\x00",
        b"\x00\x00",
        b"\x00\x02\x01A",
        b"\x00\x02\x00A",
        b"\x03\x00\x00\x00\x00\x00\x00\x00\x01x",
        b"\x04\x0b\x09SUBSCRIBEA",
        b"\x04\x08\x06CANCELA",
        b"\x04\x0a\x04PING\x00\x05abc",
        b"\x04\x08\x04PONGabc",
        b"\x04\x00",
        b"\x04\x05\x04PING",
        b"\x02\x00\x00\x00\x00\x00\x01\x00\x00",
        b"\x02\x80",
        b"\xff",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    pieces.push(hello("SUB", 0));
    pieces.push(hello("DEALER", 1)[..64].to_vec());
    pieces
}

proptest::proptest! {
    #[test]
    fn any_stream_in_any_cut(
        first: u8,
        cut: u8,
        chosen in proptest::collection::vec(proptest::sample::select(pieces()), 0..12),
        tail in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
    ) {
        let mut input = vec![first, cut];
        chosen.iter().for_each(|piece| input.extend_from_slice(piece));
        input.extend_from_slice(&tail);
        properties::any_cut_gives_the_same_events(&input);
    }
}
