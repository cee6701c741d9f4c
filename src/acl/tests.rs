//! The rules, case by case. Where the verdict differs from Salt 3006.25's `CkMinions`, the case says so.

use super::*;
use crate::map;
use crate::value::yaml;

fn rules(text: &str) -> Vec<Value> {
    match yaml::load(text, "rules").expect("YAML") {
        Value::List(rules) => rules,
        other => panic!("{other:?}"),
    }
}

fn publish(rules_text: &str, fun: &str, arg: &[Value]) -> bool {
    may_publish(&rules(rules_text), &[Job { fun, arg }], &mut |target| target == "web*")
}

#[test]
fn functions_are_allowed_by_the_beginning_of_their_names() {
    assert!(publish("['test.*']", "test.ping", &[]));
    assert!(publish("['test']", "test.ping", &[]));
    assert!(!publish("['test.*']", "mytest.ping", &[]));
    assert!(!publish("['test.*']", "cmd.run", &[]));
    assert!(!publish("[]", "test.ping", &[]));
    assert!(!publish("['[']", "test.ping", &[]), "an expression that is none allows nothing");
}

#[test]
fn rules_for_some_minions_count_only_where_they_cover_the_target() {
    assert!(publish("[{'web*': ['test.*']}]", "test.ping", &[]));
    assert!(!publish("[{'db*': ['test.*']}]", "test.ping", &[]));
    assert!(!publish("[{'web*': ['test.*'], 'x': []}]", "test.ping", &[]), "several entries are none");
}

#[test]
fn arguments_are_held_against_their_expressions() {
    let limited = "[{'web*': [{'cmd.run': [{args: ['^uptime$'], kwargs: {cwd: '/tmp'}}]}]}]";
    let kwarg = |cwd: &str| Value::from(map! { "cwd" => cwd, "__kwarg__" => true });
    assert!(publish(limited, "cmd.run", &["uptime".into(), kwarg("/tmp/x")]));
    assert!(!publish(limited, "cmd.run", &["uptime; id".into(), kwarg("/tmp")]));
    assert!(!publish(limited, "cmd.run", &["uptime".into(), kwarg("/")]));
    assert!(!publish(limited, "cmd.run", &["uptime".into()]));
    assert!(!publish(limited, "cmd.run", &[]));
    let any = "[{'web*': [{'cmd.run': {args: [null, '^x']}}]}]";
    assert!(publish(any, "cmd.run", &["whatever".into(), "x1".into()]));
    assert!(!publish(any, "cmd.run", &["whatever".into(), "y".into()]));
}

/// Salt 3006.25 allows both: it stops at the first function that is allowed.
#[test]
fn a13_every_function_of_a_compound_command_has_to_be_allowed() {
    let rules = rules("['test.*']");
    let jobs = [Job { fun: "test.ping", arg: &[] }, Job { fun: "cmd.run", arg: &[] }];
    assert!(!may_publish(&rules, &jobs, &mut |_| true));
    assert!(may_publish(&rules, &jobs[..1], &mut |_| true));
    assert!(!may_publish(&rules, &[], &mut |_| true));
}

#[test]
fn functions_of_the_master_need_rules_of_their_own() {
    let call = |text: &str, fun: &str| may_call(&rules(text), MasterFunctions::Runner, fun, None, None);
    for allowed in
        ["['@runner']", "['@runners']", "['@jobs']", "[{'@jobs': ['lookup.*']}]", "[{'@runner': ['jobs.']}]"]
    {
        assert_eq!(call(allowed, "jobs.lookup_jid"), Ruling::Allowed, "{allowed}");
    }
    for denied in [
        "['.*']",
        "['jobs.*']",
        "['@wheel']",
        "['@manage']",
        "[{'@jobs': ['list']}]",
        "[{'web*': ['.*']}]",
        "[]",
    ] {
        assert_eq!(call(denied, "jobs.lookup_jid"), Ruling::Denied, "{denied}");
    }
    assert_eq!(call("['@runner']", "lookup_jid"), Ruling::BadSyntax);
    assert_eq!(call("['@runner']", "a.b.c"), Ruling::BadSyntax);
}

#[test]
fn users_get_their_own_rules_those_of_their_groups_and_everybodys() {
    let config = map! {
        "fred" => Value::list(["a"]), "ops%" => Value::list(["b"]), "*" => Value::list(["c"]),
    };
    let of = |name: &str, groups: &[&str], permissive| {
        let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        rules_of_login(&config, name, &groups, permissive)
    };
    assert_eq!(of("fred", &["ops"], false), ["a".into(), "b".into()]);
    assert_eq!(of("fred", &[], true), ["a".into(), "c".into()]);
    assert_eq!(of("anna", &[], false), ["c".into()]);
    // Salt 3006.25 gives this user everything: it takes the name as the expression.
    assert_eq!(of(".*", &[], false), ["c".into()]);
}

#[test]
fn local_users_and_minions_are_known_by_expressions() {
    let acl: Value = map! { "fr.*" => Value::list(["x"]), "anna" => Value::list(["y"]) }.into();
    assert_eq!(rules_of_user(Some(&acl), "fred"), ["x".into()]);
    assert_eq!(rules_of_user(Some(&acl), "annabel"), Vec::<Value>::new());
    let peer: Value = map! { "web.*" => Value::list(["test.ping"]), "db" => "no list" }.into();
    assert_eq!(rules_of_peer(Some(&peer), "web1"), ["test.ping".into()]);
    assert_eq!(rules_of_peer(Some(&peer), "db1"), Vec::<Value>::new());
    let black = map! { "users" => Value::list(["^(?!sudo_).*$"]), "modules" => Value::list(["cmd.*"]) };
    let black = Blacklist(Some(&black));
    assert!(black.has_user("root") && !black.has_user("sudo_fred"));
    assert!(black.has_function("cmd.run") && !black.has_function("test.cmd"));
    assert!(!Blacklist(None).has_user("root"));
}
