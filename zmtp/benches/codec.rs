//! The pure core: messages per second through a pair of connections, and subscription matching.

use std::{hint::black_box, io::IoSlice, sync::Arc, time::Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zmtp::{
    Message, Options, SocketType,
    codec::Encoded,
    connection::Connection,
    pattern::subscriptions::{SubscriptionLimits, Subscriptions},
};

/// Two connections past their handshake.
fn pair() -> (Connection, Connection, Instant) {
    let now = Instant::now();
    let options = Arc::new(Options::default());
    let mut a = Connection::new(SocketType::Push, options.clone(), now);
    let mut b = Connection::new(SocketType::Pull, options, now);
    move_all(&mut a, &mut b, now);
    move_all(&mut b, &mut a, now);
    assert!(a.poll_event(now).unwrap().is_some() && b.poll_event(now).unwrap().is_some());
    (a, b, now)
}

fn move_all(from: &mut Connection, to: &mut Connection, now: Instant) {
    loop {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = from.poll_transmit(&mut slices);
        if filled == 0 {
            return;
        }
        let mut octets = 0;
        for slice in &slices[..filled] {
            to.handle_input(now, slice);
            octets += slice.len();
        }
        from.transmitted(octets);
    }
}

fn connections(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("connection_to_connection");
    for size in [64, 1024, 65_536] {
        let batch = (128 * 1024 / size).clamp(1, 1000);
        let message = Message::from(vec![7; size]);
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(format!("{size} octets"), |bencher| {
            let (mut a, mut b, now) = pair();
            bencher.iter(|| {
                for _ in 0..batch {
                    a.send(&message).unwrap();
                }
                move_all(&mut a, &mut b, now);
                for _ in 0..batch {
                    black_box(b.poll_event(now).unwrap().unwrap());
                }
                b.shrink();
            });
        });
    }
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode_once");
    for size in [64, 1024, 65_536] {
        let message = Message::from(vec![7; size]);
        group.bench_function(format!("{size} octets"), |bencher| {
            bencher.iter(|| black_box(Encoded::message(&message)));
        });
    }
    group.finish();
}

fn subscriptions(criterion: &mut Criterion) {
    let mut tree = Subscriptions::new();
    for peer in 0..10_000_u32 {
        let key = tree.add_peer(peer);
        let topic = format!("{:040x}", u128::from(peer).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C));
        tree.subscribe(key, topic.as_bytes(), SubscriptionLimits::NONE).unwrap();
        tree.subscribe(key, b"broadcast", SubscriptionLimits::NONE).unwrap();
    }
    let mut group = criterion.benchmark_group("match_10000_subscribers");
    let one = Bytes::from(format!("{:040x}", 77_u128.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C)));
    for (name, topic) in [("one", &one[..]), ("all", b"broadcast"), ("none", b"zzz")] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut count = 0;
                tree.for_each_match(black_box(topic), |_| count += 1);
                count
            });
        });
    }
    group.finish();
}

criterion_group!(benches, connections, encoding, subscriptions);
criterion_main!(benches);
