//! B9, F15, G1, G3, G6, G12: what a stranger can make the master hold.

use std::time::Duration;

use halite::map;
use halite::value::{Map, Value};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::victim::{Victim, raw};

/// The greeting of a ZMTP 3.1 peer with the NULL mechanism, and its READY.
fn hello(socket_type: &str) -> Vec<u8> {
    let mut octets = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    octets.extend_from_slice(b"NULL");
    octets.resize(64, 0);
    let mut ready = vec![5];
    ready.extend_from_slice(b"READY");
    ready.push(11);
    ready.extend_from_slice(b"Socket-Type");
    ready.extend_from_slice(&(socket_type.len() as u32).to_be_bytes());
    ready.extend_from_slice(socket_type.as_bytes());
    octets.extend_from_slice(&[4, ready.len() as u8]);
    octets.extend_from_slice(&ready);
    octets
}

async fn still_answers(victim: &Victim) {
    let answer = victim.clear(map! { "cmd" => "ping", "x" => 1 }).await;
    assert_eq!(answer.get("x"), Some(&1.into()));
}

/// G1: a length is believed only as far as the limit, and nothing is set aside for it.
#[tokio::test(flavor = "multi_thread")]
async fn g01_a_frame_of_any_announced_size_ends_its_connection_at_most() {
    let victim = Victim::start(Map::new()).await;
    for (port, kind) in [(victim.ret_port, "REQ"), (victim.publish_port, "SUB")] {
        for length in [1_u64 << 63, u64::MAX, (1 << 31) + 1, 1 << 40, 256 << 20] {
            let mut octets = hello(kind);
            octets.push(2);
            octets.extend_from_slice(&length.to_be_bytes());
            octets.extend_from_slice(&[0; 64]);
            let _ = raw(port, &octets).await;
        }
    }
    still_answers(&victim).await;
    victim.end().await;
}

/// B9, G12: nesting, lengths and counts that promise more than there is.
#[tokio::test(flavor = "multi_thread")]
async fn g12_packed_bombs_are_refused() {
    let victim = Victim::start(Map::new()).await;
    let mut deep = vec![0x91; 100_000];
    deep.push(0xc0);
    let mut maps = [0x81, 0xa1, b'a'].repeat(50_000);
    maps.push(0xc0);
    let mut many = vec![0xdd, 0x00, 0x98, 0x96, 0x80];
    many.resize(5 + 10_000_000, 0xc0);
    for bomb in [
        deep,
        maps,
        many,
        vec![0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0],
        vec![0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0],
        vec![0xdb, 0xff, 0xff, 0xff, 0xff, b'x'],
        vec![0xc6, 0xff, 0xff, 0xff, 0xff, b'x'],
        vec![0xc9, 0xff, 0xff, 0xff, 0xff, 78, b'x'],
        vec![0xc1],
        Vec::new(),
    ] {
        victim.ask(bomb, Duration::from_secs(10)).await;
    }
    still_answers(&victim).await;
    victim.end().await;
}

/// F15: what is sent back is bounded by what may come in.
#[tokio::test(flavor = "multi_thread")]
async fn f15_a_ping_is_bounded() {
    let victim = Victim::start(Map::new()).await;
    let huge = map! { "cmd" => "ping", "x" => Value::Bytes(vec![0; 80 << 20].into()) };
    let body = halite::channel::pack_map(&map! { "enc" => "clear", "load" => huge, "version" => 3 });
    assert_eq!(victim.ask(body, Duration::from_secs(5)).await, None);
    still_answers(&victim).await;
    victim.end().await;
}

/// G3: connections that never finish to say hello hold nobody up.
#[tokio::test(flavor = "multi_thread")]
async fn g03_half_open_connections_hold_nobody_up() {
    let victim = Victim::start(Map::new()).await;
    let mut held = Vec::new();
    for number in 0..600_usize {
        let port = if number % 2 == 0 { victim.ret_port } else { victim.publish_port };
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
        let _ = stream.write_all(hello("REQ").get(..number % 64).unwrap_or_default()).await;
        held.push(stream);
    }
    still_answers(&victim).await;
    victim.minion("web1").await;
    drop(held);
    victim.end().await;
}

/// G6: what a subscriber sends besides subscriptions is dropped, and topics are counted.
#[tokio::test(flavor = "multi_thread")]
async fn g06_a_subscriber_cannot_fill_the_publisher() {
    let victim = Victim::start(Map::new()).await;
    let mut octets = hello("SUB");
    for number in 0..50_000_u32 {
        octets.extend_from_slice(&[0, 9, 1]);
        octets.extend_from_slice(&u64::from(number).to_be_bytes());
    }
    for _ in 0..1000 {
        octets.extend_from_slice(&[0, 4, 7, b'x', b'x', b'x']);
    }
    let _ = raw(victim.publish_port, &octets).await;
    still_answers(&victim).await;
    let good = map! { "user" => "root", "key" => victim.own_key() };
    victim.minion("web1").await;
    assert!(victim.publish("test.ping", good).await.get("load").is_some());
    victim.end().await;
}
