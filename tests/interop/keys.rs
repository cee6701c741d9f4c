//! Keys of a master: what lies among them, making them anew, and the documentation of what handles them.

use std::fs;

use halite::value::Value;

use crate::fleet::Fleet;
use crate::peers::Peer;

/// What `salt-key -L` prints where a directory lies among the keys.
fn listed(tool: Peer, config: &str) -> Option<String> {
    let fleet = Fleet::prepare(&[tool], Peer::Halite, config)?;
    for path in ["minions/dir1", "minions_pre/.hidden"] {
        fs::create_dir_all(fleet.master_pki(path)).expect("a directory");
    }
    for path in ["minions/web1", "minions_denied/web2"] {
        fs::create_dir_all(fleet.master_pki(path).parent().expect("a directory")).expect("made");
        fs::write(fleet.master_pki(path), "a key\n").expect("written");
    }
    Some(fleet.stdout(tool, "salt-key", &["-L"]))
}

#[test]
fn directories_are_listed_as_3006_does_it_or_3007() {
    let unchecked = "pki_check_files: False";
    if let Some(original) = listed(Peer::Salt3006, "") {
        assert!(!original.contains("dir1"), "{original}");
        assert_eq!(listed(Peer::Halite, "").as_ref(), Some(&original));
    }
    if let Some(original) = listed(Peer::Salt3007, unchecked) {
        assert!(original.contains("dir1"), "{original}");
        assert_eq!(listed(Peer::Halite, unchecked).as_ref(), Some(&original));
    }
}

/// What is printed, and which keys are left.
fn regenerated(master: Peer) -> Option<String> {
    let mut fleet = Fleet::start(master, Peer::Halite, "", "")?;
    let of_minion = fleet.path("etc/pki-minion/minion.pem");
    let before = fs::read(&of_minion).expect("a key");
    let printed = fleet.stdout(master, "salt-run", &["manage.key_regen"]);
    fleet.wait("the minion has a new key", |_| fs::read(&of_minion).is_ok_and(|key| key != before));
    let left = ["master.pem", "master.pub", "minions/minion-a"].map(|file| fleet.master_pki(file).exists());
    Some(format!("{printed}{left:?}"))
}

#[test]
fn all_keys_are_made_anew() {
    let ours = regenerated(Peer::Halite).expect("ours are always here");
    assert!(ours.ends_with("[false, false, false]"), "{ours}");
    if let Some(original) = regenerated(Peer::Salt3006) {
        assert_eq!(ours, original);
    }
}

#[test]
fn every_documented_wheel_function_is_one_of_the_originals() {
    let Some(fleet) = Fleet::prepare(&[Peer::Salt3006], Peer::Halite, "") else { return };
    let documented = |peer: Peer| -> Vec<String> {
        let printed = fleet.stdout(peer, "salt-run", &["doc.wheel", "--out=json"]);
        let docs = Value::from_json(&printed).unwrap_or_else(|_| panic!("{printed}"));
        docs.as_map().expect("a map").keys().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (original, ours) = (documented(Peer::Salt3006), documented(Peer::Halite));
    assert!(ours.len() > 30 && ours.contains(&"key.gen_signature".to_owned()), "{ours:?}");
    let more: Vec<&String> = ours.iter().filter(|fun| !original.contains(fun)).collect();
    assert!(more.is_empty(), "{more:?} of {original:?}");
    // Those of keys are all there.
    let missing: Vec<&String> =
        original.iter().filter(|fun| fun.starts_with("key.") && !ours.contains(fun)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
