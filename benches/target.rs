//! Who of 10,000 minions is meant: `cargo bench --bench target`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use halite::map;
use halite::matchers::{FixedMinions, Greedy, MinionData, ParseOptions, Target, TargetType};
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
        pillar: Map::new(),
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

criterion_group!(benches, select);
criterion_main!(benches);
