//! States of a master's tree on a minion: `state.apply`, as a plan, for the first time and again, prints what Salt's pair
//! prints, in every pairing.

use std::fs;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

const TREE: &[(&str, &str)] = &[
    ("pillar/top.sls", "base:\n  '*': [site]\n"),
    ("pillar/site.sls", "site: {port: 8080, names: [alpha, beta]}\n"),
    ("salt/top.sls", "base:\n  'minion-*': [site]\n  'os:NoSuch': [{match: grain}, broken]\n"),
    ("salt/site/init.sls", SITE),
    ("salt/site/map.jinja", "{% set port = salt['pillar.get']('site:port', 80) %}\n"),
    ("salt/site/base.sls", "@ROOT@/target:\n  file.directory:\n    - mode: '0755'\n"),
    (
        "salt/site/files/conf.jinja",
        "{%- from 'site/map.jinja' import port with context -%}\nport = {{ port }}\nname = {{ name }}\nid = {{ grains.id }}\n",
    ),
    ("salt/site/files/tree/one", "1\n"),
    ("salt/site/files/tree/below/two", "2\n"),
];

const SITE: &str = r#"
include:
  - .base

{% for name in pillar.site.names %}
conf {{ name }}:
  file.managed:
    - name: @ROOT@/target/{{ name }}.conf
    - source: salt://site/files/conf.jinja
    - template: jinja
    - mode: '0640'
    - context: {name: {{ name }}}
    - require:
      - file: @ROOT@/target
{% endfor %}

tree:
  file.recurse:
    - name: @ROOT@/target/tree
    - source: salt://site/files/tree
    - onchanges:
      - file: conf *

once:
  cmd.run:
    - name: echo done > @ROOT@/target/done
    - creates: @ROOT@/target/done
    - require: [{file: tree}]

restart:
  cmd.wait:
    - name: echo restarted
    - watch: [{file: conf alpha}]

fails:
  cmd.run:
    - name: exit 3
    - unless: test -e @ROOT@/target/ok

after:
  test.nop:
    - require: [{cmd: fails}]

ok:
  file.touch:
    - name: @ROOT@/target/ok
    - onfail: [{cmd: fails}]
"#;

/// What is printed, without what no two runs have in common.
fn printed(fleet: &Fleet, cli: Peer, words: &[&str]) -> String {
    let output = fleet.run(cli, "salt", &[&["minion-a", "state.apply"], words].concat());
    let printed = String::from_utf8_lossy(&output.stdout).replace(&root(fleet), "@ROOT@");
    let chance = ["     Started: ", "    Duration: ", "Total run time:"];
    let mut kept = String::new();
    let mut is_pid = false;
    for line in printed.lines() {
        if !is_pid && !chance.iter().any(|start| line.starts_with(start)) {
            kept.push_str(&format!("{line}\n"));
        }
        is_pid = line.trim() == "pid:";
    }
    assert!(!kept.is_empty(), "{}", text(&output));
    kept
}

fn root(fleet: &Fleet) -> String {
    fleet.path("").display().to_string().trim_end_matches('/').to_owned()
}

fn scenario(master: Peer, minion: Peer) {
    let Some(fleet) = Fleet::start(master, minion, "", "") else { return };
    for (path, body) in TREE {
        let path = fleet.path("srv").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, body.replace("@ROOT@", &root(&fleet))).expect("written");
    }
    fleet.stdout(master, "salt", &["minion-a", "saltutil.refresh_pillar", "wait=True"]);
    let expected = include_str!("states.expected").split("=====\n").collect::<Vec<_>>();
    let mut all = Vec::new();
    for words in [&["test=True"][..], &[], &[], &["site.base"]] {
        all.push(printed(&fleet, master, words));
    }
    if std::env::var_os("HALITE_RECORD").is_some() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/states.expected");
        fs::write(path, all.join("=====\n")).expect("written");
        return;
    }
    assert_eq!(all.len(), expected.len());
    for (run, (ours, expected)) in all.iter().zip(expected).enumerate() {
        // The files of a directory come as Python's sets have them: by chance, also which is the comment's first line.
        let sorted = |text: &str| {
            let mut lines: Vec<String> =
                text.lines().map(|line| line.replace("     Comment: ####", "              ####")).collect();
            lines.sort();
            lines
        };
        assert_eq!(
            sorted(ours),
            sorted(expected),
            "run {run} with a {master:?} master and a {minion:?} minion"
        );
    }
    let read = |path: &str| fs::read_to_string(fleet.path("target").join(path)).expect("there");
    assert_eq!(read("alpha.conf"), "port = 8080\nname = alpha\nid = minion-a\n");
    assert_eq!(read("tree/below/two"), "2\n");
}

/// Records `states.expected` with `HALITE_RECORD` set.
#[test]
fn original_and_original_3006() {
    scenario(Peer::Salt3006, Peer::Salt3006);
}

#[test]
fn ours_and_ours() {
    scenario(Peer::Halite, Peer::Halite);
}

#[test]
fn our_master_with_an_original_minion_3006() {
    scenario(Peer::Halite, Peer::Salt3006);
}

#[test]
fn our_master_with_an_original_minion_3007() {
    scenario(Peer::Halite, Peer::Salt3007);
}

#[test]
fn an_original_master_3006_with_our_minion() {
    scenario(Peer::Salt3006, Peer::Halite);
}

#[test]
fn an_original_master_3007_with_our_minion() {
    scenario(Peer::Salt3007, Peer::Halite);
}
