//! Keys on real directories.

use std::os::unix::fs::symlink;

use super::*;
use crate::crypt::PrivateKey;
use crate::host::FileOwner;
use crate::map;
use crate::value::Value;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("halite-keys-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        Scratch(dir)
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("written");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_rotation_request_is_taken_once_and_only_with_the_right_mode() {
    let scratch = Scratch::new("dfn");
    let dir = &scratch.0;
    assert!(!take_rotation_request(dir));
    request_rotation(dir, "master", FileOwner::default()).expect("written");
    assert!(take_rotation_request(dir) && !take_rotation_request(dir));
    fs::write(dir.join(REQUEST), "").expect("written");
    assert!(!take_rotation_request(dir), "a file of another mode is no request");
}

#[test]
fn keys_are_listed_by_state_and_chosen_by_globs() {
    let scratch = Scratch::new("list");
    for path in ["minions/web1", "minions/Alpha", "minions_pre/web2", "minions/.hidden", "minions_pre/d/x"] {
        scratch.put(path, "");
    }
    symlink(scratch.0.join("minions/web1"), scratch.0.join("minions/link")).expect("a link");
    let keys = KeyDirs::new(scratch.0.clone());
    assert_eq!(keys.names_of(KeyState::Accepted), ["Alpha", "link", "web1"]);
    let matching = keys.matching("web*,Alpha");
    let expected =
        map! { "minions" => Value::list(["Alpha", "web1"]), "minions_pre" => Value::list(["web2"]) };
    assert_eq!(matching.value(), expected);
    assert_eq!(KeyState::of_word("unaccepted"), Some(KeyState::Pending));
    assert_eq!(KeyState::of_word("all"), None);
}

#[test]
fn directories_are_listed_where_pki_check_files_says_so() {
    let scratch = Scratch::new("unchecked");
    for path in ["minions/dir1/x", "minions/web1", "minions/.hidden/x"] {
        scratch.put(path, "");
    }
    let listed = |check: Option<bool>| {
        let mut opts = map! { "pki_dir" => scratch.0.to_str().expect("UTF-8") };
        if let Some(check) = check {
            opts.insert("pki_check_files", check);
        }
        KeyDirs::from_opts(&opts).names_of(KeyState::Accepted)
    };
    assert_eq!(listed(None), ["web1"]);
    assert_eq!(listed(Some(true)), ["web1"]);
    assert_eq!(listed(Some(false)), ["dir1", "web1"]);
}

#[test]
fn names_from_outside_never_leave_their_folder() {
    let given = map! {
        "minions" => Value::list(["web1", "../x", "/etc/passwd", ".hidden", ""]),
        "../minions" => Value::list(["web2"]),
    };
    let names = Names::from_value(&given.into());
    assert_eq!(names.value(), map! { "minions" => Value::list(["web1"]) });
}

#[test]
fn what_is_no_key_is_not_accepted_and_caches_go_with_the_last_key() {
    let scratch = Scratch::new("change");
    let key = PrivateKey::generate(2048).expect("a key").public_key().to_pem();
    scratch.put("pki/minions_pre/web1", &key);
    scratch.put("pki/minions_pre/web2", "no key");
    for id in ["web1", "web2", "web3"] {
        scratch.put(&format!("cache/minions/{id}/data.p"), "");
    }
    let (keys, cachedir) = (KeyDirs::new(scratch.0.join("pki")), scratch.0.join("cache"));
    let mut found = keys.matching("web*");
    let done = keys.accept(&mut found, &[KeyState::Pending]);
    assert_eq!(done.changes, [Change { id: "web1".to_owned(), act: "accept" }]);
    assert_eq!(done.invalid, ["web2"]);
    clean_caches(&keys, &cachedir, &[]);
    let cached = |id: &str| cached_of(&cachedir, &MinionId::parse(id).expect("an id")).exists();
    assert!(cached("web1") && cached("web2") && !cached("web3"));
    assert_eq!(keys.reject(&keys.matching("web1"), &[KeyState::Accepted]).len(), 1);
    clean_caches(&keys, &cachedir, &[]);
    assert!(cached("web1"), "a rejected key is a key");
    assert_eq!(keys.delete(&keys.matching("*")).len(), 2);
    clean_caches(&keys, &cachedir, &["web2".to_owned()]);
    assert!(!cached("web1") && cached("web2"));
}
