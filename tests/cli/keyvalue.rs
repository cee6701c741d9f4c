//! `file.keyvalue` with `create_if_missing` (3007): a file that is not there comes into being, with a prediction first.

use std::fs;

use crate::alone::{Minion, text};

#[test]
fn a_file_that_is_missing_is_made_with_every_key() {
    let minion = Minion::new("keyvalue");
    let file = minion.path("place/file");
    let name = format!("name={}", file.display());
    let single = |more: &[&str]| {
        let keys = "key_values={a: b, c: 5}";
        let output = minion.run(&[&["state.single", "file.keyvalue", &name, keys], more].concat());
        text(&output.stdout)
    };
    let said = single(&[]);
    assert!(said.contains("unable to open") && said.contains("\"result\": false"), "{said}");
    let said = single(&["create_if_missing=True", "test=True"]);
    assert!(said.contains("is set to be changed (2 lines)") && !file.exists(), "{said}");
    let said = single(&["create_if_missing=True"]);
    assert!(
        said.contains("- <EOF>\\n+ a=b\\n+ c=5\\n+ <EOF>\\n") && said.contains("\"result\": true"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&file).expect("there"), "a=b\nc=5\n");
}
