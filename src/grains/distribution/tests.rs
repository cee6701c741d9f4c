//! Release files of many distributions, and what Salt 3006.25 makes of them (`tests/golden/grains/`).

use std::fs;

use super::*;
use crate::grains::machine::Uname;
use crate::host::FakeHost;

const GOLDEN: &str = include_str!("../../../tests/golden/grains/distributions.json");

#[test]
fn distributions_have_the_grains_that_salt_gives_them() {
    let golden = Value::from_json(GOLDEN).expect("JSON");
    let cases = golden.get("cases").and_then(Value::as_map).expect("cases");
    assert!(cases.len() > 40);
    let (host, opts) = (FakeHost::default(), Map::new());
    let mut wrong = Vec::new();
    for (name, case) in cases {
        let name = name.as_str().expect("a name");
        let root = std::env::temp_dir().join(format!("halite-distribution-{}-{name}", std::process::id()));
        fs::create_dir_all(&root).expect("a directory");
        for (path, text) in case.get("files").and_then(Value::as_map).expect("files") {
            let path = root.join(path.as_str().expect("a path"));
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(&path, text.as_str().expect("text")).expect("written");
        }
        let mut found = grains(&Machine::below(&root, Uname::default(), &host, &opts));
        let text = |name: &str| found.str(name).unwrap_or_default().to_owned();
        if !text("osrelease").is_empty() {
            let more = release_grains(&text("os"), &text("osfullname"), &text("osrelease"));
            found.extend(more);
        }
        let expected = case.get("grains").and_then(Value::as_map).expect("grains");
        if found != *expected {
            wrong.push(format!("{name}:\n  {found:?}\n  {expected:?}"));
        }
        fs::remove_dir_all(&root).expect("removed");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
