//! `gpg.verify`: signatures and who made them. Salt: modules/gpg.py; GnuPG: doc/DETAILS.

use super::run::{Gpg, status};
use crate::loader::{Args, Context, Fault, Ran};
use crate::map;
use crate::value::{Value, str_of};

/// What `gpg` says of one signature.
#[derive(Debug, Default, PartialEq)]
struct Signature {
    key_id: String,
    username: Option<String>,
    /// Of the primary key.
    fingerprint: Option<String>,
    /// `None`: it is not valid.
    trust: Option<&'static str>,
    status: &'static str,
}

impl Signature {
    fn value(&self) -> Value {
        map! {
            "username" => self.username.clone(),
            "key_id" => self.key_id.as_str(),
            "fingerprint" => self.fingerprint.clone(),
            "trust_level" => self.trust,
            "status" => self.status,
        }
        .into()
    }
}

/// Pure.
fn signatures(ran: &Ran) -> Vec<Signature> {
    let mut found: Vec<Signature> = Vec::new();
    for (word, words) in status(ran) {
        let begun = match word {
            "GOODSIG" => Some("signature good"),
            "BADSIG" => Some("signature bad"),
            "EXPSIG" => Some("signature expired"),
            "EXPKEYSIG" => Some("signing key has expired"),
            "REVKEYSIG" => Some("signing key was revoked"),
            "ERRSIG" => Some("signature error"),
            _ => None,
        };
        if let Some(status) = begun {
            let username = (word != "ERRSIG").then(|| words.get(1..).unwrap_or_default().join(" "));
            let key_id = words.first().copied().unwrap_or_default().to_owned();
            found.push(Signature { key_id, username, status, ..Signature::default() });
            continue;
        }
        let Some(last) = found.last_mut() else { continue };
        match word {
            "NO_PUBKEY" => last.status = "no public key",
            "VALIDSIG" => {
                last.status = "signature valid";
                last.fingerprint = words.get(9).or_else(|| words.first()).map(|word| (*word).to_owned());
            }
            "TRUST_UNDEFINED" => last.trust = Some("Undefined"),
            "TRUST_NEVER" => last.trust = Some("Never"),
            "TRUST_MARGINAL" => last.trust = Some("Marginal"),
            "TRUST_FULLY" => last.trust = Some("Fully"),
            "TRUST_ULTIMATE" => last.trust = Some("Ultimate"),
            _ => {}
        }
    }
    found
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::List(names) => names.iter().map(str_of).collect(),
        value if value.truthy() => vec![str_of(value)],
        _ => Vec::new(),
    }
}

/// Whether the keys that are asked for made a valid signature, and the sentence about it. Pure.
fn judged(found: &[Signature], any: &[String], all: &[String]) -> (bool, String) {
    let signed = |signer: &String| {
        found.iter().any(|one| one.trust.is_some() && one.fingerprint.as_ref() == Some(signer))
    };
    if !any.is_empty() && !any.iter().any(signed) {
        return (
            false,
            "None of the public keys listed in signed_by_any provided a valid signature".to_owned(),
        );
    }
    if let Some(missing) = all.iter().find(|signer| !signed(signer)) {
        let text = format!(
            "Public key {missing} has not provided a valid signature, but was listed in signed_by_all"
        );
        return (false, text);
    }
    (true, "All required keys have provided a signature".to_owned())
}

pub(super) fn verify(cx: &Context, args: &Args) -> Result<Value, Fault> {
    const MODELS: [&str; 7] = ["pgp", "classic", "tofu", "tofu+pgp", "direct", "always", "auto"];
    let mut words = Vec::new();
    if let Some(model) = args.opt_str("trustmodel")?.filter(|model| !model.is_empty()) {
        if !MODELS.contains(&model.as_str()) {
            let text = format!("Invalid trustmodel defined: {model}. Use one of: {}", MODELS.join(", "));
            return Ok(map! { "res" => false, "message" => text }.into());
        }
        words.extend(["--trust-model".to_owned(), model]);
    }
    let (any, all) = (names(args.get("signed_by_any")), names(args.get("signed_by_all")));
    let gpg = Gpg::of(cx, args)?;
    if !any.is_empty() || !all.is_empty() {
        // In batch mode it stops at the first signature that is not right.
        words.push("--no-batch".to_owned());
    }
    words.push("--verify".to_owned());
    let mut input = None;
    if args.truthy("text") {
        input = Some(args.str("text")?);
    } else if args.truthy("filename") {
        words.extend(args.opt_str("signature")?.filter(|path| !path.is_empty()));
        words.push(args.str("filename")?);
    } else {
        return Err(Fault::invocation("filename or text must be passed."));
    }
    let ran = gpg.run(&words, None, input)?;
    let found = signatures(&ran);
    if any.is_empty() && all.is_empty() {
        let valid = found.iter().rfind(|one| one.trust.is_some());
        return Ok(match valid {
            Some(one) => map! {
                "res" => true,
                "username" => one.username.clone(),
                "key_id" => one.key_id.as_str(),
                "trust_level" => one.trust,
                "message" => "The signature is verified.",
            },
            None => map! { "res" => false, "message" => "The signature could not be verified." },
        }
        .into());
    }
    let (res, message) = judged(&found, &any, &all);
    let signatures = Value::list(found.iter().map(Signature::value));
    Ok(map! { "res" => res, "message" => message, "signatures" => signatures }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signature_is_judged_by_itself() {
        let stderr = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG AAAA Me <a@b>\n\
                      [GNUPG:] VALIDSIG SUB 2022-01-01 1 0 4 0 1 10 01 MAIN\n[GNUPG:] TRUST_ULTIMATE 0 pgp\n\
                      [GNUPG:] NEWSIG\n[GNUPG:] ERRSIG BBBB 1 10 01 1 9 -\n[GNUPG:] NO_PUBKEY BBBB\n";
        let ran = Ran { retcode: 2, stdout: String::new(), stderr: stderr.to_owned() };
        let found = signatures(&ran);
        assert_eq!(found.len(), 2);
        let signer = |name: &str| vec![name.to_owned()];
        assert!(judged(&found, &signer("MAIN"), &[]).0);
        assert!(!judged(&found, &[], &["MAIN".to_owned(), "BBBB".to_owned()]).0);
        assert!(!judged(&found, &signer("BBBB"), &[]).0);
    }
}
