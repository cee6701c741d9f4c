//! A ROUTER with many peers: one task writes its replies, while the tasks of the connections have something to write, too.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use zmtp::{DealerSocket, Message, Options, RouterSocket, RoutingId};

use crate::fanout::{PING, frame, length, raw_peer};
use crate::support::*;

/// More than have a task each that writes for them.
const PEERS: usize = 12;
const REQUESTS: u32 = 600;
/// Before an answer to the first of them has come.
const IN_FLIGHT: u32 = 8;

/// Answers to PINGs come from the task of a connection, replies from the task for all; what the system does not take of these is left
/// to the connection's task again. An octet out of place would be no frame, and one peer that does not read keeps nobody waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_many_peers_has_its_answers_in_order_whatever_another_does() {
    let options = Options { rcvhwm: None, sndhwm: None, sndbuf: Some(8192), ..quick() };
    let mut router = RouterSocket::bind(&anywhere(), options).await.unwrap();
    let address = router.local_endpoint().unwrap().to_string().replace("tcp://", "");
    let answering = tokio::spawn(async move {
        loop {
            let (id, message) = router.recv().await;
            let number = u32::from_be_bytes(message.first()[..].try_into().unwrap());
            let body = Bytes::from(vec![7; length(number)]);
            router.send(&id, Message::from_parts(vec![message.first().clone(), body])).unwrap();
        }
    });
    let (mut deaf, _) = raw_peer(&address, "DEALER").await;
    for number in 0..REQUESTS {
        deaf.write_all(&request(number)).await.unwrap();
    }
    let pongs = Arc::<AtomicUsize>::default();
    let peers: Vec<_> = (0..PEERS).map(|_| tokio::spawn(peer(address.clone(), pongs.clone()))).collect();
    for peer in peers {
        soon(peer).await.unwrap();
    }
    assert!(pongs.load(Ordering::Relaxed) > PEERS);
    assert!(!answering.is_finished());
    answering.abort();
    drop(deaf);
}

fn request(number: u32) -> Vec<u8> {
    [&[0, 4][..], &number.to_be_bytes()].concat()
}

/// Asks in rounds, with PINGs between the requests, and checks every frame that comes.
async fn peer(address: String, pongs: Arc<AtomicUsize>) {
    let (stream, mut octets) = raw_peer(&address, "DEALER").await;
    let (mut reader, mut writer) = stream.into_split();
    let (mut asked, mut answered) = (0, 0);
    while answered < REQUESTS {
        while asked < REQUESTS && asked - answered < IN_FLIGHT {
            writer.write_all(&request(asked)).await.unwrap();
            if asked % 3 == 0 {
                writer.write_all(PING).await.unwrap();
            }
            asked += 1;
        }
        let first = frame(&mut reader, &mut octets).await;
        if first.command {
            assert_eq!(first.body, "\x04PONGping");
            pongs.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        assert!(first.more && first.body[..] == answered.to_be_bytes(), "{first:?} for {answered}");
        let mut second = frame(&mut reader, &mut octets).await;
        while second.command {
            pongs.fetch_add(1, Ordering::Relaxed);
            second = frame(&mut reader, &mut octets).await;
        }
        assert!(
            !second.more
                && second.body.len() == length(answered)
                && second.body.iter().all(|octet| *octet == 7)
        );
        answered += 1;
    }
}

#[tokio::test]
async fn what_was_said_to_many_arrives_though_the_router_closes() {
    let mut router = RouterSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = router.local_endpoint().unwrap();
    let mut dealers: Vec<_> = (0..PEERS).map(|_| DealerSocket::connect(&endpoint, quick())).collect();
    let mut ids = Vec::new();
    for dealer in &dealers {
        dealer.send(Message::from("hello")).await;
        ids.push(soon(router.recv()).await.0);
    }
    for word in ["one", "two", "three"] {
        for id in &ids {
            router.send(id, Message::from(word)).unwrap();
        }
    }
    soon(router.close()).await;
    for dealer in &mut dealers {
        for word in ["one", "two", "three"] {
            assert_eq!(soon(dealer.recv()).await, Message::from(word));
        }
    }
}

/// Who answers the first of two requests only after the second has long been there keeps nobody waiting for the first.
#[tokio::test]
async fn an_answer_does_not_wait_for_the_one_after_it() {
    let mut router = RouterSocket::bind(&anywhere(), quick()).await.unwrap();
    let endpoint = router.local_endpoint().unwrap();
    let mut dealers: Vec<_> = (0..PEERS).map(|_| DealerSocket::connect(&endpoint, quick())).collect();
    for dealer in &dealers {
        dealer.send(Message::from("first")).await;
        dealer.send(Message::from("second")).await;
    }
    let mut asked = Vec::new();
    while asked.len() < 2 * PEERS {
        let (id, message) = soon(router.recv()).await;
        if message == Message::from("first") {
            router.send(&id, Message::from("reply")).unwrap();
        }
        asked.push(id);
    }
    for dealer in &mut dealers {
        assert_eq!(soon(dealer.recv()).await, Message::from("reply"));
    }
}

/// Whose name another takes in the middle of its answers is forgotten; the other has its own, and nobody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_taken_over_among_many_answers_has_its_own() {
    let mut router =
        RouterSocket::bind(&anywhere(), Options { router_handover: true, ..quick() }).await.unwrap();
    let endpoint = router.local_endpoint().unwrap();
    let answering = tokio::spawn(async move {
        loop {
            let (id, message) = router.recv().await;
            router.send(&id, message.clone()).unwrap();
            router.send(&id, message).unwrap();
        }
    });
    let connect = |number: usize| {
        let routing_id = RoutingId::new(format!("peer{number}").as_bytes());
        DealerSocket::connect(
            &endpoint,
            Options { routing_id: Some(routing_id.unwrap()), reconnect_ivl: None, ..quick() },
        )
    };
    let mut peers: Vec<_> = (0..PEERS).map(connect).collect();
    for peer in &mut peers {
        peer.send(Message::from("here")).await;
        // Or else it may come later than who takes its name.
        soon(peer.recv()).await;
    }
    for round in 0..20 {
        for peer in &peers {
            for _ in 0..5 {
                peer.send(Message::from("of before")).await;
            }
        }
        for (number, peer) in peers.iter_mut().enumerate() {
            let mut next = connect(number);
            next.send(Message::from(format!("{round}"))).await;
            for _ in 0..2 {
                // What was asked before may be answered to who has the name by then.
                while soon(next.recv()).await != Message::from(format!("{round}")) {}
            }
            *peer = next;
        }
    }
    answering.abort();
}

/// The task that writes ends with the runtime of its ROUTER: what is sent then goes nowhere, as to a peer that is gone.
#[test]
fn answers_after_the_end_of_the_runtime_go_nowhere() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (ending, other) = (runtime(), runtime());
    let mut router = ending.block_on(RouterSocket::bind(&anywhere(), quick())).unwrap();
    let endpoint = router.local_endpoint().unwrap();
    let dealers: Vec<_> = other.block_on(async {
        let dealers: Vec<_> = (0..PEERS).map(|_| DealerSocket::connect(&endpoint, quick())).collect();
        for dealer in &dealers {
            dealer.send(Message::from("hello")).await;
        }
        dealers
    });
    let ids: Vec<_> = ending.block_on(async {
        let mut ids = Vec::new();
        while ids.len() < PEERS {
            ids.push(soon(router.recv()).await.0);
        }
        ids
    });
    drop(ending);
    for _ in 0..5_000 {
        for id in &ids {
            router.send(id, Message::from("nobody hears this")).unwrap();
        }
    }
    drop(router);
    drop(dealers);
}
