//! A3, A7, A8, A13, A14, E8: external users, their passwords, tokens and rules.

use std::fs;
use std::time::{Duration, Instant};

use halite::map;
use halite::value::{Map, Value};

use crate::victim::{Victim, error_of};

/// Users `fred` and `anna`, password `open` each; who may what stands in `rules`.
async fn victim_with(rules: Map) -> Victim {
    let file = std::env::temp_dir().join(format!("halite-users-{}", std::process::id()));
    fs::write(&file, "fred:open\nanna:open\n").expect("written");
    let mut config = map! { "^filename" => file.display().to_string() };
    config.extend(rules);
    Victim::start(map! { "external_auth" => map! { "file" => config }, "token_expire" => 3600 }).await
}

fn login(user: &str, password: &str) -> Map {
    map! { "eauth" => "file", "username" => user, "password" => password }
}

async fn token(victim: &Victim, user: &str) -> String {
    let mut load = map! { "cmd" => "mk_token" };
    load.extend(login(user, "open"));
    let made = victim.clear(load).await;
    made.get("token").and_then(Value::as_str).unwrap_or_else(|| panic!("no token in {made:?}")).to_owned()
}

fn ext(proof: Map) -> Map {
    map! { "kwargs" => proof }
}

#[tokio::test(flavor = "multi_thread")]
async fn a03_each_kind_of_call_asks_for_its_own_rule() {
    let rules = map! {
        "fred" => Value::list(["test.*"]),
        "anna" => Value::list(["@runner", "@wheel"]),
    };
    let victim = victim_with(rules).await;
    victim.minion("web1").await;
    let call = |cmd: &str, fun: &str, proof: Map| {
        let mut load = map! { "cmd" => cmd, "fun" => fun };
        load.extend(proof);
        load
    };
    let proofs = |user: &'static str, token: String| [login(user, "open"), map! { "token" => token }];
    for proof in proofs("fred", token(&victim, "fred").await) {
        assert!(victim.publish("test.ping", ext(proof.clone())).await.get("load").is_some());
        let refused = error_of(&victim.publish("cmd.run", ext(proof.clone())).await);
        assert_eq!(refused, ("AuthorizationError".to_owned(), "Authorization error occurred.".to_owned()));
        for (cmd, fun) in [("runner", "doc.runner"), ("wheel", "key.list_all")] {
            let (name, message) = error_of(&victim.clear(call(cmd, fun, proof.clone())).await);
            assert!(name == "TokenAuthenticationError" || name == "EauthAuthenticationError", "{name}");
            assert!(
                message.starts_with("Authentication failure of type \"")
                    && message.contains("occurred for user")
            );
        }
    }
    for proof in proofs("anna", token(&victim, "anna").await) {
        assert_eq!(error_of(&victim.publish("test.ping", ext(proof.clone())).await).0, "AuthorizationError");
        let ran = victim.clear(call("runner", "doc.runner", proof.clone())).await;
        assert!(ran.get("jid").is_some(), "{ran:?}");
        let turned = victim.clear(call("wheel", "key.list_all", proof.clone())).await;
        let keys =
            turned.get("data").and_then(|data| data.get("return")).and_then(|keys| keys.get("minions"));
        assert_eq!(keys, Some(&Value::list(["web1"])), "{turned:?}");
        let (name, message) = error_of(&victim.clear(call("runner", "doc", proof)).await);
        assert_eq!(name, "SaltInvocationError");
        assert_eq!(message, "A command invocation error occurred: Check syntax.");
    }
    for wrong in [
        login("fred", "shut"),
        login("fred", ""),
        login("nobody", "open"),
        map! { "token" => "a".repeat(64) },
    ] {
        assert_eq!(error_of(&victim.publish("test.ping", ext(wrong.clone())).await).0, "AuthenticationError");
        assert!(
            error_of(&victim.clear(call("runner", "doc.runner", wrong)).await)
                .0
                .ends_with("AuthenticationError")
        );
    }
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a08_a_revoked_token_opens_nothing() {
    let victim = victim_with(map! { "fred" => Value::list(["test.*"]) }).await;
    victim.minion("web1").await;
    let token = token(&victim, "fred").await;
    let data = victim.clear(map! { "cmd" => "get_token", "token" => token.as_str() }).await;
    assert_eq!(data.get("name"), Some(&"fred".into()));
    let proof = || ext(map! { "token" => token.as_str() });
    assert!(victim.publish("test.ping", proof()).await.get("load").is_some());
    let mut events = victim.events().await;
    let load = map! {
        "cmd" => "runner", "fun" => "auth.del_token", "arg" => Value::list([token.as_str()]), "user" => "root",
        "key" => victim.own_key(),
    };
    victim.clear(load).await;
    loop {
        let event = events.next(Some(Duration::from_secs(60))).await.expect("the bus").expect("an event");
        if event.tag.ends_with("/ret") {
            assert_eq!(event.data.get("return"), Some(&true.into()));
            break;
        }
    }
    assert_eq!(error_of(&victim.publish("test.ping", proof()).await).0, "AuthenticationError");
    assert_eq!(victim.clear(map! { "cmd" => "get_token", "token" => token }).await, Map::new().into());
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_rules_are_held_against_everything_that_would_run() {
    let victim = victim_with(map! { "fred" => Value::list(["test.*"]) }).await;
    victim.minion("web1").await;
    let compound = |funs: &[&str]| {
        map! { "kwargs" => login("fred", "open"), "fun" => Value::list(funs.to_vec()), "arg" => vec![Value::List(Vec::new()); funs.len()] }
    };
    for (allowed, funs) in [
        (true, &["test.ping", "test.version"][..]),
        (false, &["test.ping", "cmd.run"]),
        (false, &["cmd.run", "test.ping"]),
    ] {
        let reply = victim.publish("", compound(funs)).await;
        assert_eq!(reply.get("load").is_some(), allowed, "{funs:?}");
    }
    for fun in ["mytest.ping", "cmd.run", " test.ping", "publish.publish", "saltutil.cmd", ""] {
        let refused = victim.publish(fun, ext(login("fred", "open"))).await;
        assert_eq!(error_of(&refused).0, "AuthorizationError", "{fun:?}");
    }
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_a_target_has_to_lie_within_the_rule_and_not_be_empty() {
    let some = Value::List(vec![map! { "web*" => Value::list(["test.*"]) }.into()]);
    let victim = victim_with(map! { "fred" => some }).await;
    for id in ["web1", "web2", "db1"] {
        victim.minion(id).await;
    }
    let to = |tgt: Value, tgt_type: &str| map! { "kwargs" => login("fred", "open"), "tgt" => tgt, "tgt_type" => tgt_type };
    for (tgt, tgt_type) in [
        ("web*", "glob"),
        ("web1", "glob"),
        ("web1,web2", "list"),
        ("web1 or web2", "compound"),
        ("web.", "pcre"),
    ] {
        assert!(victim.publish("test.ping", to(tgt.into(), tgt_type)).await.get("load").is_some(), "{tgt}");
    }
    for (tgt, tgt_type) in [
        ("*", "glob"),
        ("db1", "glob"),
        ("web1,db1", "list"),
        ("web1 or db1", "compound"),
        ("none", "glob"),
        ("", "glob"),
        ("E@[", "compound"),
    ] {
        let reply = victim.publish("test.ping", to(tgt.into(), tgt_type)).await;
        assert_eq!(error_of(&reply).0, "AuthorizationError", "{tgt}");
    }
    victim.end().await;
}

/// E8: a wrong password takes its time, and others are answered meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn e08_guessing_is_slow_and_holds_nobody_else_up() {
    let victim = victim_with(map! { "fred" => Value::list(["test.*"]) }).await;
    let began = Instant::now();
    let guess = || {
        let mut load = map! { "cmd" => "mk_token" };
        load.extend(login("fred", "guess"));
        victim.clear(load)
    };
    let guesses = async { tokio::join!(guess(), guess(), guess(), guess()) };
    let honest = async {
        let answer = victim.clear(map! { "cmd" => "ping", "x" => 1 }).await;
        (answer, began.elapsed())
    };
    let ((a, b, c, d), (pong, after)) = tokio::join!(guesses, honest);
    assert!([a, b, c, d].iter().all(|answer| *answer == "".into()));
    assert!(began.elapsed() >= Duration::from_millis(750) && after < began.elapsed());
    assert_eq!(pong.get("x"), Some(&1.into()));
    victim.end().await;
}
