//! Sockets over the loopback interface: messages per second, round trips, fan-out.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};
use zmtp::{
    DealerSocket, Endpoint, Message, Options, PubSocket, RepSocket, ReqSocket, RouterSocket, SubSocket,
};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn anywhere() -> Endpoint {
    "tcp://127.0.0.1:0".parse().unwrap()
}

fn no_limits() -> Options {
    Options { sndhwm: None, rcvhwm: None, ..Options::default() }
}

fn pub_sub(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pub_sub");
    for (size, batch) in [(64, 10_000), (1024, 5000), (65_536, 200)] {
        group.throughput(Throughput::Elements(batch));
        group.bench_function(format!("{size} octets"), |bencher| {
            let runtime = runtime();
            let (publisher, mut sub) = runtime.block_on(async {
                let publisher = PubSocket::bind(&anywhere(), no_limits()).await.unwrap();
                let sub = SubSocket::connect(&publisher.local_endpoint().unwrap(), no_limits());
                sub.subscribe(b"");
                publisher.wait_for_subscribers(1).await;
                (publisher, sub)
            });
            let message = Message::from(vec![7; size]);
            bencher.iter(|| {
                runtime.block_on(async {
                    let publishing = publisher.publisher();
                    let message = message.clone();
                    let task = tokio::spawn(async move {
                        for _ in 0..batch {
                            publishing.send(message.clone()).await;
                        }
                    });
                    for _ in 0..batch {
                        sub.recv().await;
                    }
                    task.await.unwrap();
                });
            });
        });
    }
    group.finish();
}

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out");
    for peers in [10, 100, 500] {
        group.throughput(Throughput::Elements(peers));
        group.bench_function(format!("1 KiB to {peers}"), |bencher| {
            let runtime = runtime();
            let (publisher, mut subs) = runtime.block_on(async {
                let publisher =
                    PubSocket::bind(&anywhere(), Options { backlog: 1000, ..no_limits() }).await.unwrap();
                let endpoint = publisher.local_endpoint().unwrap();
                let subs: Vec<_> = (0..peers).map(|_| SubSocket::connect(&endpoint, no_limits())).collect();
                subs.iter().for_each(|sub| sub.subscribe(b""));
                publisher.wait_for_subscribers(subs.len()).await;
                (publisher, subs)
            });
            let message = Message::from(vec![7; 1024]);
            bencher.iter(|| {
                runtime.block_on(async {
                    publisher.publish(message.clone());
                    for sub in &mut subs {
                        sub.recv().await;
                    }
                });
            });
        });
    }
    group.finish();
}

fn round_trip(criterion: &mut Criterion) {
    criterion.bench_function("req_rep round trip", |bencher| {
        let runtime = runtime();
        let mut req = runtime.block_on(async {
            let mut rep = RepSocket::bind(&anywhere(), no_limits()).await.unwrap();
            let req = ReqSocket::connect(&rep.local_endpoint().unwrap(), no_limits());
            tokio::spawn(async move {
                loop {
                    let request = rep.recv().await;
                    rep.send(request).unwrap();
                }
            });
            req
        });
        bencher.iter(|| {
            runtime.block_on(async {
                req.send(Message::from("request")).await.unwrap();
                req.recv().await.unwrap()
            })
        });
    });
}

fn router(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router_echo");
    for clients in [1, 100] {
        let each = 2000 / clients;
        group.throughput(Throughput::Elements(clients * each));
        group.bench_function(format!("{clients} clients"), |bencher| {
            let runtime = runtime();
            let mut dealers = runtime.block_on(async {
                let mut router = RouterSocket::bind(&anywhere(), no_limits()).await.unwrap();
                let endpoint = router.local_endpoint().unwrap();
                tokio::spawn(async move {
                    loop {
                        let (id, message) = router.recv().await;
                        router.send(&id, message).unwrap();
                    }
                });
                (0..clients).map(|_| DealerSocket::connect(&endpoint, no_limits())).collect::<Vec<_>>()
            });
            bencher.iter(|| {
                runtime.block_on(async {
                    for _ in 0..each {
                        for dealer in &dealers {
                            dealer.send(Message::from("request")).await;
                        }
                    }
                    for dealer in &mut dealers {
                        for _ in 0..each {
                            dealer.recv().await;
                        }
                    }
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pub_sub, fan_out, round_trip, router);
criterion_main!(benches);
