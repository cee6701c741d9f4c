//! Grains and pillars that are read anew in the middle of a run.

use std::fs;

use serde_json::Value;

use crate::alone::{Minion, text};

const SLS: &str = "\
grain:
  cmd.run:
    - name: \"echo 'color: green' > @ROOT@/grains\"
    - reload_grains: True
pillar:
  cmd.run:
    - name: \"echo 'color: green' > @ROOT@/pillar/colors.sls\"
    - reload_pillar: True
grain now:
  module.run:
    - name: grains.get
    - key: color
pillar now:
  module.run:
    - name: pillar.get
    - key: color
given:
  module.run:
    - name: pillar.get
    - key: given
";

/// What a state's function returned.
fn said(returns: &Value, id: &str) -> Value {
    let states = returns["local"].as_object().expect("states");
    let of = states.values().find(|ret| ret["__id__"] == id).expect("the state");
    of["changes"]["ret"].clone()
}

#[test]
fn what_a_state_changes_of_grains_and_pillar_is_seen_by_the_next() {
    let minion = Minion::new("reload");
    let options = fs::read_to_string(minion.path("minion")).expect("read");
    let pillar = minion.path("pillar");
    fs::create_dir_all(&pillar).expect("a directory");
    fs::write(pillar.join("top.sls"), "base: {'*': [colors]}\n").expect("written");
    fs::write(pillar.join("colors.sls"), "color: red\ngiven: nobody\n").expect("written");
    let options = format!("{options}pillar_roots: {{base: [{}]}}\n", pillar.display());
    fs::write(minion.path("minion"), options).expect("written");
    fs::write(minion.path("grains"), "color: red\n").expect("written");
    minion.sls("colors", SLS);
    let output = minion.run(&["state.apply", "colors", "pillar={given: by me}"]);
    let returns: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)));
    assert_eq!(said(&returns, "grain now"), "green", "{returns}");
    assert_eq!(said(&returns, "pillar now"), "green", "{returns}");
    assert_eq!(said(&returns, "given"), "by me", "what the call says stays: {returns}");
}
