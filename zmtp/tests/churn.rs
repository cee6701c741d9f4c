//! Sockets under churn: connections that come and go in every way, subscriptions that change, a subscriber that never reads.
//! What has to hold: those who stay get everything, and nothing of those who left is left.
//!
//! Two seconds by default; `ZMTP_CHURN_SECONDS` makes it a soak test. A process of its own, since it looks at memory.
#![cfg(all(feature = "tokio", target_os = "linux"))]

use std::{
    io::Write,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use zmtp::{DealerSocket, Endpoint, Message, Options, PubSocket, Publisher, RouterSocket, SubSocket};

const WORKERS: u64 = 12;

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn quick() -> Options {
    Options {
        reconnect_ivl: Some(Duration::from_millis(5)),
        linger: Some(Duration::from_millis(50)),
        sndbuf: Some(16 * 1024),
        ..Options::default()
    }
}

async fn listening() -> (PubSocket, RouterSocket) {
    let anywhere: Endpoint = "tcp://127.0.0.1:0".parse().unwrap();
    let publisher = PubSocket::bind(&anywhere, quick()).await.unwrap();
    (publisher, RouterSocket::bind(&anywhere, Options { router_handover: true, ..quick() }).await.unwrap())
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let late = |_| panic!("{what} takes too long");
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(late)
}

/// A sequence of numbers that looks random and is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

struct Stage {
    publisher: Endpoint,
    router: Endpoint,
    over: AtomicBool,
    /// Nobody waits for messages any more.
    silent: AtomicBool,
    lives: AtomicU64,
}

/// One short life after the other.
async fn lives(stage: Arc<Stage>, mut dice: Dice) {
    while !stage.over.load(Ordering::Relaxed) {
        match dice.roll(4) {
            0 => subscriber(&stage, &mut dice).await,
            1 => client(&stage, &mut dice).await,
            2 => stranger(&stage, &mut dice),
            _ => {
                // A future that is dropped somewhere on its way takes its socket with it.
                let short = Duration::from_micros(dice.roll(3000));
                let _cut = tokio::time::timeout(short, client(&stage, &mut dice)).await;
            }
        }
        stage.lives.fetch_add(1, Ordering::Relaxed);
    }
}

async fn subscriber(stage: &Stage, dice: &mut Dice) {
    let mut sub = SubSocket::connect(&stage.publisher, quick());
    let topics: Vec<Vec<u8>> = (0..dice.roll(20)).map(|_| format!("{:03}", dice.roll(1000)).into()).collect();
    topics.iter().for_each(|topic| sub.subscribe(topic));
    sub.subscribe(b"");
    for _ in 0..dice.roll(50) {
        let message = soon("a message for a subscriber", sub.recv()).await;
        assert_eq!(message.len(), 2, "messages are whole");
    }
    topics.iter().for_each(|topic| sub.unsubscribe(topic));
    if dice.roll(2) == 0 {
        sub.close().await;
    }
}

async fn client(stage: &Stage, dice: &mut Dice) {
    let mut dealer = DealerSocket::connect(&stage.router, quick());
    let asked = dice.roll(20);
    for number in 0..asked {
        dealer.send(number.to_be_bytes().to_vec().into()).await;
    }
    for number in 0..asked {
        let answer = soon("an answer", dealer.recv()).await;
        assert_eq!(answer, Message::from(number.to_be_bytes().to_vec()), "in order, none lost");
    }
}

/// Says something that makes sense up to a point, and leaves.
fn stranger(stage: &Stage, dice: &mut Dice) {
    let endpoint = if dice.roll(2) == 0 { &stage.publisher } else { &stage.router };
    let mut words = vec![0; 64];
    (words[0], words[9], words[10], words[11]) = (0xFF, 0x7F, 3, 1);
    words[12..16].copy_from_slice(b"NULL");
    words.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB\x00\x04\x01abc\x02\0\0\0\0");
    words.truncate(dice.roll(words.len() as u64 + 1) as usize);
    if dice.roll(4) == 0 {
        words.iter_mut().for_each(|octet| *octet ^= dice.roll(256) as u8);
    }
    let address = endpoint.to_string().replace("tcp://", "");
    if let Ok(mut stream) = TcpStream::connect(address) {
        let _closed_already = stream.write_all(&words);
    }
}

async fn publish(publisher: Publisher, stage: Arc<Stage>) -> u64 {
    let mut number = 0_u64;
    while !stage.silent.load(Ordering::Relaxed) {
        for _ in 0..20 {
            let topic = format!("{:03}", number % 1000);
            publisher.send(vec![Bytes::from(topic), Bytes::from(vec![7; 200])].into()).await;
            number += 1;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    number
}

/// Covers: pitfalls B1 B11 D13; conformance 60
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn churn_leaves_nothing_behind() {
    let seconds = std::env::var("ZMTP_CHURN_SECONDS").map_or(2.0, |text| text.parse().unwrap());
    let (publisher, mut router) = listening().await;
    let stage = Arc::new(Stage {
        publisher: publisher.local_endpoint().unwrap(),
        router: router.local_endpoint().unwrap(),
        over: AtomicBool::new(false),
        silent: AtomicBool::new(false),
        lives: AtomicU64::new(0),
    });
    let publishing = tokio::spawn(publish(publisher.publisher(), stage.clone()));
    let sender = router.sender();
    let echo = tokio::spawn(async move {
        loop {
            let (peer, message) = router.recv().await;
            sender.send(&peer, message).unwrap();
        }
    });
    // One that stays and reads, and one that stays and does not.
    let mut faithful = SubSocket::connect(&stage.publisher, quick());
    faithful.subscribe(b"");
    let faithful = tokio::spawn(async move {
        loop {
            assert_eq!(faithful.recv().await.len(), 2);
        }
    });
    let mut stalled = TcpStream::connect(stage.publisher.to_string().replace("tcp://", "")).unwrap();
    let mut words = vec![0; 64];
    (words[0], words[9], words[10], words[11]) = (0xFF, 0x7F, 3, 1);
    words[12..16].copy_from_slice(b"NULL");
    words.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB\x00\x01\x01");
    stalled.write_all(&words).unwrap();
    soon("subscribing", publisher.wait_for_subscribers(2)).await;

    let workers: Vec<_> = (0..WORKERS)
        .map(|seed| tokio::spawn(lives(stage.clone(), Dice(0x9E37_79B9_7F4A_7C15 ^ seed))))
        .collect();
    let (began, mut after_warm_up) = (Instant::now(), None);
    while began.elapsed().as_secs_f64() < seconds {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if began.elapsed().as_secs_f64() > seconds / 2.0 {
            after_warm_up.get_or_insert_with(resident);
        }
    }
    stage.over.store(true, Ordering::Relaxed);
    for worker in workers {
        soon("the end of a worker", worker).await.unwrap();
    }
    stage.silent.store(true, Ordering::Relaxed);
    assert!(!faithful.is_finished() && !echo.is_finished());
    let published = soon("the end of the publisher", publishing).await.unwrap();
    let growth = resident().saturating_sub(after_warm_up.unwrap_or_default());
    println!("{} lives, {published} messages, {growth} octets more", stage.lives.load(Ordering::Relaxed));
    assert!(growth <= 16 << 20, "{growth} octets leaked");

    // Only those who stay are there, and when they leave, nobody is.
    let settled = async |wanted: usize| {
        while publisher.connections() != wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon("leaving", settled(2)).await;
    echo.abort();
    faithful.abort();
    drop(stalled);
    soon("leaving for good", settled(0)).await;
    assert_eq!(publisher.subscribers(), 0);
    publisher.close().await;
    let metrics = tokio::runtime::Handle::current().metrics();
    soon("the end of all tasks", async {
        while metrics.num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
