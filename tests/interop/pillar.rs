//! Pillars from the master to the minion: what Salt's pair prints is what any pair prints.

use std::fs;

use halite::value::Value;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

const TREE: &[(&str, &str)] = &[
    (
        "top.sls",
        "base:\n  'minion-*':\n    - web\n  'kernel:Linux':\n    - match: grain\n    - linux.init\n    - broken\n",
    ),
    (
        "web.sls",
        "include:\n  - .common:\n      key: shared\n{% from 'map.jinja' import port with context %}\nport: {{ port }}\nrole: web\nwho: {{ grains.id }}\n",
    ),
    ("common.sls", "users: [alice, bob]\nnothing: ~\n"),
    ("linux/init.sls", "kernel: {{ salt['grains.get']('kernel') }}\nnested: {a: {b: [1, 2.5, true]}}\n"),
    ("map.jinja", "{% set port = 8000 + 80 %}\n"),
    ("broken.sls", "x: {{ no_such_thing }}\n"),
];

const CONFIG: &str = "ext_pillar:\n  - cmd_yaml: \"echo 'outside: %s'\"\n";

/// Command lines and what they end with.
const PRINTED: &[(&[&str], &str)] = &[
    (
        &["minion-a", "pillar.items", "--out=json", "--out-indent=-1", "--static"],
        "{\"minion-a\": {\"shared\": {\"users\": [\"alice\", \"bob\"], \"nothing\": null}, \"port\": 8080, \"role\": \"web\", \"who\": \"minion-a\", \"kernel\": \"Linux\", \"nested\": {\"a\": {\"b\": [1, 2.5, true]}}, \"outside\": \"minion-a\", \"_errors\": [\"Rendering SLS 'broken' failed. Please see master log for details.\"]}}\n",
    ),
    (&["minion-a", "pillar.get", "nested:a:b:1"], "minion-a:\n    2.5\n"),
    (&["minion-a", "pillar.get", "no:such", "default=x"], "minion-a:\n    x\n"),
    (
        &["minion-a", "pillar.item", "role", "port", "--out=json", "--out-indent=-1", "--static"],
        "{\"minion-a\": {\"role\": \"web\", \"port\": 8080}}\n",
    ),
    (&["minion-a", "pillar.keys", "shared"], "minion-a:\n    - users\n    - nothing\n"),
    (
        &[
            "minion-a",
            "pillar.items",
            "port",
            "pillar={port: 1}",
            "--out=json",
            "--out-indent=-1",
            "--static",
        ],
        "{\"minion-a\": {\"port\": 8080}}\n",
    ),
    (&["-I", "role:web", "test.ping"], "minion-a:\n    True\n"),
    (&["-I", "nested:a:b:1", "test.ping"], "minion-a:\n    True\n"),
    (&["-C", "I@shared:users:bob and not I@role:db", "test.ping"], "minion-a:\n    True\n"),
];

fn scenario(master: Peer, minion: Peer) {
    let Some(mut fleet) = Fleet::start(master, minion, CONFIG, "") else { return };
    for (path, body) in TREE {
        let path = fleet.path("srv/pillar").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, body).expect("written");
    }
    let refreshed = fleet.stdout(master, "salt", &["minion-a", "saltutil.refresh_pillar", "wait=True"]);
    assert_eq!(refreshed, "minion-a:\n    True\n");
    for (words, expected) in PRINTED {
        let output = fleet.run(master, "salt", words);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            printed.ends_with(expected),
            "salt {words:?} printed:\n{}\nexpected:\n{expected}",
            text(&output)
        );
    }
    let printed =
        fleet.stdout(minion, "salt-call", &["pillar.get", "shared:users", "--out=json", "--out-indent=-1"]);
    assert_eq!(printed, "{\"local\": [\"alice\", \"bob\"]}\n");

    // A change shows at once, also where a second earlier something else was true.
    fs::write(fleet.path("srv/pillar/map.jinja"), "{% set port = 9999 %}\n").expect("written");
    let printed = fleet.stdout(master, "salt", &["minion-a", "pillar.items", "port"]);
    assert!(printed.contains("8080"), "the pillar in memory is the old one: {printed}");
    fleet.stdout(master, "salt", &["minion-a", "saltutil.refresh_pillar", "wait=True"]);
    fleet.wait("the new pillar is there", |fleet| {
        fleet.stdout(master, "salt", &["minion-a", "pillar.get", "port"]).contains("9999")
    });
}

#[test]
fn original_and_original_3006() {
    scenario(Peer::Salt3006, Peer::Salt3006);
}

#[test]
fn ours_and_ours() {
    scenario(Peer::Halite, Peer::Halite);
}

#[test]
fn our_master_with_an_original_minion_3006() {
    scenario(Peer::Halite, Peer::Salt3006);
}

#[test]
fn our_master_with_an_original_minion_3007() {
    scenario(Peer::Halite, Peer::Salt3007);
}

#[test]
fn an_original_master_3006_with_our_minion() {
    scenario(Peer::Salt3006, Peer::Halite);
}

#[test]
fn an_original_master_3007_with_our_minion() {
    scenario(Peer::Salt3007, Peer::Halite);
}

/// A marked value of our master's pillar: our minion's files and programs get it, and nobody else sees it; Salt's minion
/// does as it does.
fn secret(minion: Peer) {
    const SECRET: &str = "correct-horse-battery";
    let Some(mut fleet) =
        Fleet::start(Peer::Halite, minion, "pillar_secrets: ['db:pass*']\n", "state_events: True\n")
    else {
        return;
    };
    let write = |path: &str, body: String| fs::write(fleet.path(path), body).expect("written");
    write("srv/pillar/top.sls", "base:\n  '*': [db]\n".to_owned());
    write("srv/pillar/db.sls", format!("db: {{password: {SECRET}}}\n"));
    let file = fleet.path("target");
    write("target", "password: before\n".to_owned());
    let states = format!(
        "file:\n  file.managed:\n    - name: {}\n    - contents: 'password: {{{{ pillar.db.password }}}}'\nrun:\n  cmd.run:\n    - name: \
         echo {{{{ pillar.db.password }}}}\n    - fire_event: True\nsent:\n  event.send:\n    - name: own/event\n    - data: {{word: \"{{{{ pillar.db.password }}}}\"}}\nfails:\n  cmd.run:\n    - name: cat {{{{ pillar.db.password }}}}\n",
        file.display()
    );
    write("srv/salt/db.sls", states);
    let events = fs::File::create(fleet.path("events")).expect("a file");
    let mut listener = fleet.command(Peer::Halite, "salt-run", "etc");
    let mut listener = listener.arg("state.event").stdout(events).spawn().expect("it starts");
    let heard = |fleet: &Fleet, what: &str| {
        fs::read_to_string(fleet.path("events")).unwrap_or_default().contains(what)
    };
    fleet.wait("somebody listens", |fleet| {
        fleet.stdout(Peer::Halite, "salt", &["minion-a", "test.ping"]);
        heard(fleet, "test.ping")
    });
    let output = fleet.run(Peer::Halite, "salt", &["minion-a", "state.apply", "db"]);
    let printed = text(&output);
    assert_eq!(fs::read_to_string(&file).expect("there"), format!("password: {SECRET}\n"), "{printed}");
    fleet.wait("the return is on the bus", |fleet| heard(fleet, "cmd_|-fails_|-cat"));
    fleet.wait("the event is on the bus", |fleet| heard(fleet, "own/event"));
    listener.kill().expect("killed");
    listener.wait().expect("it ends");
    if minion == Peer::Halite {
        let looked = fleet.stdout(
            Peer::Halite,
            "salt-run",
            &["jobs.list_jobs", "search_function=state.apply", "--out=json"],
        );
        let jid = looked.split('"').nth(1).unwrap_or_default().to_owned();
        let looked = fleet.stdout(Peer::Halite, "salt-run", &["jobs.lookup_jid", &jid]);
        assert!(looked.contains("***"), "{looked}");
        let read = |path: &str| fs::read_to_string(fleet.path(path)).unwrap_or_default();
        let logs = read("var/log/salt/minion") + &read("var/log/salt/master");
        assert!(logs.len() > 1_000, "there are logs: {logs}");
        for said in [printed, read("events"), looked, logs] {
            assert!(!said.contains(SECRET), "{said}");
        }
    }
    fleet.stdout(Peer::Halite, "salt", &["minion-a", "saltutil.refresh_pillar", "wait=True"]);
    let shown = fleet.stdout(Peer::Halite, "salt", &["minion-a", "pillar.get", "db:password"]);
    assert!(shown.contains(SECRET), "{shown}");
}

#[test]
fn secrets_of_our_pillar_reach_files_and_nobody_else() {
    secret(Peer::Halite);
}

#[test]
fn secrets_of_our_pillar_are_not_in_the_way_of_an_original_minion() {
    secret(Peer::Salt3006);
}

/// `file_client: local` under a master: jobs come from it, the pillar from this machine, unless
/// `use_master_when_local` says otherwise.
fn own_pillar(minion: Peer) {
    let own = std::env::temp_dir().join(format!("hf-own-{}-{minion:?}", std::process::id()));
    fs::create_dir_all(&own).expect("a directory");
    fs::write(own.join("top.sls"), "base: {'*': [own]}\n").expect("written");
    fs::write(own.join("own.sls"), "whose: {{ grains.id }}'s own\nport: 1\n").expect("written");
    let config = format!("file_client: local\npillar_roots: {{base: [{}]}}\n", own.display());
    for (more, expected) in [
        ("", r#"{"port": 1, "whose": "minion-a's own"}"#),
        ("use_master_when_local: True\n", r#"{"whose": "the master's"}"#),
    ] {
        let Some(fleet) = Fleet::start(Peer::Halite, minion, "", &format!("{config}{more}")) else { return };
        fs::write(fleet.path("srv/pillar/top.sls"), "base: {'*': [all]}\n").expect("written");
        fs::write(fleet.path("srv/pillar/all.sls"), "whose: the master's\n").expect("written");
        fleet.stdout(Peer::Halite, "salt", &["minion-a", "saltutil.refresh_pillar", "wait=True"]);
        let expected = Value::from_json(expected).expect("JSON");
        // Compiled anew, and as the daemon keeps it. Salt's has an empty schedule besides.
        for fun in ["pillar.items", "pillar.raw"] {
            let pillar = fleet.ask(Peer::Halite, &[fun]);
            for key in ["whose", "port"] {
                assert_eq!(pillar.get(key), expected.get(key), "{key} of {fun} with {more:?}");
            }
        }
    }
    fs::remove_dir_all(own).expect("removed");
}

#[test]
fn an_original_minion_3006_with_local_files_has_its_own_pillar() {
    own_pillar(Peer::Salt3006);
}

#[test]
fn our_minion_with_local_files_has_its_own_pillar() {
    own_pillar(Peer::Halite);
}
