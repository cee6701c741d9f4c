//! Runners against a master that is a table.

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::host::FakeHost;
use crate::loader::{Call, MasterServices, Nowhere, Registry, Scope, arguments};
use crate::value::Value;

#[derive(Default)]
struct Table {
    jobs: Map,
    returns: Map,
    connected: Vec<String>,
    accepted: Vec<String>,
    answers: Map,
    fired: Mutex<Vec<(String, Map)>>,
}

impl MasterServices for Table {
    fn publish(&self, _: Map) -> Result<Map, Fault> {
        Ok(Map::new())
    }
    fn publish_and_wait(&self, _: Map, _: Duration) -> Result<Map, Fault> {
        Ok(self.answers.clone())
    }
    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        self.fired.lock().expect("unlocked").push((tag.to_owned(), data));
        Ok(())
    }
    fn connected(&self) -> Vec<String> {
        self.connected.clone()
    }
    fn keys(&self) -> Map {
        map! { "accepted" => Value::list(self.accepted.clone()) }
    }
    fn jobs(&self, _: Option<&str>) -> Result<Map, Fault> {
        Ok(self.jobs.clone())
    }
    fn job_load(&self, jid: &str) -> Result<Option<Map>, Fault> {
        Ok(self.jobs.get(jid).and_then(Value::as_map).cloned())
    }
    fn job_returns(&self, jid: &str) -> Result<Map, Fault> {
        Ok(self.returns.get(jid).and_then(Value::as_map).cloned().unwrap_or_default())
    }
    fn minion_data(&self, _: &str) -> Option<Map> {
        None
    }
    fn mine(&self, _: &str) -> Option<Map> {
        None
    }
    fn match_minions(&self, tgt: &Value, _: &str) -> Result<Vec<String>, Fault> {
        Ok(if tgt.as_str() == Some("nobody") { Vec::new() } else { self.accepted.clone() })
    }
}

fn run(table: &Table, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, Fault> {
    let registry = Registry::new(&[ALL]);
    let (opts, empty) = (map! { "timeout" => 5 }, Map::new());
    let published = map! { "jid" => "20260102030405678999" };
    let host = FakeHost::default();
    let scope = Scope {
        opts: &opts,
        grains: (&empty).into(),
        pillar: (&empty).into(),
        published: &published,
        registry: &registry,
        host: &host,
        minion: &Nowhere,
        master: table,
    };
    Context::new(scope).call(fun, Call { args, kwargs })
}

fn table() -> Table {
    let load = |fun: &str| {
        map! { "fun" => fun, "arg" => Value::List(vec![]), "tgt" => "*", "tgt_type" => "glob", "user" => "root",
        "Minions" => Value::list(["a", "b"]) }
    };
    let returned = |value: Value| map! { "return" => value, "retcode" => 0, "success" => true };
    Table {
        jobs: map! {
            "20260102030405678902" => load("cmd.run"),
            "20260102030405678901" => load("test.ping"),
            "20260102030405678903" => load("saltutil.find_job"),
        },
        returns: map! { "20260102030405678901" => map! { "a" => returned(true.into()) } },
        connected: vec!["b".to_owned()],
        accepted: vec!["a".to_owned(), "b".to_owned()],
        ..Default::default()
    }
}

#[test]
fn the_table_of_runners_is_sorted_and_documented() {
    for module in ALL {
        assert!(module.functions.is_sorted_by_key(|function| function.name), "{}", module.provides);
        assert!(module.functions.iter().all(|function| !function.doc.is_empty()), "{}", module.provides);
    }
    assert!(ALL.is_sorted_by_key(|module| module.provides));
}

#[test]
fn jobs_are_looked_up() {
    let table = table();
    let jid: Value = "20260102030405678901".into();
    let found = run(&table, "jobs.lookup_jid", vec![jid.clone()], map! { "missing" => true }).expect("found");
    assert_eq!(found, map! { "a" => true, "b" => "Minion did not return" }.into());
    let job = run(&table, "jobs.list_job", vec![jid.clone()], map! {}).expect("found");
    let keys: Vec<&str> = job.as_map().expect("a map").keys().filter_map(Value::as_str).collect();
    assert_eq!(
        keys,
        ["jid", "Function", "Arguments", "Target", "Target-type", "User", "Minions", "StartTime", "Result"]
    );
    let told = run(&table, "jobs.exit_success", vec![jid], map! {}).expect("told");
    assert_eq!(told, map! { "a" => true, "b" => false }.into());
    let unknown = run(&table, "jobs.list_job", vec!["20200101000000000000".into()], map! {}).expect("told");
    assert_eq!(unknown.get("Error"), Some(&"Cannot contact returner or no job with this jid".into()));
}

#[test]
fn jobs_are_listed_oldest_first_and_searched() {
    let table = table();
    let jids = |value: &Value| -> Vec<String> {
        value.as_map().expect("a map").keys().map(crate::value::str_of).collect()
    };
    let all = run(&table, "jobs.list_jobs", vec![], map! {}).expect("listed");
    assert_eq!(jids(&all), ["20260102030405678901", "20260102030405678902", "20260102030405678903"]);
    let some =
        run(&table, "jobs.list_jobs", vec![], map! { "search_function" => "test.*,cmd.*" }).expect("listed");
    assert_eq!(jids(&some).len(), 2);
    let last = run(&table, "jobs.list_jobs_filter", vec![1.into()], map! {}).expect("listed");
    assert_eq!(last.as_list().expect("a list")[0].get("JID"), Some(&"20260102030405678902".into()));
    let last = run(&table, "jobs.last_run", vec![], map! { "function" => "test.*" }).expect("found");
    assert_eq!(jids(&last), ["20260102030405678901"]);
    assert_eq!(
        run(&table, "jobs.last_run", vec![], map! { "function" => "no" }).expect("told"),
        false.into()
    );
}

#[test]
fn minions_are_told_apart_by_answer_and_by_connection() {
    let mut table = table();
    table.answers = map! { "a" => map! { "ret" => "3006.9", "retcode" => 0 } };
    let status = run(&table, "manage.status", vec![], map! {}).expect("told");
    assert_eq!(status, map! { "up" => Value::list(["a"]), "down" => Value::list(["b"]) }.into());
    assert_eq!(run(&table, "manage.present", vec![], map! {}).expect("told"), Value::list(["b"]));
    assert_eq!(run(&table, "manage.not_present", vec![], map! {}).expect("told"), Value::list(["a"]));
    let versions = run(&table, "manage.versions", vec![], map! {}).expect("told");
    assert_eq!(versions.get("Minion requires update"), Some(&map! { "a" => "3006.9" }.into()));
    assert_eq!(versions.get("Minion offline"), Some(&map! { "b" => false }.into()));
}

#[test]
fn what_runners_print_becomes_events() {
    let table = table();
    assert_eq!(
        run(&table, "manage.up", vec!["nobody".into()], map! {}).expect("nobody"),
        Value::List(vec![])
    );
    let fired = table.fired.lock().expect("unlocked");
    assert_eq!(fired[0].0, "salt/run/20260102030405678999/stdout");
    assert!(fired[0].1.str("text").expect("text").starts_with("No minions matched"));
}

#[test]
fn what_cannot_be_done_is_told_in_the_words_of_salt() {
    let told = |fun: &str, args: [Value; 2]| run(&table(), fun, args.into(), Map::new());
    let Err(Fault::Exception { kind, text }) = told("event.send", ["my/tag".into(), "x".into()]) else {
        panic!("text is no data of an event");
    };
    assert_eq!((kind, text.as_str()), ("ValueError", "Dict object expected, not 'x'."));
    let events = table();
    run(&events, "network.wollist", vec!["/no/such/list".into()], Map::new()).expect("nothing woken");
    let fired = events.fired.lock().expect("unlocked");
    let said = fired.iter().find_map(|(_, data)| data.str("error"));
    let expected = "Failed to open the MAC file. Error: [Errno 2] No such file or directory: '/no/such/list'";
    assert_eq!(said, Some(expected));
}

#[test]
fn arguments_come_in_both_of_salts_forms() {
    let nested = map! { "arg" => Value::list(["x"]), "kwarg" => map! { "a" => 1 } };
    let call = arguments(Vec::new(), nested);
    assert_eq!((call.args, call.kwargs), (vec!["x".into()], map! { "a" => 1 }));
    let call = arguments(vec!["x".into()], map! { "a" => 1, "__kwarg__" => true });
    assert_eq!((call.args, call.kwargs), (vec!["x".into()], map! { "a" => 1 }));
}
