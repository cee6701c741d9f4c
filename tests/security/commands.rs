//! A1, A3, A5, B1, B2, B3, B11, B16, F12, F13: the commands of the request port.

use std::time::Duration;

use halite::channel::pack_map;
use halite::map;
use halite::value::msgpack::{Reading, decode};
use halite::value::{Map, Value};

use crate::victim::{Victim, error_of, keys};

/// Names of methods of Salt's classes, and more.
const METHODS: &[&str] = &[
    "_prep_auth_info",
    "_send_pub",
    "_send_ssh_pub",
    "__init__",
    "__class__",
    "__getattribute__",
    "destroy",
    "connect",
    "_auth ",
    "Publish",
    "PING",
    "run_func",
    "wheel_async",
    "runner_async",
    "ssh",
    "_handle_aes",
    "_return",
    "_pillar",
    "",
];

#[tokio::test(flavor = "multi_thread")]
async fn a01_what_is_not_a_listed_command_does_not_exist_and_tells_nothing() {
    let victim = Victim::start(Map::new()).await;
    let minion = victim.minion("web1").await;
    let secret = victim.own_key();
    let mut events = victim.events().await;
    let mut answers = Vec::new();
    for method in METHODS {
        let load =
            map! { "cmd" => *method, "fun" => "test.ping", "tgt" => "*", "arg" => Value::List(Vec::new()) };
        answers.push(victim.clear(load.clone()).await);
        if !["_return", "_pillar"].contains(method) {
            answers.push(minion.ask(&victim, load).await);
        }
    }
    for odd in [
        Value::Null,
        1.into(),
        Value::list(["publish"]),
        map! { "a" => 1 }.into(),
        Value::Bytes("ping".into()),
    ] {
        answers.push(victim.clear(map! { "cmd" => odd.clone(), "key" => "x" }).await);
    }
    for answer in answers {
        let shown = format!("{answer:?}");
        assert!(!shown.contains(&secret) && !shown.contains("root_key"), "{shown}");
        assert!(answer == Map::new().into() || answer.get("key").is_some(), "{shown}");
    }
    assert_eq!(victim.tags_until(&mut events, "end").await, Vec::<String>::new(), "nothing was published");
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a03_every_clear_command_wants_a_proof() {
    let victim = Victim::start(map! { "external_auth" => map! { "file" => Map::new() } }).await;
    victim.minion("web1").await;
    let mut events = victim.events().await;
    let own = victim.own_key();
    let user = halite::host::daemon::current_user();
    let proofs = [
        Map::new(),
        map! { "user" => user.as_str() },
        map! { "user" => user.as_str(), "key" => "" },
        map! { "user" => user.as_str(), "key" => format!("{own}x") },
        map! { "user" => user.as_str(), "key" => own.get(..40).expect("long") },
        map! { "user" => "nobody", "key" => "A".repeat(76) },
        map! { "user" => user.as_str(), "key" => Value::Null },
        map! { "user" => user.as_str(), "key" => Value::list([own.as_str()]) },
        map! { "user" => "UNKNOWN", "key" => Value::Bool(true) },
    ];
    for proof in proofs {
        let (name, message) = error_of(&victim.publish("test.ping", proof.clone()).await);
        assert_eq!(
            (name.as_str(), message.as_str()),
            ("AuthenticationError", "Authentication error occurred.")
        );
        for (cmd, fun) in [("runner", "doc.runner"), ("wheel", "key.list_all")] {
            let mut load = map! { "cmd" => cmd, "fun" => fun };
            load.extend(proof.clone());
            let (name, message) = error_of(&victim.clear(load).await);
            assert_eq!(name, "UserAuthenticationError");
            assert_eq!(message, "Authentication failure of type \"user\" occurred");
        }
    }
    let tags = victim.tags_until(&mut events, "end").await;
    assert!(tags.iter().all(|tag| tag.ends_with("/error")), "{tags:?}");
    let good = map! { "user" => user.as_str(), "key" => own.as_str() };
    assert!(victim.publish("test.ping", good).await.get("load").is_some());
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_an_eauth_that_is_not_enabled_or_not_known_lets_nobody_in() {
    let external = map! { "nonsense" => map! { "*" => Value::list([".*", "@runner", "@wheel"]) } };
    let victim = Victim::start(map! { "external_auth" => external }).await;
    let own = victim.own_key();
    for eauth in ["nonsense", "pam", "auto", "", "../file"] {
        // A good key does not help who claims to be an external user.
        let proof = map! { "eauth" => eauth, "username" => "root", "password" => "x" };
        let mut load = map! { "kwargs" => proof.clone(), "user" => "root", "key" => own.as_str() };
        let (name, _) = error_of(&victim.publish("test.ping", load).await);
        assert_eq!(name, "AuthenticationError", "{eauth}");
        load = map! { "cmd" => "runner", "fun" => "doc.runner", "key" => own.as_str() };
        load.extend(proof.clone());
        let (name, message) = error_of(&victim.clear(load).await);
        assert_eq!(name, "EauthAuthenticationError");
        assert_eq!(message, "Authentication failure of type \"eauth\" occurred for user root.");
        let mut load = map! { "cmd" => "mk_token" };
        load.extend(proof);
        assert_eq!(victim.clear(load).await, "".into());
    }
    victim.end().await;
}

/// The exposed commands that do something for a minion, with `id` claiming to be another.
fn loads_for(id: &str) -> Vec<Map> {
    vec![
        map! { "cmd" => "_mine", "id" => id, "data" => map! { "x" => 1 } },
        map! { "cmd" => "_mine_delete", "id" => id, "fun" => "own" },
        map! { "cmd" => "_mine_flush", "id" => id },
        map! { "cmd" => "_return", "id" => id, "jid" => "20260102030405678901", "fun" => "test.ping", "return" => "forged" },
        map! { "cmd" => "_minion_event", "id" => id, "tag" => "forged", "data" => map! { "id" => id } },
        map! { "cmd" => "_file_recv", "id" => id, "path" => Value::list(["x"]), "loc" => 0, "size" => 1, "data" => "x" },
        map! { "cmd" => "revoke_auth", "id" => id },
        map! { "cmd" => "minion_pub", "id" => id, "fun" => "test.ping", "arg" => Value::List(Vec::new()), "tgt" => "*", "ret" => "" },
        map! { "cmd" => "_pillar", "id" => id, "grains" => map! { "forged" => true } },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn b01_a_minion_acts_only_as_itself() {
    let peer = map! { "peer" => map! { "victim" => Value::list([".*"]) }, "file_recv" => true };
    let victim = Victim::start(peer).await;
    let honest = victim.minion_with("victim", &keys()[1]).await.expect("accepted");
    let evil = victim.minion_with("evil", &keys()[2]).await.expect("accepted");
    honest.ask(&victim, map! { "cmd" => "_mine", "data" => map! { "own" => "honest" } }).await;
    let mut events = victim.events().await;
    for mut load in loads_for("victim") {
        // As the evil one's own session allows: with the id of another inside, which is refused as a whole.
        load.insert("tok", evil.token());
        load.insert("nonce", halite::channel::new_nonce());
        let session = &evil.session.credentials().session;
        for envelope in ["evil", "victim"] {
            let body = evil.seal_with(session, 3, Some(envelope), &load);
            let reply = victim.ask(body, Duration::from_secs(60)).await.expect("an answer");
            assert_eq!(decode(&reply, Reading::Wire).expect("msgpack"), "bad load".into(), "{load:?}");
        }
    }
    for (tag, data) in victim.events_until(&mut events, "end").await {
        assert!(data.str("id") != Some("victim"), "{tag}: {data:?}");
    }
    let ask = map! { "cmd" => "_mine_get", "tgt" => "victim", "fun" => "own" };
    assert_eq!(honest.ask(&victim, ask).await, map! { "victim" => "honest" }.into());
    assert!(victim.root.join("pki/minions/victim").exists());
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b02_older_protocols_are_refused() {
    let victim = Victim::start(Map::new()).await;
    let evil = victim.minion_with("evil", &keys()[2]).await.expect("accepted");
    victim.minion_with("victim", &keys()[1]).await.expect("accepted");
    let mut events = victim.events().await;
    for version in [0, 1, 2, -1] {
        for mut load in loads_for("victim") {
            load.insert("tok", evil.token());
            let reply =
                victim.ask(evil.seal_old(version, &load), Duration::from_secs(60)).await.expect("an answer");
            assert_eq!(
                decode(&reply, Reading::Wire).expect("msgpack"),
                "bad load".into(),
                "{version} {load:?}"
            );
        }
    }
    assert_eq!(victim.tags_until(&mut events, "end").await, Vec::<String>::new());
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b02_older_protocols_that_are_let_in_still_prove_who_asks() {
    let victim = Victim::start(map! { "minimum_auth_version" => 0, "file_recv" => true }).await;
    let evil = victim.minion_with("evil", &keys()[2]).await.expect("accepted");
    victim.minion_with("victim", &keys()[1]).await.expect("accepted");
    for mut load in loads_for("victim") {
        let cmd = load.str("cmd").expect("a command").to_owned();
        load.insert("tok", evil.token());
        let reply = victim.ask(evil.seal_old(2, &load), Duration::from_secs(60)).await.expect("an answer");
        assert_eq!(decode(&reply, Reading::Wire).expect("msgpack"), "bad load".into(), "{cmd}");
    }
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b03_a_request_sent_again_is_not_carried_out_again() {
    let victim = Victim::start(Map::new()).await;
    let minion = victim.minion("web1").await;
    let mut events = victim.events().await;
    let (body, nonce) = minion.seal(map! { "cmd" => "_minion_event", "tag" => "once", "data" => Map::new() });
    let first = victim.ask(body.clone(), Duration::from_secs(60)).await.expect("an answer");
    minion.session.reply(&first.into(), &nonce, Reading::Typed).expect("sealed");
    for _ in 0..2 {
        let again = victim.ask(body.clone(), Duration::from_secs(60)).await.expect("an answer");
        assert_eq!(decode(&again, Reading::Wire).expect("msgpack"), "bad load".into());
    }
    assert_eq!(victim.tags_until(&mut events, "end").await, ["once"]);
    victim.end().await;
}

/// B11, F13: fields missing, and of every wrong type; then an honest request.
#[tokio::test(flavor = "multi_thread")]
async fn b11_malformed_requests_cost_only_themselves() {
    let victim = Victim::start(Map::new()).await;
    let minion = victim.minion("web1").await;
    let odd: [Value; 7] = [
        Value::Null,
        true.into(),
        (-1).into(),
        1.5.into(),
        Value::Bytes(vec![0, 255].into()),
        Value::List(vec![Value::Null]),
        map! { "a" => 1 }.into(),
    ];
    for load in loads_for("web1") {
        for (field, _) in load.iter().filter(|(field, _)| field.as_str() != Some("cmd")) {
            let field = field.as_str().expect("text");
            let mut without = load.clone();
            without.remove(field);
            if without.str("cmd") != Some("revoke_auth") {
                let (body, _) = minion.seal(without);
                victim.ask(body, Duration::from_millis(500)).await;
            }
            for value in odd.iter().filter(|_| load.str("cmd") != Some("revoke_auth")) {
                let mut ill = load.clone();
                ill.insert(field, value.clone());
                let (body, _) = minion.seal(ill);
                victim.ask(body, Duration::from_millis(500)).await;
            }
        }
    }
    for value in odd {
        for body in [
            halite::channel::pack(&value),
            pack_map(&map! { "enc" => value.clone(), "load" => Map::new(), "version" => 3 }),
            pack_map(&map! { "enc" => "clear", "load" => value.clone(), "version" => 3 }),
            pack_map(
                &map! { "enc" => "aes", "load" => value.clone(), "version" => value.clone(), "id" => value.clone() },
            ),
        ] {
            victim.ask(body, Duration::from_millis(500)).await;
        }
    }
    assert_eq!(victim.clear(map! { "cmd" => "ping", "x" => 1 }).await.get("x"), Some(&1.into()));
    assert_eq!(
        minion.ask(&victim, map! { "cmd" => "_mine", "data" => map! { "a" => 1 } }).await,
        true.into()
    );
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b16_returns_in_the_name_of_others_are_for_syndics_only() {
    let victim = Victim::start(map! { "order_masters" => true }).await;
    let evil = victim.minion_with("evil", &keys()[2]).await.expect("accepted");
    victim.minion_with("victim", &keys()[1]).await.expect("accepted");
    let mut events = victim.events().await;
    let jid = "20260102030405678901";
    let nested = map! { "victim" => map! { "return" => "forged", "retcode" => 0 } };
    let load = map! {
        "cmd" => "_syndic_return", "jid" => jid, "fun" => "test.ping", "return" => nested.clone(),
        "load" => Value::list([map! { "jid" => jid, "return" => nested.clone() }]),
    };
    evil.ask(&victim, load).await;
    evil.ask(&victim, map! { "cmd" => "_return", "jid" => jid, "fun" => "test.ping", "return" => nested })
        .await;
    let tags = victim.tags_until(&mut events, "end").await;
    assert_eq!(tags, [format!("salt/job/{jid}/ret/evil")]);
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_requests_of_unknown_ids_write_nothing() {
    let victim = Victim::start(Map::new()).await;
    let minion = victim.minion("web1").await;
    let before = (victim.files("cache"), victim.files("pki"));
    let load = map! { "cmd" => "_mine", "data" => map! { "a" => 1 }, "tok" => minion.token() };
    for number in 0..2000 {
        let id = format!("nobody{number}");
        let body = minion.seal_with(&minion.session.credentials().session, 3, Some(&id), &load);
        let reply = victim.ask(body, Duration::from_secs(60)).await.expect("an answer");
        assert_eq!(decode(&reply, Reading::Wire).expect("msgpack"), "bad load".into());
    }
    assert_eq!((victim.files("cache"), victim.files("pki")), before);
    victim.end().await;
}

/// A6, A16: a client that is not there cannot be chosen, and what a client would be told in its call is not carried on.
#[tokio::test(flavor = "multi_thread")]
async fn a06_a16_no_key_of_a_call_chooses_a_client_or_reaches_minions() {
    let victim = Victim::start(Map::new()).await;
    victim.minion("web1").await;
    let own = victim.own_key();
    let user = halite::host::daemon::current_user();
    let proof = || map! { "user" => user.as_str(), "key" => own.as_str() };
    for cmd in
        ["ssh", "ssh_async", "local", "local_async", "local_subset", "runner_async", "wheel_async", "batch"]
    {
        let mut load = map! { "cmd" => cmd, "client" => cmd, "raw_shell" => true, "fun" => "touch /tmp/halite-a06", "tgt" => "*" };
        load.extend(proof());
        assert_eq!(victim.clear(load).await, Map::new().into(), "{cmd}");
    }
    let mut events = victim.events().await;
    for key in [
        "client",
        "raw_shell",
        "ssh_priv",
        "ssh_options",
        "mods",
        "module_executors",
        "executor_opts",
        "__kwarg__",
        "pub_data",
        "cmd",
    ] {
        let mut load = proof();
        load.insert("kwargs", map! { key => "touch /tmp/halite-a06" });
        if key != "cmd" {
            load.insert(key, "touch /tmp/halite-a06");
        }
        victim.publish("test.ping", load).await;
    }
    let known = ["jid", "tgt_type", "tgt", "user", "fun", "arg", "minions", "missing", "_stamp"];
    for (tag, data) in victim.events_until(&mut events, "end").await {
        if tag.ends_with("/new") {
            let odd: Vec<_> =
                data.iter().filter(|(key, _)| !known.contains(&key.as_str().unwrap_or("?"))).collect();
            assert!(odd.is_empty(), "{tag}: {odd:?}");
        }
    }
    assert!(!std::path::Path::new("/tmp/halite-a06").exists());
    victim.end().await;
}

/// A12: a certificate is no proof that somebody has its key; so there is no such back end.
#[tokio::test(flavor = "multi_thread")]
async fn a12_a_certificate_alone_is_no_proof() {
    let external = map! { "pki" => map! { "*" => Value::list([".*", "@runner", "@wheel"]) } };
    let victim = Victim::start(map! { "external_auth" => external }).await;
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for password in [certificate, ""] {
        let proof = map! { "eauth" => "pki", "username" => "anna", "password" => password };
        let mut load = map! { "cmd" => "mk_token" };
        load.extend(proof.clone());
        assert_eq!(victim.clear(load).await, "".into());
        let reply = victim.publish("test.ping", map! { "kwargs" => proof }).await;
        assert_eq!(error_of(&reply).0, "AuthenticationError");
    }
    victim.end().await;
}

/// B9: an `_auth` with anything in any of its places costs its sender a connection, and nobody else anything.
#[tokio::test(flavor = "multi_thread")]
async fn b09_no_auth_request_hurts_the_master() {
    let victim = Victim::start(Map::new()).await;
    let public = keys()[1].public_key().to_clean_pem();
    let good = map! {
        "cmd" => "_auth", "id" => "web1", "nonce" => "0".repeat(32), "token" => Value::Bytes(vec![7; 256].into()),
        "pub" => public.as_str(), "enc_algo" => "OAEP-SHA1", "sig_algo" => "PKCS1v15-SHA1",
    };
    let odd = || {
        vec![
            Value::Null,
            true.into(),
            (-1_i64).into(),
            i64::MAX.into(),
            f64::NAN.into(),
            "".into(),
            "\0".into(),
            "x".repeat(100_000).into(),
            Value::Bytes(vec![0xff; 1000].into()),
            Value::List(vec![Value::Null; 1000]),
            map! { "a" => map! { "b" => 1 } }.into(),
            Value::Text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----".into()),
        ]
    };
    for (key, _) in good.clone().iter() {
        let key = key.as_str().expect("text");
        let mut without = good.clone();
        without.remove(key);
        let changed = odd().into_iter().map(|value| {
            let mut load = good.clone();
            load.insert(key, value);
            load
        });
        for load in std::iter::once(without).chain(changed).filter(|load| load.str("cmd") == Some("_auth")) {
            for version in [0, 1, 2, 3, 255] {
                let body = pack_map(&map! { "enc" => "clear", "load" => load.clone(), "version" => version });
                victim.ask(body, Duration::from_secs(2)).await;
            }
        }
    }
    // One octet of a good one, anywhere.
    let body = pack_map(&map! { "enc" => "clear", "load" => good, "version" => 3 });
    for at in (0..body.len()).step_by(7) {
        let mut broken = body.clone();
        broken[at] ^= 0x55;
        victim.ask(broken, Duration::from_millis(300)).await;
    }
    victim.minion("honest").await;
    let accepted = victim.files("pki/minions");
    assert!(accepted.iter().all(|path| path.ends_with("web1") || path.ends_with("honest")), "{accepted:?}");
    victim.end().await;
}
