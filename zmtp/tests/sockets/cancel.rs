//! Futures that are dropped at every poll. Dropping one never loses, splits or doubles a message.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use zmtp::{
    DealerSocket, Event, Message, Options, PairSocket, PubSocket, PullSocket, PushSocket, RepSocket,
    ReqSocket, RouterSocket, SubSocket, XPubEvent, XPubSocket, XSubSocket,
};

use crate::support::*;

/// Polls once, and drops the future when it is not done.
fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A new future every time, each polled once and dropped, until one is done.
async fn until_done<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..2_000_000 {
        if let Some(done) = attempt() {
            return done;
        }
        tokio::task::yield_now().await;
    }
    panic!("this takes too long")
}

/// Covers: pitfalls C1; conformance 58
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c1_every_receive_is_dropped_after_one_poll_and_nothing_is_lost() {
    let mut router = RouterSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut dealer = DealerSocket::connect(&router.local_endpoint().unwrap(), quick());
    let sender = dealer.sender();
    let sending = tokio::spawn(async move {
        for number in 0..5000_u32 {
            let parts = vec![number.to_be_bytes().to_vec().into(), vec![7; 100].into()];
            sender.send(Message::from_parts(parts)).await;
        }
    });
    for number in 0..5000_u32 {
        let (id, message) = until_done(|| poll_once(router.recv())).await;
        assert_eq!((message.len(), &message.first()[..]), (2, &number.to_be_bytes()[..]));
        router.send(&id, message).unwrap();
        let back = until_done(|| poll_once(dealer.recv())).await;
        assert_eq!(back.first()[..], number.to_be_bytes());
    }
    soon(sending).await.unwrap();
}

/// Covers: pitfalls C3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c3_a_send_that_was_dropped_sent_nothing_and_one_that_ended_sent_all() {
    let small = Options { sndhwm: Some(3), rcvhwm: Some(3), sndbuf: Some(16_384), ..quick() };
    let mut pull = PullSocket::bind(&anywhere(), small.clone()).await.unwrap();
    let push = PushSocket::connect(&pull.local_endpoint().unwrap(), small);
    let receiving = tokio::spawn(async move {
        for number in 0..1000_u32 {
            let message = soon(pull.recv()).await;
            assert_eq!(message.len(), 2, "never split");
            assert_eq!(message.first()[..], number.to_be_bytes(), "never lost or doubled");
        }
        pull
    });
    for number in 0..1000_u32 {
        until_done(|| {
            let parts = vec![number.to_be_bytes().to_vec().into(), vec![7; 5000].into()];
            poll_once(push.send(Message::from_parts(parts)))
        })
        .await;
    }
    let mut pull = soon(receiving).await.unwrap();
    assert_eq!(pull.try_recv(), None);
}

fn numbered(number: u32) -> Message {
    Message::from_parts(vec![number.to_be_bytes().to_vec().into(), vec![7; 5000].into()])
}

fn number_of(message: &Message) -> u32 {
    assert_eq!(message.len(), 2, "never split");
    u32::from_be_bytes(message.first()[..].try_into().unwrap())
}

/// The types that the tests above leave out, and those of the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pairs_and_dealers_may_drop_every_send_and_every_receive() {
    const MESSAGES: u32 = 500;
    let small = Options { sndhwm: Some(3), rcvhwm: Some(3), sndbuf: Some(16_384), ..quick() };
    let mut pair = PairSocket::bind(&anywhere(), small.clone()).await.unwrap();
    let sender = PairSocket::connect(&pair.local_endpoint().unwrap(), small.clone());
    let receiving = tokio::spawn(async move {
        for number in 0..MESSAGES {
            assert_eq!(number_of(&until_done(|| poll_once(pair.recv())).await), number);
        }
        pair
    });
    for number in 0..MESSAGES {
        until_done(|| poll_once(sender.send(numbered(number)))).await;
    }
    assert_eq!(soon(receiving).await.unwrap().try_recv(), None);

    let mut router = RouterSocket::bind(&anywhere(), small.clone()).await.unwrap();
    let dealer = DealerSocket::connect(&router.local_endpoint().unwrap(), small);
    let receiving = tokio::spawn(async move {
        for number in 0..MESSAGES {
            assert_eq!(number_of(&until_done(|| poll_once(router.recv())).await.1), number);
        }
        router
    });
    for number in 0..MESSAGES {
        until_done(|| poll_once(dealer.send(numbered(number)))).await;
    }
    assert_eq!(soon(receiving).await.unwrap().try_recv(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_and_subscribers_may_drop_every_send_and_every_receive() {
    const MESSAGES: u32 = 1000;
    let unlimited = Options { sndhwm: None, rcvhwm: None, ..quick() };
    let mut xpub = XPubSocket::bind(&anywhere(), unlimited.clone()).await.unwrap();
    let endpoint = xpub.local_endpoint().unwrap();
    let mut sub = SubSocket::connect(&endpoint, unlimited.clone());
    let mut xsub = XSubSocket::connect(&endpoint, unlimited);
    sub.subscribe(b"");
    xsub.subscribe(b"");
    soon(xpub.wait_for_subscribers(2)).await;
    let publisher = xpub.publisher();
    let publishing = tokio::spawn(async move {
        for number in 0..MESSAGES {
            until_done(|| poll_once(publisher.send(numbered(number)))).await;
        }
    });
    for number in 0..MESSAGES {
        assert_eq!(number_of(&until_done(|| poll_once(sub.recv())).await), number);
        assert_eq!(number_of(&until_done(|| poll_once(xsub.recv())).await), number);
        xsub.send(numbered(number));
    }
    assert_eq!((sub.try_recv(), xsub.try_recv()), (None, None), "nothing comes twice");
    soon(publishing).await.unwrap();
    let mut number = 0;
    while number < MESSAGES {
        if let XPubEvent::Message(message) = until_done(|| poll_once(xpub.recv())).await {
            assert_eq!(number_of(&message), number);
            number += 1;
        }
    }
    assert_eq!(xpub.try_recv(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requester_whose_calls_are_dropped_stays_in_turn() {
    let mut rep = RepSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut req = ReqSocket::connect(&rep.local_endpoint().unwrap(), quick());
    for number in 0..500_u32 {
        let body = number.to_be_bytes().to_vec();
        until_done(|| poll_once(req.send(body.clone().into()))).await.unwrap();
        assert_eq!(until_done(|| poll_once(rep.recv())).await, body.clone().into());
        rep.send(body.clone().into()).unwrap();
        assert_eq!(until_done(|| poll_once(req.recv())).await, Ok(body.into()));
    }
}

/// Covers: pitfalls C2
#[tokio::test]
async fn c2_a_timeout_around_every_receive_costs_little() {
    let mut pull = PullSocket::bind(&inproc("timeouts"), quick()).await.unwrap();
    let push = PushSocket::connect(&inproc("timeouts"), quick());
    let sending = tokio::spawn(async move {
        for number in 0..100_000_u32 {
            push.send(number.to_be_bytes().to_vec().into()).await;
        }
        push
    });
    for number in 0..100_000_u32 {
        let message = tokio::time::timeout(PATIENCE, pull.recv()).await.unwrap();
        assert_eq!(message.first()[..], number.to_be_bytes());
    }
    soon(sending).await.unwrap();
}

/// A receiver that waits reads the connection by itself. When it is dropped, the connection's own task goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_waiting_leaves_the_connection_in_good_hands() {
    for _ in 0..50 {
        let mut rep = RepSocket::bind(&anywhere(), quick()).await.unwrap();
        let endpoint = rep.local_endpoint().unwrap();
        let mut req = ReqSocket::connect(&endpoint, quick());
        let mut events = req.events();
        req.send("question".into()).await.unwrap();
        assert!(poll_once(req.recv()).is_none());
        assert_eq!(soon(rep.recv()).await, Message::from("question"));
        assert!(poll_once(req.recv()).is_none());
        rep.send("answer".into()).unwrap();
        assert_eq!(until_done(|| poll_once(req.recv())).await.unwrap(), Message::from("answer"));
        assert!(poll_once(rep.recv()).is_none());
        // Nobody waits on either side when the peer leaves, and that is seen all the same.
        rep.close().await;
        while !matches!(soon(events.recv()).await, Some(Event::Disconnected { .. })) {}
    }
}

/// Asks often, and is patient enough for a loaded machine.
fn beating() -> Options {
    let timeout = Duration::from_secs(2);
    Options { heartbeat_ivl: Duration::from_millis(20), heartbeat_timeout: Some(timeout), ..quick() }
}

/// Heartbeats are answered while a receiver waits, and a peer that falls silent is noticed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_go_on_while_somebody_waits() {
    let beating = beating();
    let mut rep = RepSocket::bind(&anywhere(), beating.clone()).await.unwrap();
    let mut req = ReqSocket::connect(&rep.local_endpoint().unwrap(), beating);
    let mut events = rep.events();
    let serving = tokio::spawn(async move {
        for pause in [50, 2500] {
            let question = rep.recv().await;
            // The other side waits, longer than heartbeats may stay unanswered.
            tokio::time::sleep(Duration::from_millis(pause)).await;
            rep.send(question).unwrap();
        }
        rep
    });
    for question in ["one", "two"] {
        req.send(question.into()).await.unwrap();
        assert_eq!(soon(req.recv()).await.unwrap(), Message::from(question));
    }
    let _rep = soon(serving).await.unwrap();
    while let Ok(event) = tokio::time::timeout(Duration::ZERO, events.recv()).await {
        assert!(!matches!(event, Some(Event::Disconnected { .. })), "{event:?}");
    }
}

/// Whoever receives may be in another runtime, or in none.
#[test]
fn requests_are_answered_to_a_thread_without_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let beating = beating();
    let (mut rep, mut req) = runtime.block_on(async {
        let rep = RepSocket::bind(&anywhere(), beating.clone()).await.unwrap();
        let req = ReqSocket::connect(&rep.local_endpoint().unwrap(), beating);
        (rep, req)
    });
    runtime.spawn(async move {
        loop {
            let question = rep.recv().await;
            rep.send(question).unwrap();
        }
    });
    for number in 0..200_u8 {
        plain_block_on(req.send(vec![number].into())).unwrap();
        assert_eq!(plain_block_on(req.recv()).unwrap(), Message::from(vec![number]));
    }
}

/// Those calls that are no `send` and no `recv`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_call_may_be_dropped_too() {
    let xpub = XPubSocket::new(quick());
    let listening = until_done(|| poll_once(xpub.listen(&anywhere()))).await.unwrap();
    let sub = SubSocket::connect(&listening, quick());
    let mut events = xpub.events();
    sub.subscribe(b"t");
    until_done(|| poll_once(xpub.wait_for_subscribers(1))).await;
    let subscribed = |event: &Option<Event>| matches!(event, Some(Event::Subscribed { .. }));
    let told = until_done(|| poll_once(events.recv()).filter(subscribed)).await;
    assert!(told.is_some());
    until_done(|| poll_once(xpub.unlisten(&listening))).await;
    let again = soon(async {
        loop {
            match PubSocket::bind(&listening, quick()).await {
                Ok(socket) => break socket,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    // Closing goes on in the background.
    let _may_be_done_at_once = poll_once(sub.close());
    while !matches!(soon(events.recv()).await, Some(Event::Disconnected { .. })) {}
    drop(again);
}

#[tokio::test]
async fn what_is_there_already_is_taken_without_waiting() {
    let mut rep = RepSocket::bind(&anywhere(), quick()).await.unwrap();
    let mut req = ReqSocket::connect(&rep.local_endpoint().unwrap(), quick());
    assert!(rep.try_recv().is_none() && req.try_recv().is_err());
    req.send("question".into()).await.unwrap();
    assert_eq!(req.try_recv(), Ok(None));
    assert_eq!(until_done(|| rep.try_recv()).await, "question".into());
    rep.send(Message::from(["an", "answer"])).unwrap();
    assert_eq!(until_done(|| req.try_recv().transpose()).await.unwrap(), Message::from(["an", "answer"]));
    let mut xpub = XPubSocket::bind(&anywhere(), quick()).await.unwrap();
    let sub = SubSocket::connect(&xpub.local_endpoint().unwrap(), quick());
    sub.subscribe(b"t");
    assert_eq!(until_done(|| xpub.try_recv()).await, XPubEvent::Subscribed("t".into()));
}

/// Runs a future on this thread, which knows no runtime.
fn plain_block_on<F: Future>(future: F) -> F::Output {
    struct Thread(std::thread::Thread);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Thread(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park_timeout(PATIENCE);
    }
}
