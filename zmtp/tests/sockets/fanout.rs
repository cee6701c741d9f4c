//! A publisher with many subscribers: walkers write for them, while their own tasks have something to write, too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use zmtp::{
    Message, Options, PubSocket, SubSocket,
    codec::{Frame, FrameLimits, Greeting, MechanismName},
};

use crate::support::*;

/// More than are served one by one.
const SUBSCRIBERS: usize = 12;
const MESSAGES: u32 = 1000;
pub const PING: &[u8] = b"\x04\x0b\x04PING\0\0ping";

/// Answers to PINGs come from the task of a connection, messages from a walker; what the system does not take of these is left to the
/// task again. An octet out of place would be no frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_of_walkers_and_answers_to_pings_do_not_mix() {
    let options = Options { sndhwm: None, sndbuf: Some(8192), ..quick() };
    let publisher = PubSocket::bind(&anywhere(), options).await.unwrap();
    let address = publisher.local_endpoint().unwrap().to_string().replace("tcp://", "");
    let pongs = Arc::<AtomicUsize>::default();
    let receivers: Vec<_> =
        (0..SUBSCRIBERS).map(|_| tokio::spawn(subscriber(address.clone(), pongs.clone()))).collect();
    soon(publisher.wait_for_subscribers(SUBSCRIBERS)).await;
    for number in 0..MESSAGES {
        let body = Bytes::from(vec![7; length(number)]);
        publisher.send(Message::from_parts(vec![Bytes::from(number.to_be_bytes().to_vec()), body])).await;
        // Never more than a few messages at a time.
        if number % 3 == 0 {
            tokio::time::sleep(Duration::from_micros(50)).await;
        }
    }
    for receiver in receivers {
        soon(receiver).await.unwrap();
    }
    assert!(pongs.load(Ordering::Relaxed) > SUBSCRIBERS);
}

/// Short ones, those that share a segment, and those that travel alone.
pub fn length(number: u32) -> usize {
    [3, 300, 3000, 30_000][number as usize % 4]
}

/// A stream behind its handshake as a socket of this type, and what was read of it already.
pub async fn raw_peer(address: &str, socket_type: &str) -> (TcpStream, BytesMut) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&Greeting::new(MechanismName::NULL, false).encode()).await.unwrap();
    let length = u8::try_from(socket_type.len()).unwrap();
    let ready = [b"\x04\0\x05READY\x0bSocket-Type\0\0\0", &[length][..], socket_type.as_bytes()].concat();
    stream.write_all(&with_length(ready)).await.unwrap();
    let mut greeting = [0; 64];
    stream.read_exact(&mut greeting).await.unwrap();
    let mut octets = BytesMut::new();
    let ready = frame(&mut stream, &mut octets).await;
    assert!(ready.command && ready.body.starts_with(b"\x05READY"));
    (stream, octets)
}

/// A command whose second octet says how long it is.
fn with_length(mut command: Vec<u8>) -> Vec<u8> {
    command[1] = u8::try_from(command.len() - 2).unwrap();
    command
}

/// Sends PINGs all the time, and checks every frame that comes.
async fn subscriber(address: String, pongs: Arc<AtomicUsize>) {
    let (stream, mut octets) = raw_peer(&address, "SUB").await;
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(b"\x04\x0a\x09SUBSCRIBE").await.unwrap();
    let pings = tokio::spawn(async move {
        while writer.write_all(PING).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let mut number = 0;
    while number < MESSAGES {
        let first = frame(&mut reader, &mut octets).await;
        if first.command {
            assert_eq!(first.body, "\x04PONGping");
            pongs.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        assert_eq!((&first.body[..], first.more), (&number.to_be_bytes()[..], true));
        let mut second = frame(&mut reader, &mut octets).await;
        while second.command {
            second = frame(&mut reader, &mut octets).await;
        }
        assert_eq!((second.body.len(), second.more), (length(number), false));
        number += 1;
    }
    pings.abort();
}

pub async fn frame(reader: &mut (impl AsyncRead + Unpin), octets: &mut BytesMut) -> Frame {
    loop {
        if let Some(frame) = Frame::take(octets, FrameLimits::NONE).unwrap() {
            return frame;
        }
        assert_ne!(reader.read_buf(octets).await.unwrap(), 0, "the connection ended");
    }
}

/// Publishing never waits, and closing comes right behind it: all that was published is decided about and queued by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_gets_what_he_wants_in_order_however_it_was_queued() {
    const TOPICS: [&[&str]; 5] = [&[""], &["a"], &["ab", "c"], &["b", ""], &["nothing"]];
    let unlimited = || Options { sndhwm: None, rcvhwm: None, ..quick() };
    let publisher = PubSocket::bind(&anywhere(), unlimited()).await.unwrap();
    let endpoint = publisher.local_endpoint().unwrap();
    let mut subs = Vec::new();
    for number in 0..20 {
        let sub = SubSocket::connect(&endpoint, unlimited());
        let topics = TOPICS[number % TOPICS.len()];
        topics.iter().for_each(|topic| sub.subscribe(topic.as_bytes()));
        subs.push((sub, topics));
    }
    soon(publisher.wait_for_subscribers(subs.len())).await;
    // Subscriptions are set one by one: those with two have both when a message for the second one comes through.
    for (sub, topics) in &mut subs {
        let mut probe = topics[topics.len() - 1].to_owned();
        probe.push_str("nothing");
        loop {
            publisher.publish(Message::from(probe.as_bytes().to_vec()));
            if tokio::time::timeout(Duration::from_millis(20), sub.recv()).await.is_ok() {
                break;
            }
        }
    }
    let message = |number: u32| {
        let topic = ["a", "ab", "abc", "b", "c", "zz"][(number / 7 % 6) as usize];
        let body = vec![7; length(number % 9 / 2)];
        Message::from_parts(vec![Bytes::from(format!("{topic}:{number}")), body.into()])
    };
    for number in 0..2000 {
        publisher.publish(message(number));
    }
    let closed = tokio::spawn(publisher.close());
    for (sub, topics) in &mut subs {
        let wanted =
            |message: &Message| topics.iter().any(|topic| message.first().starts_with(topic.as_bytes()));
        for expected in (0..2000).map(message).filter(wanted) {
            let mut got = soon(sub.recv()).await;
            while got.len() == 1 {
                got = soon(sub.recv()).await; // a probe
            }
            assert_eq!(got, expected);
        }
    }
    soon(closed).await.unwrap();
}

/// Covers: pitfalls B3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_burst_each_subscriber_gets_the_oldest_and_every_other_message_is_counted() {
    const BURST: u32 = 3000;
    const SUBSCRIBERS: u32 = 10;
    for hwm in [3_usize, 100, 1000] {
        let options = Options { sndhwm: Some(hwm), sndbuf: Some(8192), linger: None, ..quick() };
        let publisher = PubSocket::bind(&anywhere(), options).await.unwrap();
        let endpoint = publisher.local_endpoint().unwrap();
        let (told, mut received) = tokio::sync::mpsc::unbounded_channel();
        let start = Arc::new(tokio::sync::Semaphore::new(0));
        for subscriber in 0..SUBSCRIBERS {
            let slow = Options { rcvhwm: Some(1), rcvbuf: Some(8192), ..quick() };
            let mut sub = SubSocket::connect(&endpoint, slow);
            sub.subscribe(b"");
            let (told, start) = (told.clone(), start.clone());
            tokio::spawn(async move {
                let _started = start.acquire().await.unwrap();
                loop {
                    let number = u32::from_be_bytes(sub.recv().await.first()[..4].try_into().unwrap());
                    told.send((subscriber, number)).unwrap();
                }
            });
        }
        soon(publisher.wait_for_subscribers(SUBSCRIBERS as usize)).await;
        for number in 0..BURST {
            publisher.publish([number.to_be_bytes().to_vec(), vec![7; 1000]].concat().into());
        }
        let dropped: u64 = publisher.dropped().iter().map(|(_, count)| count).sum();
        let closed = tokio::spawn(publisher.close());
        start.add_permits(SUBSCRIBERS as usize);
        let mut numbers = vec![Vec::new(); SUBSCRIBERS as usize];
        for _ in 0..u64::from(BURST * SUBSCRIBERS) - dropped {
            let (subscriber, number) = soon(received.recv()).await.unwrap();
            numbers[subscriber as usize].push(number);
        }
        soon(closed).await.unwrap();
        assert!(dropped > 0 && received.is_empty(), "{dropped} with {hwm}");
        for numbers in numbers {
            assert!(
                numbers.is_sorted_by(|a, b| a < b)
                    && numbers[..hwm].iter().copied().enumerate().all(|(at, number)| at == number as usize)
            );
        }
    }
}
