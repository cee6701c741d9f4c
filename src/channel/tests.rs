//! The conversations of real masters and minions, replayed; and what a liar gets.

use serde_json::Value as Json;

use super::envelope::{Freshness, Request};
use super::minion_auth::{AuthError, AuthOutcome, AuthRequest, Credentials, Identity, Trust};
use super::publish::Listener;
use super::session::Session;
use super::*;
use crate::crypt::{
    AesEpoch, Crypticle, EncryptionAlgorithm, KeyString, PrivateKey, PublicKey, SigningAlgorithm,
    VerifiedTokens,
};
use crate::map;
use crate::names::MinionId;
use crate::value::msgpack::{Reading, decode};

const LIVE: [&str; 3] = [
    include_str!("../../tests/vectors/live-3006.json"),
    include_str!("../../tests/vectors/live-3007.json"),
    include_str!("../../tests/vectors/live-3008.json"),
];
const ERRORS: [&str; 2] = [
    include_str!("../../tests/vectors/errors-3006.json"),
    include_str!("../../tests/vectors/errors-3007.json"),
];

struct Keys {
    master: PrivateKey,
    minion: PrivateKey,
}

fn keys() -> Keys {
    let keys: Json = serde_json::from_str(include_str!("../../tests/vectors/keys.json")).expect("JSON");
    let key = |name: &str| PrivateKey::from_pem(keys[name].as_str().expect("PEM"), None).expect("a key");
    Keys { master: key("master.pem"), minion: key("minion.pem") }
}

fn vectors(text: &str) -> Vec<Json> {
    serde_json::from_str(text).expect("JSON")
}

fn unhex(json: &Json) -> Vec<u8> {
    let hex = json.as_str().expect("hex").as_bytes();
    hex.chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}

/// The recorded plaintext, with `$bytes` resolved; other values as they are.
fn untag(json: &Json) -> Value {
    match json {
        Json::Object(object) if object.contains_key("$bytes") => {
            Value::Bytes(unhex(&object["$bytes"]).into())
        }
        Json::Object(object) => {
            Value::Map(object.iter().map(|(key, value)| (key.as_str(), untag(value))).collect())
        }
        Json::Array(items) => Value::List(items.iter().map(untag).collect()),
        other => Value::from_json(&other.to_string()).expect("JSON"),
    }
}

fn body(frames: &Json) -> Vec<u8> {
    unhex(frames.as_array().and_then(|frames| frames.last()).expect("a body"))
}

fn identity(id: &str, key: PrivateKey) -> Identity {
    let id = MinionId::parse(id).expect("an id");
    Identity::new(id, key, EncryptionAlgorithm::default(), SigningAlgorithm::default()).expect("tokens")
}

fn trust() -> Trust {
    Trust::default()
}

#[test]
fn sealed_requests_of_real_minions_are_opened_and_proven() {
    let keys = keys();
    let public = keys.minion.public_key().clone();
    let mut opened = 0;
    for vector in LIVE.iter().flat_map(|text| vectors(text)) {
        let request = &vector["request"];
        if vector["type"] != "request" || request["kind"] != "envelope-aes" {
            continue;
        }
        let name = format!("{} {}", vector["cmd"], vector["case"]);
        let Ok(Request::Sealed(sealed)) = envelope::parse(&body(&vector["request_frames"]), 3) else {
            panic!("{name}: not a sealed request");
        };
        let key = KeyString::parse(request["key"].as_str().expect("a key")).expect("a key");
        let tokens = VerifiedTokens::new(8);
        let freshness = Freshness { now: 0, ttl: 0 };
        let got =
            envelope::open(&sealed, &Crypticle::new(&key), freshness, &tokens, |_| Some(public.clone()))
                .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert!(got.proven, "{name}");
        let Value::Map(mut expected) = untag(&request["plaintext"]) else { panic!("{name}: no map") };
        let nonce = expected.remove("nonce");
        expected.remove("tok");
        assert_eq!(got.nonce.map(Value::from), nonce, "{name}");
        assert_eq!(got.load, expected, "{name}");

        // The same request in another's name is refused, whichever way the other's name gets in.
        let mut forged = sealed;
        forged.id = MinionId::parse("somebody-else").ok();
        let refused =
            envelope::open(&forged, &Crypticle::new(&key), freshness, &tokens, |_| Some(public.clone()));
        assert!(refused.is_err(), "{name}");
        opened += 1;
    }
    assert!(opened >= 100, "only {opened} requests");
}

#[test]
fn replies_of_real_masters_are_opened() {
    let keys = keys();
    let mut opened = 0;
    for vector in LIVE.iter().flat_map(|text| vectors(text)) {
        let reply = &vector["reply"];
        if reply["kind"] != "crypticle" {
            continue;
        }
        let key = KeyString::parse(reply["key"].as_str().expect("a key")).expect("a key");
        let credentials = Credentials {
            aes: key.clone(),
            session: key,
            publish_port: 4505,
            master_key: keys.master.public_key().clone(),
            halite: false,
        };
        let session = Session::new(identity("minion-a", keys.minion.clone()), credentials);
        let nonce = reply["nonce"].as_str().expect("a nonce");
        let body = body(&vector["reply_frames"]).into();
        // File chunks are recorded as bytes.
        let chunk = vector["cmd"] == "_serve_file";
        if !chunk {
            let got = session.reply(&body, nonce, Reading::Wire).expect("opens");
            assert_eq!(got, untag(&reply["plaintext"]), "{}", vector["cmd"]);
        }
        let wrong = "0".repeat(32);
        assert!(session.reply(&body, &wrong, Reading::Wire).is_err(), "another request's reply was accepted");
        opened += 1;
    }
    assert!(opened > 50, "only {opened} replies");
}

#[test]
fn auth_replies_of_real_masters_are_believed() {
    let keys = keys();
    let mut accepted = 0;
    for vector in LIVE.iter().flat_map(|text| vectors(text)) {
        let reply = &vector["reply"];
        if vector["cmd"] != "_auth" || reply["kind"] != "clear-signed" {
            continue;
        }
        let load = &vector["request"]["plaintext"]["load"];
        let id = load["id"].as_str().expect("an id");
        let mut identity = identity(id, keys.minion.clone());
        let mut trust = trust();
        if reply["token"].is_string() {
            identity.token = KeyString::parse(unhex(&reply["token"])).expect("a token");
            trust.pinned = Some(keys.master.public_key().to_clean_pem());
        }
        let nonce = load["nonce"].as_str().expect("a nonce").to_owned();
        let request = AuthRequest::new(&identity, &trust, nonce).expect("a request");
        // All but the token, which is encrypted anew each time, is what the real minion sent.
        if trust.pinned.is_none() && load.get("autosign_grains").is_none() {
            assert_eq!(request.body, body(&vector["request_frames"]));
        }
        let outcome = minion_auth::judge(&body(&vector["reply_frames"]), &request, &identity, &trust);
        match outcome.unwrap_or_else(|error| panic!("{}: {error}", vector["case"])) {
            AuthOutcome::Accepted { credentials, pin } => {
                assert_eq!(credentials.aes.as_str(), reply["aes"].as_str().expect("a key"));
                assert_eq!(credentials.session.as_str(), reply["session"].as_str().expect("a key"));
                assert_eq!(pin.is_some(), trust.pinned.is_none());
                accepted += 1;
            }
            AuthOutcome::Pending => assert_eq!(reply["plaintext"]["ret"], true),
            AuthOutcome::Rejected => assert_eq!(reply["plaintext"]["ret"], false),
            AuthOutcome::Full => assert_eq!(reply["plaintext"]["ret"], "full"),
        }
    }
    assert!(accepted >= 4, "only {accepted} accepted");
}

#[test]
fn publishes_of_real_masters_are_opened_and_their_signatures_verified() {
    let keys = keys();
    let mut opened = 0;
    for vector in LIVE.iter().flat_map(|text| vectors(text)) {
        if vector["type"] != "publish" {
            continue;
        }
        let key = KeyString::parse(vector["msg"]["key"].as_str().expect("a key")).expect("a key");
        let verifier = Some(keys.master.public_key().clone());
        let mut listener = Listener::new(&key, verifier, SigningAlgorithm::default());
        let payload = body(&vector["frames"]);
        let Value::Map(mut expected) = untag(&vector["msg"]["plaintext"]) else { panic!("no map") };
        expected.remove("serial");
        assert_eq!(listener.open(&payload).expect("opens"), expected);
        assert!(matches!(listener.open(&payload), Err(ChannelError::Replay(_))), "a replay was accepted");
        let stranger = keys.minion.public_key().clone();
        let mut suspicious = Listener::new(&key, Some(stranger), SigningAlgorithm::default());
        assert!(suspicious.open(&payload).is_err(), "another key's signature was accepted");
        opened += 1;
    }
    assert!(opened > 20, "only {opened} publishes");
}

#[test]
fn pillars_of_real_masters_are_opened() {
    let keys = keys();
    let mut opened = 0;
    for vector in LIVE.iter().flat_map(|text| vectors(text)) {
        let reply = &vector["reply"];
        if reply["kind"] != "private" {
            continue;
        }
        let Ok(Value::Map(map)) = decode(&body(&vector["reply_frames"]), Reading::Wire) else {
            panic!("no map")
        };
        let identity = identity("minion-a", keys.minion.clone());
        let nonce = reply["plaintext"]["nonce"].as_str().expect("a nonce");
        let master = keys.master.public_key();
        let (got, _) = pillar::open(&map, &identity, master, nonce).expect("opens");
        assert_eq!(Value::Map(got), untag(&reply["plaintext"]["pillar"]));
        assert!(pillar::open(&map, &identity, master, &"0".repeat(32)).is_err());
        assert!(pillar::open(&map, &identity, keys.minion.public_key(), nonce).is_err());
        opened += 1;
    }
    assert!(opened >= 3, "only {opened} pillars");
}

#[test]
fn refusals_of_the_envelope_are_salts_to_the_octet() {
    for vector in ERRORS.iter().flat_map(|text| vectors(text)) {
        if let Err(refusal) = envelope::parse(&unhex(&vector["request"]), 3) {
            assert_eq!(refusal.reply(), unhex(&vector["reply"]), "{}", vector["name"]);
        }
    }
}

#[test]
fn our_master_and_our_minion_understand_each_other() {
    let keys = keys();
    let epoch = AesEpoch::start(keys.master.clone());
    let session_key = KeyString::generate();
    let identity = identity("web1", keys.minion.clone());
    for pinned in [None, Some(keys.master.public_key().to_clean_pem())] {
        let trust = Trust { pinned, ..trust() };
        let request = AuthRequest::new(&identity, &trust, new_nonce()).expect("a request");
        let Ok(Request::Clear { version, load }) = envelope::parse(&request.body, 3) else {
            panic!("not clear")
        };
        let load = master_auth::AuthLoad::parse(version, &load);
        let side =
            master_auth::MasterSide { key: &keys.master, epoch: &epoch, publish_port: 4505, pub_sig: None };
        let minion_key = PublicKey::from_pem(&load.pub_pem).expect("a key");
        let reply = master_auth::accept(side, &load, &minion_key, &session_key).expect("a reply");
        let outcome = minion_auth::judge(&reply, &request, &identity, &trust).expect("believed");
        let AuthOutcome::Accepted { credentials, .. } = outcome else { panic!("not accepted") };

        let session = Session::new(identity.clone(), *credentials);
        let sealed = session.request(map! { "cmd" => "_return", "return" => "é" }, 1_000);
        let Ok(Request::Sealed(incoming)) = envelope::parse(&sealed.body, 3) else { panic!("not sealed") };
        let crypticle = Crypticle::new(&session_key);
        let open = |now, ttl| {
            let tokens = VerifiedTokens::new(8);
            envelope::open(&incoming, &crypticle, Freshness { now, ttl }, &tokens, |_| {
                Some(minion_key.clone())
            })
        };
        let opened = open(1_000, 60).expect("opens");
        assert!(open(1_061, 60).is_err(), "an old request was served");
        let reply = envelope::seal_reply(&crypticle, &Value::Null, opened.nonce.as_deref());
        assert_eq!(session.reply(&reply.into(), &sealed.nonce, Reading::Wire).expect("opens"), Value::Null);
    }
    let verdicts = [(master_auth::Verdict::Pending, "Pending"), (master_auth::Verdict::Refused, "Rejected")];
    for (verdict, expected) in verdicts {
        let request = AuthRequest::new(&identity, &trust(), new_nonce()).expect("a request");
        let Ok(Request::Clear { version, load }) = envelope::parse(&request.body, 3) else {
            panic!("not clear")
        };
        let load = master_auth::AuthLoad::parse(version, &load);
        let reply = master_auth::refuse(&keys.master, &load, verdict).expect("a reply");
        let outcome = minion_auth::judge(&reply, &request, &identity, &trust()).expect("believed");
        assert_eq!(format!("{outcome:?}"), expected);
    }
}

#[test]
fn a_man_in_the_middle_is_not_believed() {
    let keys = keys();
    let identity = identity("web1", keys.minion.clone());
    let pinned = Trust { pinned: Some(keys.master.public_key().to_clean_pem()), ..trust() };
    let request = AuthRequest::new(&identity, &pinned, new_nonce()).expect("a request");
    let Ok(Request::Clear { version, load }) = envelope::parse(&request.body, 3) else { panic!("not clear") };
    let load = master_auth::AuthLoad::parse(version, &load);
    let judge = |reply: &[u8]| minion_auth::judge(reply, &request, &identity, &pinned);

    // Another master, with its own key.
    let liar = keys.minion.clone();
    let epoch = AesEpoch::start(liar.clone());
    let side = master_auth::MasterSide { key: &liar, epoch: &epoch, publish_port: 4505, pub_sig: None };
    let key = identity.key.public_key();
    let reply = master_auth::accept(side, &load, key, &KeyString::generate()).expect("a reply");
    assert!(matches!(judge(&reply), Err(AuthError::MasterKeyChanged { .. })));

    // A refusal that the master did not sign.
    let reply = master_auth::refuse(&liar, &load, master_auth::Verdict::Refused).expect("a reply");
    assert!(matches!(judge(&reply), Err(AuthError::InvalidSignature)));

    // A refusal of another day.
    let mut old = load.clone();
    old.nonce = Some(new_nonce());
    let reply = master_auth::refuse(&keys.master, &old, master_auth::Verdict::Refused).expect("a reply");
    assert!(matches!(judge(&reply), Err(AuthError::WrongNonce)));

    // Bare texts.
    for text in ["bad load", "payload and load must be a dict", ""] {
        assert!(judge(&pack(&text.into())).is_err());
    }
}

#[test]
fn b07_b08_unencrypted_and_unsigned_publishes_are_dropped() {
    let keys = keys();
    let epoch = AesEpoch::start(keys.master.clone());
    let load = map! { "fun" => "test.ping", "arg" => Value::List(vec![]), "tgt" => "*", "jid" => "1" };
    let verifier = Some(keys.master.public_key().clone());
    let mut listener = Listener::new(epoch.key(), verifier, SigningAlgorithm::default());

    let unsigned = publish::wrap(load.clone(), &epoch, None).expect("wraps").expect("a serial");
    assert!(matches!(listener.open(&unsigned), Err(ChannelError::Unsigned)));
    let clear = pack_map(&map! { "enc" => "clear", "load" => load.clone() });
    assert!(matches!(listener.open(&clear), Err(ChannelError::NotEncrypted(_))));
    // B7: what is not sealed is not looked into, however its kind is written.
    for enc in [
        "clear".into(),
        "pub".into(),
        "".into(),
        "AES".into(),
        Value::Bytes(b"aes".to_vec().into()),
        1.into(),
        Value::Null,
    ] {
        let told = pack_map(&map! { "enc" => enc.clone(), "load" => load.clone() });
        assert!(listener.open(&told).is_err(), "{enc:?}");
    }
    assert!(listener.open(&pack_map(&map! { "load" => load.clone() })).is_err());
    // B8: another minion has the AES key, but not the master's.
    let insider = Some((&keys.minion, SigningAlgorithm::default()));
    let forged = publish::wrap(load.clone(), &epoch, insider).expect("wraps").expect("a serial");
    assert!(listener.open(&forged).is_err());
    // Nor does it choose a weaker algorithm than was asked for.
    let weak = Some((&keys.master, SigningAlgorithm::Pkcs1v15Sha1));
    let weaker = publish::wrap(load.clone(), &epoch, weak).expect("wraps").expect("a serial");
    let verifier = Some(keys.master.public_key().clone());
    let mut strict = Listener::new(epoch.key(), verifier, SigningAlgorithm::Pkcs1v15Sha224);
    assert!(matches!(strict.open(&weaker), Err(ChannelError::AlgorithmNotAllowed(_))));
    let signer = Some((&keys.master, SigningAlgorithm::default()));
    let signed = publish::wrap(load.clone(), &epoch, signer).expect("wraps").expect("a serial");
    assert_eq!(listener.open(&signed).expect("opens"), load);
}

/// B6: a pillar is the master's, for this minion, in answer to this question.
#[test]
fn b06_a_pillar_is_signed_bound_to_its_question_and_to_its_minion() {
    let keys = keys();
    let master = keys.master.public_key();
    let mut opened = 0;
    for vector in LIVE.iter().flat_map(|text| vectors(text)) {
        let reply = &vector["reply"];
        if reply["kind"] != "private" {
            continue;
        }
        let Ok(Value::Map(map)) = decode(&body(&vector["reply_frames"]), Reading::Wire) else {
            panic!("no map")
        };
        let nonce = reply["plaintext"]["nonce"].as_str().expect("a nonce");
        let own = identity("minion-a", keys.minion.clone());
        assert!(pillar::open(&map, &own, master, nonce).is_ok());
        // That of another, sent to us.
        let other = identity("minion-b", keys.master.clone());
        assert!(pillar::open(&map, &other, master, nonce).is_err());
        // An old one.
        assert!(pillar::open(&map, &own, master, &new_nonce()).is_err());
        // Without each of its parts, and with each of them changed.
        for (key, value) in map.clone().iter() {
            let key = key.as_str().expect("text");
            let mut without = map.clone();
            without.remove(key);
            assert!(pillar::open(&without, &own, master, nonce).is_err(), "without {key}");
            if let Some(octets) = value.as_octets() {
                let mut octets = octets.to_vec();
                if let Some(last) = octets.last_mut() {
                    *last ^= 1;
                }
                let mut changed = map.clone();
                changed.insert(key, Value::Bytes(octets.into()));
                assert!(pillar::open(&changed, &own, master, nonce).is_err(), "another {key}");
            }
        }
        opened += 1;
    }
    assert!(opened >= 3, "only {opened} pillars");
}

/// B18: bare texts where a sealed answer belongs are an error, and nothing else.
#[test]
fn b18_a_bare_text_is_no_answer() {
    let keys = keys();
    let identity = identity("web1", keys.minion.clone());
    let epoch = AesEpoch::start(keys.master.clone());
    let request = AuthRequest::new(&identity, &trust(), new_nonce()).expect("a request");
    let Ok(Request::Clear { version, load }) = envelope::parse(&request.body, 3) else { panic!("not clear") };
    let load = master_auth::AuthLoad::parse(version, &load);
    let side =
        master_auth::MasterSide { key: &keys.master, epoch: &epoch, publish_port: 4505, pub_sig: None };
    let reply =
        master_auth::accept(side, &load, identity.key.public_key(), &KeyString::generate()).expect("a reply");
    let Ok(AuthOutcome::Accepted { credentials, .. }) =
        minion_auth::judge(&reply, &request, &identity, &trust())
    else {
        panic!("not accepted")
    };
    let session = Session::new(identity, *credentials);
    let asked = session.request(map! { "cmd" => "_return" }, 0);
    for text in
        ["bad load", "payload and load must be a dict", "Server-side exception handling payload", "", "true"]
    {
        assert!(session.reply(&pack(&text.into()).into(), &asked.nonce, Reading::Typed).is_err(), "{text}");
    }
    for other in [Value::Null, true.into(), Map::new().into(), Value::List(vec![])] {
        assert!(session.reply(&pack(&other).into(), &asked.nonce, Reading::Typed).is_err(), "{other:?}");
    }
}
