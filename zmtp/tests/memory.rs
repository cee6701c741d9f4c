//! What peers may cost. One test in a process of its own, since it looks at the memory of the whole process.
#![cfg(all(feature = "tokio", target_os = "linux"))]

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use zmtp::{Endpoint, Message, Options, PubSocket, RouterSocket};

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn hello(socket_type: &str) -> Vec<u8> {
    let mut octets = vec![0; 64];
    octets[0] = 0xFF;
    octets[9] = 0x7F;
    octets[10] = 3;
    octets[11] = 1;
    octets[12..16].copy_from_slice(b"NULL");
    octets.extend([4, 22 + socket_type.len() as u8]);
    octets.extend(b"\x05READY\x0bSocket-Type\0\0\0");
    octets.push(socket_type.len() as u8);
    octets.extend(socket_type.as_bytes());
    octets
}

fn anywhere() -> Endpoint {
    "tcp://127.0.0.1:0".parse().unwrap()
}

fn address(endpoint: &Endpoint) -> String {
    endpoint.to_string().replace("tcp://", "")
}

fn connect(address: &str, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(first).unwrap();
    stream
}

/// Waits for a condition without a clock of its own.
async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} takes too long");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_cost_what_they_send_and_not_what_they_say() {
    idle_subscribers_are_cheap().await;
    announced_lengths_cost_nothing().await;
    connections_that_come_and_go_leave_nothing_behind().await;
    a_stalled_subscriber_costs_its_queue().await;
    a_limit_in_octets_holds_for_large_messages().await;
    the_queue_of_a_dead_peer_is_freed().await;
    many_long_topics_are_cheap_and_freed();
}

async fn idle_subscribers_are_cheap() {
    const PEERS: usize = 1000;
    let publisher =
        PubSocket::bind(&anywhere(), Options { backlog: 1000, ..Options::default() }).await.unwrap();
    let address = address(&publisher.local_endpoint().unwrap());
    let subscription = [hello("SUB"), b"\x00\x01\x01".to_vec()].concat();
    let warm_up: Vec<_> = (0..100).map(|_| connect(&address, &subscription)).collect();
    publisher.wait_for_subscribers(100).await;
    let before = resident();
    let peers: Vec<_> = (0..PEERS).map(|_| connect(&address, &subscription)).collect();
    publisher.wait_for_subscribers(100 + PEERS).await;
    let each = resident().saturating_sub(before) / PEERS;
    println!("octets per idle subscriber: {each}");
    assert!(each <= 6 * 1024, "{each} octets per idle subscriber");
    // And again after everybody was sent something.
    for _ in 0..10 {
        publisher.publish(vec![7; 1024].into());
    }
    for mut peer in peers.iter().chain(&warm_up) {
        peer.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        peer.read_exact(&mut [0; 64]).unwrap();
        peer.read_exact(&mut [0; 27]).unwrap();
        peer.read_exact(&mut vec![0; 10 * (1024 + 9)]).unwrap();
    }
    let each = resident().saturating_sub(before) / PEERS;
    println!("octets per idle subscriber after traffic: {each}");
    assert!(each <= 8 * 1024, "{each} octets per subscriber after traffic");
}

/// Covers: pitfalls A2
async fn announced_lengths_cost_nothing() {
    const PEERS: usize = 300;
    let router =
        RouterSocket::bind(&anywhere(), Options { backlog: 1000, ..Options::default() }).await.unwrap();
    let address = address(&router.local_endpoint().unwrap());
    let liar = [hello("DEALER"), b"\x02\x00\x00\x00\x00\x40\x00\x00\x00ten octets".to_vec()].concat();
    let before = resident();
    let _peers: Vec<_> = (0..PEERS).map(|_| connect(&address, &liar)).collect();
    until("connecting", || router.connections() == PEERS).await;
    let each = resident().saturating_sub(before) / PEERS;
    println!("octets per peer that announces 1 GiB: {each}");
    assert!(each <= 8 * 1024, "{each} octets per lie");
}

/// Covers: pitfalls B11; conformance 60
async fn connections_that_come_and_go_leave_nothing_behind() {
    let publisher = PubSocket::bind(&anywhere(), Options::default()).await.unwrap();
    let address = address(&publisher.local_endpoint().unwrap());
    let subscription = [hello("SUB"), b"\x00\x07\x01topic1\x00\x07\x01topic2".to_vec()].concat();
    let mut after_warm_up = 0;
    for round in 0..5000 {
        drop(connect(&address, &subscription));
        if round % 100 == 99 {
            until("leaving", || publisher.connections() == 0).await;
        }
        if round == 999 {
            after_warm_up = resident();
        }
    }
    let growth = resident().saturating_sub(after_warm_up);
    println!("growth over 4000 connections: {growth}");
    assert!(growth <= 2 << 20, "{growth} octets leaked");
}

/// Covers: pitfalls B1 B4
async fn a_stalled_subscriber_costs_its_queue() {
    let options = Options { sndhwm: Some(1000), sndbuf: Some(16 * 1024), ..Options::default() };
    let publisher = PubSocket::bind(&anywhere(), options).await.unwrap();
    let address = address(&publisher.local_endpoint().unwrap());
    let _stalled = connect(&address, &[hello("SUB"), b"\x00\x01\x01".to_vec()].concat());
    publisher.wait_for_subscribers(1).await;
    let before = resident();
    for _ in 0..100_000 {
        publisher.send(Message::from(vec![7; 1024])).await;
    }
    let growth = resident().saturating_sub(before);
    println!("growth for a stalled subscriber of 1000 messages of 1 KiB: {growth}");
    assert!(growth <= 4 << 20, "{growth} octets for a queue of 1 MiB");
}

/// Covers: pitfalls B4
async fn a_limit_in_octets_holds_for_large_messages() {
    let options =
        Options { sndhwm: None, sndhwm_bytes: Some(1 << 20), sndbuf: Some(16 * 1024), ..Options::default() };
    let publisher = PubSocket::bind(&anywhere(), options).await.unwrap();
    let address = address(&publisher.local_endpoint().unwrap());
    let _stalled = connect(&address, &[hello("SUB"), b"\x00\x01\x01".to_vec()].concat());
    publisher.wait_for_subscribers(1).await;
    let before = resident();
    for _ in 0..2000 {
        publisher.send(Message::from(vec![7; 65_536])).await;
    }
    let growth = resident().saturating_sub(before);
    println!("growth for a stalled subscriber of 1 MiB of large messages: {growth}");
    assert!(growth <= 6 << 20, "{growth} octets for a queue of 1 MiB");
}

/// Covers: pitfalls C12
async fn the_queue_of_a_dead_peer_is_freed() {
    let options = Options { sndhwm: None, sndbuf: Some(16 * 1024), ..Options::default() };
    let publisher = PubSocket::bind(&anywhere(), options).await.unwrap();
    let address = address(&publisher.local_endpoint().unwrap());
    let mut after_the_first = 0;
    for round in 0..6 {
        let stalled = connect(&address, &[hello("SUB"), b"\x00\x01\x01".to_vec()].concat());
        publisher.wait_for_subscribers(1).await;
        for _ in 0..500 {
            publisher.send(Message::from(vec![7; 100_000])).await;
        }
        drop(stalled);
        until("leaving", || publisher.connections() == 0).await;
        if round == 0 {
            after_the_first = resident();
        }
    }
    let growth = resident().saturating_sub(after_the_first);
    println!("growth over five dead peers with 50 MB each: {growth}");
    assert!(growth <= 60 << 20, "{growth} octets kept for dead peers");
}

/// Covers: pitfalls B12
fn many_long_topics_are_cheap_and_freed() {
    use zmtp::pattern::subscriptions::{SubscriptionLimits, Subscriptions};
    const PEERS: usize = 100_000;
    let before = resident();
    let mut tree = Subscriptions::new();
    let mut keys = Vec::with_capacity(PEERS);
    for peer in 0..PEERS {
        let key = tree.add_peer(peer);
        let topic =
            format!("{:040x}", (peer as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C0F_FEE1_2345));
        tree.subscribe(key, topic.as_bytes(), SubscriptionLimits::NONE).unwrap();
        keys.push(key);
    }
    let each = resident().saturating_sub(before) / PEERS;
    println!("octets per subscription of 40 octets: {each}");
    assert!(each <= 400, "{each} octets per subscription");
    keys.into_iter().for_each(|key| tree.remove_peer(key, |_| {}));
    drop(tree);
}
