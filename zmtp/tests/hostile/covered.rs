//! The two lists that these tests were written after, and a test that each of their entries has one.
//!
//! Pitfalls A1 to A15 (codec and handshake), B1 to B17 (publish and subscribe), C1 to C17 (request and reply), D1 to D13
//! (liveness and the network): what has broken other implementations. Conformance 1 to 60: behaviours to hold. A test
//! names its entries in a line of its comment that begins with "Covers:".

use std::{collections::BTreeSet, fs, path::Path};

fn wanted() -> BTreeSet<String> {
    let pitfalls = [('A', 15), ('B', 17), ('C', 17), ('D', 13)];
    let pitfalls =
        pitfalls.into_iter().flat_map(|(part, last)| (1..=last).map(move |n| format!("{part}{n}")));
    pitfalls.chain((1..=60).map(|n| n.to_string())).collect()
}

fn collect(folder: &Path, covered: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, covered);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for line in text.lines().filter_map(|line| line.trim().split_once(" Covers: ")) {
                let words = line.1.split([' ', ';']).filter(|word| !word.is_empty());
                covered.extend(words.map(|word| word.trim_end_matches(',').to_owned()));
            }
        }
    }
}

#[test]
fn every_entry_of_both_lists_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut covered = BTreeSet::new();
    collect(&root.join("src"), &mut covered);
    collect(&root.join("tests"), &mut covered);
    let missing: Vec<_> = wanted().difference(&covered).cloned().collect();
    assert!(missing.is_empty(), "no test covers {missing:?}");
}
