//! Hashes and encodings. Salt: utils/hashutils.py, utils/jinja.py (`uuid`), utils/stringutils.py (`random_str`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;

use super::super::call::{Args, given, int};
use super::super::fault::{Fault, Res};
use super::super::methods::bytes::hex;
use super::super::run::Run;
use super::super::val::Val;
use super::strings::python_class;

/// Text or bytes as octets.
fn octets(val: &Val) -> Res<Vec<u8>> {
    match val {
        Val::Str(text) | Val::Markup(text) => Ok(text.as_bytes().to_vec()),
        Val::Bytes(bytes) => Ok(bytes.to_vec()),
        other => Err(Fault::other(format!(
            "expected str, bytes, or bytearray not <class '{}'>",
            python_class(other)
        ))),
    }
}

fn one(args: Args, name: &str) -> Res<Vec<u8>> {
    let [val] = args.bind(name, ["instr"], 1)?;
    octets(&given(val))
}

pub(super) fn base64_encode(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let octets = one(args, "base64_b64encode")?;
    run.text(STANDARD.encode(octets))
}

pub(super) fn base64_decode(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let octets = one(args, "base64_b64decode")?;
    // Python passes over what is not in the alphabet, and stops at the padding.
    let mut clean: Vec<u8> = Vec::with_capacity(octets.len());
    let mut padding = 0;
    for octet in octets {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                clean.push(octet);
                padding = 0;
            }
            b'=' => {
                padding += 1;
                if clean.len() % 4 >= 2 && clean.len() % 4 + padding >= 4 {
                    break;
                }
            }
            _ => {}
        }
    }
    match (clean.len() % 4, padding) {
        (0, _) | (2, 2..) | (3, 1..) => {}
        (1, _) => {
            return Err(Fault::other(format!(
                "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
                clean.len()
            )));
        }
        _ => return Err(Fault::other("Incorrect padding")),
    }
    while !clean.len().is_multiple_of(4) {
        clean.push(b'=');
    }
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let decoded = engine.decode(clean).map_err(|_| Fault::other("Incorrect padding"))?;
    match String::from_utf8(decoded) {
        Ok(text) => run.text(text),
        Err(error) => Ok(Val::Bytes(error.into_bytes().into())),
    }
}

pub(super) fn md5(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let octets = one(args, "md5_digest")?;
    run.text(hex(&md5::Md5::digest(octets)))
}

pub(super) fn sha1(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let octets = one(args, "sha1_digest")?;
    run.text(hex(&sha1::Sha1::digest(octets)))
}

pub(super) fn sha256(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let octets = one(args, "sha256_digest")?;
    run.text(hex(&sha2::Sha256::digest(octets)))
}

pub(super) fn sha512(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let octets = one(args, "sha512_digest")?;
    run.text(sha512_hex(&octets))
}

/// SHA-512 as hex digits.
pub(super) fn sha512_hex(octets: &[u8]) -> String {
    hex(&sha2::Sha512::digest(octets))
}

fn signature(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    match Hmac::<sha2::Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        }
        Err(_) => Vec::new(),
    }
}

pub(super) fn hmac(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, secret, challenge] =
        args.bind("hmac_signature", ["string", "shared_secret", "challenge_hmac"], 3)?;
    let (message, key) = (octets(&given(val))?, octets(&given(secret))?);
    let challenge = octets(&given(challenge))?;
    Ok(Val::Bool(STANDARD.encode(signature(&key, &message)).into_bytes() == challenge))
}

pub(super) fn hmac_compute(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, secret] = args.bind("hmac_compute", ["string", "shared_secret"], 2)?;
    let (message, key) = (octets(&given(val))?, octets(&given(secret))?);
    run.text(hex(&signature(&key, &message)))
}

pub(super) fn random_hash(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [size, kind] = args.bind("random_hash", ["size", "hash_type"], 0)?;
    let size =
        u64::try_from(int(size, 9_999_999_999)?).map_err(|_| Fault::other("empty range for randrange()"))?;
    let drawn = (run.around.random() % size.saturating_add(1)).to_string();
    let kind = kind.filter(|kind| !matches!(kind, Val::None));
    let name = kind.as_ref().and_then(Val::as_str).map_or("md5".to_owned(), |kind| kind.to_string());
    let text = match name.as_str() {
        "md5" => hex(&md5::Md5::digest(drawn)),
        "sha1" => hex(&sha1::Sha1::digest(drawn)),
        "sha224" => hex(&sha2::Sha224::digest(drawn)),
        "sha256" => hex(&sha2::Sha256::digest(drawn)),
        "sha384" => hex(&sha2::Sha384::digest(drawn)),
        "sha512" => sha512_hex(drawn.as_bytes()),
        other => return Err(Fault::other(format!("module 'hashlib' has no attribute '{other}'"))),
    };
    run.text(text)
}

pub(super) fn random_str(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [size] = args.bind("random", ["size"], 0)?;
    let size = usize::try_from(int(size, 32)?).map_err(|_| Fault::other("negative argument not allowed"))?;
    run.charge(size.saturating_mul(2))?;
    let mut octets: Vec<u8> = Vec::with_capacity(size + 8);
    while octets.len() < size {
        octets.extend(run.around.random().to_be_bytes());
    }
    octets.truncate(size);
    let mut text = STANDARD.encode(octets);
    text.truncate(size);
    run.text(text)
}

/// Salt's own name space for version 5 identifiers.
const NAME_SPACE: [u8; 16] =
    [0x91, 0x63, 0x3e, 0xbf, 0x1c, 0x86, 0x5e, 0x33, 0x93, 0x5a, 0x28, 0x06, 0x1f, 0x4b, 0x48, 0x0e];

pub(super) fn uuid(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("uuid_", ["val"], 1)?;
    let val = given(val);
    let name = match &val {
        Val::Str(_) | Val::Markup(_) | Val::Bytes(_) => octets(&val)?,
        other => {
            return Err(Fault::other(format!(
                "expected str, bytes, or bytearray not <class '{}'>",
                python_class(other)
            )));
        }
    };
    let mut digest = sha1::Sha1::new();
    digest.update(NAME_SPACE);
    digest.update(name);
    let mut octets = digest.finalize().to_vec();
    octets.truncate(16);
    octets[6] = (octets[6] & 0x0f) | 0x50;
    octets[8] = (octets[8] & 0x3f) | 0x80;
    let text = hex(&octets);
    let parts = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
    run.text(parts.join("-"))
}
