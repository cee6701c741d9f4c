//! The golden vectors of real Salt, and properties that hold for every input.
//! The vectors' meaning is in `tests/vectors/README.md`.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::crypticle::{MARKER, sealed_len};
use super::*;

mod hostile;
mod sizes;

const RSA: [&str; 2] =
    [include_str!("../../tests/vectors/rsa-3006.json"), include_str!("../../tests/vectors/rsa-3007.json")];
const CRYPTICLE: [&str; 2] = [
    include_str!("../../tests/vectors/crypticle-3006.json"),
    include_str!("../../tests/vectors/crypticle-3007.json"),
];
const PUBLISH: [&str; 2] = [
    include_str!("../../tests/vectors/publish-3006.json"),
    include_str!("../../tests/vectors/publish-3007.json"),
];
const MINION_SIGN: [&str; 2] = [
    include_str!("../../tests/vectors/minion-sign-3006.json"),
    include_str!("../../tests/vectors/minion-sign-3007.json"),
];
const KEYS: &str = include_str!("../../tests/vectors/keys.json");

static PEM_TEXTS: LazyLock<Json> = LazyLock::new(|| json(KEYS));
static MASTER: LazyLock<PrivateKey> = LazyLock::new(|| private("master"));
static MINION: LazyLock<PrivateKey> = LazyLock::new(|| private("minion"));

fn private(who: &str) -> PrivateKey {
    PrivateKey::from_pem(text(&PEM_TEXTS, &format!("{who}.pem")), None).unwrap()
}

fn public(who: &str) -> PublicKey {
    PublicKey::from_pem(text(&PEM_TEXTS, &format!("{who}.pub"))).unwrap()
}

fn holder(who: &str) -> &'static PrivateKey {
    match who {
        "master" => &MASTER,
        "minion" => &MINION,
        other => panic!("no key of {other}"),
    }
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

fn text<'a>(json: &'a Json, field: &str) -> &'a str {
    json[field].as_str().unwrap_or_else(|| panic!("text field {field} in {json}"))
}

fn bytes(json: &Json, field: &str) -> Vec<u8> {
    unhex(text(json, field))
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Entries of one `op` in both releases' files; there must be some.
fn each_rsa(op: &str, mut check: impl FnMut(&Json)) {
    for file in RSA {
        let vectors = json(file);
        let mut count = 0;
        for vector in vectors.as_array().unwrap() {
            if text(vector, "op").starts_with(op) {
                check(vector);
                count += 1;
            }
        }
        assert!(count > 0, "no {op} vectors");
    }
}

#[test]
fn keys_are_written_byte_for_byte_as_salt_writes_them() {
    for who in ["master", "minion"] {
        let private = private(who);
        assert_eq!(*private.to_pem(), text(&PEM_TEXTS, &format!("{who}.pem")));
        let pub_text = text(&PEM_TEXTS, &format!("{who}.pub"));
        assert_eq!(private.public_key().to_pem(), pub_text);
        assert_eq!(public(who).to_pem(), pub_text);
        assert_eq!(public(who).to_clean_pem(), pem::clean_key(pub_text));
        assert_eq!(*private.public_key(), public(who));
        assert_eq!(private.bits(), 2048);
    }
    assert_ne!(public("master"), public("minion"));
    assert_ne!(public("master").id(), public("minion").id());
}

#[test]
fn oaep_ciphertexts_of_salt_are_decrypted() {
    each_rsa("oaep", |vector| {
        let algorithm: EncryptionAlgorithm = text(vector, "algo").parse().unwrap();
        let plaintext = holder(text(vector, "to")).decrypt(algorithm, &bytes(vector, "ciphertext"));
        assert_eq!(*plaintext.unwrap(), bytes(vector, "plaintext"));
    });
}

#[test]
fn pkcs1_signatures_equal_those_of_salt() {
    each_rsa("sign", |vector| {
        let algorithm: SigningAlgorithm = text(vector, "algo").parse().unwrap();
        let (message, signature) = (bytes(vector, "message"), bytes(vector, "signature"));
        let key = holder(text(vector, "by"));
        assert_eq!(key.sign(algorithm, &message).unwrap(), signature);
        let public = key.public_key();
        assert_eq!(public.verify(algorithm, &message, &signature), Ok(()));
        let bad = Err(CryptError::BadSignature);
        assert_eq!(public.verify(algorithm, b"other", &signature), bad);
    });
}

#[test]
fn x931_signatures_equal_those_of_salt_and_carry_their_message() {
    each_rsa("x931", |vector| {
        let key = holder(text(vector, "by"));
        let message = bytes(vector, "message");
        if vector.get("error").is_some() {
            // Salt signs the empty message but can not read it back.
            let error = key.private_encrypt(&message).unwrap_err();
            assert_eq!(error, CryptError::MessageLength { length: 0, size: 256 });
            return;
        }
        let signature = bytes(vector, "signature");
        assert_eq!(key.private_encrypt(&message).unwrap(), signature);
        assert_eq!(key.public_key().recover(&signature).unwrap(), message);
    });
}

#[test]
fn fingerprints_equal_those_of_salt() {
    each_rsa("finger", |vector| {
        let text_of_key = text(&PEM_TEXTS, text(vector, "key"));
        let key = PublicKey::from_pem(text_of_key).unwrap();
        for hash_type in [HashType::Sha256, HashType::Md5] {
            let expected = text(vector, hash_type.name());
            assert_eq!(pem::fingerprint(text_of_key, hash_type), expected);
            assert_eq!(key.fingerprint(hash_type), expected);
        }
    });
}

#[test]
fn clean_key_equals_that_of_salt() {
    each_rsa("clean_key", |vector| {
        let input = String::from_utf8(bytes(vector, "input")).unwrap();
        assert_eq!(pem::clean_key(&input).as_bytes(), bytes(vector, "output"));
    });
}

#[test]
fn master_public_key_signatures_of_salt_verify() {
    use base64::Engine;
    each_rsa("pub_sig", |vector| {
        let field = String::from_utf8(bytes(vector, "pub_sig")).unwrap();
        let signature = base64::engine::general_purpose::STANDARD.decode(field.trim_end()).unwrap();
        let algorithm = text(vector, "algo").parse().unwrap();
        let message = bytes(vector, "message");
        assert_eq!(MASTER.sign(algorithm, &message).unwrap(), signature);
        let public = public("master");
        assert_eq!(public.verify(algorithm, &message, &signature), Ok(()));
    });
}

#[test]
fn minion_signatures_of_salt_verify() {
    for file in MINION_SIGN {
        for vector in json(file).as_array().unwrap() {
            let key = holder(text(vector, "signer")).public_key();
            let algorithm = text(vector, "algo").parse().unwrap();
            let result = key.verify(algorithm, &bytes(vector, "serialized"), &bytes(vector, "sig"));
            assert_eq!(result, Ok(()));
        }
    }
}

#[test]
fn sealed_messages_of_salt_open_and_are_reproduced() {
    for file in CRYPTICLE {
        let vectors = json(file);
        for vector in vectors["good"].as_array().unwrap() {
            let crypticle = crypticle(vector);
            let ciphertext = bytes(vector, "ciphertext");
            let iv = bytes(vector, "iv").try_into().unwrap();
            let plaintext = crypticle.decrypt(&ciphertext).unwrap();
            if vector.get("raw_plaintext").is_some() {
                let raw = bytes(vector, "raw_plaintext");
                assert_eq!(plaintext.raw(), raw);
                let sealed = crypticle.seal_with_iv(iv, [&raw, b"", b""]);
                assert_eq!(sealed, ciphertext);
                continue;
            }
            let msgpack = bytes(vector, "msgpack");
            let nonce = vector["nonce"].as_str().unwrap_or_default();
            assert_eq!(plaintext.msgpack_after(nonce).unwrap(), msgpack);
            assert_eq!(plaintext.into_msgpack_after(nonce).unwrap(), msgpack);
            assert_eq!(ciphertext.len(), sealed_len(msgpack.len(), nonce.len()));
            let sealed = crypticle.seal_with_iv(iv, [MARKER, nonce.as_bytes(), &msgpack]);
            assert_eq!(sealed, ciphertext);
        }
    }
}

#[test]
fn bad_sealed_messages_fail_as_in_salt() {
    for file in CRYPTICLE {
        let vectors = json(file);
        for vector in vectors["bad"].as_array().unwrap() {
            let opened = crypticle(vector).decrypt(&bytes(vector, "ciphertext"));
            match text(vector, "name") {
                "bad hmac" => assert_eq!(opened.err(), Some(CryptError::Authentication)),
                "no pickle prefix" => {
                    assert_eq!(opened.as_ref().unwrap().msgpack(), b"\x80");
                    assert_eq!(opened.unwrap().into_msgpack(), b"\x80".as_slice());
                }
                "nonce mismatch" => {
                    let opened = opened.unwrap();
                    let nonce = text(vector, "nonce");
                    assert_eq!(opened.msgpack_after(nonce), Err(CryptError::Nonce));
                    assert_eq!(opened.into_msgpack_after(nonce), Err(CryptError::Nonce));
                }
                "serial not greater than last (5)" => {
                    let opened = opened.unwrap();
                    let serial = map(opened.msgpack()).into_iter().find(|(key, _)| key == b"serial");
                    assert_eq!(serial.unwrap().1, b"\x05");
                    let mut last = LastSerial::default();
                    assert!(last.accept(4) && last.accept(5));
                    assert!(!last.accept(5));
                }
                other => panic!("unknown vector {other}"),
            }
        }
    }
}

fn crypticle(vector: &Json) -> Crypticle {
    Crypticle::new(&KeyString::parse(text(vector, "key")).unwrap())
}

#[test]
fn publishes_of_salt_verify_and_are_reproduced() {
    for file in PUBLISH {
        for vector in json(file).as_array().unwrap() {
            let frame = bytes(vector, "frame");
            let envelope = map(&frame);
            let field = |name: &str| {
                let found = envelope.iter().find(|(key, _)| key == name.as_bytes());
                found.map(|(_, value)| value.as_slice())
            };
            let load = field("load").unwrap();
            let crypticle = crypticle(vector);
            let opened = crypticle.decrypt(load).unwrap();
            let load_map = map(opened.msgpack());
            let wanted = vector["plaintext"].as_object().unwrap();
            assert_eq!(load_map.len(), wanted.len());
            for ((key, _), wanted) in load_map.iter().zip(wanted.keys()) {
                assert_eq!(key, wanted.as_bytes());
            }
            let iv = load[..16].try_into().unwrap();
            assert_eq!(crypticle.seal_with_iv(iv, [opened.raw(), b"", b""]), load);

            match vector["publish_signing_algorithm"].as_str() {
                Some(name) => {
                    assert_eq!(field("sig_algo").unwrap(), name.as_bytes());
                    let algorithm = name.parse().unwrap();
                    let signature = field("sig").unwrap();
                    assert_eq!(MASTER.sign(algorithm, load).unwrap(), signature);
                    let public = public("master");
                    assert_eq!(public.verify(algorithm, load, signature), Ok(()));
                }
                None => assert_eq!(field("sig"), None),
            }
        }
    }
}

/// The entries of a msgpack map as bytes: content of strings, other values as they are encoded.
/// Knows the types the vectors hold.
fn map(msgpack: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    fn item<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
        let all = *rest;
        let (first, tail) = all.split_first().unwrap();
        let string = |head: usize, length: usize| (&all[head..head + length], &all[head + length..]);
        let (content, after) = match *first {
            0xa0..=0xbf => string(1, usize::from(first & 0x1f)),
            0xda => string(3, usize::from(u16::from_be_bytes([tail[0], tail[1]]))),
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 => (&all[..1], tail),
            0x80..=0x9f => {
                let count = usize::from(first & 0x0f) * if *first < 0x90 { 2 } else { 1 };
                let mut after = tail;
                for _ in 0..count {
                    item(&mut after);
                }
                (&all[..all.len() - after.len()], after)
            }
            other => panic!("msgpack type {other:02x}"),
        };
        *rest = after;
        content
    }
    let (first, mut rest) = msgpack.split_first().unwrap();
    assert_eq!(first & 0xf0, 0x80, "a small map");
    let entries = (0..first & 0x0f).map(|_| (item(&mut rest).to_vec(), item(&mut rest).to_vec())).collect();
    assert!(rest.is_empty());
    entries
}

#[test]
fn an_epoch_signs_its_digest_once_and_counts_serials_from_one() {
    let key = KeyString::generate();
    let epoch = AesEpoch::with_key(key.clone(), MASTER.clone());
    assert_eq!(epoch.digest(), HashType::Sha256.hex(key.as_str()));
    let signature = epoch.signature().unwrap();
    assert!(std::ptr::eq(signature, epoch.signature().unwrap()));
    let recovered = public("master").recover(signature).unwrap();
    assert_eq!(recovered, epoch.digest().as_bytes());
    assert_eq!((epoch.next_serial(), epoch.next_serial()), (Some(1), Some(2)));
    let sealed = epoch.crypticle().encrypt(b"\xc0", None);
    assert_eq!(Crypticle::new(&key).decrypt(&sealed).unwrap().msgpack(), b"\xc0");
    assert!(!format!("{epoch:?}").contains(&key.as_str()[..8]));
    assert_ne!(*AesEpoch::start(MASTER.clone()).key(), key);
}

#[test]
fn a_token_verifies_only_for_its_key_and_the_memory_stays_bounded() {
    let tok = MINION.private_encrypt(b"salt").unwrap();
    let other = MINION.private_encrypt(b"pepper").unwrap();
    let tokens = VerifiedTokens::new(4);
    for _ in 0..2 {
        assert!(tokens.verify("web1", &public("minion"), &tok));
        assert!(!tokens.verify("web1", &public("master"), &tok));
        assert!(!tokens.verify("web1", &public("minion"), &other));
        assert!(!tokens.verify("web1", &public("minion"), b""));
    }
    for id in 0..50 {
        assert!(tokens.verify(&format!("m{id}"), &public("minion"), &tok));
        assert!(tokens.verify("web1", &public("minion"), &tok));
        assert!(tokens.len() <= 4);
    }
    tokens.clear();
    assert_eq!(tokens.len(), 0);
}

#[test]
fn salts_algorithm_names_are_read_and_others_named_in_the_error() {
    for name in ["OAEP-SHA1", "OAEP-SHA224"] {
        assert_eq!(name.parse::<EncryptionAlgorithm>().unwrap().to_string(), name);
    }
    for name in ["PKCS1v15-SHA1", "PKCS1v15-SHA224"] {
        assert_eq!(name.parse::<SigningAlgorithm>().unwrap().to_string(), name);
    }
    assert_eq!(
        "OAEP-MD5".parse::<EncryptionAlgorithm>().unwrap_err().to_string(),
        "Invalid encryption algorithm: OAEP-MD5"
    );
    assert_eq!(
        "PSS-SHA1".parse::<SigningAlgorithm>().unwrap_err().to_string(),
        "Invalid signing algorithm: PSS-SHA1"
    );
}

proptest! {
    #[test]
    fn what_is_sealed_opens(msgpack: Vec<u8>, nonce in "[0-9a-f]{32}") {
        let crypticle = Crypticle::new(&KeyString::generate());
        let sealed = crypticle.encrypt(&msgpack, Some(&nonce));
        prop_assert_eq!(sealed.len(), sealed_len(msgpack.len(), 32));
        let opened = crypticle.decrypt(&sealed).unwrap();
        prop_assert_eq!(opened.msgpack_after(&nonce).unwrap(), &msgpack);
        prop_assert_eq!(opened.into_msgpack_after(&nonce).unwrap(), &msgpack);

        let mut out = b"envelope".to_vec();
        crypticle.encrypt_into(&mut out, &msgpack, None);
        prop_assert!(out.starts_with(b"envelope"));
        let opened = crypticle.decrypt(&out[8..]).unwrap();
        prop_assert_eq!(opened.msgpack(), &msgpack);
        prop_assert_eq!(opened.into_msgpack(), &msgpack);
    }

    #[test]
    fn a_changed_byte_of_a_sealed_message_is_refused(
        msgpack in proptest::collection::vec(any::<u8>(), 0..100),
        at: prop::sample::Index,
        flip in 1u8..,
    ) {
        let crypticle = Crypticle::new(&KeyString::generate());
        let mut sealed = crypticle.encrypt(&msgpack, None);
        let at = at.index(sealed.len());
        sealed[at] ^= flip;
        prop_assert_eq!(crypticle.decrypt(&sealed).err(), Some(CryptError::Authentication));
        sealed[at] ^= flip;
        prop_assert_eq!(
            crypticle.decrypt(&sealed[..at]).err(),
            Some(CryptError::Authentication)
        );
    }
}

proptest! {
    // A private operation takes milliseconds without optimisation.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_encrypted_to_a_key_it_decrypts(
        secret in proptest::collection::vec(any::<u8>(), 0..=198),
        sha224: bool,
    ) {
        let algorithm = match sha224 {
            true => EncryptionAlgorithm::OaepSha224,
            false => EncryptionAlgorithm::OaepSha1,
        };
        let ciphertext = public("minion").encrypt(algorithm, &secret).unwrap();
        prop_assert_eq!(&*MINION.decrypt(algorithm, &ciphertext).unwrap(), &secret);
        // The rsa crate agrees, both ways.
        let theirs = rsa_crate_key();
        let plaintext = match sha224 {
            true => theirs.decrypt(rsa::Oaep::<sha2::Sha224>::new(), &ciphertext),
            false => theirs.decrypt(rsa::Oaep::<sha1::Sha1>::new(), &ciphertext),
        };
        prop_assert_eq!(&plaintext.unwrap(), &secret);
    }

    #[test]
    fn a_changed_byte_of_message_or_signature_is_refused(
        message in proptest::collection::vec(any::<u8>(), 1..100),
        at: prop::sample::Index,
        flip in 1u8..,
    ) {
        let algorithm = SigningAlgorithm::Pkcs1v15Sha224;
        let mut signature = MINION.sign(algorithm, &message).unwrap();
        let public = MINION.public_key();
        prop_assert_eq!(public.verify(algorithm, &message, &signature), Ok(()));
        let mut changed = message.clone();
        let place = at.index(changed.len());
        changed[place] ^= flip;
        let bad = Err(CryptError::BadSignature);
        prop_assert_eq!(public.verify(algorithm, &changed, &signature), bad.clone());
        let place = at.index(signature.len());
        signature[place] ^= flip;
        prop_assert_eq!(public.verify(algorithm, &message, &signature), bad);
    }

    #[test]
    fn x931_carries_any_message_of_a_length_that_openssl_recovers(
        message in proptest::collection::vec(any::<u8>(), 1..=252),
    ) {
        let signature = MINION.private_encrypt(&message).unwrap();
        prop_assert_eq!(signature.len(), 256);
        prop_assert_eq!(MINION.public_key().recover(&signature).unwrap(), message);
    }
}

fn rsa_crate_key() -> &'static rsa::PrivateKey {
    use rsa::pkcs1::DecodeRsaPrivateKey;
    static KEY: LazyLock<rsa::PrivateKey> =
        LazyLock::new(|| rsa::PrivateKey::from_pkcs1_pem(text(&PEM_TEXTS, "minion.pem")).unwrap());
    &KEY
}
