//! Laws of the sockets, for tests and for the fuzz target `zmtp_sockets`: any sequence of operations, in virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;

use super::{DealerSocket, PubSocket, PullSocket, PushSocket, RouterSocket, SubSocket};
use crate::{Endpoint, Message, Options};

/// Of each kind of socket.
const EACH: usize = 2;

/// Sockets of six types over inproc, their names, and what was seen.
struct Stage {
    run: u64,
    pushes: Vec<Option<PushSocket>>,
    pulls: Vec<Option<PullSocket>>,
    dealers: Vec<Option<DealerSocket>>,
    routers: Vec<Option<RouterSocket>>,
    publishers: Vec<Option<PubSocket>>,
    subs: Vec<Option<SubSocket>>,
    /// Number of the next message; every sender's messages are numbered upwards.
    next: u64,
    /// Sender, by the number of the life it was in, to the last number that each receiver saw of it.
    last_seen: BTreeMap<(u64, u64), u64>,
    seen: BTreeSet<u64>,
    lives: u64,
    life_of: BTreeMap<(char, usize), u64>,
    /// Messages that a PUSH took, while no socket was ever closed.
    sent: usize,
    received: usize,
    closed_any: bool,
}

/// The octets are operations: make, close, send, receive, let time pass. Every call is polled once and dropped. Whatever
/// happens, messages stay whole and in order, none comes twice, and none is lost while nobody closes.
pub fn any_operations_keep_messages_whole_and_in_order(script: &[u8]) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    runtime.block_on(async {
        let mut stage = Stage::new(run);
        for operation in script.chunks_exact(2).take(400) {
            stage.operate(operation[0], operation[1]).await;
        }
        stage.finish().await;
    });
}

fn none<T>() -> Vec<Option<T>> {
    (0..EACH).map(|_| None).collect()
}

fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn options() -> Options {
    Options {
        sndhwm: Some(4),
        rcvhwm: Some(4),
        linger: Some(Duration::ZERO),
        heartbeat_ivl: Duration::from_secs(1),
        ..Options::default()
    }
}

impl Stage {
    fn new(run: u64) -> Stage {
        Stage {
            run,
            pushes: none(),
            pulls: none(),
            dealers: none(),
            routers: none(),
            publishers: none(),
            subs: none(),
            next: 0,
            last_seen: BTreeMap::new(),
            seen: BTreeSet::new(),
            lives: 0,
            life_of: BTreeMap::new(),
            sent: 0,
            received: 0,
            closed_any: false,
        }
    }

    fn endpoint(&self, kind: char, which: usize) -> Endpoint {
        Endpoint::Inproc(format!("fuzz-{}-{kind}{which}", self.run))
    }

    fn born(&mut self, kind: char, which: usize) {
        self.lives += 1;
        self.life_of.insert((kind, which), self.lives);
    }

    /// `life`, number, and a part that says the same again.
    fn message(&mut self, kind: char, which: usize) -> Message {
        self.next += 1;
        let life = self.life_of.get(&(kind, which)).copied().unwrap_or_default();
        let head = Bytes::from([life.to_be_bytes(), self.next.to_be_bytes()].concat());
        let body = Bytes::from(vec![7; (self.next % 5000) as usize]);
        Message::from_parts(vec![head.clone(), body, head])
    }

    fn check(&mut self, receiver: (char, usize), message: &Message) {
        let [head, body, again] = message.parts() else { panic!("a part is missing: {message:?}") };
        assert_eq!(head, again);
        let number = |at: usize| u64::from_be_bytes(head[at..at + 8].try_into().expect("8 octets"));
        let (life, count) = (number(0), number(8));
        assert_eq!(body.len() as u64, count % 5000);
        let receiver = self.life_of.get(&receiver).copied().unwrap_or_default();
        let last = self.last_seen.insert((life, receiver), count).unwrap_or_default();
        assert!(count > last, "out of order");
    }

    async fn operate(&mut self, operation: u8, argument: u8) {
        let which = usize::from(argument) % EACH;
        match operation % 16 {
            0 => self.make_pushes(which),
            1 if self.pulls[which].is_none() => {
                if let Ok(pull) = PullSocket::bind(&self.endpoint('l', which), options()).await {
                    self.born('l', which);
                    self.pulls[which] = Some(pull);
                }
            }
            2 => {
                let message = self.message('s', which);
                if let Some(push) = &self.pushes[which]
                    && poll_once(push.send(message)).is_some()
                {
                    self.sent += 1;
                }
            }
            3 => {
                let got = self.pulls[which].as_mut().and_then(|pull| poll_once(pull.recv()));
                if let Some(message) = got {
                    self.pulled(which, &message);
                }
            }
            4 if self.dealers[which].is_none() => {
                let dealer = DealerSocket::connect(&self.endpoint('r', which), options());
                self.born('d', which);
                self.dealers[which] = Some(dealer);
            }
            5 if self.routers[which].is_none() => {
                if let Ok(router) = RouterSocket::bind(&self.endpoint('r', which), options()).await {
                    self.born('r', which);
                    self.routers[which] = Some(router);
                }
            }
            6 => {
                let message = self.message('d', which);
                if let Some(dealer) = &self.dealers[which] {
                    let _no_room = poll_once(dealer.send(message));
                }
            }
            7 => {
                let got = self.routers[which].as_mut().and_then(|router| poll_once(router.recv()));
                if let (Some((id, message)), Some(router)) = (got, &self.routers[which]) {
                    let _dropped = router.send(&id, message.clone());
                    self.check(('r', which), &message);
                }
            }
            8 => {
                let got = self.dealers[which].as_mut().and_then(|dealer| poll_once(dealer.recv()));
                if let Some(message) = got {
                    self.check(('d', which), &message);
                }
            }
            9 if self.publishers[which].is_none() => {
                if let Ok(publisher) = PubSocket::bind(&self.endpoint('p', which), options()).await {
                    self.born('p', which);
                    self.publishers[which] = Some(publisher);
                }
            }
            10 if self.subs[which].is_none() => {
                let sub = SubSocket::connect(&self.endpoint('p', which), options());
                sub.subscribe(b"");
                self.born('b', which);
                self.subs[which] = Some(sub);
            }
            11 => {
                let message = self.message('p', which);
                if let Some(publisher) = &self.publishers[which] {
                    publisher.publish(message);
                }
            }
            12 => {
                let got = self.subs[which].as_mut().and_then(|sub| poll_once(sub.recv()));
                if let Some(message) = got {
                    self.check(('b', which), &message);
                }
            }
            13 => self.close(which, argument / 2).await,
            14 => tokio::time::sleep(Duration::from_millis(u64::from(argument) * 20)).await,
            _ => tokio::task::yield_now().await,
        }
    }

    fn make_pushes(&mut self, which: usize) {
        if self.pushes[which].is_none() {
            let push = PushSocket::new(options());
            (0..=which).for_each(|pull| push.dial(&self.endpoint('l', pull)));
            self.born('s', which);
            self.pushes[which] = Some(push);
        }
    }

    fn pulled(&mut self, which: usize, message: &Message) {
        self.received += 1;
        self.check(('l', which), message);
        let number = u64::from_be_bytes(message.first()[8..16].try_into().expect("8 octets"));
        assert!(self.seen.insert(number), "came twice");
    }

    async fn close(&mut self, which: usize, how: u8) {
        self.closed_any = true;
        match how % 6 {
            0 => drop(self.pushes[which].take()),
            1 => drop(self.pulls[which].take()),
            2 => drop(self.dealers[which].take()),
            3 => drop(self.routers[which].take()),
            4 => drop(self.publishers[which].take()),
            _ => drop(self.subs[which].take()),
        }
        // The name is free when the listener's task has ended.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// While nobody closes, everything that a PUSH took arrives.
    async fn finish(mut self) {
        if self.closed_any {
            return;
        }
        for which in 0..EACH {
            self.operate(1, u8::from(which == 1)).await;
        }
        for _ in 0..10_000 {
            if self.received == self.sent {
                break;
            }
            for which in 0..EACH {
                self.operate(3, u8::from(which == 1)).await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.received, self.sent, "messages got lost");
    }
}
