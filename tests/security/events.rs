//! B12, B13: events of minions.

use halite::map;
use halite::value::{Map, Value};

use crate::victim::Victim;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

const RESERVED: &[&str] = &[
    "salt/job/20260102030405678901/new",
    "salt/job/20260102030405678901/publish",
    "salt/job/20260102030405678901/return",
    "salt/job/20260102030405678901/error",
    "salt/job/error",
    "salt/batch/20260102030405678901/stop",
    "salt/batch/20260102030405678901/done",
    "salt/state_result/20260102030405678901/victim/a",
    "salt/syndic/victim/start",
    "salt/job/20260102030405678901/ret/victim",
    "salt/job/20260102030405678901/prog/victim/1",
    "salt/job/20260102030405678901/sub/victim/error/state.sls",
    "20260102030405678901",
    "salt/key",
    "salt/auth",
    "salt/run/20260102030405678901/new",
    "salt/run/20260102030405678901/ret",
    "salt/wheel/20260102030405678901/new",
    "salt/wheel/20260102030405678901/ret",
    "salt/cloud/x/created",
    "salt/cluster/x",
    "cluster/peer/x",
    "salt/presence/present",
    "salt/presence/change",
    "salt/stats/x",
    "salt/fileserver/roots/update",
    "minion/refresh/victim",
    "syndic/victim/salt/job/1/ret/x",
    "rotate_aes_key",
    "__internal",
    "salt/minion/victim/start",
    "salt/beacon/victim/load/",
];

#[tokio::test(flavor = "multi_thread")]
async fn b12_tags_of_the_master_and_of_other_minions_are_not_fired() {
    let victim = Victim::start(Map::new()).await;
    let evil = victim.minion("evil").await;
    let mut events = victim.events().await;
    for tag in RESERVED {
        let data = map! { "id" => "victim" };
        let single = map! { "cmd" => "_minion_event", "tag" => *tag, "data" => data.clone() };
        evil.ask(&victim, single).await;
        let listed = Value::list([map! { "tag" => *tag, "data" => data.clone() }]);
        evil.ask(&victim, map! { "cmd" => "_minion_event", "events" => listed }).await;
        if let Some((pretag, rest)) = tag.split_once('/') {
            let listed = Value::list([map! { "tag" => rest, "data" => data }]);
            evil.ask(&victim, map! { "cmd" => "_minion_event", "events" => listed, "pretag" => pretag })
                .await;
        }
    }
    let tags = victim.tags_until(&mut events, "end").await;
    let forged: Vec<&String> = tags.iter().filter(|tag| RESERVED.contains(&tag.as_str())).collect();
    assert!(forged.is_empty(), "{forged:?}");
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b13_an_event_of_a_minion_carries_its_true_sender() {
    let victim = Victim::start(Map::new()).await;
    let evil = victim.minion("evil").await;
    let mut events = victim.events().await;
    for load in [
        map! { "cmd" => "_minion_event", "tag" => "mine", "data" => Map::new() },
        map! { "cmd" => "_minion_event", "tag" => "salt/minion/evil/start", "data" => map! { "id" => "victim" } },
    ] {
        evil.ask(&victim, load).await;
    }
    let seen = victim.events_until(&mut events, "end").await;
    assert_eq!(seen.len(), 2);
    for (tag, data) in seen {
        assert_eq!(data.str("id"), Some("evil"), "{tag}");
    }
    victim.end().await;
}

/// B13: also where several come at once, and where the events are made of a return.
#[tokio::test(flavor = "multi_thread")]
async fn b13_no_list_of_events_and_no_return_speaks_for_others() {
    let victim = Victim::start(Map::new()).await;
    let evil = victim.minion("evil").await;
    let mut events = victim.events().await;
    let listed = Value::list([
        map! { "tag" => "mine", "data" => map! { "id" => "victim", "act" => "delete" } },
        map! { "tag" => "salt/key/x", "data" => map! { "id" => "victim", "act" => "delete" } },
        map! { "tag" => "bare", "id" => "victim" },
    ]);
    evil.ask(&victim, map! { "cmd" => "_minion_event", "events" => listed, "pretag" => "before" }).await;
    // A state is named by its minion, and so is the tag of its failure.
    let chunk = |state: &str| {
        let tag = format!("{state}_|-a_|-a_|-x");
        map! { tag => map! { "result" => false, "comment" => "c", "id" => "victim" } }
    };
    let mut states = Map::new();
    for state in ["salt/run/20260102030405678901/ret", "salt/wheel/1/ret", "20260102030405678901", "cmd"] {
        states.extend(chunk(state));
    }
    let load = map! {
        "cmd" => "_return", "jid" => "20260102030405678902", "fun" => "state.sls", "retcode" => 2, "return" => states,
    };
    evil.ask(&victim, load).await;
    let seen = victim.events_until(&mut events, "end").await;
    let tags: Vec<&str> = seen.iter().map(|(tag, _)| tag.as_str()).collect();
    assert!(tags.contains(&"before/mine") && tags.contains(&"cmd.x"), "{tags:?}");
    for (tag, data) in &seen {
        assert_eq!(data.str("id"), Some("evil"), "{tag}");
        assert!(!tag.starts_with("salt/run/") && !tag.starts_with("salt/wheel/"), "{tag}");
        assert!(!tag.starts_with("20260102030405678901"), "{tag}");
    }
    victim.end().await;
}

/// What an event carries is data for the reactor's templates, never a template, and what the reactor itself does is
/// reacted to no further.
#[tokio::test(flavor = "multi_thread")]
async fn b13_the_reactor_takes_what_minions_say_as_data() {
    let folder = std::env::temp_dir().join(format!("hr{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let reaction = write(
        "said.sls",
        "{% if data['id'] == 'web1' %}\ntell:\n  runner.event.send:\n    - args:\n      - tag: reaction/{{ tag }}\n      \
         - data:\n          said: {{ data['data']['text'] | json }}\n          user: {{ data.get('user') | json }}\n{% endif %}\n",
    );
    let again = write("again.sls", "again:\n  runner.event.send:\n    - args:\n      - tag: again\n");
    let reactor = Value::list([
        Value::from(map! { "my/*" => Value::list([reaction]) }),
        map! { "salt/run/*/new" => Value::list([again]) }.into(),
    ]);
    let victim = Victim::start(map! { "reactor" => reactor }).await;
    let (web1, web2) = (victim.minion("web1").await, victim.minion("web2").await);
    let mut events = victim.events().await;
    let said = || {
        let data = map! { "text" => "{{ 7 * 7 }}: [" };
        // Nor does it help to pass for the reactor, whose own doings are reacted to no further.
        map! { "cmd" => "_minion_event", "tag" => "my/tag", "data" => data, "user" => "Reactor" }
    };
    for minion in [&web2, &web1] {
        minion.ask(&victim, said()).await;
    }
    // Twice: what the first had as its consequences is on the bus before the second is reacted to.
    for _ in 0..2 {
        let reacted = loop {
            let event = events.next(Some(PATIENCE)).await.expect("the bus").expect("a reaction");
            assert_ne!(event.tag, "again", "the reactor reacted to itself");
            if event.tag == "reaction/my/tag" {
                break event.data;
            }
        };
        assert_eq!(reacted.str("said"), Some("{{ 7 * 7 }}: ["));
        assert_eq!(reacted.str("user"), Some("Reactor"));
        web1.ask(&victim, said()).await;
    }
    let key = victim.own_key();
    let list = map! { "cmd" => "runner", "fun" => "reactor.list", "user" => "root", "key" => key };
    victim.clear(list).await;
    let listed = loop {
        let event = events.next(Some(PATIENCE)).await.expect("the bus").expect("a list");
        if event.tag.ends_with("/ret") && event.data.str("fun") == Some("runner.reactor.list") {
            break event.data;
        }
    };
    assert_eq!(listed.get("return").and_then(Value::as_list).map(<[Value]>::len), Some(2));
    victim.end().await;
    let _ = std::fs::remove_dir_all(folder);
}

/// As when many minions start at once: more than there are places for runners, and none is left out.
#[tokio::test(flavor = "multi_thread")]
async fn b13_many_events_at_once_have_a_reaction_each() {
    const MANY: usize = 300;
    let folder = std::env::temp_dir().join(format!("hm{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory");
    let path = folder.join("many.sls");
    let reaction = "tell:\n  runner.event.send:\n    - args:\n      - tag: told/{{ tag }}\n";
    std::fs::write(&path, reaction).expect("written");
    let reactor = map! { "many/*" => Value::list([path.display().to_string()]) };
    let victim = Victim::start(map! { "reactor" => Value::list([Value::from(reactor)]) }).await;
    let web1 = victim.minion("web1").await;
    let mut events = victim.events().await;
    let fired = (0..MANY).map(|number| map! { "tag" => format!("many/{number}"), "data" => Map::new() });
    let load = map! { "cmd" => "_minion_event", "events" => Value::list(fired) };
    web1.ask(&victim, load).await;
    let mut told = std::collections::BTreeSet::new();
    while told.len() < MANY {
        let event = events.next(Some(PATIENCE)).await.expect("the bus").expect("a reaction");
        if event.tag.starts_with("told/") {
            assert!(told.insert(event.tag), "a second reaction to one event");
        }
    }
    victim.end().await;
    let _ = std::fs::remove_dir_all(folder);
}

/// Each event has two of its kind as its consequences, without end.
#[tokio::test(flavor = "multi_thread")]
async fn b13_reactions_in_a_circle_leave_the_master_answering_and_stopping() {
    let folder = std::env::temp_dir().join(format!("hc{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory");
    let path = folder.join("circle.sls");
    let again =
        |name: &str| format!("{name}:\n  runner.event.send:\n    - args:\n      - tag: circle/{name}\n");
    std::fs::write(&path, again("a") + &again("b")).expect("written");
    let reactor = map! { "circle/*" => Value::list([path.display().to_string()]) };
    let victim = Victim::start(map! {
        "reactor" => Value::list([Value::from(reactor)]), "reactor_worker_hwm" => 8, "reactor_worker_threads" => 2,
    })
    .await;
    let web1 = victim.minion("web1").await;
    let mut events = victim.events().await;
    web1.ask(&victim, map! { "cmd" => "_minion_event", "tag" => "circle/x", "data" => Map::new() }).await;
    let mut reactions = 0;
    while reactions < 100 {
        let event = events.next(Some(PATIENCE)).await.expect("the bus").expect("a reaction");
        reactions += u32::from(event.tag == "circle/a" || event.tag == "circle/b");
    }
    drop(events);
    let list =
        map! { "cmd" => "wheel", "fun" => "key.list_all", "user" => "root", "key" => victim.own_key() };
    let reply = victim.clear(list).await;
    let data = reply.as_map().and_then(|reply| reply.get("data")).and_then(Value::as_map).expect("an answer");
    assert_eq!(data.get("success"), Some(&Value::Bool(true)));
    // Comes to an end, too.
    victim.end().await;
    let _ = std::fs::remove_dir_all(folder);
}

/// `require_minion_sign_messages` and `drop_messages_signature_fail`.
#[tokio::test(flavor = "multi_thread")]
async fn b13_where_signatures_are_asked_for_a_return_without_a_right_one_does_not_count() {
    let victim = Victim::start(map! {
        "require_minion_sign_messages" => true, "drop_messages_signature_fail" => true,
    })
    .await;
    let web1 = victim.minion("web1").await;
    let mut events = victim.events().await;
    let load = |jid: &str| {
        map! {
            "cmd" => "_return", "jid" => jid, "fun" => "test.ping", "return" => true, "id" => "web1", "retcode" => 0,
        }
    };
    assert_eq!(web1.ask(&victim, load("20260102030405678901")).await, Value::Bool(false));
    let mut wrong = load("20260102030405678902");
    wrong.insert("sig", Value::Bytes(vec![7; 256].into()));
    assert_eq!(web1.ask(&victim, wrong).await, Value::Bool(false));
    let signed =
        web1.session.signed_request(load("20260102030405678903"), crate::victim::now()).expect("signed");
    let reply = victim.ask(signed.body, PATIENCE).await.expect("an answer");
    let reply = web1.session.reply(&reply.into(), &signed.nonce, halite::value::msgpack::Reading::Typed);
    assert_eq!(reply.expect("sealed"), Value::Null);
    let mut returned = victim.tags_until(&mut events, "end").await;
    returned.retain(|tag| tag.contains("/ret/"));
    assert_eq!(returned, ["salt/job/20260102030405678903/ret/web1"]);
    victim.end().await;
}

/// B12: what is refused to a stranger ends nobody's job, and what it proved itself with goes to nobody.
#[tokio::test(flavor = "multi_thread")]
async fn b12_a_publish_that_is_refused_is_told_below_no_jid_and_without_its_proof() {
    let auto = map! { "auto" => map! { "bob" => Value::list(["test.ping"]) } };
    let victim = Victim::start(map! { "external_auth" => auto }).await;
    victim.minion("web1").await;
    let mut events = victim.events().await;
    const JID: &str = "20260102030405678901";
    let proven = |proof: Map| map! { "jid" => JID, "user" => "eve", "kwargs" => proof };
    let refused = [
        map! { "jid" => JID, "user" => "root", "key" => "sesame" },
        proven(map! { "token" => "sesame" }),
        proven(map! { "eauth" => "none", "username" => "bob", "password" => "sesame" }),
        proven(map! { "eauth" => "auto", "username" => "bob", "password" => "sesame" }),
    ];
    let count = refused.len();
    for proof in refused {
        assert!(victim.publish("test.arg", proof).await.get("error").is_some());
    }
    let seen = victim.events_until(&mut events, "end").await;
    let told: Vec<&Map> =
        seen.iter().filter(|(tag, _)| tag == "salt/job/error").map(|(_, data)| data).collect();
    assert_eq!(told.len(), count, "{seen:?}");
    for data in told {
        assert_eq!((data.str("fun"), data.str("jid")), (Some("test.arg"), Some(JID)));
        assert!(data.get("error").and_then(|error| error.get("message")).is_some(), "{data:?}");
    }
    for (tag, data) in &seen {
        assert!(!tag.contains(JID), "{tag}");
        assert!(!Value::from(data.clone()).to_json(halite::value::JsonStyle::default()).contains("sesame"));
    }
    victim.end().await;
}
