//! Who of 10,000 minions is meant: `cargo bench --bench target`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use halite::map;
use halite::master::key_store::{KeyPolicy, KeyStore};
use halite::master::store::Store;
use halite::master::targets::CachedMinions;
use halite::matchers::{FixedMinions, Greedy, MinionData, ParseOptions, Target, TargetType};
use halite::names::MinionId;
use halite::value::{Map, Value};

const MINIONS: usize = 10_000;

fn fleet() -> FixedMinions {
    let id = |number: usize| format!("{}-{number:05}.example.org", ["web", "db", "cache"][number % 3]);
    let data = |number: usize| MinionData {
        grains: map! {
            "os" => ["Debian", "Rocky"][number % 2], "osmajorrelease" => 12,
            "ipv4" => Value::list([format!("10.{}.{}.7", number / 250, number % 250)]),
            "roles" => Value::list(["front", "api"]), "locale_info" => map! { "timezone" => "UTC" },
        },
        pillar: map! { "role" => ["front", "back"][number % 2], "ports" => Value::list([80, 443]) },
    };
    FixedMinions::new((0..MINIONS).map(id), (0..MINIONS).map(|number| (id(number), data(number))))
}

fn select(criterion: &mut Criterion) {
    let fleet = fleet();
    let mut group = criterion.benchmark_group("10,000 minions");
    group.throughput(Throughput::Elements(MINIONS as u64)).sample_size(20);
    for (kind, target) in [
        (TargetType::Glob, "*"),
        (TargetType::Glob, "web-*7.example.*"),
        (TargetType::Pcre, r"(web|db)-\d+7\."),
        (TargetType::Grain, "locale_info:timezone:U*"),
        (TargetType::Ipcidr, "10.0.0.0/16"),
        (TargetType::Compound, "web-* and G@os:Debian and I@role:front or ( I@role:back and S@10.1.0.0/16 )"),
        (TargetType::Compound, "web-* and G@os:Debian or ( E@db-.* and not S@10.1.0.0/16 )"),
    ] {
        let target = Value::from(target);
        group.bench_function(BenchmarkId::new(kind.as_str(), target.as_str().unwrap_or_default()), |b| {
            b.iter(|| {
                let target = Target::parse(black_box(&target), kind, &ParseOptions::default());
                target.expect("a target").select(&fleet, Greedy::Yes)
            });
        });
    }
}

/// As a master has them: keys in a directory, grains and pillars of a usual size in the store. The first of the runs, which
/// is not counted, reads them.
fn cached(criterion: &mut Criterion) {
    let root = std::env::temp_dir().join(format!("halite-bench-target-{}", std::process::id()));
    let accepted = root.join("pki/minions");
    std::fs::create_dir_all(&accepted).expect("made");
    let store = Store::open(&root.join("cache")).expect("opened");
    let words: Map =
        (0..150).map(|n| (format!("grain{n}"), Value::list(["some text", "more of it"]))).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut writes = Vec::new();
        for number in 0..MINIONS {
            let id = format!("{}-{number:05}.example.org", ["web", "db", "cache"][number % 3]);
            std::fs::write(accepted.join(&id), "key").expect("written");
            let mut grains = words.clone();
            grains.extend(map! { "os" => ["Debian", "Rocky"][number % 2], "ipv4" => Value::list([format!("10.{}.{}.7", number / 250, number % 250)]) });
            let pillar = map! { "role" => ["front", "back"][number % 2], "users" => words.clone() };
            let store = store.clone();
            writes.push(tokio::spawn(async move {
                let id = MinionId::parse(&id).expect("an id");
                store.save_minion_data(&id, &map! { "grains" => grains, "pillar" => pillar }).await
            }));
        }
        for write in writes {
            write.await.expect("joined").expect("written");
        }
    });
    let keys = KeyStore::open(&root.join("pki"), KeyPolicy::from_opts(&Map::new())).expect("opened");
    let text = Value::from("web-* and G@os:Debian and I@role:front or ( I@role:back and S@10.1.0.0/16 )");
    let select = || {
        let target = Target::parse(black_box(&text), TargetType::Compound, &ParseOptions::default())
            .expect("a target");
        target.select(&CachedMinions::new(&keys, &store, true, target.needs()), Greedy::Yes)
    };
    let began = std::time::Instant::now();
    let first = select().minions.len();
    println!("{first} of {MINIONS} minions; the first time {:?}", began.elapsed());
    let mut group = criterion.benchmark_group("10,000 minions");
    group.throughput(Throughput::Elements(MINIONS as u64)).sample_size(20);
    group.bench_function("compound, as a master has them", |b| b.iter(select));
    group.finish();
    drop(store);
    let _ = std::fs::remove_dir_all(root);
}

criterion_group!(benches, select, cached);
criterion_main!(benches);
