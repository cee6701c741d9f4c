//! The channel against a master of a few lines, over real sockets. What that master says is made by
//! `channel::master_auth` and `channel::envelope`, which recorded masters are held against.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::*;
use crate::channel::envelope::{self, Freshness, Request};
use crate::channel::master_auth::{self, AuthLoad, MasterSide, Verdict};
use crate::config::{Opts, Role};
use crate::crypt::{AesEpoch, Crypticle, KeyString, PrivateKey, PublicKey, VerifiedTokens};
use crate::map;
use zmtp::{Endpoint, Message, RouterSocket};

/// What the little master does with the next `_auth`s; accepts when nothing is left.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Pending,
    Refuse,
    Silent,
}

struct Little {
    key: PrivateKey,
    epoch: AesEpoch,
    session: Mutex<KeyString>,
    moods: Mutex<Vec<Mood>>,
    auths: Mutex<usize>,
    loads: Mutex<Vec<Map>>,
    /// Answers to sealed requests that go unanswered.
    deaf_for: Mutex<usize>,
}

impl Little {
    fn new(moods: &[Mood]) -> Arc<Self> {
        let key = PrivateKey::generate(2048).expect("a key");
        Arc::new(Little {
            epoch: AesEpoch::start(key.clone()),
            key,
            session: Mutex::new(KeyString::generate()),
            moods: Mutex::new(moods.iter().rev().copied().collect()),
            auths: Mutex::new(0),
            loads: Mutex::default(),
            deaf_for: Mutex::new(0),
        })
    }

    async fn start(self: &Arc<Self>) -> MasterAddress {
        let endpoint: Endpoint = "tcp://127.0.0.1:0".parse().expect("an endpoint");
        let mut router = RouterSocket::bind(&endpoint, zmtp::Options::default()).await.expect("bound");
        let port = router.local_endpoint().expect("an endpoint").to_string();
        let port = port.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let little = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let (peer, message) = router.recv().await;
                let body = message.parts().last().cloned().unwrap_or_default();
                if let Some(reply) = little.answer(&body) {
                    let parts = vec![bytes::Bytes::new(), reply.into()];
                    let _ = router.sender().send(&peer, Message::from_parts(parts));
                }
            }
        });
        MasterAddress { host: "127.0.0.1".to_owned(), port }
    }

    fn answer(&self, body: &[u8]) -> Option<Vec<u8>> {
        match envelope::parse(body, 3).expect("an envelope") {
            Request::Clear { version, load } => self.auth(&AuthLoad::parse(version, &load)),
            Request::Sealed(sealed) => {
                let mut deaf_for = self.deaf_for.lock().expect("free");
                if *deaf_for > 0 {
                    *deaf_for -= 1;
                    return None;
                }
                let crypticle = Crypticle::new(&self.session.lock().expect("free"));
                let fresh = Freshness { now: unix_now(), ttl: 0 };
                let key = PublicKey::from_pem(MINION_PUB.get().expect("signed in before")).ok();
                let opened = envelope::open(&sealed, &crypticle, fresh, &VerifiedTokens::new(4), |_| key);
                let opened = match opened {
                    Ok(opened) => opened,
                    Err(refusal) => return Some(refusal.reply()),
                };
                self.loads.lock().expect("free").push(opened.load.clone());
                Some(envelope::seal_reply(&crypticle, &"done".into(), opened.nonce.as_deref()))
            }
        }
    }

    fn auth(&self, load: &AuthLoad) -> Option<Vec<u8>> {
        *self.auths.lock().expect("free") += 1;
        let reply = match self.moods.lock().expect("free").pop() {
            Some(Mood::Silent) => return None,
            Some(Mood::Pending) => master_auth::refuse(&self.key, load, Verdict::Pending),
            Some(Mood::Refuse) => master_auth::refuse(&self.key, load, Verdict::Refused),
            None => {
                let _ = MINION_PUB.set(load.pub_pem.clone());
                let side =
                    MasterSide { key: &self.key, epoch: &self.epoch, publish_port: 4505, pub_sig: None };
                let minion = PublicKey::from_pem(&load.pub_pem).expect("a key");
                master_auth::accept(side, load, &minion, &self.session.lock().expect("free"))
            }
        };
        Some(reply.expect("a reply"))
    }

    fn auths(&self) -> usize {
        *self.auths.lock().expect("free")
    }
}

/// One minion key for all tests: making one takes a moment.
static MINION_PUB: std::sync::OnceLock<String> = std::sync::OnceLock::new();

struct Minion {
    directory: PathBuf,
    settings: ChannelSettings,
}

fn minion(name: &str, address: MasterAddress) -> Minion {
    static KEY: std::sync::OnceLock<PrivateKey> = std::sync::OnceLock::new();
    let key = KEY.get_or_init(|| PrivateKey::generate(2048).expect("a key"));
    let directory = std::env::temp_dir().join(format!("halite-channel-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("made");
    std::fs::write(directory.join("minion.pem"), key.to_pem().as_bytes()).expect("written");
    let mut opts = Opts::defaults(Role::Minion);
    opts.set("id", "web1");
    opts.set("pki_dir", directory.display().to_string());
    let identity = identity(&opts).expect("an identity");
    let mut settings = ChannelSettings::for_daemon(&opts, address, identity, &Map::new());
    settings.policy.wait = Duration::from_millis(20);
    settings.policy.timeout = Duration::from_millis(500);
    settings.policy.tries = 2;
    Minion { directory, settings }
}

impl Drop for Minion {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

const PATIENCE: Patience = Patience { timeout: Duration::from_secs(5), tries: 3 };

fn ping() -> Map {
    map! { "cmd" => "_return", "jid" => "20260102030405678901", "return" => true }
}

#[tokio::test]
async fn a_pending_key_is_waited_for_and_the_masters_key_is_pinned() {
    let little = Little::new(&[Mood::Pending, Mood::Silent, Mood::Pending]);
    let minion = minion("pending", little.start().await);
    let channel = MasterChannel::new(minion.settings.clone());
    let reply = channel.request(&ping(), PATIENCE, Reading::Wire).await.expect("a reply");
    assert_eq!((reply, little.auths()), ("done".into(), 4));
    let pinned = std::fs::read_to_string(minion.directory.join("minion_master.pub")).expect("pinned");
    assert_eq!(pinned, little.key.public_key().to_clean_pem());
    let load = little.loads.lock().expect("free").pop().expect("a load");
    assert_eq!((load.str("id"), load.str("cmd")), (Some("web1"), Some("_return")));
}

#[tokio::test]
async fn many_requests_at_once_sign_in_once() {
    let little = Little::new(&[]);
    let minion = minion("once", little.start().await);
    let channel = MasterChannel::new(minion.settings.clone());
    let load = ping();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (channel, load) = (channel.clone(), load.clone());
        tasks.spawn(async move { channel.request(&load, PATIENCE, Reading::Wire).await });
    }
    while let Some(done) = tasks.join_next().await {
        assert_eq!(done.expect("ran").expect("a reply"), "done".into());
    }
    assert_eq!(little.auths(), 1);
}

#[tokio::test]
async fn a_lost_session_is_renewed_and_the_request_sent_again() {
    let little = Little::new(&[]);
    let minion = minion("renewed", little.start().await);
    let channel = MasterChannel::new(minion.settings.clone());
    channel.request(&ping(), PATIENCE, Reading::Wire).await.expect("a reply");
    *little.session.lock().expect("free") = KeyString::generate();
    channel.request(&ping(), PATIENCE, Reading::Wire).await.expect("a reply");
    assert_eq!((little.auths(), little.loads.lock().expect("free").len()), (2, 2));
}

#[tokio::test]
async fn a_silent_master_is_asked_again_and_a_late_answer_hurts_nobody() {
    let little = Little::new(&[]);
    let minion = minion("silent", little.start().await);
    let channel = MasterChannel::new(minion.settings.clone());
    channel.sign_in().await.expect("signed in");
    *little.deaf_for.lock().expect("free") = 1;
    let hurry = Patience { timeout: Duration::from_millis(300), tries: 2 };
    channel.request(&ping(), hurry, Reading::Wire).await.expect("a reply");
    *little.deaf_for.lock().expect("free") = 2;
    let error = channel.request(&ping(), hurry, Reading::Wire).await.expect_err("nothing");
    assert!(matches!(error, RequestError::Unanswered { .. }), "{error}");
}

#[tokio::test]
async fn another_master_in_the_place_of_ours_is_not_believed() {
    let little = Little::new(&[]);
    let mut minion = minion("changed", little.start().await);
    MasterChannel::new(minion.settings.clone()).sign_in().await.expect("signed in");
    minion.settings.address = Little::new(&[]).start().await;
    minion.settings.policy.trouble_is_final = true;
    let error = MasterChannel::new(minion.settings.clone()).sign_in().await.expect_err("another key");
    assert!(error.to_string().contains("the master's key has changed"), "{error}");
}

#[tokio::test]
async fn a_tool_is_told_at_once_that_its_key_is_pending_or_rejected() {
    let little = Little::new(&[Mood::Pending, Mood::Refuse]);
    let mut minion = minion("tool", little.start().await);
    minion.settings.policy.pending_is_final = true;
    let signed = MasterChannel::new(minion.settings.clone()).sign_in().await;
    assert!(matches!(signed, Err(SignInError::Pending)));
    let signed = MasterChannel::new(minion.settings.clone()).sign_in().await;
    assert!(matches!(signed, Err(SignInError::Rejected)));
}

#[tokio::test]
async fn a_master_that_is_not_there_is_named_with_the_reason() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let mut minion = minion("absent", MasterAddress { host: "127.0.0.1".to_owned(), port });
    minion.settings.policy.trouble_is_final = true;
    let error = MasterChannel::new(minion.settings.clone()).sign_in().await.expect_err("nobody there");
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
}
