//! `file.recurse` with `keep_symlinks` of a tree in which a link leads to a directory that holds links itself.

use std::fs;
use std::os::unix::fs::symlink;

use crate::alone::{Minion, text};

#[test]
fn what_lies_behind_a_link_to_a_directory_is_there_through_it() {
    let minion = Minion::new("recursed");
    let tree = minion.path("states/tree");
    fs::create_dir_all(tree.join("v1")).expect("a directory");
    fs::write(tree.join("v1/one"), "1\n").expect("written");
    symlink("one", tree.join("v1/alias")).expect("a link");
    symlink("v1", tree.join("now")).expect("a link");
    minion
        .sls("a", "@ROOT@/place/d:\n  file.recurse:\n    - source: salt://tree\n    - keep_symlinks: True\n");
    for run in ["a first run", "a second one"] {
        let output = minion.run(&["state.apply", "a"]);
        assert!(output.status.success(), "{run}: {}", text(&output.stdout));
        let place = minion.path("place/d");
        assert_eq!(fs::read_link(place.join("now")).expect("a link").to_string_lossy(), "v1", "{run}");
        assert_eq!(fs::read_to_string(place.join("now/alias")).expect("there"), "1\n", "{run}");
    }
}
