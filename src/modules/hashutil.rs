//! `hashutil`: digests, HMACs and base64 of texts and files. Salt: modules/hashutil.py, utils/hashutils.py.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};

use crate::crypt::HashType;
use crate::crypt::digest::hex;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::value::{Value, repr};

const TEXT: &[Param] = &[req("instr")];

pub(super) static MODULE: Module = Module {
    file: "hashutil",
    provides: "hashutil",
    available: always,
    functions: &[
        Function::new("base64_b64decode", TEXT, "What base64 stands for.", |_, args| decoded(args)).cheap(),
        Function::new("base64_b64encode", TEXT, "Base64 on one line.", |_, args| {
            Ok(STANDARD.encode(octets(args, "instr")?).into())
        })
        .cheap(),
        Function::new(
            "base64_decodefile",
            &[req("instr"), req("outfile")],
            "Puts what base64 stands for into a file.",
            |_, args| {
                let (content, path) = (unpacked(&octets(args, "instr")?)?, args.str("outfile")?);
                fs::write(&path, content).map_err(|error| Fault::os(&error, &path))?;
                Ok(true.into())
            },
        ),
        Function::new("base64_decodestring", TEXT, "What base64 with line ends stands for.", |_, args| {
            decoded(args)
        })
        .cheap(),
        Function::new(
            "base64_encodefile",
            &[req("fname")],
            "A file as base64, in lines of 76 characters.",
            |_, args| {
                let path = args.str("fname")?;
                let content = fs::read(&path).map_err(|error| Fault::os(&error, &path))?;
                Ok(in_lines(&content).into())
            },
        ),
        Function::new("base64_encodestring", TEXT, "Base64 in lines of 76 characters.", |_, args| {
            Ok(in_lines(&octets(args, "instr")?).into())
        })
        .cheap(),
        Function::new(
            "digest",
            &[req("instr"), opt("checksum", Default::Str("md5"))],
            "The digest of a text: `md5`, `sha256` or `sha512`.",
            |_, args| Ok(digest(&octets(args, "instr")?, args)?.into()),
        )
        .cheap(),
        Function::new(
            "digest_file",
            &[req("infile"), opt("checksum", Default::Str("md5"))],
            "The digest of a file.",
            |_, args| {
                let path = args.str("infile")?;
                let missing = |_| Fault::execution(format!("File path '{path}' not found."));
                Ok(digest(&fs::read(&path).map_err(missing)?, args)?.into())
            },
        ),
        Function::new(
            "github_signature",
            &[req("string"), req("shared_secret"), req("challenge_hmac")],
            "Whether `sha1=…` (or another digest) is the HMAC of a text, as web hooks sign.",
            github_signature,
        )
        .cheap(),
        Function::new(
            "hmac_compute",
            &[req("string"), req("shared_secret")],
            "The HMAC-SHA256 of a text, in hex.",
            |_, args| Ok(hex(&hmac_sha256(args)?).into()),
        )
        .cheap(),
        Function::new(
            "hmac_signature",
            &[req("string"), req("shared_secret"), req("challenge_hmac")],
            "Whether a base64 text is the HMAC-SHA256 of a text.",
            |_, args| Ok((STANDARD.encode(hmac_sha256(args)?) == args.str("challenge_hmac")?).into()),
        )
        .cheap(),
        Function::new("md5_digest", TEXT, "The MD5 of a text.", |_, args| {
            Ok(HashType::Md5.hex(octets(args, "instr")?).into())
        })
        .cheap(),
        Function::new("sha256_digest", TEXT, "The SHA-256 of a text.", |_, args| {
            Ok(HashType::Sha256.hex(octets(args, "instr")?).into())
        })
        .cheap(),
        Function::new("sha512_digest", TEXT, "The SHA-512 of a text.", |_, args| {
            Ok(HashType::Sha512.hex(octets(args, "instr")?).into())
        })
        .cheap(),
    ],
};

/// Salt: `to_bytes`.
fn octets(args: &Args, name: &str) -> Result<Vec<u8>, Fault> {
    let value = args.get(name);
    let wrong = || format!("expected str, bytes, or bytearray not <class '{}'>", value.type_name());
    value.as_octets().map(<[u8]>::to_vec).ok_or_else(|| Fault::Type(wrong()))
}

fn digest(octets: &[u8], args: &Args) -> Result<String, Fault> {
    match args.get("checksum").as_str() {
        Some("md5") => Ok(HashType::Md5.hex(octets)),
        Some("sha256") => Ok(HashType::Sha256.hex(octets)),
        Some("sha512") => Ok(HashType::Sha512.hex(octets)),
        _ => {
            let name = crate::value::str_of(args.get("checksum"));
            Err(Fault::execution(format!("Hash func '{name}' is not supported.")))
        }
    }
}

/// Python ignores what is not of the alphabet, and stops at the padding.
fn unpacked(octets: &[u8]) -> Result<Vec<u8>, Fault> {
    let kept: Vec<u8> = octets
        .iter()
        .copied()
        .filter(|octet| octet.is_ascii_alphanumeric() || b"+/=".contains(octet))
        .collect();
    let letters = kept.iter().position(|octet| *octet == b'=').unwrap_or(kept.len());
    let wrong = |text: String| Fault::exception("binascii.Error", text);
    if letters % 4 == 1 {
        let text = format!(
            "Invalid base64-encoded string: number of data characters ({letters}) cannot be 1 more than a multiple of 4"
        );
        return Err(wrong(text));
    }
    let padding = (4 - letters % 4) % 4;
    if kept.len() < letters + padding {
        return Err(wrong("Incorrect padding".to_owned()));
    }
    let lenient = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    );
    lenient.decode(kept.get(..letters).unwrap_or_default()).map_err(|error| wrong(error.to_string()))
}

fn decoded(args: &Args) -> Result<Value, Fault> {
    let octets = unpacked(&octets(args, "instr")?)?;
    Ok(match String::from_utf8(octets) {
        Ok(text) => text.into(),
        Err(error) => Value::Bytes(error.into_bytes().into()),
    })
}

fn in_lines(octets: &[u8]) -> String {
    const OCTETS_PER_LINE: usize = 57;
    octets.chunks(OCTETS_PER_LINE).map(|line| STANDARD.encode(line) + "\n").collect()
}

fn keyed<M: Mac + KeyInit>(args: &Args) -> Result<Vec<u8>, Fault> {
    let (key, message) = (octets(args, "shared_secret")?, octets(args, "string")?);
    let mut mac =
        <M as KeyInit>::new_from_slice(&key).map_err(|error| Fault::execution(error.to_string()))?;
    mac.update(&message);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hmac_sha256(args: &Args) -> Result<Vec<u8>, Fault> {
    keyed::<Hmac<sha2::Sha256>>(args)
}

fn github_signature(_: &Context, args: &Args) -> Result<Value, Fault> {
    let given = args.str("challenge_hmac")?;
    let parts: Vec<&str> = given.split('=').collect();
    let [form, challenge] = parts.as_slice() else {
        let text = match parts.len() {
            1 => "not enough values to unpack (expected 2, got 1)",
            _ => "too many values to unpack (expected 2)",
        };
        return Err(Fault::exception("ValueError", text));
    };
    let mac = match *form {
        "md5" => keyed::<Hmac<md5::Md5>>(args)?,
        "sha1" => keyed::<Hmac<sha1::Sha1>>(args)?,
        "sha224" => keyed::<Hmac<sha2::Sha224>>(args)?,
        "sha256" => keyed::<Hmac<sha2::Sha256>>(args)?,
        "sha384" => keyed::<Hmac<sha2::Sha384>>(args)?,
        "sha512" => keyed::<Hmac<sha2::Sha512>>(args)?,
        other => {
            let text = format!("module 'hashlib' has no attribute {}", repr(&other.into()));
            return Err(Fault::exception("AttributeError", text));
        }
    };
    Ok((hex(&mac) == *challenge).into())
}
