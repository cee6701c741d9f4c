//! `file.serialize`: what `check_cmd` refuses leaves the file as it was; TOML is written, merged and left alone.

use std::fs;

use crate::alone::{Minion, text};

fn single(minion: &Minion, more: &[&str]) -> String {
    let name = format!("name={}", minion.path("place/file").display());
    let words = ["state.single", "file.serialize", &name].iter().chain(more).copied().collect::<Vec<_>>();
    let output = minion.run(&words);
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_check_that_fails_leaves_the_file_and_nothing_beside_it() {
    let minion = Minion::new("serialize-check");
    let file = minion.path("place/file");
    fs::write(&file, "before\n").expect("written");
    let dataset = "dataset={a: 1}";
    let said = single(&minion, &[dataset, "serializer=json", "check_cmd=grep -q nothing"]);
    assert!(said.contains("check_cmd execution failed") && said.contains("\"result\": false"), "{said}");
    assert_eq!(fs::read_to_string(&file).expect("there"), "before\n");
    assert_eq!(minion.place(), ["file"]);
    let said = single(&minion, &[dataset, "serializer=json", "check_cmd=grep -q '\"a\": 1'"]);
    assert!(said.contains("\"result\": true"), "{said}");
    assert_eq!(fs::read_to_string(&file).expect("there"), "{\n  \"a\": 1\n}\n");
    assert_eq!(minion.place(), ["file"]);
}

#[test]
fn toml_is_written_merged_and_left_alone() {
    let minion = Minion::new("serialize-toml");
    let file = minion.path("place/file");
    let dataset = "dataset={title: x, owner: {name: Tom, ports: [1, 2]}}";
    let said = single(&minion, &[dataset, "serializer=toml"]);
    assert!(said.contains("\"result\": true"), "{said}");
    let expected = "title = \"x\"\n\n[owner]\nname = \"Tom\"\nports = [ 1, 2,]\n\n";
    assert_eq!(fs::read_to_string(&file).expect("there"), expected);
    let again = single(&minion, &[dataset, "serializer=toml"]);
    assert!(again.contains("is in the correct state"), "{again}");
    let merged =
        single(&minion, &["dataset={owner: {name: Ann}}", "serializer=toml", "merge_if_exists=True"]);
    assert!(merged.contains("\"result\": true"), "{merged}");
    assert_eq!(fs::read_to_string(&file).expect("there"), expected.replace("Tom", "Ann"));
}
