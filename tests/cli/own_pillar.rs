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
