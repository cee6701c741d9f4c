//! `publish_batch`: the master carries out a batch; who asked for it may be gone.

use std::collections::BTreeMap;
use std::time::Duration;

use halite::map;
use halite::master::store::Store;
use halite::value::{Map, Value, str_of};

use crate::victim::{Victim, error_of};

pub fn batch(failhard: bool, key: &str) -> Map {
    let wishes =
        map! { "size" => "1", "wait" => 0.0, "failhard" => failhard, "timeout" => 1.0, "gather" => 1.0 };
    map! {
        "cmd" => "publish_batch", "tgt" => "*", "tgt_type" => "glob", "fun" => "test.echo",
        "arg" => Value::list(["x"]), "ret" => "", "jid" => "", "key" => key,
        "user" => halite::host::daemon::current_user(), "kwargs" => map! { "batch" => wishes },
    }
}

/// Plays the minions `web1` to `web3` until the batch is done: `web2` fails, `web3` does not return. The turns, the last
/// event, and the returns that are kept under the jid of the batch.
async fn played(failhard: bool) -> (Vec<Value>, Map, Map) {
    let victim = Victim::start(Map::new()).await;
    let mut minions = BTreeMap::new();
    for id in ["web1", "web2", "web3"] {
        minions.insert(id.to_owned(), victim.minion(id).await);
    }
    let mut events = victim.events().await;
    // Whoever asked is not heard of again.
    let reply = victim.clear(batch(failhard, &victim.own_key())).await;
    let jid = str_of(reply.get("load").and_then(|load| load.get("jid")).expect("a jid"));
    let own = format!("salt/batch/{jid}/");
    let mut turns = Vec::new();
    let last = loop {
        let event = events.next(Some(Duration::from_secs(60))).await.expect("the bus").expect("an event");
        if event.tag == format!("{own}turn") {
            turns.push(event.data.get("minions").cloned().expect("minions"));
        }
        if event.tag == format!("{own}done") {
            break event.data;
        }
        let Some(job) = event.tag.strip_prefix("salt/job/").and_then(|rest| rest.strip_suffix("/new")) else {
            continue;
        };
        let fun = event.data.str("fun").expect("fun");
        for id in event.data.get("minions").and_then(Value::as_list).expect("minions").iter().map(str_of) {
            let (value, retcode): (Value, i64) = match (fun, id.as_str()) {
                ("test.echo", "web3") => continue,
                ("saltutil.find_job", _) => (Map::new().into(), 0),
                ("test.echo", "web2") => ("failed".into(), 3),
                _ => (true.into(), 0),
            };
            let load = map! { "cmd" => "_return", "jid" => job, "fun" => fun, "return" => value, "retcode" => retcode };
            minions.get(&id).expect("known").ask(&victim, load).await;
        }
    };
    victim.halt().await;
    let root = victim.root.clone();
    drop(victim);
    // The thread of the batch holds the store a moment longer than its last event.
    let store = loop {
        match Store::open(&root.join("cache/halite")) {
            Ok(store) => break store,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let kept = store.returns(&jid).expect("read");
    drop(store);
    let _ = std::fs::remove_dir_all(root);
    (turns, last, kept)
}

pub fn word(kept: &Map, id: &str) -> Value {
    kept.get(id).and_then(|ret| ret.get("return")).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_on_without_the_command_line_and_every_minion_has_one_last_word() {
    let (turns, last, kept) = played(false).await;
    assert_eq!(turns, ["web1", "web2", "web3"].map(|id| Value::list([id])));
    assert_eq!(last.get("done_minions"), Some(&Value::list(["web1", "web2"])));
    assert_eq!(last.get("timedout_minions"), Some(&Value::list(["web3"])));
    assert_eq!(last.get("retcode"), Some(&3.into()));
    assert_eq!(kept.len(), 3);
    assert_eq!((word(&kept, "web1"), word(&kept, "web2")), (true.into(), "failed".into()));
    assert_eq!(word(&kept, "web3"), "Minion did not return. [No response]".into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_stops_at_a_failure_says_whom_it_did_not_ask() {
    let (turns, _, kept) = played(true).await;
    assert_eq!(turns, ["web1", "web2"].map(|id| Value::list([id])));
    assert_eq!(word(&kept, "web3"), "Minion was not asked: the batch was stopped.".into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a04_a_batch_needs_the_same_leave_as_a_publish() {
    let victim = Victim::start(Map::new()).await;
    victim.minion("web1").await;
    let reply = victim.clear(batch(false, "wrong")).await;
    assert_eq!(error_of(&reply).0, "AuthenticationError");
    for proof in [
        map! { "eauth" => "nonsense", "username" => "root", "password" => "x" },
        map! { "eauth" => "file", "username" => "root", "password" => "x" },
        map! { "token" => "a".repeat(64) },
    ] {
        let mut load = batch(false, "");
        load.remove("key");
        let mut kwargs = load.get("kwargs").and_then(Value::as_map).cloned().expect("kwargs");
        kwargs.extend(proof);
        load.insert("kwargs", kwargs);
        assert_eq!(error_of(&victim.clear(load).await).0, "AuthenticationError");
    }
    victim.end().await;
}
