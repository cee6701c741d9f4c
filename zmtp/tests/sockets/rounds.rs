//! A publisher with many subscribers, which writes to them in rounds, while their own tasks have something to write, too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use zmtp::{
    Message, Options, PubSocket,
    codec::{Frame, FrameLimits, Greeting, MechanismName},
};

use crate::support::*;

/// More than are served one by one.
const SUBSCRIBERS: usize = 12;
const MESSAGES: u32 = 1000;
const PING: &[u8] = b"\x04\x0b\x04PING\0\0ping";

/// Answers to PINGs come from the task of a connection, messages from the round; what the system does not take of a round is left to the
/// task again. An octet out of place would be no frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_in_rounds_and_answers_to_pings_do_not_mix() {
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
        // Many rounds, and never more than a few messages in each.
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
fn length(number: u32) -> usize {
    [3, 300, 3000, 30_000][number as usize % 4]
}

/// Sends PINGs all the time, and checks every frame that comes.
async fn subscriber(address: String, pongs: Arc<AtomicUsize>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&Greeting::new(MechanismName::NULL, false).encode()).await.unwrap();
    stream.write_all(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB").await.unwrap();
    let mut greeting = [0; 64];
    stream.read_exact(&mut greeting).await.unwrap();
    let mut octets = BytesMut::new();
    let (mut reader, mut writer) = stream.into_split();
    let ready = frame(&mut reader, &mut octets).await;
    assert!(ready.command && ready.body.starts_with(b"\x05READY"));
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

async fn frame(reader: &mut tokio::net::tcp::OwnedReadHalf, octets: &mut BytesMut) -> Frame {
    loop {
        if let Some(frame) = Frame::take(octets, FrameLimits::NONE).unwrap() {
            return frame;
        }
        assert_ne!(reader.read_buf(octets).await.unwrap(), 0, "the connection ended");
    }
}
