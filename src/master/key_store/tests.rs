//! The decision table of `_auth`, row by row, on real directories.

use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::crypt::PrivateKey;

/// Two keys, made once.
fn pems() -> &'static [String; 2] {
    static PEMS: OnceLock<[String; 2]> = OnceLock::new();
    PEMS.get_or_init(|| {
        [(); 2].map(|()| PrivateKey::generate(2048).expect("a key").public_key().to_clean_pem())
    })
}

struct Pki(PathBuf);

impl Pki {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("halite-pki-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).expect("made");
        Pki(dir)
    }

    fn ask(
        &self,
        policy: KeyPolicy,
        id: &str,
        pem: &str,
        grains: &Map,
        connected: Connected,
    ) -> (String, String) {
        let store = KeyStore::open(&self.0, policy).expect("opened");
        let id = MinionId::parse(id).expect("an id");
        let request = AuthRequest { id: &id, pub_pem: pem, autosign_grains: grains, connected };
        let decision = store.authenticate(&request);
        let event = decision.event.unwrap_or_default();
        let act = event.str("act").unwrap_or("-").to_owned();
        let outcome = match decision.outcome {
            Outcome::Accepted(_) => "accepted",
            Outcome::Pending => "pending",
            Outcome::Refused => "refused",
            Outcome::Full => "full",
        };
        (outcome.to_owned(), act)
    }

    fn check(&self, policy: KeyPolicy, pem: &str, expected: (&str, &str)) {
        let nobody = Connected { count: 0, this_one: false };
        let got = self.ask(policy, "web1", pem, &Map::new(), nobody);
        assert_eq!((got.0.as_str(), got.1.as_str()), expected);
    }

    fn has(&self, path: &str) -> bool {
        self.0.join(path).is_file()
    }

    fn list(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("mode");
        path
    }
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn signing(autosign: Autosign) -> KeyPolicy {
    KeyPolicy { autosign, ..KeyPolicy::default() }
}

#[test]
fn a_new_key_waits_for_an_operator_and_another_under_its_id_is_denied() {
    let pki = Pki::new();
    let [own, other] = pems();
    pki.check(KeyPolicy::default(), own, ("pending", "pend"));
    assert!(pki.has("minions_pre/web1"));
    pki.check(KeyPolicy::default(), own, ("pending", "pend"));
    pki.check(KeyPolicy::default(), other, ("refused", "denied"));
    assert_eq!(fs::read_to_string(pki.0.join("minions_denied/web1")).expect("read"), *other);
    fs::rename(pki.0.join("minions_pre/web1"), pki.0.join("minions/web1")).expect("accepted");
    pki.check(KeyPolicy::default(), own, ("accepted", "accept"));
    pki.check(KeyPolicy::default(), other, ("refused", "denied"));
    fs::rename(pki.0.join("minions/web1"), pki.0.join("minions_rejected/web1")).expect("rejected");
    pki.check(KeyPolicy::default(), own, ("refused", "-"));
    let mode = fs::metadata(pki.0.join("minions_denied/web1")).expect("stat").permissions().mode() & 0o777;
    assert_eq!(mode, 0o644);
}

#[test]
fn lists_sign_and_reject() {
    let [own, other] = pems();
    let pki = Pki::new();
    let autosign = Autosign {
        autosign_file: Some(pki.list("autosign", "# ours\nweb*\n")),
        autoreject_file: Some(pki.list("autoreject", "bad[0-9]+\n")),
        ..Autosign::default()
    };
    pki.check(signing(autosign.clone()), own, ("accepted", "accept"));
    assert!(pki.has("minions/web1"));
    let nobody = Connected { count: 0, this_one: false };
    let ask = |id: &str, pem: &str| pki.ask(signing(autosign.clone()), id, pem, &Map::new(), nobody);
    assert_eq!(ask("bad12", own), ("refused".to_owned(), "reject".to_owned()));
    assert!(pki.has("minions_rejected/bad12"));
    assert_eq!(ask("bad12x", own).0, "pending", "a regular expression is anchored");
    // Pending before the list named it.
    fs::write(pki.0.join("minions_pre/web2"), own).expect("written");
    assert_eq!(ask("web2", other), ("refused".to_owned(), "-".to_owned()));
    assert_eq!(ask("web2", own), ("accepted".to_owned(), "accept".to_owned()));
    assert!(!pki.has("minions_pre/web2") && pki.has("minions/web2"));
    // Others may write the list: it counts for nothing.
    fs::set_permissions(pki.0.join("autosign"), fs::Permissions::from_mode(0o666)).expect("mode");
    assert_eq!(ask("web3", own).0, "pending");
}

#[test]
fn stubs_and_grains_sign_once_and_by_value() {
    let [own, _] = pems();
    let pki = Pki::new();
    fs::create_dir_all(pki.0.join("minions_autosign")).expect("made");
    fs::write(pki.0.join("minions_autosign/web1"), "").expect("written");
    pki.check(KeyPolicy::default(), own, ("accepted", "accept"));
    assert!(!pki.has("minions_autosign/web1"));
    fs::create_dir_all(pki.0.join("grains")).expect("made");
    pki.list("grains/uuid", "# known\nsecret-1\n");
    pki.list("outside", "x\n");
    let autosign = Autosign { autosign_grains_dir: Some(pki.0.join("grains")), ..Autosign::default() };
    let nobody = Connected { count: 0, this_one: false };
    for (id, grains, outcome) in [
        ("a", map! { "uuid" => "secret-1" }, "accepted"),
        ("b", map! { "uuid" => "secret-2" }, "pending"),
        ("c", map! { "uuid" => "# known" }, "pending"),
        ("d", map! { "../outside" => "x" }, "pending"),
        ("e", map! { "other" => "secret-1" }, "pending"),
    ] {
        assert_eq!(pki.ask(signing(autosign.clone()), id, own, &grains, nobody).0, outcome, "{id}");
    }
}

#[test]
fn open_mode_and_max_minions() {
    let [own, other] = pems();
    let pki = Pki::new();
    let open = KeyPolicy { open_mode: true, ..KeyPolicy::default() };
    pki.check(open.clone(), own, ("accepted", "accept"));
    pki.check(open.clone(), other, ("accepted", "accept"));
    assert_eq!(fs::read_to_string(pki.0.join("minions/web1")).expect("read"), *other);
    pki.check(open, "", ("refused", "-"));
    let few = KeyPolicy { max_minions: 1, ..KeyPolicy::default() };
    let ask = |count, this_one| pki.ask(few.clone(), "new", own, &Map::new(), Connected { count, this_one });
    assert_eq!(ask(2, false), ("full".to_owned(), "full".to_owned()));
    assert!(!pki.has("minions_pre/new"));
    assert_eq!(ask(2, true).0, "pending");
    assert_eq!(ask(1, false).0, "pending");
}

#[test]
fn what_is_no_key_makes_no_file() {
    let pki = Pki::new();
    let [own, _] = pems();
    let long = format!("{own}{}", "\n".repeat(MAX_PEM));
    for pem in ["", "garbage", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", &long] {
        pki.check(KeyPolicy::default(), pem, ("refused", "-"));
    }
    assert!(KeyDirs::new(&pki.0).list().0.iter().all(|(_, names)| names.is_empty()));
    fs::create_dir_all(pki.0.join("minions_pre/web1")).expect("made");
    pki.check(KeyPolicy::default(), own, ("refused", "-"));
}

#[test]
fn an_accepted_key_is_read_anew_when_its_file_changes() {
    let pki = Pki::new();
    let [own, other] = pems();
    let store = KeyStore::open(&pki.0, KeyPolicy::default()).expect("opened");
    let id = MinionId::parse("web1").expect("an id");
    assert!(store.accepted_key(&id).is_none() && store.accepted_ids().is_empty());
    let write = |text: &str| store.dirs.write(KeyState::Accepted, &id, text).expect("written");
    write(own);
    let key = |store: &KeyStore| store.accepted_key(&id).map(|key| key.to_clean_pem());
    assert_eq!(key(&store).as_ref(), Some(own));
    assert_eq!(*store.accepted_ids(), ["web1"]);
    write(other);
    assert_eq!(key(&store).as_ref(), Some(other));
    write("garbage");
    assert_eq!(key(&store), None);
    assert!(store.delete_id(&id).expect("deleted") && !store.delete_id(&id).expect("gone"));
    assert!(store.accepted_ids().is_empty());
}
