//! A15, B9, B10, D1: keys and ids of those who want to join, and of those who are gone.

use std::fs;
use std::time::Duration;

use halite::channel::{new_nonce, pack_map};
use halite::map;
use halite::value::msgpack::{Reading, decode};
use halite::value::{Map, Value};

use crate::victim::{Victim, keys};

const HOSTILE: &[&str] = &[
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/etc/passwd",
    "a\0b",
    "a\nb",
    "a/../../x",
    "..\\x",
    "a\u{7f}b",
    "\u{1b}[2J",
];

fn auth(id: Value, key: Value) -> Vec<u8> {
    let load = map! {
        "cmd" => "_auth", "id" => id, "pub" => key, "nonce" => new_nonce(), "enc_algo" => "OAEP-SHA1",
        "sig_algo" => "PKCS1v15-SHA1",
    };
    pack_map(&map! { "enc" => "clear", "load" => load, "version" => 3 })
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_an_id_is_never_a_path() {
    let victim = Victim::start(map! { "auto_accept" => false }).await;
    let before = victim.files(".");
    let pem = keys()[1].public_key().to_clean_pem();
    let long = "x".repeat(256);
    for id in HOSTILE.iter().copied().chain([long.as_str()]) {
        let reply = victim.ask(auth(id.into(), pem.as_str().into()), Duration::from_secs(60)).await;
        assert!(reply.is_some(), "{id:?}");
    }
    for id in [Value::Null, 1.into(), Value::list(["web1"]), map! { "a" => 1 }.into()] {
        victim.ask(auth(id, pem.as_str().into()), Duration::from_secs(60)).await.expect("an answer");
    }
    assert_eq!(victim.files("."), before);
    victim.end().await;
}

/// B9, D1: what is no sound RSA key leaves no file and stops nothing.
#[tokio::test(flavor = "multi_thread")]
async fn d01_weak_and_broken_keys_are_refused() {
    let victim = Victim::start(Map::new()).await;
    let before = victim.files("pki");
    // 512 bits, and exponent 1: by openssl, which will not make the second by itself.
    let small = "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL/xeY6aqFx6z1ThNOwgPgxv3tsonTlC\nj8VkN3Ikum6SzBvFJdFhrj4T0EGJGkvuMxVAXVzWgMmzHxuPXcbw0WUCAwEAAQ==\n-----END PUBLIC KEY-----";
    let broken = keys()[1].public_key().to_clean_pem().replace("MII", "MIX");
    let long = "A".repeat(1 << 20);
    for pem in [
        "",
        "x",
        small,
        broken.as_str(),
        long.as_str(),
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
    ] {
        victim.ask(auth("web1".into(), pem.into()), Duration::from_secs(60)).await.expect("an answer");
    }
    for odd in [Value::Null, 1.into(), Value::list(["x"]), Value::Bytes(vec![0, 1].into())] {
        victim.ask(auth("web1".into(), odd), Duration::from_secs(60)).await.expect("an answer");
    }
    assert_eq!(victim.files("pki"), before);
    victim.minion("web1").await;
    victim.end().await;
}

/// The session of a minion ends with its key; its mine and grains go, too, before another may have its name.
#[tokio::test(flavor = "multi_thread")]
async fn a15_nothing_of_a_deleted_minion_is_left_for_the_next_of_its_name() {
    let victim = Victim::start(Map::new()).await;
    let old = victim.minion_with("web1", &keys()[1]).await.expect("accepted");
    let (body, _) = old.seal(map! { "cmd" => "_pillar", "grains" => map! { "role" => "db" }, "ver" => "2" });
    victim.ask(body, Duration::from_secs(60)).await.expect("an answer");
    old.ask(&victim, map! { "cmd" => "_mine", "data" => map! { "secret" => "old" } }).await;
    let observer = victim.minion_with("observer", &keys()[1]).await.expect("accepted");
    let ask = || map! { "cmd" => "_mine_get", "tgt" => "web1", "fun" => "secret" };
    assert_eq!(observer.ask(&victim, ask()).await, map! { "web1" => "old" }.into());

    let mut events = victim.events().await;
    let wheel = map! {
        "cmd" => "wheel", "fun" => "key.delete", "match" => "web1", "user" => "root", "key" => victim.own_key(),
    };
    let done = victim.clear(wheel).await;
    assert_eq!(done.get("data").and_then(|data| data.get("success")), Some(&true.into()), "{done:?}");
    let tags = victim.tags_until(&mut events, "end").await;
    assert!(tags.iter().any(|tag| tag == "salt/key"), "{tags:?}");
    assert!(
        !victim.root.join("cache/minions/web1").exists() && !victim.root.join("pki/minions/web1").exists()
    );
    // At once: its session opens nothing.
    let (body, _) = old.seal(map! { "cmd" => "_mine", "data" => map! { "secret" => "again" } });
    let reply = victim.ask(body, Duration::from_secs(60)).await.expect("an answer");
    assert_eq!(decode(&reply, Reading::Wire).expect("msgpack"), "bad load".into());
    // Soon: the session, the mine and the AES key are gone.
    while victim.root.join("cache/sessions/web1").exists() || victim.root.join("cache/.dfn").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let new = loop {
        let new = victim.minion_with("web1", &keys()[2]).await.expect("accepted");
        if observer.ask(&victim, ask()).await == Map::new().into() {
            break new;
        }
    };
    assert_ne!(
        new.session.credentials().session.as_str(),
        old.session.credentials().session.as_str(),
        "a new minion has a session of its own"
    );
    let old_key = old.session.credentials().session.clone();
    let load = map! { "cmd" => "_mine", "id" => "web1", "data" => Map::new(), "tok" => old.token() };
    let reply = victim.ask(old.seal_with(&old_key, 3, Some("web1"), &load), Duration::from_secs(60)).await;
    assert_eq!(decode(&reply.expect("an answer"), Reading::Wire).expect("msgpack"), "bad load".into());
    victim.end().await;
}

/// A key file that somebody removed by hand takes everything along, too.
#[tokio::test(flavor = "multi_thread")]
async fn a15_a_key_file_that_is_removed_ends_the_session() {
    let victim = Victim::start(Map::new()).await;
    let minion = victim.minion("web1").await;
    let (body, _) =
        minion.seal(map! { "cmd" => "_pillar", "grains" => map! { "role" => "db" }, "ver" => "2" });
    victim.ask(body, Duration::from_secs(60)).await.expect("an answer");
    assert!(victim.root.join("cache/minions/web1/data.p").exists());
    fs::remove_file(victim.root.join("pki/minions/web1")).expect("removed");
    let (body, _) = minion.seal(map! { "cmd" => "_mine", "data" => Map::new() });
    let reply = victim.ask(body, Duration::from_secs(60)).await.expect("an answer");
    assert_eq!(decode(&reply, Reading::Wire).expect("msgpack"), "bad load".into());
    while victim.root.join("cache/minions/web1").exists() || victim.root.join("cache/sessions/web1").exists()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    victim.end().await;
}
