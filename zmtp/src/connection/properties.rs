//! Laws of a connection, for tests and for the fuzz target `zmtp_connection`.

use std::{sync::Arc, time::Instant};

use super::{Connection, Event};
use crate::codec::{Command, Encoded, Greeting, MechanismName, Metadata};
use crate::options::Options;
use crate::pattern::socket_type::{ALL, SocketType};

/// What can be compared of an event.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Authorize,
    Ready(SocketType),
    Message(Vec<Vec<u8>>),
    Subscribe(Vec<u8>),
    Cancel(Vec<u8>),
    Error(String),
}

/// The octets decide: first which socket type this is and whether a legal handshake comes first, then how the rest is
/// cut into reads, then comes what the peer sends. However it is cut, the same events come out, `Ready` is the first
/// and comes once, nothing panics, and no buffer exceeds what arrived by more than a constant.
pub fn any_cut_gives_the_same_events(input: &[u8]) {
    let [first, cut, sent @ ..] = input else { return };
    let socket_type = ALL[usize::from(first & 15) % ALL.len()];
    let mut stream = if first & 16 == 0 { Vec::new() } else { legal_handshake(socket_type, first & 32 == 0) };
    stream.extend_from_slice(sent);
    let whole = run(socket_type, &stream, stream.len());
    assert_eq!(whole, run(socket_type, &stream, 1));
    assert_eq!(whole, run(socket_type, &stream, usize::from(*cut)));
    for (at, seen) in whole.iter().enumerate() {
        let legal = match seen {
            Seen::Ready(peer) => at == 0 && socket_type.may_talk_to(*peer),
            Seen::Authorize => false,
            Seen::Error(_) => at + 1 == whole.len(),
            Seen::Subscribe(_) | Seen::Cancel(_) => at > 0 && socket_type.publishes(),
            Seen::Message(parts) => at > 0 && !parts.is_empty() && socket_type != SocketType::Pub,
        };
        assert!(legal, "{socket_type} saw {whole:?}");
    }
}

fn legal_handshake(socket_type: SocketType, three_one: bool) -> Vec<u8> {
    let mut greeting = Greeting::new(MechanismName::NULL, false);
    greeting.minor = three_one.into();
    let peer = ALL.into_iter().find(|peer| socket_type.may_talk_to(*peer)).expect("everybody has a peer");
    let ready = Command::Ready(Metadata::new().with("Socket-Type", peer.name()));
    let mut stream = greeting.encode().to_vec();
    Encoded::command(&ready).pieces().iter().for_each(|piece| stream.extend_from_slice(piece));
    stream
}

fn run(socket_type: SocketType, stream: &[u8], cut: usize) -> Vec<Seen> {
    let options = Options {
        maxmsgsize: Some(1 << 16),
        max_multipart_frames: 16,
        max_multipart_octets: 1 << 17,
        ..Options::default()
    };
    let now = Instant::now();
    let mut connection = Connection::new(socket_type, Arc::new(options), now);
    let mut seen = Vec::new();
    for piece in stream.chunks(cut.max(1)) {
        connection.handle_input(now, piece);
        loop {
            match connection.poll_event(now) {
                Ok(None) => break,
                Ok(Some(event)) => seen.push(describe(&event)),
                Err(error) => {
                    seen.push(Seen::Error(error.to_string()));
                    return seen;
                }
            }
        }
        connection.shrink();
        assert!(connection.input.capacity() <= 2 * stream.len() + 2048);
        assert!(connection.octets_queued() <= 256, "a peer makes us queue {}", connection.octets_queued());
        if cut.is_multiple_of(2) {
            while connection.take_transmit().is_some() {}
        }
    }
    seen
}

fn describe(event: &Event) -> Seen {
    match event {
        Event::Authorize(_) => Seen::Authorize,
        Event::Ready(info) => Seen::Ready(info.socket_type),
        Event::Message(message) => Seen::Message(message.parts().iter().map(|part| part.to_vec()).collect()),
        Event::Subscribe(topic) => Seen::Subscribe(topic.to_vec()),
        Event::Cancel(topic) => Seen::Cancel(topic.to_vec()),
    }
}
