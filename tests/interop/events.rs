//! What the buses of a master and of its minion carry, from the minion's start on: every tag with the names of what comes
//! with it, beside what the originals fire.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use halite::crypt::HashType;
use halite::event::{Event, Filter};
use halite::map;
use halite::transport::bus::{BusClient, BusPaths};
use halite::value::{JsonStyle, Map, Value};

use crate::fleet::Fleet;
use crate::peers::Peer;

const MASTER: &str = "auto_accept: True\nsharedsecret: right\nreactor_worker_threads: 1\nloop_interval: 1\n\
                      schedule: {often: {function: test.arg, args: [x], kwargs: {a: 1}, seconds: 2}}\n\
                      reactor: [{my/go: [salt://reaction.sls]}]\n\
                      external_auth: {sharedsecret: {fred: [test.ping]}}";

/// Minutes: Salt takes a fraction, ours wants a whole number.
const MINION: &str = "enable_legacy_startup_events: True\nstart_event_grains: [os]\nping_interval: 1\n\
                      startup_states: sls\nsls_list: [told]";

const ORCHESTRATION: &str = "
job: {salt.function: [{name: test.ping}, {tgt: minion-a}]}
states: {salt.state: [{tgt: minion-a}, {sls: told}]}
runner: {salt.runner: [{name: test.arg}, {arg: [1]}, {kwarg: {a: 2}}]}
inner: {salt.runner: [{name: state.orchestrate}, {mods: none}]}
key: {salt.wheel: [{name: key.finger}, {match: minion-a}]}
keys: {salt.wheel: [{name: key.list}, {match: accepted}]}
unknown: {salt.runner: [{name: test.sleep}, {s_time: 0}, {nosuch: 1}]}
unknowns: {salt.wheel: [{name: key.list}, {match: accepted}, {nosuch: 1}]}
";

/// One after the other, the last tells that all are done.
const REACTION: &str = "
function: {local.test.ping: [{tgt: minion-a}]}
runner: {runner.test.arg: [{args: [{a: 1}]}]}
missing: {runner.no.such: [{args: [{a: 1}]}]}
keys: {wheel.key.list: [{args: [{match: accepted}]}]}
wrong: {wheel.key.finger: [{args: [{none: accepted}]}]}
tell: {runner.event.send: [{args: [{tag: my/done}]}]}
";

/// Command lines of the master's host.
const SAID: &[(&str, &[&str])] = &[
    ("salt-run", &["event.send", "my/go"]),
    ("salt", &["minion-a", "test.exception", "oops"]),
    ("salt", &["minion-a", "test.exception,test.ping", "oops", ","]),
    ("salt", &["-a", "sharedsecret", "--username", "fred", "--password", "wrong", "minion-a", "test.ping"]),
    (
        "salt",
        &["-a", "sharedsecret", "--username", "fred", "--password", "right", "minion-a", "test.arg", "x"],
    ),
    ("salt-run", &["no.such", "1", "a=2"]),
    ("salt-run", &["test.arg", "1", "a=2"]),
    ("salt-run", &["error.error", "name=OSError", "message=no"]),
    ("salt-run", &["state.orchestrate", "broken"]),
    ("salt-run", &["state.orch", "orchestration"]),
];

fn tame(text: &str) -> String {
    let jids = fancy_regex::Regex::new(r"\b20\d{18}\b").expect("an expression");
    jids.replace_all(text, "JID").into_owned()
}

/// The tag, the names of what comes with it, one below the other where that is told of the same way, and who says what of
/// a function of the master.
fn shape(event: &Event) -> String {
    // Salt quirks: the jid of what runs at the start; a word for its own use among the arguments. Its proof is nobody's
    // business: it is not compared.
    let own = |key: &&str| !["password", "key", "__pub_user"].contains(key);
    let keys = |data: &Map| -> Vec<String> {
        let mut keys: Vec<String> = data.keys().filter_map(Value::as_str).filter(own).map(tame).collect();
        keys.sort();
        keys
    };
    let mut shown = format!("{} {:?}", tame(&event.tag).replace("/req/", "/JID/"), keys(&event.data));
    for part in ["data", "kwargs", "error"] {
        if let Some(Value::Map(below)) = event.data.get(part) {
            shown += &format!(" {part}: {:?}", keys(below));
        }
    }
    let of_a_job = event.tag.starts_with("salt/job/") && event.tag.ends_with("/new");
    if of_a_job || event.tag.starts_with("salt/run/") || event.tag.starts_with("salt/wheel/") {
        for part in ["name", "type", "fun", "arg", "fun_args", "args", "kwargs", "success", "retcode"] {
            let Some(value) = event.data.get(part) else { continue };
            let mut value = value.clone();
            if let Value::List(items) = &mut value {
                items.iter_mut().filter_map(Value::as_map_mut).for_each(|map| drop(map.remove("__pub_user")));
                items.retain(|item| item.as_map().is_none_or(|map| !map.is_empty()));
            }
            if value.as_map().is_none() || part == "kwargs" {
                shown += &format!(
                    " {part}={}",
                    tame(&value.to_json(JsonStyle { sort_keys: true, ..JsonStyle::default() }))
                );
            }
        }
    }
    shown
}

/// What the master's bus carries, then what the minion's does of errors.
fn carried(master: Peer, minion: Peer) -> Option<[BTreeSet<String>; 2]> {
    let mut fleet = Fleet::prepare(&[master], minion, MASTER)?;
    let [publish, ret] = fleet.ports(0);
    let config = format!("master: 127.0.0.1\nmaster_port: {ret}\npublish_port: {publish}\n{MINION}");
    fleet.write_minion(&config);
    for (name, text) in [
        ("told", "told: {test.succeed_with_changes: [{fire_event: True}]}\n"),
        ("none", "none: test.nop\n"),
        ("orchestration", ORCHESTRATION),
        ("reaction", REACTION),
        ("broken", "{{ nobody.knows() }}\n"),
    ] {
        fs::write(fleet.path(&format!("srv/salt/{name}.sls")), text).expect("written");
    }
    fleet.spawn("salt-master", master);
    fleet.wait_for_port(ret);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut bus = BusClient::new(BusPaths::master(&fleet.path("var/run/salt/master")));
    let mut events = runtime.block_on(bus.subscribe(Filter::all())).expect("connected");
    fleet.spawn("salt-minion", minion);
    fleet.wait_for_minion();
    let here = BusPaths::minion(&fleet.path("var/run/salt/minion"), "minion-a", HashType::default());
    let mut minions_bus = BusClient::new(here);
    let mut errors =
        runtime.block_on(minions_bus.subscribe(Filter::prefix("_salt_error"))).expect("connected");
    for (tool, words) in SAID {
        fleet.run(master, tool, words);
    }
    let mut seen = BTreeSet::new();
    let mut until = |end: &str| loop {
        let event = runtime.block_on(events.next(Some(Duration::from_secs(180))));
        let event =
            event.expect("a good stream").unwrap_or_else(|| panic!("{master:?} {minion:?}: no {end}"));
        // Each asks in its own way whether somebody still works at a job.
        if event.data.str("fun") != Some("saltutil.find_job") {
            seen.insert(shape(&event));
        }
        if event.tag == end {
            return;
        }
    };
    // Whichever comes first.
    until("my/done");
    until("minion_ping");
    runtime.block_on(bus.fire("the/end", map! {})).expect("fired");
    until("the/end");
    runtime.block_on(minions_bus.fire("_salt_error/end", map! {})).expect("fired");
    let mut told = BTreeSet::new();
    loop {
        let event = runtime.block_on(errors.next(Some(Duration::from_secs(60))));
        let event = event.expect("a good stream").expect("the last error");
        if event.tag == "_salt_error/end" {
            break;
        }
        assert!(told.insert(format!("{} {:?}", shape(&event), event.data.get("args"))), "told twice");
    }
    Some([seen, told])
}

/// 3007's, which our master always fires.
const MORE: &str = "salt/job/JID/publish ";

#[test]
fn the_buses_carry_what_those_of_the_originals_carry() {
    use Peer::{Halite, Salt3006};
    let pairs = [(Salt3006, Salt3006), (Halite, Halite), (Salt3006, Halite), (Halite, Salt3006)];
    let [original, rest @ ..] = std::thread::scope(|threads| {
        pairs
            .map(|pair| threads.spawn(move || carried(pair.0, pair.1)))
            .map(|thread| thread.join().expect("done"))
    });
    for (pair, carried) in pairs.iter().skip(1).zip(rest) {
        let (Some(original), Some(carried)) = (&original, carried) else { continue };
        for (original, mut carried) in original.iter().zip(carried) {
            carried.retain(|shape| !shape.starts_with(MORE));
            let missing: Vec<_> = original.difference(&carried).collect();
            let more: Vec<_> = carried.difference(original).collect();
            assert!(missing.is_empty() && more.is_empty(), "{pair:?}\nmissing {missing:#?}\nmore {more:#?}");
        }
    }
}
