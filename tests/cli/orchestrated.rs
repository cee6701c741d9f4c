//! `salt-call --local state.orchestrate` and `state.event`.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use halite::map;
use halite::transport::bus::{BusOptions, BusPaths, BusServer};
use serde_json::{Value, json};

use crate::alone::{Minion, text};

/// The return of a call, without times.
fn returned(minion: &Minion, words: &[&str]) -> (Value, Option<i32>) {
    let output = minion.run(words);
    let mut whole: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (_, ret) in whole["local"]["data"]["alone"].as_object_mut().into_iter().flatten() {
        if let Some(ret) = ret.as_object_mut() {
            ret.remove("start_time").expect("a start");
            ret.remove("duration").expect("a duration");
        }
    }
    (whole["local"].take(), output.status.code())
}

/// What `salt-call --local` of 3006.25 says of the same files: the retcode stands in the return, the command ends well.
#[test]
fn an_orchestration_without_a_master_says_what_salts_says() {
    let minion = Minion::new("orchestrated");
    minion.sls("good", "say:\n  test.nop:\n    - name: {{ pillar.get('x', 'none') }} {{ saltenv }}\n");
    minion.sls("bad", "a:\n  test.fail_without_changes: []\n");
    let whole = |data: Value, retcode: i64| json!({"data": {"alone": data}, "outputter": "highstate", "retcode": retcode});
    let nop = json!({"name": "1 base", "changes": {}, "result": true, "comment": "Success!", "__sls__": "good",
                     "__run_num__": 0, "__id__": "say"});
    let good = whole(json!({"test_|-say_|-1 base_|-nop": nop}), 0);
    assert_eq!(returned(&minion, &["state.orchestrate", "good", "pillar={x: 1}"]), (good, Some(0)));
    let fail = json!({"name": "a", "changes": {}, "result": false, "comment": "Failure!", "__sls__": "bad",
                      "__run_num__": 0, "__id__": "a"});
    let bad = whole(json!({"test_|-a_|-a_|-fail_without_changes": fail}), 1);
    assert_eq!(returned(&minion, &["state.orchestrate", "bad"]), (bad, Some(0)));
    let none = whole(json!(["No matching sls found for 'nosuch' in env 'base'"]), 1);
    assert_eq!(returned(&minion, &["state.orchestrate", "nosuch"]), (none, Some(0)));
    let refused = minion.run(&["state.orchestrate", "good", "pillar=1"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("Passed invalid arguments: Pillar data must be formatted as a dictionary"),
        "{said}"
    );
}

/// The bus of a minion that is not there but for its bus.
async fn bus_of(minion: &Minion) -> BusServer {
    let opts = map! {
        "id" => "alone", "hash_type" => "sha256",
        "sock_dir" => minion.path("var/run/salt/minion").display().to_string(),
    };
    let paths = BusPaths::of_minion(&opts);
    std::fs::create_dir_all(minion.path("var/run/salt/minion")).expect("made");
    BusServer::bind(&paths, &BusOptions::default()).expect("a bus")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn events_are_printed_as_they_come_until_there_were_enough() {
    let minion = Minion::new("events");
    let server = bus_of(&minion).await;
    let bus = server.handle();
    let mut call = minion.call(&["state.event", "salt/*", "count=2"]);
    let mut child = call.stdout(Stdio::piped()).spawn().expect("it runs");
    let began = Instant::now();
    while bus.counters().listeners == 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "nobody listens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for (tag, number) in [("salt/a", 1), ("other/b", 2), ("salt/c", 3), ("salt/d", 4)] {
        bus.fire(tag, map! { "n" => number, "e" => "\u{e9}" }).expect("fired");
    }
    let printed = tokio::task::spawn_blocking(move || {
        let mut printed = String::new();
        child.stdout.take().expect("piped").read_to_string(&mut printed).expect("text");
        assert!(child.wait().expect("it ends").success());
        printed
    });
    let printed =
        tokio::time::timeout(Duration::from_secs(30), printed).await.expect("in time").expect("no panic");
    let (events, rest) = printed.split_once("{\n").expect("a return after the events");
    let mut seen = Vec::new();
    for line in events.lines() {
        let (tag, data) = line.split_once('\t').expect("a tag");
        assert!(data.contains("\"e\": \"\u{e9}\""), "{data}");
        let data: Value = serde_json::from_str(data).expect("JSON");
        seen.push((tag, data["n"].as_i64()));
    }
    assert_eq!(seen, [("salt/a", Some(1)), ("salt/c", Some(3))]);
    assert_eq!(rest, "    \"local\": null\n}\n");
}
