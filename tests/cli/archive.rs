//! The state `archive.extracted` on a real archive.

use std::process::Command;

use serde_json::Value;

use halite::crypt::HashType;

use crate::alone::Minion;

/// As Salt 3006.25 and 3007.14: the return keeps the name that the state was given, with or without a slash.
#[test]
fn an_archive_is_extracted_once_and_keeps_its_name() {
    let minion = Minion::new("archive");
    let states = minion.path("states");
    std::fs::write(states.join("one"), "1\n").expect("written");
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(&states).arg("-czf").arg(states.join("a.tar.gz")).arg("one");
    if !tar.status().is_ok_and(|status| status.success()) {
        println!("SKIPPED: there is no tar here");
        return;
    }
    let source = "    - source: salt://a.tar.gz\n    - enforce_toplevel: False\n";
    minion.sls(
        "archive",
        &format!(
            "plain:\n  archive.extracted:\n    - name: @ROOT@/place\n{source}\
                  slash:\n  archive.extracted:\n    - name: @ROOT@/place/\n{source}"
        ),
    );
    for (run, changed) in [("test=True", false), ("test=False", true), ("test=False", false)] {
        let output = minion.run(&["state.apply", "archive", run]);
        let returns: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let states = returns["local"].as_object().expect("states");
        let of = |id: &str| states.values().find(|ret| ret["__id__"] == id).expect("the state");
        let place = minion.path("place").display().to_string();
        assert_eq!(of("plain")["name"], place, "{returns}");
        assert_eq!(of("slash")["name"], format!("{place}/"), "{returns}");
        let changes = of("plain")["changes"].as_object().expect("a map");
        assert_eq!(!changes.is_empty(), changed, "{run}: {returns}");
    }
    assert_eq!(minion.place(), ["one"]);
}

/// The results of 3006.25: who extracted once and knows the sum does not list the archive again, and a sum that is none
/// is refused in a test as well.
#[test]
fn an_archive_whose_sum_is_known_is_not_listed() {
    let minion = Minion::new("archive-sum");
    let states = minion.path("states");
    std::fs::write(states.join("one"), "1\n").expect("written");
    let archive = states.join("a.tar.gz");
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(&states).arg("-czf").arg(&archive).arg("one");
    if !tar.status().is_ok_and(|status| status.success()) {
        println!("SKIPPED: there is no tar here");
        return;
    }
    let sum = HashType::Sha256.hex(std::fs::read(&archive).expect("read"));
    minion.sls(
        "sums",
        &format!(
            "known:\n  archive.extracted:\n    - name: @ROOT@/place\n    - source: salt://a.tar.gz\n    \
             - source_hash: sha256={sum}\n    - source_hash_update: True\n    - skip_files_list_verify: True\n    \
             - enforce_toplevel: False\n\
             none:\n  archive.extracted:\n    - name: @ROOT@/other\n    - source: salt://a.tar.gz\n    \
             - source_hash: sha256=\n    - enforce_toplevel: False\n"
        ),
    );
    let same = "Archive salt://a.tar.gz existing source sum is the same as the expected one and \
                skip_files_list_verify argument was set to True. Extraction is not needed";
    let rows = [
        ("test=True", Value::Null, "would be cached (if necessary)"),
        ("test=False", true.into(), "salt://a.tar.gz extracted to"),
        ("test=True", Value::Null, same),
        ("test=False", true.into(), same),
    ];
    for (run, result, comment) in rows {
        let output = minion.run(&["state.apply", "sums", run]);
        let returns: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let states = returns["local"].as_object().expect("states");
        let of = |id: &str| states.values().find(|ret| ret["__id__"] == id).expect("the state");
        assert_eq!(of("known")["result"], result, "{run}: {returns}");
        assert!(
            of("known")["comment"].as_str().is_some_and(|text| text.contains(comment)),
            "{run}: {returns}"
        );
        assert_eq!(of("none")["result"], false, "{returns}");
        let refused = "Source hash sha256= format is invalid.";
        assert!(of("none")["comment"].as_str().is_some_and(|text| text.starts_with(refused)), "{returns}");
    }
}
