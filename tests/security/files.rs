//! B14, B15, C1, C2, C7: paths that minions send.

use std::fs;
use std::os::unix::fs::symlink;

use halite::map;
use halite::value::{Map, Value};

use crate::victim::Victim;

const TRAVERSALS: &[&str] = &[
    "../../pki/master.pem",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "./../../pki/master.pem",
    "sub/../../../pki/master.pem",
    "sub/..//../../pki/master.pem",
    "..\\..\\pki\\master.pem",
    "%2e%2e/%2e%2e/pki/master.pem",
    "..%2f..%2fpki%2fmaster.pem",
    "|../../pki/master.pem",
    "\0/etc/passwd",
    "hello.txt\0/../../pki/master.pem",
    "link/master.pem",
    "link-to-key",
    "",
    ".",
    "..",
    "~/.ssh/id_rsa",
    "C:\\windows\\win.ini",
    "salt://../../pki/master.pem",
];

/// Whether an answer gives something of the key or of the accounts away.
fn leaks(answer: &Value) -> bool {
    let shown = format!("{answer:?}");
    shown.contains("PRIVATE KEY") || shown.contains("root:x:")
}

#[tokio::test(flavor = "multi_thread")]
async fn c01_no_path_leads_out_of_the_file_roots() {
    let victim = Victim::start(map! { "fileserver_followsymlinks" => false }).await;
    let srv = victim.root.join("srv/salt");
    fs::create_dir_all(srv.join("sub")).expect("made");
    fs::write(srv.join("hello.txt"), "hello").expect("written");
    symlink(victim.root.join("pki"), srv.join("link")).expect("a link");
    symlink(victim.root.join("pki/master.pem"), srv.join("link-to-key")).expect("a link");
    let minion = victim.minion("web1").await;
    for path in TRAVERSALS {
        for cmd in ["_serve_file", "_file_hash", "_file_find", "_file_hash_and_stat"] {
            let load = map! { "cmd" => cmd, "path" => *path, "saltenv" => "base", "loc" => 0, "gzip" => 0 };
            let answer = minion.ask(&victim, load).await;
            assert!(!leaks(&answer), "{cmd} {path:?}: {answer:?}");
            if cmd == "_file_hash" {
                assert!(!answer.truthy(), "{path:?}: {answer:?}");
            }
        }
        for cmd in ["_file_list", "_dir_list", "_symlink_list", "_file_list_emptydirs"] {
            let answer =
                minion.ask(&victim, map! { "cmd" => cmd, "saltenv" => "base", "prefix" => *path }).await;
            let shown = format!("{answer:?}");
            assert!(!shown.contains("minions_pre") && !shown.contains("passwd"), "{cmd} {path:?}: {shown}");
        }
    }
    let load = map! { "cmd" => "_serve_file", "path" => "hello.txt", "saltenv" => "base", "loc" => 0 };
    let served = minion.ask(&victim, load).await;
    assert_eq!(served.get("data").and_then(Value::as_octets), Some(&b"hello"[..]));
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_an_environment_is_a_name_in_a_list_and_no_path() {
    let victim = Victim::start(Map::new()).await;
    fs::write(victim.root.join("srv/salt/hello.txt"), "hello").expect("written");
    let minion = victim.minion("web1").await;
    let before = victim.files(".");
    for saltenv in ["../../pki", "/etc", "..", "base/../..", "__env__/../x", "\0", "none", ""] {
        for path in ["master.pem", "passwd", "hello.txt"] {
            let load = map! { "cmd" => "_serve_file", "path" => path, "saltenv" => saltenv, "loc" => 0 };
            let answer = minion.ask(&victim, load).await;
            assert!(!leaks(&answer), "{saltenv:?} {path}: {answer:?}");
            assert!(answer.get("data").is_none_or(|data| !data.truthy()), "{saltenv:?} {path}: {answer:?}");
        }
    }
    assert_eq!(victim.files("."), before);
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_a_piece_beyond_the_end_is_empty() {
    let victim = Victim::start(Map::new()).await;
    fs::write(victim.root.join("srv/salt/hello.txt"), "hello").expect("written");
    let minion = victim.minion("web1").await;
    for loc in [5, 6, i64::MAX, -1, i64::MIN] {
        let load = map! { "cmd" => "_serve_file", "path" => "hello.txt", "saltenv" => "base", "loc" => loc };
        let answer = minion.ask(&victim, load).await;
        let data = answer.get("data").and_then(Value::as_octets).unwrap_or_default();
        assert!(data.is_empty() || loc < 0 && data.len() <= 5, "{loc}: {answer:?}");
    }
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b14_c04_no_text_of_a_minion_becomes_a_path() {
    let victim = Victim::start(map! { "file_recv" => true, "file_recv_max_size" => 1 }).await;
    let minion = victim.minion("web1").await;
    // Everything that a well-behaved minion makes the master write.
    let good =
        map! { "cmd" => "_file_recv", "path" => Value::list(["ok"]), "loc" => 0, "size" => 1, "data" => "x" };
    minion.ask(&victim, good.clone()).await;
    let root = victim.root.join("cache/minions/web1");
    symlink("/tmp", root.join("files/tmp")).expect("a link");
    let outside = victim.root.join("outside");
    fs::create_dir_all(&outside).expect("made");
    symlink(&outside, root.join("files/out")).expect("a link");
    let allowed = |path: &std::path::Path| {
        path.starts_with(&root) || path.starts_with(victim.root.join("cache/halite"))
    };
    for path in [
        Value::list(["..", "x"]),
        Value::list(["a", "..", "..", "x"]),
        Value::list(["/etc/x"]),
        Value::list(["a/../../x"]),
        Value::list([""]),
        Value::list(["."]),
        Value::list(["out", "x"]),
        Value::list(["tmp", "halite-b14"]),
        Value::list(["x\0y"]),
        Value::List(Vec::new()),
        "../x".into(),
        "/etc/x".into(),
        "a//../../../x".into(),
    ] {
        for loc in [0, -1, i64::MAX] {
            let mut load = good.clone();
            load.insert("path", path.clone());
            load.insert("loc", loc);
            minion.ask(&victim, load).await;
        }
    }
    let big = "x".repeat(2 << 20);
    let mut load = good.clone();
    load.insert("path", Value::list(["big"]));
    load.insert("data", big);
    minion.ask(&victim, load).await;
    for jid in ["/proc/self/fd/0", "../x", "..", "", "a", &"9".repeat(65_536), "20260102030405678901/../x"] {
        let load = map! { "cmd" => "_return", "jid" => jid, "fun" => "test.ping", "return" => true };
        let (body, _) = minion.seal(load);
        victim.ask(body, std::time::Duration::from_secs(5)).await;
        minion.ask(&victim, map! { "cmd" => "pub_ret", "jid" => jid }).await;
    }
    assert_eq!(fs::read_dir(&outside).expect("listed").count(), 0, "a link was followed");
    assert!(!std::path::Path::new("/tmp/halite-b14").exists() && !victim.root.join("x").exists());
    assert!(!root.join("files/big").exists(), "too big a file was kept");
    for path in victim.files("cache") {
        let known =
            ["sessions", "_key", "jobs", "halite"].iter().any(|part| path.to_string_lossy().contains(part));
        assert!(allowed(&path) || known, "{}", path.display());
    }
    victim.end().await;
}

/// B15: what a minion says about its pillar chooses no program and no path.
#[tokio::test(flavor = "multi_thread")]
async fn b15_a_minion_chooses_neither_pillar_back_ends_nor_paths() {
    let victim = Victim::start(Map::new()).await;
    let minion = victim.minion("web1").await;
    let before = victim.files("pki");
    for (saltenv, pillarenv, ext) in [
        ("../../x", "/etc", map! { "git" => "--upload-pack=touch /tmp/halite-b15" }),
        ("base", "../..", map! { "cmd_yaml" => "touch /tmp/halite-b15" }),
    ] {
        let load = map! {
            "cmd" => "_pillar", "grains" => map! { "id" => "victim" }, "saltenv" => saltenv, "pillarenv" => pillarenv,
            "ext" => ext, "ver" => "2",
        };
        let (body, _) = minion.seal(load);
        victim.ask(body, std::time::Duration::from_secs(60)).await.expect("an answer");
    }
    assert!(!std::path::Path::new("/tmp/halite-b15").exists());
    assert_eq!(victim.files("pki"), before);
    assert!(!victim.root.join("cache/minions/victim").exists(), "grains are kept for the sender only");
    victim.end().await;
}

/// The file that was looked at is the file that is read, whatever is renamed meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn c06_a_file_that_becomes_a_link_is_not_followed_out_of_the_root() {
    let victim = Victim::start(map! { "fileserver_followsymlinks" => false }).await;
    let srv = victim.root.join("srv/salt");
    fs::write(srv.join("file"), "harmless").expect("written");
    let minion = victim.minion("web1").await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let swapper = std::thread::spawn({
        let (stop, srv, secret) = (stop.clone(), srv.clone(), victim.root.join("pki/master.pem"));
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                symlink(&secret, srv.join("next")).expect("a link");
                fs::rename(srv.join("next"), srv.join("file")).expect("renamed");
                fs::write(srv.join("next"), "harmless").expect("written");
                fs::rename(srv.join("next"), srv.join("file")).expect("renamed");
            }
        }
    });
    let mut served = 0;
    for _ in 0..1_000 {
        let load =
            map! { "cmd" => "_serve_file", "path" => "file", "saltenv" => "base", "loc" => 0, "gzip" => 0 };
        let answer = minion.ask(&victim, load).await;
        assert!(!leaks(&answer), "{answer:?}");
        served += usize::from(answer.get("data").and_then(Value::as_octets) == Some(b"harmless"));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    swapper.join().expect("joined");
    assert!(served > 0, "nothing was served at all");
    victim.end().await;
}

/// C6: what a minion pushes is bounded in pieces too.
#[tokio::test(flavor = "multi_thread")]
async fn c06_a_pushed_file_is_bounded_over_all_its_pieces() {
    let victim = Victim::start(map! { "file_recv" => true, "file_recv_max_size" => 1 }).await;
    let minion = victim.minion("web1").await;
    let piece = "x".repeat(400_000);
    for loc in 0..10 {
        let load = map! {
            "cmd" => "_file_recv", "path" => Value::list(["big"]), "loc" => loc * 400_000, "size" => 1,
            "data" => piece.as_str(),
        };
        minion.ask(&victim, load).await;
    }
    let kept = fs::metadata(victim.root.join("cache/minions/web1/files/big")).map_or(0, |found| found.len());
    assert!(kept <= 1 << 20, "{kept} octets were kept");
    victim.end().await;
}
