//! The state `archive.extracted` on a real archive.

use std::process::Command;

use serde_json::Value;

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
