//! Keys of other sizes and in other text forms (`tests/vectors/rsa-sizes.json`, made by real Salt and
//! OpenSSL).

use super::*;

static SIZES: LazyLock<Json> = LazyLock::new(|| json(include_str!("../../../tests/vectors/rsa-sizes.json")));

fn form(name: &str) -> &'static str {
    text(&SIZES["forms"], name)
}

fn plain() -> PrivateKey {
    PrivateKey::from_pem(form("private"), None).unwrap()
}

#[test]
fn every_key_size_does_what_salt_does_with_it() {
    for entry in SIZES["keys"].as_array().unwrap() {
        let key = PrivateKey::from_pem(text(entry, "private"), None).unwrap();
        let bits = usize::try_from(entry["bits"].as_u64().unwrap()).unwrap();
        assert_eq!(key.bits(), bits);
        assert_eq!(*key.to_pem(), text(entry, "private"));
        assert_eq!(key.public_key().to_pem(), text(entry, "public"));
        let public = PublicKey::from_pem(text(entry, "public")).unwrap();
        let message = bytes(entry, "message");

        for (name, signature) in entry["sign"].as_object().unwrap() {
            let algorithm = name.parse().unwrap();
            let signature = unhex(signature.as_str().unwrap());
            assert_eq!(key.sign(algorithm, &message).unwrap(), signature, "{bits}");
            assert_eq!(public.verify(algorithm, &message, &signature), Ok(()));
        }
        match entry["x931"].as_str() {
            Some(signature) => {
                let signature = unhex(signature);
                assert_eq!(key.private_encrypt(&message).unwrap(), signature);
                assert_eq!(public.recover(&signature).unwrap(), message);
            }
            None => assert_eq!(key.private_encrypt(&message), Err(CryptError::KeySize(bits))),
        }
        let secret = bytes(entry, "secret");
        for (name, ciphertext) in entry["oaep"].as_object().unwrap() {
            let algorithm = name.parse().unwrap();
            let ciphertext = unhex(ciphertext.as_str().unwrap());
            assert_eq!(*key.decrypt(algorithm, &ciphertext).unwrap(), secret);
            let ours = public.encrypt(algorithm, &secret).unwrap();
            assert_eq!(*key.decrypt(algorithm, &ours).unwrap(), secret);
        }
    }
}

#[test]
fn pkcs8_and_pkcs1_texts_hold_the_same_key() {
    let key = plain();
    let pkcs8 = PrivateKey::from_pem(form("pkcs8"), None).unwrap();
    assert_eq!(pkcs8.to_pem(), key.to_pem());
    let public = PublicKey::from_pem(form("rsa_public")).unwrap();
    assert_eq!(public, *key.public_key());
    assert_eq!(public.to_pem(), form("public"));
}

#[test]
fn private_keys_encrypted_by_openssl_open_with_their_passphrase() {
    let passphrase = form("passphrase");
    for cipher in ["aes128", "aes192", "aes256", "des3"] {
        let encrypted = text(&SIZES["forms"]["encrypted"], cipher);
        let key = PrivateKey::from_pem(encrypted, Some(passphrase)).unwrap();
        assert_eq!(*key.to_pem(), form("private"), "{cipher}");
        let needed = PrivateKey::from_pem(encrypted, None).unwrap_err();
        assert_eq!(needed, CryptError::PassphraseNeeded);
        for wrong in ["", "open", "Open sesame é"] {
            let error = PrivateKey::from_pem(encrypted, Some(wrong)).unwrap_err();
            assert_eq!(error, CryptError::WrongPassphrase, "{cipher} {wrong}");
        }
    }
}

#[test]
fn an_unsupported_key_encryption_is_named() {
    let names = [("des", "DES-CBC"), ("camellia256", "CAMELLIA-256-CBC")];
    for (cipher, name) in names {
        let encrypted = text(&SIZES["forms"]["encrypted"], cipher);
        let error = PrivateKey::from_pem(encrypted, Some("x")).unwrap_err();
        assert_eq!(error, CryptError::UnsupportedKeyEncryption(name.to_owned()));
    }
    let error = PrivateKey::from_pem(form("pkcs8_encrypted"), Some("x")).unwrap_err();
    assert_eq!(error.to_string(), "private key encryption 'ENCRYPTED PRIVATE KEY' is not supported");
}

#[test]
fn salts_encrypted_private_key_is_read_and_reproduced() {
    let theirs = form("salt_encrypted");
    let passphrase = form("passphrase");
    let key = PrivateKey::from_pem(theirs, Some(passphrase)).unwrap();
    assert_eq!(key.public_key().to_pem(), form("salt_encrypted_public"));
    let iv = theirs.split("AES-256-CBC,").nth(1).unwrap();
    let iv = unhex(&iv[..32]).try_into().unwrap();
    assert_eq!(*key.to_encrypted_pem_with_iv(passphrase, iv), theirs);

    let ours = key.to_encrypted_pem("another");
    assert!(ours.contains("DEK-Info: AES-256-CBC,"));
    let again = PrivateKey::from_pem(ours.as_bytes(), Some("another")).unwrap();
    assert_eq!(again.to_pem(), key.to_pem());
}

#[test]
fn a_passphrase_for_a_plain_key_is_ignored() {
    let key = PrivateKey::from_pem(form("private"), Some("unneeded")).unwrap();
    assert_eq!(key.to_pem(), plain().to_pem());
}

#[test]
fn keys_of_other_algorithms_and_kinds_are_refused_by_name() {
    let private = |text| PrivateKey::from_pem(text, None).unwrap_err().to_string();
    let public = |text| PublicKey::from_pem(text).unwrap_err().to_string();
    assert_eq!(private(form("ec_pkcs8")), "not an RSA key");
    assert_eq!(public(form("ec_public")), "not an RSA key");
    assert_eq!(private(form("ec_private")), "expected a private key, found 'EC PRIVATE KEY'");
    assert_eq!(private(form("public")), "expected a private key, found 'PUBLIC KEY'");
    assert_eq!(public(form("private")), "expected a public key, found 'RSA PRIVATE KEY'");
    assert_eq!(public(form("small_public")), "RSA modulus of 768 bits is too small, the minimum is 1024");
}

#[test]
fn generated_keys_work_and_differ() {
    let one = PrivateKey::generate(keys::DEFAULT_BITS).unwrap();
    assert_eq!(one.bits(), 2048);
    let again = PrivateKey::from_pem(one.to_pem().as_bytes(), None).unwrap();
    let tok = again.private_encrypt(b"salt").unwrap();
    assert_eq!(one.public_key().recover(&tok).unwrap(), b"salt");
    assert_eq!(one.public_key().to_clean_pem().len(), 450);
    for bits in [0, 1024, 2047, 8193] {
        let error = PrivateKey::generate(bits).unwrap_err();
        assert_eq!(error, CryptError::KeySize(bits));
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let key = plain();
    let shown = format!("{key:?}");
    assert!(shown.starts_with("PrivateKey(secret of PublicKey(2048 bits, "));
    assert_eq!(shown.len(), 139);
}
