//! What a `_return` costs on its way through a master, but for the disk: its envelope and msgpack, and the event that
//! tells of it. `cargo bench --bench wire`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use halite::channel::envelope::{self, Freshness, Request};
use halite::channel::minion_auth::{Credentials, Identity};
use halite::channel::session::Session;
use halite::crypt::{Crypticle, KeyString, PrivateKey, VerifiedTokens};
use halite::event::{DEFAULT_MAX_EVENT_SIZE, FrameReader, frame, pack};
use halite::map;
use halite::names::MinionId;
use halite::value::msgpack::{Dialect, Reading, decode, encode_map};
use halite::value::{DateTime, Map, Value};

/// As a minion answers `test.ping`.
fn ret() -> Map {
    map! {
        "cmd" => "_return", "id" => "web1", "jid" => "20261125135124000000", "return" => true, "retcode" => 0,
        "success" => true, "fun" => "test.ping", "fun_args" => Vec::<Value>::new(),
    }
}

/// A thousand entries with a little tree each, as `state.apply` returns them.
fn states() -> Map {
    let chunk = |number: i64| -> (Value, Value) {
        let name = format!("file_|-part-{number}_|-/etc/part-{number}_|-managed");
        let result = map! {
            "name" => format!("/etc/part-{number}"), "result" => true, "comment" => "File is in the correct state",
            "changes" => Map::new(), "__run_num__" => number, "duration" => 3.25, "__id__" => "part",
        };
        (name.into(), result.into())
    };
    (0..1_000).map(chunk).collect()
}

fn msgpack(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("msgpack");
    for (name, value) in [("a return", ret()), ("1,000 states", states())] {
        let packed = encode_map(&value, Dialect::Wire);
        group.throughput(Throughput::Bytes(packed.len() as u64));
        group.bench_function(BenchmarkId::new("encode", name), |b| {
            b.iter(|| encode_map(black_box(&value), Dialect::Wire));
        });
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| decode(black_box(&packed), Reading::Wire));
        });
    }
}

fn envelopes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a sealed return");
    let id = MinionId::parse("web1").expect("an id");
    let key = PrivateKey::generate(2048).expect("a key");
    let identity = Identity::new(id, key, Default::default(), Default::default()).expect("an identity");
    let public = identity.key.public_key().clone();
    let session_key = KeyString::generate();
    let session = Session::new(
        identity,
        Credentials {
            aes: KeyString::generate(),
            session: session_key.clone(),
            publish_port: 4505,
            master_key: public.clone(),
            halite: true,
        },
    );
    group.bench_function("seal", |b| b.iter(|| session.request(black_box(ret()), 0)));
    let (body, crypticle) = (session.request(ret(), 0).body, Crypticle::new(&session_key));
    let tokens = VerifiedTokens::new(1_000);
    let freshness = Freshness { now: 0, ttl: 0 };
    group.bench_function("open", |b| {
        b.iter(|| match envelope::parse(black_box(&body), 3) {
            Ok(Request::Sealed(sealed)) => {
                envelope::open(&sealed, &crypticle, freshness, &tokens, |_| Some(public.clone()))
            }
            other => panic!("not sealed: {other:?}"),
        });
    });
    group.bench_function("acknowledge", |b| {
        b.iter(|| envelope::seal_reply(&crypticle, black_box(&Value::Null), Some("0123456789abcdef")));
    });
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("the event of a return");
    let now = DateTime::constant(2026, 11, 25, 13, 51, 24, 123_456_000);
    let event = |data| pack("salt/job/20261125135124000000/ret/web1", data, now, DEFAULT_MAX_EVENT_SIZE);
    group.bench_function("pack and frame", |b| b.iter(|| frame(&event(black_box(ret())))));
    let framed = frame(&event(ret()));
    group.bench_function("read", |b| {
        let mut reader = FrameReader::new(DEFAULT_MAX_EVENT_SIZE);
        b.iter(|| {
            reader.push(black_box(&framed));
            reader.next()
        });
    });
}

criterion_group!(benches, msgpack, envelopes, events);
criterion_main!(benches);
