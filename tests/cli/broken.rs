//! Broken SLS of every kind: each is an error that says what is wrong, and the next run goes on.

use std::fs;
use std::time::{Duration, Instant};

use crate::alone::{Minion, text};

/// The SLS and a piece of what is said of it: Salt's words where Salt has some.
const CASES: &[(&str, &str, &str)] = &[
    (
        "unknown_state",
        "a:\n  nothing.here: []\n",
        "State 'nothing.here' was not found in SLS 'unknown_state'",
    ),
    (
        "unknown_argument",
        "a:\n  test.nop:\n    - foo: 1\n  environ.setenv:\n    - value: 1\n    - foo: 1\n",
        "'foo'",
    ),
    (
        "missing_requisite",
        "a:\n  test.nop:\n    - require:\n      - test: b\n",
        "The following requisites were not found:",
    ),
    (
        "recursion",
        "a:\n  test.nop:\n    - require:\n      - test: b\nb:\n  test.nop:\n    - require:\n      - test: a\n",
        "A recursive requisite was found",
    ),
    (
        "recursion_of_prereq",
        "s0:\n  test.nop:\n    - prereq:\n      - test: s2\ns1:\n  test.nop:\n    - prereq:\n      - test: s0\ns2:\n  \
         test.nop:\n    - onfail:\n      - test: s2\n    - watch:\n      - test: s*\n",
        "Recursive requisite found",
    ),
    ("misspelt_state", "a:\n  file.managd: []\n", "did you mean 'file.managed'?"),
    (
        "misspelt_requisite",
        "nginx conf:\n  test.nop: []\nb:\n  test.nop:\n    - require:\n      - test: ngnix conf\n",
        "did you mean 'nginx conf'?",
    ),
    ("misspelt_filter", "{{ 'x'|lowr }}\n", "did you mean 'lower'?"),
    ("misspelt_tag", "{% sett x = 1 %}\n", "did you mean 'set'?"),
    ("misspelt_test", "{% if x is definedd %}{% endif %}\n", "did you mean 'defined'?"),
    (
        "template_of_a_file",
        "@ROOT@/place/a:\n  file.managed:\n    - source: salt://files/bad.j2\n    - template: jinja\n",
        r"in salt://files/bad.j2, line 2, column 4\ndid you mean 'grains'?",
    ),
    ("data_of_a_file", "{% import_yaml 'files/bad.yaml' as v %}\n", "in the data of files/bad.yaml"),
    ("misspelt_template", "{% from 'files/mcros.j2' import m %}\n", "did you mean 'files/macros.j2'?"),
    (
        "misspelt_source",
        "/nowhere/a:\n  file.managed:\n    - source: salt://misplet_state.sls\n",
        "did you mean 'salt://misspelt_state.sls'?",
    ),
    (
        "misspelt_directory",
        "/nowhere/a:\n  file.recurse:\n    - source: salt://fiels\n",
        "did you mean 'salt://files'?",
    ),
    (
        "misspelt_script",
        "a:\n  cmd.script:\n    - source: salt://fiels/a.sh\n",
        "did you mean 'salt://files/a.sh'?",
    ),
    ("duplicate_id", "a:\n  test.nop: []\na:\n  test.nop: []\n", "found conflicting ID 'a'"),
    (
        "two_functions",
        "a:\n  test:\n    - nop\n    - fail_without_changes\n",
        "Too many functions declared in state",
    ),
    ("no_function", "a:\n  test:\n    - name: x\n", "No function declared in state 'a' in SLS 'no_function'"),
    ("colon", "a:\n  test.nop:\n", "contains a short declaration (test.nop)"),
    ("list", "- a\n- b\n", "SLS list does not render to a dictionary"),
    ("text", "hello\n", "does not render to a dictionary"),
    ("undefined", "{{ nothing }}\n", "Jinja variable 'nothing' is undefined"),
    ("unclosed", "{% if 1 %}\n", "Jinja syntax error"),
    ("tab", "a:\n\ttest.nop: []\n", "tab"),
    ("bracket", "a: [\n", "expected node content"),
    ("renderer", "#!nothing\na: 1\n", "nothing"),
    ("include", "include:\n  - not_there\n", "is not available on the salt master"),
    ("include_shape", "include: a\n", "Include Declaration in SLS include_shape is not formed as a list"),
    ("includes_itself", "include:\n  - includes_itself\na:\n  nothing.here: []\n", "was not found in SLS"),
    (
        "endless",
        "{% for i in range(2000000000) %}{% endfor %}{% for i in range(2000000000) %}x{% endfor %}\n",
        "failed",
    ),
    ("endless_macro", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\n", "failed"),
    ("large_text", "{{ 'x' * 3000000000 }}\n", "failed"),
    (
        "bomb",
        "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, \
         *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, \
         *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\ng: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\nh: [*g, *g, \
         *g, *g, *g, *g, *g, *g, *g, *g]\n",
        "failed",
    ),
];

#[test]
fn each_broken_file_is_told_of_and_leaves_the_lock_free() {
    let minion = Minion::new("broken");
    minion.sls("good", "a:\n  test.succeed_without_changes: []\n");
    fs::create_dir_all(minion.path("states/files")).expect("a directory");
    for name in ["a.sh", "macros.j2"] {
        fs::write(minion.path("states/files").join(name), "").expect("a file");
    }
    for (name, text) in [("bad.j2", "one\n{{ grain.id }}\n"), ("bad.yaml", "a: [1\nb: 2\n")] {
        fs::write(minion.path("states/files").join(name), text).expect("a file");
    }
    let mut wrong = Vec::new();
    for (name, source, expected) in CASES {
        minion.sls(name, source);
        let began = Instant::now();
        let output = minion.run(&["state.apply", name]);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!output.status.success(), "{name} ends well: {said}");
        wrong.extend((!said.contains(expected)).then(|| format!("{name}: {said}")));
        assert!(began.elapsed() < Duration::from_secs(120), "{name} ends in time");
        assert!(!said.contains("panicked"), "{name}: {said}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let output = minion.run(&["state.apply", "good"]);
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[test]
fn broken_top_files_are_told_of() {
    let minion = Minion::new("broken-top");
    for (top, expected) in [
        ("base: a\n", "Unable to render top file"),
        ("base:\n  '*': a\n", ""),
        ("- a\n", ""),
        ("base:\n  '*':\n    - not_there\n", "No matching sls found for 'not_there' in env 'base'"),
        ("base:\n  '*':\n  - a\n   - b\n", ""),
        ("{{ nothing.more }}:\n  '*': [a]\n", "No Top file or master_tops data matches found"),
    ] {
        minion.sls("top", top);
        let output = minion.run(&["state.apply"]);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(said.contains(expected), "{top}: {said}");
        assert!(!output.status.success(), "{top} ends well: {said}");
    }
}

#[test]
fn octets_are_no_sls_file() {
    let minion = Minion::new("octets");
    let packed = b"#!msgpack\n\x81\xa1a\x81\xa8test.nop\x90";
    fs::write(minion.path("states/packed.sls"), packed).expect("written");
    // Salt reads it as text, too, and shows Python's UnicodeDecodeError.
    let said = text(&minion.run(&["state.apply", "packed"]).stdout);
    assert!(said.contains("packed.sls: it is not UTF-8"), "{said}");
    // Nothing is the same in msgpack.
    minion.sls("empty", "#!msgpack\n \n");
    assert_eq!(text(&minion.run(&["state.show_sls", "empty"]).stdout), "{\n    \"local\": {}\n}\n");
}

#[test]
fn an_error_names_those_who_include_the_file() {
    let minion = Minion::new("included");
    minion.sls("one", "include: [two]\n");
    minion.sls("two", "include: [three]\n");
    minion.sls("three", "a: {{ nothing }}\n");
    let output = minion.run(&["state.apply", "one", "--out=newline_values_only"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    let place = format!("in {}, line 1, column 7", minion.path("states/three.sls").display());
    let chain = "included by SLS 'base:two'\nincluded by SLS 'base:one'";
    let (at, behind) = (said.find(&place), said.find(chain));
    assert!(at.is_some() && behind > at, "{said}");
}

#[test]
fn the_log_tells_where_a_top_file_and_an_included_pillar_are_wrong() {
    let minion = Minion::new("pillar-of-the-log");
    let here = minion.root.display().to_string();
    fs::create_dir_all(minion.path("pillar")).expect("a directory");
    let pillar =
        [("top", "base: {'*': [one]}"), ("one", "include: [two]"), ("two", "a: 1\nb: {{ grain.id }}\n")];
    for (name, text) in pillar {
        fs::write(minion.path("pillar").join(format!("{name}.sls")), text).expect("written");
    }
    minion.sls("top", "base:\n  '*': [a\n");
    let logged = |words: &[&str]| {
        text(&minion.call(&["--log-level=error"]).args(words).output().expect("it runs").stderr)
    };
    let said = logged(&["state.apply"]);
    assert!(said.contains(&format!("in {here}/states/top.sls, line 3, column")), "{said}");
    minion.option(&format!("pillar_roots: {{base: [{here}/pillar]}}\n"));
    let said = logged(&["pillar.items"]);
    let place = format!("in {here}/pillar/two.sls, line 2, column 7");
    for expected in [place.as_str(), "included by SLS 'one'", "did you mean 'grains'?"] {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_template_of_100_mb_is_refused_unread() {
    let minion = Minion::new("huge");
    minion.sls("huge", "");
    let file = fs::OpenOptions::new().write(true).open(minion.path("states/huge.sls")).expect("a file");
    file.set_len(100 << 20).expect("room");
    let output = minion.call(&["state.apply", "huge"]).output().expect("it runs");
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("it has 104857600 octets; a template may have 67108864"), "{said}");
    assert!(!output.status.success(), "{said}");
}
