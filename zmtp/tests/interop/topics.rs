//! Random topics and random messages: what arrives is what a plain list of prefixes says.

use zmtp::{Event, Message, Options, SubSocket, XPubSocket};

use crate::{anywhere, event, message, options, peer::Peer, soon};

const ROUNDS: usize = 10;
const MESSAGES: usize = 300;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }

    /// Of two letters only, so that topics are often prefixes of others, and of messages.
    fn word(&mut self, longest: usize) -> Vec<u8> {
        (0..self.below(longest + 1)).map(|_| b"ab"[self.below(2)]).collect()
    }
}

/// What a subscriber does in one round, and what is published then.
struct Round {
    subscribe: Vec<Vec<u8>>,
    unsubscribe: Vec<Vec<u8>>,
    /// The first octet does not appear in words: it tells that everything before has been carried out.
    last: Vec<u8>,
    messages: Vec<Vec<u8>>,
    /// The messages that match.
    expected: Vec<Vec<u8>>,
}

fn rounds() -> Vec<Round> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut topics: Vec<Vec<u8>> = Vec::new();
    let mut play = |number: usize| {
        let unsubscribe: Vec<_> = (0..random.below(topics.len() + 1))
            .map(|_| topics.swap_remove(random.below(topics.len())))
            .collect();
        // Sometimes the empty topic, which is a prefix of everything; sometimes one that is there already.
        let subscribe: Vec<_> = (0..random.below(6)).map(|_| random.word(5)).collect();
        topics.extend(subscribe.clone());
        let messages: Vec<_> = (0..MESSAGES).map(|_| random.word(7)).collect();
        let wanted = |message: &&Vec<u8>| topics.iter().any(|topic| message.starts_with(topic));
        let expected = messages.iter().filter(wanted).cloned().collect();
        Round { subscribe, unsubscribe, last: format!("z{number}").into_bytes(), messages, expected }
    };
    (0..ROUNDS).map(&mut play).collect()
}

fn hex(octets: &[u8]) -> String {
    if octets.is_empty() {
        return "-".to_owned();
    }
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn subscribe(sub: &SubSocket, round: &Round) {
    round.unsubscribe.iter().for_each(|topic| sub.unsubscribe(topic));
    round.subscribe.iter().for_each(|topic| sub.subscribe(topic));
    sub.subscribe(&round.last);
}

async fn heard(sub: &mut SubSocket, last: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let got: Message = soon(sub.recv()).await;
        assert_eq!(got.parts()[1], "body");
        if got.first() == last {
            return all;
        }
        all.push(got.first().to_vec());
    }
}

/// Covers: pitfalls B16; conformance 27
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_topics_select_the_same_messages_at_a_libzmq_sub_of_our_publisher() {
    let Some(mut peer) = Peer::start() else { return };
    let unlimited = Options { sndhwm: None, ..options() };
    let publisher = XPubSocket::bind(&anywhere(), unlimited).await.unwrap();
    let mut events = publisher.events();
    peer.run("new s SUB RCVHWM=0");
    peer.connect("s", &publisher.local_endpoint().unwrap());
    for round in rounds() {
        round.unsubscribe.iter().for_each(|topic| drop(peer.run(&format!("unsub s {}", hex(topic)))));
        round.subscribe.iter().for_each(|topic| drop(peer.run(&format!("sub s {}", hex(topic)))));
        peer.run(&format!("sub s {}", hex(&round.last)));
        event(&mut events, |e| matches!(e, Event::Subscribed { topic, .. } if *topic == round.last)).await;
        for words in round.messages.iter().chain([&round.last]) {
            publisher.publish(message(&[words, b"body"]));
        }
        let mut all = Vec::new();
        loop {
            let mut got = peer.recv("s");
            assert_eq!(got.pop().unwrap(), b"body");
            if got == [round.last.clone()] {
                break;
            }
            all.extend(got);
        }
        assert_eq!(all, round.expected);
    }
}

/// Covers: conformance 27
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_topics_select_the_same_messages_at_our_sub_of_a_libzmq_publisher() {
    let Some(mut peer) = Peer::start() else { return };
    peer.run("new p XPUB SNDHWM=0 RCVHWM=0");
    let mut sub = SubSocket::connect(&peer.bind("p"), Options { rcvhwm: None, ..options() });
    for round in rounds() {
        subscribe(&sub, &round);
        while peer.recv("p") != [[b"\x01", &round.last[..]].concat()] {}
        for words in round.messages.iter().chain([&round.last]) {
            peer.send("p", &[words, b"body"]);
        }
        assert_eq!(heard(&mut sub, &round.last).await, round.expected);
    }
}
