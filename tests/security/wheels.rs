//! A2, D9, A10: what wheel functions write, and what a caller may say about PAM.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use halite::map;
use halite::value::{Map, Value};

use crate::victim::Victim;

/// Files of the roots are written below the roots, whatever the path says.
#[tokio::test(flavor = "multi_thread")]
async fn a02_d09_no_wheel_function_writes_outside_of_its_roots() {
    let victim = Victim::start(Map::new()).await;
    let outside = victim.root.join("srv/outside");
    fs::create_dir_all(&outside).expect("made");
    std::os::unix::fs::symlink(&outside, victim.root.join("srv/salt/link")).expect("linked");
    let before = victim.files(".");
    // `pillar_roots.write` is the same code; its default root is no place for a test.
    for fun in ["file_roots.write"] {
        for path in
            ["../evil", "a/../../evil", "/evil", "../../../../../../tmp/halite-evil", "link/evil", "..", ""]
        {
            let load = map! {
                "cmd" => "wheel", "fun" => fun, "data" => "x", "path" => path, "saltenv" => "base",
                "user" => halite::host::daemon::current_user(), "key" => victim.own_key(),
            };
            victim.clear(load).await;
        }
    }
    let outsiders: Vec<_> = victim.files(".").into_iter().filter(|path| !before.contains(path)).collect();
    let below = |path: &std::path::PathBuf| {
        path.starts_with(victim.root.join("srv/salt")) || path.starts_with(victim.root.join("cache"))
    };
    assert!(outsiders.iter().all(below), "{outsiders:?}");
    assert_eq!(fs::read_dir(&outside).expect("listed").count(), 0);
    assert!(!std::path::Path::new("/tmp/halite-evil").exists());
    victim.end().await;
}

/// The PAM service is the master's choice: a caller names another in vain, everywhere that a field could stand.
#[tokio::test(flavor = "multi_thread")]
async fn a10_a_caller_does_not_choose_the_pam_service() {
    let folder = std::env::temp_dir().join(format!("hs-pam-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("made");
    let (helper, heard) = (folder.join("helper"), folder.join("heard"));
    fs::write(&helper, format!("#!/bin/sh\ntr '\\000' '|' >> {}\nexit 1\n", heard.display()))
        .expect("written");
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).expect("mode");
    let options = map! {
        "external_auth" => map! { "pam" => map! { "fred" => Value::list([".*"]) } },
        "auth.pam.python" => helper.display().to_string(), "auth.pam.service" => "salt-only",
    };
    let victim = Victim::start(options).await;
    let proof = map! { "eauth" => "pam", "username" => "fred", "password" => "x", "service" => "other" };
    let kwargs = map! { "kwargs" => proof.clone(), "service" => "other", "auth.pam.service" => "other" };
    victim.publish("test.ping", kwargs).await;
    let mut load = map! { "cmd" => "mk_token" };
    load.extend(proof);
    victim.clear(load).await;
    let heard = fs::read_to_string(&heard).expect("the helper was asked");
    assert_eq!(heard, "salt-only|fred|xsalt-only|fred|x");
    victim.end().await;
    let _ = fs::remove_dir_all(folder);
}
