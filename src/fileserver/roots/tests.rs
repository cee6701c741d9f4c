//! The file server against trees with links, circles and traps.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

struct Tree(PathBuf);

impl Tree {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("halite-roots-{}-{number}", std::process::id()));
        for (path, text) in [
            ("base/top.sls", "top"),
            ("base/web/init.sls", "web"),
            ("base/web/a.pyc", "compiled"),
            ("dev/top.sls", "dev top"),
            ("over/top.sls", "never seen"),
            ("over/more.txt", "more"),
            ("outside.txt", "secret"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        fs::create_dir_all(root.join("base/empty")).expect("made");
        symlink("../outside.txt", root.join("base/out")).expect("linked");
        symlink("top.sls", root.join("base/in")).expect("linked");
        symlink("..", root.join("base/web/circle")).expect("linked");
        Tree(root)
    }

    fn roots(&self, follow: bool) -> Roots {
        let path = |name: &str| self.0.join(name).display().to_string();
        Roots::new(RootsConfig::from_opts(&map! {
            "file_roots" => map! {
                "base" => Value::list([path("base"), path("over")]),
                "__env__" => Value::list([path("__env__")]),
            },
            "file_buffer_size" => 2,
            "file_ignore_glob" => Value::list(["*.pyc"]),
            "fileserver_followsymlinks" => follow,
        }))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn no_path_leads_out_of_its_root() {
    let tree = Tree::new();
    let missing: Value = map! { "path" => "", "rel" => "" }.into();
    let absolute = tree.0.join("outside.txt").display().to_string();
    for path in [
        "../outside.txt",
        "web/../../outside.txt",
        &absolute,
        "",
        ".",
        "..",
        "web",
        "top.sls\0",
        "nothing",
        "web/a.pyc",
    ] {
        assert_eq!(tree.roots(true).file_find(path, "base"), missing, "{path:?}");
    }
    for env in ["", "..", "../base", "base/web", "no"] {
        assert_eq!(tree.roots(true).file_find("top.sls", env), missing, "{env:?}");
    }
    assert_eq!(
        tree.roots(false).file_find("out", "base"),
        missing,
        "a link that leads outside is not followed"
    );
    assert_eq!(tree.roots(false).file_find("web/circle/out", "base"), missing);
    assert_ne!(
        tree.roots(true).file_find("out", "base"),
        missing,
        "unless the option says so, as by default"
    );
    assert_ne!(tree.roots(false).file_find("in", "base"), missing);
}

#[test]
fn the_first_root_that_has_a_file_serves_it_chunk_by_chunk() {
    let tree = Tree::new();
    let roots = tree.roots(true);
    let served = |path: &str, env: &str| {
        let (mut all, mut loc) = (Vec::new(), 0);
        loop {
            let reply = roots.serve_file(path, env, loc, None);
            let data = reply.get("data").and_then(Value::as_octets).expect("data").to_vec();
            if data.is_empty() {
                return String::from_utf8(all).expect("text");
            }
            loc += data.len() as i64;
            all.extend(data);
        }
    };
    assert_eq!(served("top.sls", "base"), "top");
    assert_eq!(served("./more.txt", "base"), "more");
    assert_eq!(served("top.sls", "dev"), "dev top", "an environment by __env__");
    assert_eq!(served("top.sls?saltenv=dev", "base"), "dev top");
    let packed = roots.serve_file("top.sls", "base", 1, Some(5));
    let mut text = String::new();
    let packed = packed.get("data").and_then(Value::as_octets).expect("data").to_vec();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, "op");
    assert_eq!(roots.serve_file("none", "base", 0, None), map! { "data" => "", "dest" => "" }.into());
    assert_eq!(roots.serve_file("top.sls", "base", -1, None), "".into());
}

#[test]
fn hashes_follow_the_file() {
    let tree = Tree::new();
    let roots = tree.roots(true);
    let expect = |text: &str| -> Value {
        map! { "hash_type" => "sha256", "hsum" => HashType::Sha256.hex(text) }.into()
    };
    assert_eq!(roots.file_hash("top.sls", "base"), expect("top"));
    assert_eq!(roots.file_hash("top.sls", "base"), expect("top"));
    fs::write(tree.0.join("base/top.sls"), "TOP").expect("written");
    assert_eq!(roots.file_hash("top.sls", "base"), expect("TOP"));
    assert_eq!(roots.file_hash("none", "base"), "".into());
    let Value::List(both) = roots.file_hash_and_stat("top.sls", "base") else { panic!("a list") };
    assert_eq!(both[0], expect("TOP"));
    assert_eq!(both[1].as_list().expect("stat").len(), 10);
    assert_eq!(roots.file_hash_and_stat("none", "base"), Value::List(vec!["".into(), Value::Null]));
}

#[test]
fn lists_are_sorted_and_end_in_spite_of_circles() {
    let tree = Tree::new();
    let roots = tree.roots(false);
    assert_eq!(roots.envs(), Value::list(["__env__", "base"]));
    let files = Value::list(["in", "more.txt", "out", "top.sls", "web/init.sls"]);
    assert_eq!(roots.file_list("base", ""), files);
    assert_eq!(roots.file_list("base", "/web/"), Value::list(["web/init.sls"]));
    assert_eq!(roots.dir_list("base", ""), Value::list(["empty", "web", "web/circle"]));
    assert_eq!(roots.empty_dirs("base", ""), Value::list(["empty"]));
    let links: Value = map! { "in" => "top.sls", "out" => "../outside.txt", "web/circle" => ".." }.into();
    assert_eq!(roots.symlink_list("base", ""), links);
    let followed = tree.roots(true);
    let links = followed.symlink_list("base", "");
    assert!(links.get("out").is_none() && links.get("in").is_some(), "{links:?}");
    assert_eq!(followed.file_list("none", ""), Value::List(Vec::new()));
}
