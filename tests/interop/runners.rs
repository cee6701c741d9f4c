//! Runners that need a master that runs: `fileserver.lock`, `salt.parallel_runners`; tokens of `--make-token`; `match.*`
//! in a pillar.

use std::fs;

use halite::value::Value;

use crate::fleet::Fleet;
use crate::peers::Peer;

const ACCESS: &str = "external_auth: {auto: {alice: ['.*', '@runner', '@wheel'], bob: [test.ping]}}\n";

/// Command lines in this order: some of them leave a token to those after them, some have the one before taken away.
const SAID: &[(bool, &str, &str)] = &[
    (false, "salt-run", "fileserver.lock"),
    (false, "salt-run", "fileserver.lock backend=roots remote=any"),
    (false, "salt-run", "fileserver.clear_lock"),
    (false, "salt-run", "fileserver.clear_lock roots"),
    (false, "salt", "-T -a auto --username alice --password any minion-a test.ping"),
    (false, "salt", "-T minion-a test.echo hello"),
    (false, "salt-run", "-T test.arg one"),
    (false, "salt-key", "-T -l accepted"),
    (true, "salt-run", "-T -a auto --username bob --password any test.arg one"),
    (false, "salt", "-T minion-a test.ping"),
    (false, "salt", "-T minion-a test.echo hello"),
    (true, "salt", "-T -a none --username bob --password any minion-a test.ping"),
];

/// What is printed, the exit codes, and whether there is a token afterwards.
fn said(master: Peer) -> Option<Vec<String>> {
    let fleet = Fleet::start(master, Peer::Halite, ACCESS, "")?;
    let token = fleet.path("salt/salt_token");
    fs::create_dir(fleet.path("salt")).expect("a directory");
    let mut all = Vec::new();
    for &(anew, tool, words) in SAID {
        if anew {
            fs::remove_file(&token).expect("a token");
        }
        let mut command = fleet.command(master, tool, "etc");
        command.args(words.split(' ')).env("XDG_CONFIG_HOME", fleet.path(""));
        let output = fleet.output(master, &command);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        all.push(format!("{words}: {:?}, token {}\n{printed}", output.status.code(), token.exists()));
    }
    Some(all)
}

#[test]
fn locks_and_tokens_are_those_of_the_original() {
    let Some(original) = said(Peer::Salt3006) else { return };
    assert_eq!(said(Peer::Halite).expect("ours are always here"), original);
}

const ORCHESTRATION: &str = "
good:
  salt.parallel_runners:
    - runners:
        first: [name: test.arg, kwarg: {a: 1}]
        second: [name: state.orchestrate, kwarg: {mods: succeeds}]
        test.stdout_print: []
changes:
  salt.parallel_runners:
    - runners: {inner: [name: state.orchestrate, kwarg: {mods: succeeds}]}
missing:
  salt.parallel_runners: [runners: {no.such: []}]
inner:
  salt.parallel_runners:
    - runners:
        fails: [name: state.orchestrate, kwarg: {mods: fails}]
        succeeds: [name: state.orchestrate, kwarg: {mods: succeeds}]
list:
  salt.parallel_runners: [runners: [test.arg]]
";

/// Salt 3006.25 and 3007.14 end each of these but the last with a Python error: their threads know no `__salt__`.
#[test]
fn runners_beside_each_other_tell_what_became_of_each() {
    let mut fleet = Fleet::prepare(&[Peer::Halite], Peer::Halite, "").expect("ours are always here");
    for (name, text) in [
        ("both", ORCHESTRATION),
        ("succeeds", "state: test.succeed_with_changes"),
        ("fails", "state: test.fail_without_changes"),
    ] {
        fs::write(fleet.path(&format!("srv/salt/{name}.sls")), text).expect("written");
    }
    fleet.spawn("salt-master", Peer::Halite);
    fleet.wait_for_port(fleet.ports(0)[1]);
    let output = fleet.run(Peer::Halite, "salt-run", &["state.orchestrate", "both", "--out=json"]);
    assert_eq!(output.status.code(), Some(1));
    let printed =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let told = Value::from_json(&String::from_utf8_lossy(&output.stdout)).expect(&printed);
    let states = told.get("data").and_then(Value::as_map).and_then(|data| data.values().next());
    let states = states.unwrap_or_else(|| panic!("a run: {printed}"));
    let state = |id: &str| states.get(&format!("salt_|-{id}_|-{id}_|-parallel_runners")).expect(id).clone();
    let result = |id: &str| state(id).get("result").cloned();
    let comment = |id: &str| state(id).get("comment").and_then(Value::as_str).unwrap_or_default().to_owned();
    let changes = |id: &str, at: &str| state(id).get("changes").and_then(|changes| changes.get(at)).cloned();

    assert_eq!(result("good"), Some(true.into()));
    assert_eq!(comment("good"), "All runner functions executed successfully.");
    let returned = changes("good", "ret").expect("returns");
    assert_eq!(returned.get("test.stdout_print"), Some(&"bar".into()));
    let first = Value::from_json(r#"{"args": [], "kwargs": {"a": 1}}"#).expect("JSON");
    assert_eq!(returned.get("first"), Some(&first));

    assert_eq!(result("changes"), Some(true.into()));
    let inner = changes("changes", "inner").expect("changes of the inner orchestration");
    assert!(format!("{inner:?}").contains("Something pretended to change"), "{inner:?}");

    assert_eq!(
        (result("missing"), comment("missing")),
        (Some(false.into()), "Runner no.such failed.".into())
    );
    assert_eq!(result("inner"), Some(false.into()));
    let why = comment("inner");
    assert!(why.starts_with("Runner fails failed with return value:\n") && why.contains("Failure!"), "{why}");
    assert!(changes("inner", "succeeds").is_some(), "what the other one did is told");
    assert_eq!(comment("list"), "The runners parameter must be a string or dict.");
}

const PILLAR: &str = "
{% set kinds = {'minion-*': {'kind': 'ours', 'list': [1]}, 'other*': {'kind': 'theirs'}} %}
merged: {{ salt['match.filter_by'](kinds, merge={'list': [2], 'more': 1}) | json }}
other: {{ salt['match.filter_by'](kinds, minion_id='other-b') | json }}
grain: {{ salt['match.filter_by']({'G@id:minion-a and minion-*': 'both'}) }}
otherwise: {{ salt['match.filter_by']({'web*': 'web', 'default': 'none'}) }}
";

#[test]
fn a_pillar_matches_the_minion_that_it_is_for() {
    let mut fleet = Fleet::start(Peer::Halite, Peer::Halite, "", "").expect("ours are always here");
    fs::write(fleet.path("srv/pillar/top.sls"), "base: {'*': [kinds]}").expect("written");
    fs::write(fleet.path("srv/pillar/kinds.sls"), PILLAR).expect("written");
    let expected = Value::from_json(
        r#"{"merged": {"kind": "ours", "list": [2], "more": 1}, "other": {"kind": "theirs"}, "grain": "both",
            "otherwise": "none"}"#,
    );
    let expected = expected.expect("JSON");
    fleet.wait("the minion has its pillar", |fleet| fleet.ask(Peer::Halite, &["pillar.items"]) == expected);
}
