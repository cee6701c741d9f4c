//! `state.lint`: mistakes of a tree, found without running it.

use serde_json::Value;

use crate::alone::{Minion, text};

fn tree(name: &str) -> Minion {
    let minion = Minion::new(name);
    minion.sls("good", "@ROOT@/place/x:\n  file.managed:\n    - contents: x\n    - order: last\n");
    minion.sls(
        "typo",
        "include:\n  - good\n\nsay:\n  cmd.run:\n    - name: echo\n    - requier:\n      - file: x\n\nnop:\n  test.nop:\n    \
         - onchange:\n      - cmd: say\n  test2.nop: []\n",
    );
    minion.sls(
        "undefined",
        "{% set port = 80 %}\n\na:\n  test.configurable_test_state:\n    - port: {{ prot }}\n",
    );
    minion.sls("tag", "a:\n  test.nop\n\n  {% fi x %}\n");
    minion
}

#[test]
fn words_that_no_state_takes_and_names_that_are_not_there_are_told_with_their_place() {
    let minion = tree("lint-text");
    let mut call = minion.call(&["state.lint", "typo,undefined,tag", "--out=txt"]);
    let output = call.output().expect("it runs");
    let said = text(&output.stdout);
    let expected = [
        "typo.sls:7:5: 'requier' is an invalid keyword argument for 'cmd.run' (ID 'say' in SLS 'typo'); did you mean 'require'?",
        "typo.sls:12:5: 'onchange' is an invalid keyword argument for 'test.nop' (ID 'nop' in SLS 'typo'); did you mean \
         'onchanges'?",
        "undefined.sls:5:16: Rendering SLS 'base:undefined' failed: Jinja variable 'prot' is undefined",
        "did you mean 'port'?",
        "tag.sls:4:6: Rendering SLS 'base:tag' failed: Jinja syntax error: Encountered unknown tag 'fi'.",
        "'test2.nop' is not available",
        "4 SLS files read, ",
    ];
    for line in expected {
        assert!(said.contains(line), "{line}\nin\n{said}");
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(minion.place().is_empty(), "nothing is run");
}

#[test]
fn a_good_tree_says_how_much_was_read_and_ends_well() {
    let minion = tree("lint-good");
    let output = minion.call(&["state.lint", "good", "--out=txt"]).output().expect("it runs");
    assert_eq!(text(&output.stdout), "local: 1 SLS files read, 0 mistakes\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn as_data_each_mistake_has_file_line_and_column() {
    let minion = tree("lint-json");
    let output = minion.run(&["state.lint", "undefined", "format=json"]);
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let report = &said["local"];
    assert_eq!(report["files"], 1, "{said}");
    let mistake = &report["mistakes"][0];
    let file = minion.path("states/undefined.sls").display().to_string();
    assert_eq!(
        (&mistake["file"], &mistake["line"], &mistake["column"]),
        (&file.into(), &5.into(), &16.into())
    );
    assert_eq!((&mistake["sls"], &mistake["saltenv"]), (&"undefined".into(), &"base".into()));
    assert_eq!(output.status.code(), Some(1));
}
