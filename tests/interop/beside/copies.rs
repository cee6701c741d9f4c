//! `salt-cp`: files and directories arrive whole, and it says what Salt's says.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::{Line, Pair, run};
use crate::fleet::{Fleet, text};
use crate::peers::Peer;

const ONE_MINION: &[Line] = &[
    &["salt-cp", "minion-a", "@R/src/plain.txt", "@R/got/plain"],
    &["salt-cp", "minion-a", "@R/src/plain.txt", "@R/src/nothing", "@R/got/several"],
    &["salt-cp", "minion-a", "@R/src/plain.txt", "@R/got/no/such/directory"],
    &["salt-cp", "minion-a", "@R/src/plain.txt", "@R/got/json", "--out=json"],
    &["salt-cp", "minion-a", "@R/src/dir", "@R/got/refused"],
    &["salt-cp", "nobody", "@R/src/plain.txt", "@R/got/nobody"],
    &["salt-cp", "-L", "minion-a,gone", "@R/src/plain.txt", "@R/got/list"],
    &["salt-cp", "-C", "minion-a", "@R/src/big", "@R/got/big"],
    &["salt-cp", "-C", "-n", "minion-a", "@R/src/big", "@R/got/"],
    &["salt-cp", "-C", "minion-a", "@R/src/dir", "@R/got/tree"],
    &["salt-cp", "-C", "minion-a", "@R/src/dir/", "@R/src/nothing", "@R/got/trees"],
    &["salt-cp", "-C", "minion-a", "@R/src/link", "@R/got/link"],
    &["salt-cp", "-C", "minion-a", "@R/src/missing", "@R/got/missing"],
    &["salt-cp", "-C", "minion-a", "@R/src/plain.txt", "/proc/nowhere/x"],
    &["salt-cp", "-C", "nobody", "@R/src/plain.txt", "@R/src/big", "@R/got/nobody"],
    &["salt-cp", "-C", "-L", "minion-a,gone", "@R/src/plain.txt", "@R/got/list-chunks"],
];

const BOTH_MINIONS: &[Line] = &[&["salt-cp", "-C", "-E", "minion-.", "@R/src/plain.txt", "@R/got/both"]];

pub fn differences(pair: &Pair) -> Vec<String> {
    for fleet in pair.each() {
        make_sources(fleet);
    }
    let mut differences = pair.differences(ONE_MINION, false);
    differences.extend(pair.differences(BOTH_MINIONS, true));
    let [original, ours] = pair.each().map(|fleet| tree(&fleet.path("got")));
    assert_eq!(ours.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
    assert!(ours == original, "what arrived is not the same");
    let source = tree(&pair.ours.path("src"));
    for (place, of) in [
        ("big", "big"),
        ("tree/dir/sub/deep/c", "dir/sub/deep/c"),
        ("trees/dir/a", "dir/a"),
        ("trees/dir/empty", "dir/empty"),
        ("both", "plain.txt"),
    ] {
        assert!(ours[place] == source[of], "{of} did not arrive whole in {place}");
    }
    a_text_that_is_missing_is_no_success(&pair.ours);
    differences
}

fn make_sources(fleet: &Fleet) {
    let file = |path: &str, octets: &[u8], mode: u32| {
        let path = fleet.path("src").join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(&path, octets).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
    };
    // More than three chunks, and nothing that compresses well.
    let big: Vec<u8> =
        (0..300_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    file("plain.txt", "grüße\n".as_bytes(), 0o640);
    file("nothing", b"", 0o644);
    file("big", &big, 0o750);
    file("dir/a", b"a\n", 0o600);
    file("dir/sub/b", b"\xff\0b", 0o755);
    file("dir/sub/deep/c", b"c\n", 0o644);
    fs::create_dir_all(fleet.path("src/dir/empty")).expect("made");
    fs::create_dir_all(fleet.path("got/several")).expect("made");
    std::os::unix::fs::symlink("plain.txt", fleet.path("src/link")).expect("a link");
}

/// What is below a directory, by path: kind and mode, and contents.
fn tree(top: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a directory").flatten() {
            let (path, stat) = (entry.path(), entry.metadata().expect("there"));
            let name = path.strip_prefix(top).expect("below").display().to_string();
            let contents = if stat.is_dir() { Vec::new() } else { fs::read(&path).expect("read") };
            found.insert(name, (stat.mode(), contents));
            if stat.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// Where Salt copies the rest and says nothing of it.
fn a_text_that_is_missing_is_no_success(ours: &Fleet) {
    let line = ["salt-cp", "minion-a", "@R/src/plain.txt", "@R/src/missing", "@R/got/rest"];
    let output = run(ours, Peer::Halite, &line);
    assert_eq!(output.status.code(), Some(42), "{}", text(&output));
    assert!(text(&output).contains("src/missing is not available"), "{}", text(&output));
    assert!(!ours.path("got/rest").exists());
}
