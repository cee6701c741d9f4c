//! Returns that arrive together and have to be durable: `cargo bench --bench store`.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use halite::map;
use halite::master::store::Store;
use halite::names::{Jid, MinionId};
use tokio::task::JoinSet;

/// A fleet answers `test.ping`: every return is acknowledged only when it is on disk.
fn returns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("durable returns");
    let dir = std::env::temp_dir().join(format!("halite-bench-store-{}", std::process::id()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for minions in [1_usize, 100, 1_000] {
        let store = Store::open(&dir).expect("a store");
        let ids: Vec<MinionId> =
            (0..minions).map(|n| MinionId::parse(&format!("minion-{n}")).expect("an id")).collect();
        let ret = map! { "return" => true, "retcode" => 0, "success" => true, "fun" => "test.ping" };
        let mut job = 0_u64;
        group.throughput(Throughput::Elements(minions as u64));
        group.bench_with_input(BenchmarkId::from_parameter(minions), &ids, |bencher, ids| {
            bencher.iter(|| {
                job += 1;
                let jid = Jid::parse(&format!("2026{job:016}")).expect("a jid");
                runtime.block_on(async {
                    let mut waiting = JoinSet::new();
                    for id in ids {
                        let (store, jid, id, ret) = (store.clone(), jid.clone(), id.clone(), ret.clone());
                        waiting
                            .spawn(async move { store.save_return(&jid, &id, &ret).await.expect("saved") });
                    }
                    waiting.join_all().await
                })
            });
        });
        drop(store);
        std::fs::remove_dir_all(&dir).expect("removed");
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(5)).sample_size(20);
    targets = returns
}
criterion_main!(benches);
