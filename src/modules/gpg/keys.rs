//! Keys of `gpg`. Salt: modules/gpg.py; GnuPG: doc/DETAILS, "Format of the colon listings".

use super::run::{Gpg, status};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Names of trust: the word that callers use, gpg's number, and what is shown.
const LEVELS: [(&str, u8, &str); 6] = [
    ("expired", 1, "Expired"),
    ("unknown", 2, "Unknown"),
    ("not_trusted", 3, "Not Trusted"),
    ("marginally", 4, "Marginally"),
    ("fully", 5, "Fully Trusted"),
    ("ultimately", 6, "Ultimately Trusted"),
];

fn letter(letter: &str) -> &'static str {
    match letter {
        "e" => "Expired",
        "n" => "Not Trusted",
        "f" => "Fully Trusted",
        "m" => "Marginally Trusted",
        "u" => "Ultimately Trusted",
        "r" => "Revoked",
        _ => "Unknown",
    }
}

fn day(seconds: &str) -> Option<String> {
    let moment = jiff::Timestamp::from_second(seconds.parse().ok()?).ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d").to_string())
}

/// Keys of a listing with colons. Pure.
fn parse(text: &str) -> Vec<Map> {
    let mut keys: Vec<Map> = Vec::new();
    let mut is_primary = false;
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        match field(0) {
            "pub" | "sec" => {
                let mut key =
                    map! { "keyid" => field(4), "fingerprint" => "", "uids" => Value::List(Vec::new()) };
                key.extend(day(field(6)).map(|day| ("expires", day)));
                key.extend(day(field(5)).map(|day| ("created", day)));
                for (name, value) in [("keyLength", field(2)), ("ownerTrust", field(8)), ("trust", field(1))]
                {
                    if !value.is_empty() {
                        key.insert(name, if name == "keyLength" { value } else { letter(value) });
                    }
                }
                keys.push(key);
                is_primary = true;
            }
            "sub" | "ssb" => is_primary = false,
            "fpr" if is_primary => {
                if let Some(key) = keys.last_mut() {
                    key.insert("fingerprint", field(9));
                }
                is_primary = false;
            }
            "uid" => {
                if let Some(Value::List(uids)) = keys.last_mut().and_then(|key| key.get_mut("uids")) {
                    uids.push(field(9).replace("\\x3a", ":").into());
                }
            }
            _ => {}
        }
    }
    keys
}

pub(super) fn list(gpg: &Gpg, secret: bool) -> Result<Vec<Map>, Fault> {
    let verb = if secret { "--list-secret-keys" } else { "--list-keys" };
    let words = ["--fixed-list-mode", "--with-colons", "--fingerprint", verb].map(str::to_owned);
    Ok(parse(&gpg.run(&words, None, None)?.stdout))
}

fn find(
    gpg: &Gpg,
    secret: bool,
    keyid: Option<&str>,
    fingerprint: Option<&str>,
) -> Result<Option<Map>, Fault> {
    let is_it = |key: &Map| {
        let id = key.str("keyid").unwrap_or_default();
        (fingerprint.is_some() && key.str("fingerprint") == fingerprint)
            || keyid.is_some_and(|wanted| wanted == id || id.get(8..) == Some(wanted))
    };
    Ok(list(gpg, secret)?.into_iter().rfind(is_it))
}

fn asked(args: &Args) -> Result<(Option<String>, Option<String>), Fault> {
    let given = |name: &str| Ok::<_, Fault>(args.opt_str(name)?.filter(|text| !text.is_empty()));
    Ok((given("keyid")?, given("fingerprint")?))
}

pub(super) fn get(cx: &Context, args: &Args, secret: bool) -> Result<Value, Fault> {
    let (keyid, fingerprint) = asked(args)?;
    let found = find(&Gpg::of(cx, args)?, secret, keyid.as_deref(), fingerprint.as_deref())?;
    Ok(found.map_or(false.into(), Value::Map))
}

fn told(res: bool, message: impl Into<String>) -> Value {
    map! { "res" => res, "message" => message.into() }.into()
}

pub(super) fn create(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let gpg = Gpg::of(cx, args)?;
    let none = map! { "res" => false, "fingerprint" => "" };
    let passphrase = match gpg.passphrase() {
        Ok(passphrase) => passphrase,
        Err(Fault::Invocation(text)) => {
            let mut ret = none;
            ret.insert("message", text);
            return Ok(ret.into());
        }
        Err(fault) => return Err(fault),
    };
    let mut input = format!("Key-Type: {}\n", args.str("key_type")?);
    for (name, label) in [
        ("key_length", "Key-Length"),
        ("subkey_type", "Subkey-Type"),
        ("subkey_length", "Subkey-Length"),
        ("name_real", "Name-Real"),
        ("name_comment", "Name-Comment"),
        ("name_email", "Name-Email"),
        ("expire_date", "Expire-Date"),
    ] {
        if args.truthy(name) {
            input += &format!("{label}: {}\n", args.str(name)?.replace('\n', " "));
        }
    }
    if !args.truthy("name_email") {
        let user = ["LOGNAME", "USERNAME"].into_iter().find_map(|name| cx.host.env(name));
        let user = user.unwrap_or_else(|| "unspecified".to_owned());
        input += &format!("Name-Email: {user}@{}\n", cx.grain("nodename"));
    }
    match passphrase {
        Some(passphrase) => input += &format!("Passphrase: {passphrase}\n"),
        None => input += "%no-protection\n",
    }
    input += "%commit\n";
    let ran = gpg.run(&["--gen-key".to_owned()], None, Some(input))?;
    let lines = status(&ran);
    let print = lines.iter().find(|(word, _)| *word == "KEY_CREATED").and_then(|(_, words)| words.get(1));
    let (res, message) = match print {
        Some(_) => (true, "GPG key pair successfully generated."),
        None => (false, "Unable to generate GPG key pair."),
    };
    let print = print.copied().unwrap_or_default();
    Ok(map! { "res" => res, "fingerprint" => print, "message" => message }.into())
}

pub(super) fn delete(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (keyid, fingerprint) = asked(args)?;
    match (&keyid, &fingerprint) {
        (Some(_), Some(_)) => return Ok(told(false, "Only specify one argument, fingerprint or keyid")),
        (None, None) => return Ok(told(false, "Required argument, fingerprint or keyid")),
        _ => {}
    }
    let gpg = Gpg::of(cx, args)?;
    let Some(key) = find(&gpg, false, keyid.as_deref(), fingerprint.as_deref())? else {
        return Ok(told(false, "Key not available in keychain."));
    };
    let print = key.str("fingerprint").unwrap_or_default().to_owned();
    let mut message = String::new();
    let remove = |verb: &str, passphrase: Option<&str>| {
        let words = ["--yes".to_owned(), verb.to_owned(), print.clone()];
        let ran = gpg.run(&words, passphrase, None)?;
        let why =
            ran.stderr.lines().rfind(|line| line.starts_with("gpg:")).unwrap_or("unknown error").to_owned();
        Ok::<_, Fault>((ran.ok(), why))
    };
    if find(&gpg, true, keyid.as_deref(), Some(&print))?.is_some() {
        if !args.truthy("delete_secret") {
            return Ok(told(false, "Secret key exists, delete first or pass delete_secret=True."));
        }
        let gone = match gpg.passphrase() {
            Ok(passphrase) => remove("--delete-secret-keys", passphrase.as_deref())?,
            Err(Fault::Invocation(text)) => (false, text),
            Err(fault) => return Err(fault),
        };
        match gone {
            (true, _) => message = format!("Secret key for {print} deleted\n"),
            (false, why) => {
                return Ok(told(false, format!("Failed to delete secret key for {print}: {why}")));
            }
        }
    }
    Ok(match remove("--delete-keys", None)? {
        (true, _) => told(true, message + &format!("Public key for {print} deleted")),
        (false, why) => told(false, message + &format!("Failed to delete public key for {print}: {why}")),
    })
}

pub(super) fn import(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let gpg = Gpg::of(cx, args)?;
    let text = gpg.input(args)?;
    let ran = gpg.run(&["--import".to_owned()], None, Some(text))?;
    // count, without user id, imported, imported RSA, unchanged …
    let lines = status(&ran);
    let result = lines.iter().find(|(word, _)| *word == "IMPORT_RES");
    let number = |at: usize| {
        let word = result.and_then(|(_, words)| words.get(at));
        word.and_then(|word| word.parse::<u64>().ok()).unwrap_or(0)
    };
    Ok(if number(2) > 0 || number(3) > 0 {
        told(true, "Successfully imported key(s).")
    } else if number(4) > 0 {
        told(true, "Key(s) already exist in keychain.")
    } else {
        told(false, "Unable to import key.")
    })
}

pub(super) fn receive(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let gpg = Gpg::of(cx, args)?;
    let server = args.opt_str("keyserver")?.unwrap_or_else(|| "keys.openpgp.org".to_owned());
    let (mut res, mut messages) = (true, Vec::new());
    for key in args.list("keys")?.iter().map(str_of) {
        let words = ["--keyserver".to_owned(), server.clone(), "--recv-keys".to_owned(), key];
        let ran = gpg.run(&words, None, None)?;
        let mut found = false;
        for (word, rest) in status(&ran) {
            if let ("IMPORT_OK", [flags, print, ..]) = (word, rest.as_slice()) {
                found = true;
                let text = if *flags == "0" { "already exists in keychain" } else { "added to keychain" };
                messages.push(format!("Key {print} {text}"));
            }
        }
        if !found {
            res = false;
            messages.push(
                ran.stderr.lines().rfind(|line| line.starts_with("gpg:")).unwrap_or("No data").to_owned(),
            );
        }
    }
    Ok(map! { "res" => res, "message" => Value::list(messages) }.into())
}

pub(super) fn trust(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (keyid, fingerprint) = asked(args)?;
    if keyid.is_some() == fingerprint.is_some() {
        return Err(Fault::invocation("Exactly one of keyid or fingerprint is required"));
    }
    let level = args.opt_str("trust_level")?.unwrap_or_default();
    let Some((_, number, shown)) = LEVELS.iter().find(|(name, ..)| *name == level) else {
        let names: Vec<&str> = LEVELS.iter().map(|(name, ..)| *name).collect();
        return Err(Fault::invocation(format!("ERROR: Valid trust levels - {}", names.join(","))));
    };
    let gpg = Gpg::of(cx, args)?;
    let Some(key) = find(&gpg, false, keyid.as_deref(), fingerprint.as_deref())? else {
        let name = keyid.or(fingerprint).unwrap_or_default();
        return Ok(told(false, format!("Key {name} not in GPG keychain")));
    };
    let print = key.str("fingerprint").unwrap_or_default();
    let ran = gpg.run(&["--import-ownertrust".to_owned()], None, Some(format!("{print}:{number}:\n")))?;
    if !ran.ok() {
        return Ok(told(false, ran.stderr));
    }
    let message = format!("Setting ownership trust to {shown}.");
    Ok(map! { "res" => true, "message" => message, "fingerprint" => print }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_keys_with_their_names() {
        let text = "tru::1:1:0:3:1:5\npub:u:1024:1:AAAABBBBCCCCDDDD:1600000000:1700000000::u:::scESC::::::23::0:\n\
                    fpr:::::::::0123456789AAAABBBBCCCCDDDD:\nuid:u::::1600000000::X::A \\x3a B <a@b>::::::::::0:\n\
                    sub:u:1024:1:EEEE:1600000000::::::e::::::23:\nfpr:::::::::FFFF:\n";
        let keys = parse(text);
        let key = keys.first().expect("a key");
        assert_eq!(keys.len(), 1);
        assert_eq!(key.str("fingerprint"), Some("0123456789AAAABBBBCCCCDDDD"));
        assert_eq!(key.str("trust"), Some("Ultimately Trusted"));
        assert_eq!(key.get("uids"), Some(&Value::list(["A : B <a@b>"])));
    }
}
