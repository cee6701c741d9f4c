//! The grains of this machine, by us and by Salt: every one that Salt has we have too, with the same value.

use std::fs;

use serde_json::{Map, Value};

use crate::peers::Peer;

/// Grains that tell who asks, not what the machine is.
const OF_THE_PROGRAM: [&str; 8] = [
    "pid",
    "pythonexecutable",
    "pythonpath",
    "pythonversion",
    "saltpath",
    "saltversion",
    "saltversioninfo",
    "zmqversion",
];

fn grains(peer: Peer, directory: &std::path::Path) -> Map<String, Value> {
    let output = peer
        .tool("salt-call")
        .args(["--local", "--out=json", "-c"])
        .arg(directory)
        .arg("grains.items")
        .current_dir(directory)
        .output()
        .expect("salt-call starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let parsed: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{peer:?} prints {text:?}: {error}"));
    parsed["local"].as_object().expect("a map of grains").clone()
}

fn check(peer: Peer) {
    if !peer.is_here() {
        return;
    }
    let directory = std::env::temp_dir().join(format!("halite-grains-{peer:?}-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    let config = format!(
        "id: web1.example.org\nroot_dir: {}\nfile_client: local\ngrains:\n  roles: [web, db]\n",
        directory.join("root").display()
    );
    fs::write(directory.join("minion"), config).expect("written");
    fs::write(directory.join("grains"), "deployment: dc4\n").expect("written");
    let (mut original, ours) = (grains(peer, &directory), grains(Peer::Halite, &directory));
    fs::remove_dir_all(&directory).expect("removed");
    // How Salt was packaged, since 3007.
    original.remove("package");
    let differing: Vec<String> = original
        .iter()
        .filter(|(name, value)| !OF_THE_PROGRAM.contains(&name.as_str()) && ours.get(*name) != Some(*value))
        .map(|(name, value)| format!("{name}: {value}, not {:?}", ours.get(name)))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    for name in OF_THE_PROGRAM {
        assert!(ours.contains_key(name), "{name}");
    }
    assert_eq!(ours["saltversion"], "3006.25");
    let more: Vec<&String> = ours.keys().filter(|name| !original.contains_key(*name)).collect();
    assert!(more.is_empty(), "only we have {more:?}");
}

#[test]
fn this_machine_has_the_grains_of_salt_3006() {
    check(Peer::Salt3006);
}

#[test]
fn this_machine_has_the_grains_of_salt_3007() {
    check(Peer::Salt3007);
}
