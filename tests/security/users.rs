//! A3, D3, D13: local users and their key files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use halite::map;
use halite::value::Value;

use crate::victim::{Victim, error_of};

/// A user of `publisher_acl` is limited to its rules, whoever it says to be.
#[tokio::test(flavor = "multi_thread")]
async fn a03_the_key_of_a_limited_user_opens_what_the_rules_say() {
    let options = map! {
        "publisher_acl" => map! { "eve" => Value::list(["test.*"]), "ru.*" => Value::list(["@runner"]) },
        "publisher_acl_blacklist" => map! { "users" => Value::list(["mallory"]), "modules" => Value::list(["cmd.*"]) },
        "client_acl_verify" => false,
    };
    let victim = Victim::start(options).await;
    victim.minion("web1").await;
    let eves = victim.key_of("eve");
    let proof = |user: &str, key: &str| map! { "user" => user, "key" => key };
    assert!(victim.publish("test.ping", proof("eve", &eves)).await.get("load").is_some());
    assert_eq!(error_of(&victim.publish("state.apply", proof("eve", &eves)).await).0, "AuthorizationError");
    // Salt lets all of these through: any local key opens everything for root, for who came by sudo, and for runners.
    for user in ["root", "sudo_eve", "sudo_root", &halite::host::daemon::current_user()] {
        assert_eq!(
            error_of(&victim.publish("test.ping", proof(user, &eves)).await).0,
            "AuthenticationError",
            "{user}"
        );
    }
    for (cmd, fun) in [("runner", "doc.runner"), ("wheel", "key.list_all")] {
        let mut load = map! { "cmd" => cmd, "fun" => fun };
        load.extend(proof("eve", &eves));
        assert_eq!(error_of(&victim.clear(load).await).0, "UserAuthenticationError");
    }
    let own = victim.own_key();
    for user in ["root", "sudo_eve", "eve"] {
        assert!(victim.publish("state.apply", proof(user, &own)).await.get("load").is_some(), "{user}");
    }
    // Nobody runs what is on the black list, and who is on it runs nothing.
    assert_eq!(error_of(&victim.publish("cmd.run", proof("root", &own)).await).0, "AuthorizationError");
    assert_eq!(error_of(&victim.publish("test.ping", proof("mallory", &own)).await).0, "AuthorizationError");
    victim.end().await;
}

/// With `sudo_acl` those who came by sudo are limited, too.
#[tokio::test(flavor = "multi_thread")]
async fn a03_sudo_acl_limits_who_came_by_sudo() {
    let options = map! {
        "publisher_acl" => map! { "eve" => Value::list(["test.*"]) }, "sudo_acl" => true, "client_acl_verify" => false,
    };
    let victim = Victim::start(options).await;
    victim.minion("web1").await;
    let own = victim.own_key();
    let proof = |user: &str| map! { "user" => user, "key" => own.as_str() };
    assert!(victim.publish("test.ping", proof("sudo_eve")).await.get("load").is_some());
    assert_eq!(error_of(&victim.publish("cmd.run", proof("sudo_eve")).await).0, "AuthorizationError");
    assert_eq!(error_of(&victim.publish("test.ping", proof("sudo_bob")).await).0, "AuthenticationError");
    assert!(victim.publish("cmd.run", proof("root")).await.get("load").is_some());
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d03_d13_secrets_are_for_their_owner_from_the_first_octet() {
    let victim =
        Victim::start(map! { "external_auth" => map! { "auto" => map! { "*" => Value::list(["test.*"]) } } })
            .await;
    let minion = victim.minion("web1").await;
    let (body, _) = minion.seal(map! { "cmd" => "_pillar", "grains" => map! { "a" => 1 }, "ver" => "2" });
    victim.ask(body, std::time::Duration::from_secs(60)).await.expect("an answer");
    let made = victim
        .clear(map! { "cmd" => "mk_token", "eauth" => "auto", "username" => "a", "password" => "b" })
        .await;
    assert!(made.get("token").is_some(), "{made:?}");
    let tokens = fs::metadata(victim.root.join("cache/tokens")).expect("stat").permissions().mode();
    assert_eq!(tokens & 0o077, 0, "the names of the files are the tokens");
    let mut seen = 0;
    for path in victim.files("cache") {
        let shown = path.to_string_lossy();
        if ["_key", "sessions/", "tokens/", "data.p"].iter().any(|part| shown.contains(part)) {
            let mode = fs::metadata(&path).expect("stat").permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{shown} has mode {mode:o}");
            seen += 1;
        }
    }
    assert!(seen >= 4, "{:?}", victim.files("cache"));
    victim.end().await;
}

/// Who may publish has to hear the answers: members of the master's group may listen then, and nobody else. Firing is
/// the master's user's alone. Salt 3006: utils/event.py.
#[tokio::test(flavor = "multi_thread")]
async fn d03_the_bus_is_open_to_the_group_only_where_others_may_publish() {
    let acl = map! { "eve" => Value::list(["test.*"]) };
    for (options, wanted) in [
        (map! {}, 0o600),
        (map! { "publisher_acl" => acl.clone(), "client_acl_verify" => false }, 0o660),
        (map! { "external_auth" => map! { "auto" => acl } }, 0o660),
    ] {
        let victim = Victim::start(options).await;
        let mode = |name: &str| {
            let found = fs::metadata(victim.root.join("run").join(name)).expect("a socket");
            found.permissions().mode() & 0o777
        };
        assert_eq!((mode("master_event_pub.ipc"), mode("master_event_pull.ipc")), (wanted, 0o600));
        victim.end().await;
    }
}
