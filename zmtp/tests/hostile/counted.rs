//! What the lists say of latencies and rates, in numbers that no load of the machine changes: messages that pass before one's own, turns
//! of a runtime with one thread, polls, and virtual time. There `sleep` returns when nothing else has anything to do.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use zmtp::{
    DealerSocket, Endpoint, Event, Message, Options, PubSocket, PullSocket, PushSocket, RepSocket,
    RouterSocket, SubSocket,
};

use crate::{options, raw::PATIENCE};

fn inproc(name: &str) -> Endpoint {
    format!("inproc://counted-{name}").parse().unwrap()
}

/// Until everybody waits for somebody.
async fn quiet() {
    sleep(Duration::from_millis(1)).await;
}

/// How often everybody else had a turn before there was something.
async fn turns<T>(mut look: impl FnMut() -> Option<T>) -> usize {
    let mut count = 0;
    while look().is_none() {
        tokio::task::yield_now().await;
        count += 1;
        assert!(count < 100_000, "this takes too long");
    }
    count
}

fn p99(mut counts: Vec<usize>) -> usize {
    counts.sort_unstable();
    counts[counts.len() * 99 / 100]
}

/// Turns until each of twenty subscribers has each message, with one more that never receives.
async fn turns_of_subscribers(name: &str, stalled: bool) -> Vec<usize> {
    let endpoint = inproc(name);
    let publisher = PubSocket::bind(&endpoint, Options { sndhwm: Some(10), ..options() }).await.unwrap();
    let join = |rcvhwm| {
        let sub = SubSocket::connect(&endpoint, Options { rcvhwm: Some(rcvhwm), ..options() });
        sub.subscribe(b"");
        sub
    };
    let stalled = stalled.then(|| join(1));
    let mut live: Vec<_> = (0..20).map(|_| join(1000)).collect();
    publisher.wait_for_subscribers(live.len() + usize::from(stalled.is_some())).await;
    let mut counts = Vec::new();
    for number in 0..300_u32 {
        publisher.publish([number.to_be_bytes().to_vec(), vec![0; 4000]].concat().into());
        for sub in &mut live {
            counts.push(turns(|| sub.try_recv()).await);
        }
    }
    let dropped: u64 = publisher.dropped().iter().map(|(_, count)| count).sum();
    assert_eq!(dropped > 100, stalled.is_some(), "{dropped}");
    counts
}

/// Covers: pitfalls B2; conformance 30
#[tokio::test(start_paused = true)]
async fn b2_a_stalled_subscriber_takes_no_turns_from_the_others() {
    let alone = p99(turns_of_subscribers("b2-alone", false).await);
    let beside = p99(turns_of_subscribers("b2-beside", true).await);
    assert!(beside <= 2 * alone, "{beside} turns beside a stalled subscriber, {alone} without");
}

/// Turns until each of 99 clients has its answer, while a ROUTER answers another one that never receives.
async fn turns_of_clients(name: &str, stalled: bool) -> Vec<usize> {
    let endpoint = inproc(name);
    let mut router = RouterSocket::bind(&endpoint, Options { sndhwm: Some(10), ..options() }).await.unwrap();
    let deaf = DealerSocket::connect(&endpoint, Options { rcvhwm: Some(1), ..options() });
    deaf.send("m".into()).await;
    let (deaf_id, _) = router.recv().await;
    let mut clients: Vec<_> = (0..99).map(|_| DealerSocket::connect(&endpoint, options())).collect();
    let mut counts = Vec::new();
    for round in 0..50_u8 {
        for _ in 0..if stalled { 10 } else { 0 } {
            router.send(&deaf_id, vec![0; 10_000].into()).unwrap();
        }
        for client in &clients {
            client.send(vec![round].into()).await;
        }
        for _ in 0..clients.len() {
            let (id, message) = router.recv().await;
            router.send(&id, message).unwrap();
        }
        for client in &mut clients {
            counts.push(turns(|| client.try_recv()).await);
        }
    }
    counts
}

/// Covers: pitfalls C11; conformance 47
#[tokio::test(start_paused = true)]
async fn c11_a_stalled_dealer_takes_no_turns_from_the_others() {
    let alone = p99(turns_of_clients("c11-alone", false).await);
    let beside = p99(turns_of_clients("c11-beside", true).await);
    assert!(beside <= 2 * alone, "{beside} turns beside a stalled dealer, {alone} without");
}

/// Covers: pitfalls C13
#[tokio::test(start_paused = true)]
async fn c13_of_a_flood_few_messages_pass_before_one_of_a_light_peer() {
    /// What the receiver had taken out already, and one turn of the flood. The list allows 100.
    const AHEAD: usize = 31 + 4;
    let endpoint = inproc("c13");
    let mut router = RouterSocket::bind(&endpoint, options()).await.unwrap();
    let flood = DealerSocket::connect(&endpoint, options());
    let flooding = tokio::spawn(async move {
        loop {
            flood.send("flood".into()).await;
        }
    });
    let light: Vec<_> = (0..99).map(|_| DealerSocket::connect(&endpoint, options())).collect();
    quiet().await;
    assert_eq!(router.connections(), 100);
    for dealer in &light {
        dealer.send("light".into()).await;
        quiet().await;
        let mut waited = 0;
        while router.recv().await.1 != Message::from("light") {
            waited += 1;
            assert!(waited <= AHEAD, "{waited}");
        }
    }
    // All at once: each of them waits for the others, and for no more of the flood.
    for dealer in &light {
        dealer.send("light".into()).await;
    }
    quiet().await;
    let (mut seen, mut floods) = (0, 0);
    while seen < light.len() {
        match router.recv().await.1 == Message::from("light") {
            true => seen += 1,
            false => floods += 1,
        }
        assert!(floods <= AHEAD, "{floods}");
    }
    flooding.abort();
}

/// Counts how often it is polled.
struct Counted<'a, F>(Pin<&'a mut F>, &'a mut usize);

impl<F: Future> Future for Counted<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        *self.1 += 1;
        self.0.as_mut().poll(cx)
    }
}

/// Polls of a receiver until it had all messages, and the turns that everybody else had meanwhile.
async fn polls(name: &str, with_timeout: bool) -> usize {
    const MESSAGES: usize = 100_000;
    let mut pull = PullSocket::bind(&inproc(name), options()).await.unwrap();
    let push = PushSocket::connect(&inproc(name), options());
    let sending = tokio::spawn(async move {
        for _ in 0..MESSAGES {
            push.send("message".into()).await;
        }
        push
    });
    let mut polls = 0;
    for _ in 0..MESSAGES {
        let next = pin!(pull.recv());
        let next = Counted(next, &mut polls);
        match with_timeout {
            true => timeout(PATIENCE, next).await.unwrap(),
            false => next.await,
        };
    }
    sending.await.unwrap();
    polls
}

/// Covers: pitfalls C2
#[tokio::test(start_paused = true)]
async fn c2_a_receiver_with_a_timeout_gets_as_much_of_each_poll() {
    let plain = polls("c2-plain", false).await;
    let timed = polls("c2-timed", true).await;
    assert!(timed * 8 <= plain * 10, "{timed} polls with a timeout around each receive, {plain} without");
}

/// Covers: pitfalls D7; conformance 53
#[tokio::test(start_paused = true)]
async fn d7_a_thousand_subscribers_come_back_spread_out_and_ever_more_rarely() {
    const PEERS: usize = 1000;
    // It accepts, and closes as soon as it hears that a SUB is not what it talks to.
    let _server = RepSocket::bind(&inproc("d7"), Options { backlog: 2000, ..options() }).await.unwrap();
    let attempts = Arc::<Mutex<Vec<Duration>>>::default();
    let began = Instant::now();
    let subs: Vec<_> = (0..PEERS)
        .map(|_| {
            let sub = SubSocket::new(Options {
                reconnect_ivl: Some(Duration::from_millis(100)),
                reconnect_ivl_max: Duration::from_millis(6400),
                ..Options::default()
            });
            let (mut events, attempts) = (sub.events(), attempts.clone());
            tokio::spawn(async move {
                while let Some(event) = events.recv().await {
                    if let Event::ConnectRetried { .. } = event {
                        attempts.lock().unwrap().push(began.elapsed());
                    }
                }
            });
            sub.dial(&inproc("d7"));
            sub
        })
        .collect();
    sleep(Duration::from_secs(40)).await;
    drop(subs);
    let attempts = attempts.lock().unwrap();
    let within = |from: u64, to: u64| {
        let times = Duration::from_millis(from)..Duration::from_millis(to);
        attempts.iter().filter(|at| times.contains(at)).count()
    };
    assert!(within(0, 1000) > 2 * PEERS, "{}", within(0, 1000));
    assert!(within(20_000, 40_000) < 20 * PEERS / 2, "the rate falls: {}", within(20_000, 40_000));
    for tenth in 200..400 {
        // 31 on average, when they come independently of each other.
        let count = within(tenth * 100, (tenth + 1) * 100);
        assert!((1..100).contains(&count), "{count} in the same tenth of a second");
    }
}
