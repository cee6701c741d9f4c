//! The pillar of a minion without a master, where a call asks for another one. Expected is what Salt 3006.25 gives.

use std::fs;

use crate::alone::{Minion, text};

#[test]
fn a_pillar_of_another_environment_lies_on_that_of_the_minion() {
    let minion = Minion::new("own-pillar");
    let here = minion.root.display().to_string();
    minion.option(&format!("pillarenv: base\npillar_roots: {{base: [{here}/base], dev: [{here}/dev]}}\n"));
    for (env, pillar) in [("base", "{a: 1, l: [0], m: {x: 1}}"), ("dev", "{a: 2, d: 3, m: {y: 2}}")] {
        fs::create_dir_all(minion.path(env)).expect("a directory");
        fs::write(minion.path(env).join("top.sls"), format!("{env}: {{'*': [p]}}\n")).expect("written");
        fs::write(minion.path(env).join("p.sls"), pillar).expect("written");
    }
    minion.sls("a", "a: {test.show_notification: [{text: '{{ pillar|json }}'}]}\n");
    let asked = |words: &[&str]| text(&minion.run(words).stdout).split_whitespace().collect::<String>();
    for (words, expected) in [
        (&["pillar.items", "pillarenv=base"][..], r#"{"local":{"a":1,"l":[0],"m":{"x":1}}}"#),
        (&["pillar.items", "pillarenv=dev"], r#"{"local":{"a":2,"l":[0],"m":{"x":1,"y":2},"d":3}}"#),
        (&["pillar.get", "l", "pillarenv=dev"], r#"{"local":[0]}"#),
        (
            &["pillar.items", "pillar={z: 1}", "pillarenv=base"],
            r#"{"local":{"a":1,"l":[0],"m":{"x":1},"z":1}}"#,
        ),
    ] {
        assert_eq!(asked(words), expected, "{words:?}");
    }
    let shown = asked(&["state.apply", "a", "pillarenv=dev"]);
    assert!(shown.contains(r#"{\"a\":2,\"d\":3,\"l\":[0],\"m\":{\"x\":1,\"y\":2}}"#), "{shown}");
    minion.option("ssh_merge_pillar: False\n");
    assert_eq!(asked(&["pillar.items", "pillarenv=dev"]), r#"{"local":{"a":2,"d":3,"m":{"y":2}}}"#);
}

/// What YAML made is in the order of the file, what a template made is sorted, and so is a default that the pillar was merged into.
#[test]
fn a_default_of_pillar_get_stays_what_it_is() {
    let minion = Minion::new("own-default");
    let here = minion.root.display().to_string();
    minion.option(&format!("pillar_roots: {{base: [{here}/base]}}\n"));
    fs::create_dir_all(minion.path("base")).expect("a directory");
    fs::write(minion.path("base/top.sls"), "base: {'*': [p]}\n").expect("written");
    let p = "p: {z: 1, a: {y: 1, b: 2}, n: {q: {d: 1, c: 2}}, l: [{f: 1, e: 2}]}\n";
    fs::write(minion.path("base/p.sls"), p).expect("written");
    let all = "{z: 1, a: {y: 1, b: 2}, n: {q: {d: 1, c: 2}}, l: [{f: 1, e: 2}]}";
    let expected = [
        ("'p'", all),
        ("'nope', {'z': 1, 'a': {'y': 1, 'b': 2}}", "{a: {b: 2, y: 1}, z: 1}"),
        ("'nope', {'z': 1, 'a': {'y': 1, 'b': 2}}, merge=True", "{a: {b: 2, y: 1}, z: 1}"),
        (
            "'p', {'w': 1, 'a': {'x': 1}}, merge=True",
            "{a: {b: 2, x: 1, y: 1}, l: [{f: 1, e: 2}], n: {q: {d: 1, c: 2}}, w: 1, z: 1}",
        ),
        ("'p', default={'z': 1, 'a': {'y': 1, 'b': 2}}", all),
        ("'p:a', {'w': 1}, True", "{b: 2, w: 1, y: 1}"),
        (
            "'p', {'l': [{'z': 1, 'a': 1}]}, merge=True",
            "{a: {y: 1, b: 2}, l: [{f: 1, e: 2}], n: {q: {d: 1, c: 2}}, z: 1}",
        ),
        (
            "'p', default=pillar.p.n, merge=True",
            "{q: {d: 1, c: 2}, z: 1, a: {y: 1, b: 2}, n: {q: {d: 1, c: 2}}, l: [{f: 1, e: 2}]}",
        ),
    ];
    let lines = expected.map(|(arguments, _)| format!("{{{{ salt['pillar.get']({arguments})|yaml }}}}\n"));
    fs::write(minion.path("t.jinja"), lines.concat()).expect("written");
    let path = format!("path={}", minion.path("t.jinja").display());
    let words = ["slsutil.renderer", &path, "default_renderer=jinja", "--out=newline_values_only"];
    let printed = text(&minion.run(&words).stdout);
    assert_eq!(printed.trim_end(), expected.map(|(_, yaml)| yaml).join("\n"));
}

/// What `pillar.items` and `pillar.raw` of Salt 3006.25 print for these files: what was compiled for the call is in the order
/// in which it was merged.
#[test]
fn a_pillar_of_aggregated_files_keeps_its_order() {
    let minion = Minion::new("own-aggregate");
    let here = minion.root.display().to_string();
    minion.option(&format!(
        "pillar_roots: {{base: [{here}/base]}}\npillar_source_merging_strategy: aggregate\n"
    ));
    fs::create_dir_all(minion.path("base")).expect("a directory");
    for (name, content) in
        [("top", "base: {'*': [zz, aa]}\n"), ("zz", "z: 1\nm: 2\n"), ("aa", "b: 3\na: 4\n")]
    {
        fs::write(minion.path("base").join(format!("{name}.sls")), content).expect("written");
    }
    let shown = |fun| text(&minion.run(&[fun, "--out=nested"]).stdout).split_whitespace().collect::<String>();
    assert_eq!(shown("pillar.items"), "local:----------z:1m:2b:3a:4");
    assert_eq!(shown("pillar.raw"), "local:----------a:4b:3m:2z:1");
}
