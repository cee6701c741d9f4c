//! Input that an attacker, a bad disk or an editor made.

use super::*;
use crate::crypt::pem::PemError;

fn pub_text() -> &'static str {
    text(&PEM_TEXTS, "minion.pub")
}

#[test]
fn pem_is_read_in_every_shape_that_openssl_reads() {
    let key = public("minion");
    let lines: Vec<&str> = pub_text().lines().collect();
    let body = lines[1..lines.len() - 1].concat();
    let (begin, end) = (lines[0], lines[lines.len() - 1]);
    let wide: Vec<String> =
        body.as_bytes().chunks(76).map(|chunk| String::from_utf8(chunk.to_vec()).unwrap()).collect();
    let shapes = [
        pub_text().to_owned(),
        pub_text().trim_end().to_owned(),
        pub_text().replace('\n', "\r\n"),
        pub_text().replace('\n', "\r"),
        pub_text().replace('\n', "  \n"),
        pub_text().replace('\n', "\n\n"),
        format!("{}\n\n\n", pub_text()),
        format!("\n\nSome text: before\n{}And after.\n", pub_text()),
        format!("\u{feff}{}", pub_text()),
        format!("{begin}\n{body}\n{end}"),
        format!("{begin}\n{}\n{end}\n", wide.join("\n")),
        format!("  {begin}\n{body}\n{end}"),
        // Another block first, as in a bundle.
        format!("-----BEGIN X-----\nAAAA\n-----END X-----\n{}", pub_text()),
        format!("-----BEGIN X-----\n!!\n-----END X-----\n{}", pub_text()),
    ];
    for shape in shapes {
        assert_eq!(PublicKey::from_pem(&shape).as_ref(), Ok(&key), "{shape:?}");
    }
}

#[test]
fn a_pem_text_truncated_anywhere_is_refused() {
    let whole = pub_text().trim_end();
    for length in 0..whole.len() {
        assert!(PublicKey::from_pem(&whole[..length]).is_err(), "{length}");
    }
    let whole = text(&PEM_TEXTS, "minion.pem").trim_end();
    for length in (0..whole.len()).step_by(61) {
        assert!(PrivateKey::from_pem(&whole[..length], None).is_err());
    }
}

#[test]
fn what_is_wrong_with_a_pem_text_is_said() {
    let check = |text: &[u8], expected: PemError| {
        assert_eq!(PublicKey::from_pem(text), Err(CryptError::Pem(expected)));
    };
    check(b"", PemError::NoBegin);
    check(b"ssh-rsa AAAA", PemError::NoBegin);
    check(b"x -----BEGIN PUBLIC KEY-----", PemError::NoBegin);
    check(b"-----BEGIN PUBLIC KEY", PemError::BadBegin);
    check(b"-----BEGIN PUB\nLIC KEY-----", PemError::BadBegin);
    check(b"-----BEGIN \xff\xfe-----\nAAAA", PemError::BadBegin);
    check(b"-----BEGIN PUBLIC KEY-----\nAAAA\n", PemError::NoEnd);
    check(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", PemError::NoEnd);
    check(b"-----BEGIN PUBLIC KEY-----\nA*AA\n-----END PUBLIC KEY-----\n", PemError::BadBase64);
    check(&[b' '; pem::MAX_PEM_BYTES + 1], PemError::TooLong);
    let many_headers =
        format!("-----BEGIN PUBLIC KEY-----\n{}AAAA\n-----END PUBLIC KEY-----\n", "a: b\n".repeat(9));
    check(many_headers.as_bytes(), PemError::BadHeader);
    assert_eq!(
        PublicKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        Err(CryptError::Malformed("public key"))
    );
}

#[test]
fn many_begin_lines_are_not_looked_at_without_end() {
    let text = "-----BEGIN PUBLIC KEY-----\n".repeat(2000);
    assert_eq!(PublicKey::from_pem(&text), Err(CryptError::Pem(PemError::NoEnd)));
    let text = "-----BEGIN ".repeat(5000);
    assert!(PublicKey::from_pem(&text).is_err());
}

#[test]
fn dangerous_public_numbers_are_refused() {
    let n = [&[0xff; 255][..], &[0xfd]].concat();
    let public = |n: &[u8], e: &[u8]| PublicKey::from_pem(public_pem(n, e));
    assert!(public(&n, &[1, 0, 1]).is_ok());
    assert!(public(&n, &[3]).is_ok());
    for bad in [&[1][..], &[2], &[0], &[1, 0, 0], &[2, 0, 0, 0, 1], &[0x7f; 9]] {
        assert_eq!(public(&n, bad), Err(CryptError::BadExponent), "{bad:?}");
    }
    let mut even = n.clone();
    even[255] = 0xfc;
    assert_eq!(public(&even, &[3]), Err(CryptError::EvenModulus));
    let long = [n.as_slice(); 5].concat();
    assert_eq!(public(&long, &[3]), Err(CryptError::ModulusTooLarge(10_240)));
    assert_eq!(public(&[0xfd; 128], &[3]).map(|key| key.bits()), Ok(1024));
    assert_eq!(public(&[&[0x7f][..], &[0xfd; 127]].concat(), &[3]), Err(CryptError::ModulusTooSmall(1023)));
}

/// `RSA PUBLIC KEY` text of arbitrary numbers.
fn public_pem(n: &[u8], e: &[u8]) -> String {
    let integer = |number: &[u8]| {
        let mut content = number.to_vec();
        if content[0] >= 0x80 {
            content.insert(0, 0);
        }
        element(0x02, &content)
    };
    let der = element(0x30, &[integer(n), integer(e)].concat());
    pem::encode("RSA PUBLIC KEY", &[], &der).to_string()
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let head = match length {
        0..=127 => vec![tag, length.to_be_bytes()[1]],
        128..=255 => vec![tag, 0x81, length.to_be_bytes()[1]],
        _ => [&[tag, 0x82][..], &length.to_be_bytes()].concat(),
    };
    [&head, content].concat()
}

#[test]
fn a_private_key_whose_numbers_do_not_match_is_refused() {
    let der = pem::find(text(&PEM_TEXTS, "minion.pem").as_bytes(), &["RSA PRIVATE KEY"]).unwrap().der;
    // Somewhere within n, d, p, q.
    for at in [100, 400, 600, 700, 780] {
        let mut der = der.to_vec();
        der[at] ^= 0x04;
        let text = pem::encode("RSA PRIVATE KEY", &[], &der);
        let error = PrivateKey::from_pem(text.as_bytes(), None).unwrap_err();
        assert_eq!(error, CryptError::InconsistentKey, "{at}");
    }
}

#[test]
fn ciphertexts_with_any_defect_get_one_error() {
    let algorithm = EncryptionAlgorithm::OaepSha1;
    let good = public("minion").encrypt(algorithm, b"secret").unwrap();
    let check = |ciphertext: &[u8]| {
        let result = MINION.decrypt(algorithm, ciphertext);
        assert_eq!(result.err(), Some(CryptError::Decryption));
    };
    check(b"");
    check(&good[1..]);
    check(&[good.as_slice(), b"\0"].concat());
    check(&[0; 256]);
    check(&[0xff; 256]);
    let mut changed = good.clone();
    changed[17] ^= 1;
    check(&changed);
    // Another hash, and another key.
    check(&public("minion").encrypt(EncryptionAlgorithm::OaepSha224, b"x").unwrap());
    check(&public("master").encrypt(algorithm, b"x").unwrap());
    assert_eq!(*MINION.decrypt(algorithm, &good).unwrap(), b"secret");
}

#[test]
fn secrets_too_long_for_the_key_are_refused() {
    let key = public("minion");
    let error = key.encrypt(EncryptionAlgorithm::OaepSha1, &[1; 215]).unwrap_err();
    assert_eq!(error, CryptError::MessageLength { length: 215, size: 256 });
    assert!(key.encrypt(EncryptionAlgorithm::OaepSha1, &[1; 214]).is_ok());
    for length in [253, 255, 1000] {
        let error = MINION.private_encrypt(&vec![1; length]).unwrap_err();
        assert_eq!(error, CryptError::MessageLength { length, size: 256 });
    }
}

#[test]
fn signatures_of_the_wrong_length_are_refused() {
    let key = public("minion");
    let tok = MINION.private_encrypt(b"salt").unwrap();
    let algorithm = SigningAlgorithm::Pkcs1v15Sha1;
    let signature = MINION.sign(algorithm, b"m").unwrap();
    let bad = [
        Vec::new(),
        vec![0; 256],
        vec![0xff; 256],
        [b"\0", tok.as_slice()].concat(),
        [b"\0", signature.as_slice()].concat(),
        tok[..255].to_vec(),
    ];
    for bytes in bad {
        assert_eq!(key.recover(&bytes), Err(CryptError::BadSignature));
        assert_eq!(key.verify(algorithm, b"m", &bytes), Err(CryptError::BadSignature));
    }
    // A signature of one kind is none of the other.
    assert!(key.verify(algorithm, b"salt", &tok).is_err());
    assert!(key.recover(&signature).is_err());
}

#[test]
fn short_sealed_messages_are_refused() {
    let key = KeyString::generate();
    let crypticle = Crypticle::new(&key);
    for length in 0..100 {
        let error = crypticle.decrypt(&vec![0; length]).err();
        assert_eq!(error, Some(CryptError::Authentication));
    }
    let sealed = crypticle.encrypt(b"\xc0", None);
    let other = Crypticle::new(&KeyString::generate());
    assert_eq!(other.decrypt(&sealed).err(), Some(CryptError::Authentication));
    // A nonce is expected, but the message is shorter than one.
    let opened = crypticle.decrypt(&sealed).unwrap();
    let nonce = "0".repeat(32);
    assert_eq!(opened.msgpack_after(&nonce), Err(CryptError::Nonce));
    assert_eq!(opened.msgpack_after("c0"), Err(CryptError::Nonce));
}

proptest! {
    #[test]
    fn any_bytes_as_pem_are_survived(data: Vec<u8>) {
        fuzzing::pem_text(&data);
    }

    #[test]
    fn any_text_between_pem_lines_is_survived(body in "[A-Za-z0-9+/=:, \r\n-]{0,300}") {
        let text = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        fuzzing::pem_text(text.as_bytes());
    }

    #[test]
    fn any_der_between_pem_lines_is_survived(der: Vec<u8>, private: bool) {
        let label = if private { "PRIVATE KEY" } else { "RSA PUBLIC KEY" };
        fuzzing::pem_text(pem::encode(label, &[], &der).as_bytes());
    }

    #[test]
    fn any_bytes_as_a_sealed_message_are_refused(data: Vec<u8>) {
        fuzzing::crypticle_decrypt(&data);
    }

    #[test]
    fn any_bytes_as_a_signature_are_survived(
        data in proptest::collection::vec(any::<u8>(), 256..=256),
        short: Vec<u8>,
    ) {
        fuzzing::x931_recover(&data);
        fuzzing::x931_recover(&short);
    }
}
