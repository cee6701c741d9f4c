//! Lines with public keys of OpenSSH, as `sshd(8)`, "AUTHORIZED_KEYS FILE FORMAT", has them. Salt: modules/ssh.py.

use std::io::ErrorKind;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::crypt::HashType;
use crate::loader::{Args, Context, Fault};
use crate::value::Value;

/// Salt: utils/ssh.py.
pub(super) fn key_is_encrypted(_: &Context, args: &Args) -> Result<Value, Fault> {
    let path = args.str("key")?;
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Fault::execution(match error.kind() {
            ErrorKind::NotFound => format!("{path} does not exist"),
            ErrorKind::PermissionDenied => format!("Permission denied reading from {path}"),
            _ => format!("Error reading from {path}: {error}"),
        })
    })?;
    let named =
        |rest: &str| rest.split_once("PRIVATE KEY").is_some_and(|(kind, _)| !kind.contains(['-', '\n']));
    if !text.split("BEGIN ").skip(1).any(named) {
        return Err(Fault::execution(format!("{path} is not a private key")));
    }
    Ok(text.contains("ENCRYPTED").into())
}

/// One key of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub options: Vec<String>,
    pub enc: String,
    pub key: String,
    pub comment: String,
}

impl Key {
    /// The line, with its end.
    pub(super) fn line(&self) -> String {
        let mut line = self.options.join(",");
        if !line.is_empty() {
            line.push(' ');
        }
        line + &format!("{} {} {}\n", self.enc, self.key, self.comment)
    }

    /// The key of a line; `None` for comments and what is no key.
    pub(super) fn of(line: &str) -> Option<Key> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let at = kind_at(line)?;
        let (options, rest) = line.split_at_checked(at)?;
        let mut words = rest.split_whitespace();
        let (enc, key) = (words.next()?.to_owned(), words.next()?.to_owned());
        let comment = words.collect::<Vec<_>>().join(" ");
        let options = options.strip_suffix(char::is_whitespace).unwrap_or(options);
        let options =
            if options.is_empty() { Vec::new() } else { options.split(',').map(str::to_owned).collect() };
        Some(Key { options, enc, key, comment })
    }
}

/// Where the kind of key begins, e.g. `ssh-rsa`.
fn kind_at(line: &str) -> Option<usize> {
    let is_kind = |rest: &str| {
        let word = rest.strip_prefix("sk-").unwrap_or(rest);
        let tail = word.strip_prefix("ssh-").or_else(|| word.strip_prefix("ecds"))?;
        let after = tail.trim_start_matches(|char: char| char.is_alphanumeric() || "_@.-".contains(char));
        (after.len() < tail.len() && after.starts_with(char::is_whitespace) && !after.trim().is_empty())
            .then_some(())
    };
    line.char_indices().map(|(at, _)| at).find(|at| line.get(*at..).and_then(is_kind).is_some())
}

/// The kind by any of its names.
///
/// # Errors
/// When there is no such kind.
pub(super) fn kind(enc: &str) -> Result<String, Fault> {
    const OTHERS: &[&str] = &[
        "ecdsa-sha2-nistp521",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp256",
        "rsa-sha2-512",
        "rsa-sha2-256",
        "rsa-sha2-512-cert-v01@openssh.com",
        "rsa-sha2-256-cert-v01@openssh.com",
        "ssh-rsa-cert-v01@openssh.com",
        "ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "ecdsa-sha2-nistp384-cert-v01@openssh.com",
        "ecdsa-sha2-nistp521-cert-v01@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "ssh-ed25519-cert-v01@openssh.com",
        "sk-ssh-ed25519@openssh.com",
        "sk-ssh-ed25519-cert-v01@openssh.com",
    ];
    Ok(match enc {
        "r" | "rsa" | "ssh-rsa" => "ssh-rsa",
        "d" | "dsa" | "dss" | "ssh-dss" => "ssh-dss",
        "e" | "ecdsa" => "ecdsa-sha2-nistp256",
        "ed25519" | "ssh-ed25519" => "ssh-ed25519",
        other if OTHERS.contains(&other) => other,
        other => return Err(Fault::execution(format!("Incorrect encryption key type '{other}'."))),
    }
    .to_owned())
}

/// The digest of a public key, with colons; `None` for what is no base64.
///
/// # Errors
/// When the digest is none that we know.
pub(super) fn fingerprint(key: &str, hash_type: Option<&str>) -> Result<Option<String>, Fault> {
    let name = hash_type.filter(|name| !name.is_empty()).unwrap_or("sha256").to_lowercase();
    let hash: HashType = name
        .parse()
        .map_err(|_| Fault::execution(format!("The fingerprint_hash_type {name} is not supported.")))?;
    let Ok(octets) = STANDARD.decode(key) else { return Ok(None) };
    let digits = hash.hex(octets);
    let pairs: Vec<&str> = (0..digits.len()).step_by(2).filter_map(|at| digits.get(at..at + 2)).collect();
    Ok(Some(pairs.join(":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_options_kind_key_and_comment() {
        let line = "from=\"1.2.3.4\",no-pty ssh-ed25519 AAAA me@here today";
        let key = Key::of(line).expect("a key");
        assert_eq!(key.options, ["from=\"1.2.3.4\"", "no-pty"]);
        assert_eq!(
            (key.enc.as_str(), key.key.as_str(), key.comment.as_str()),
            ("ssh-ed25519", "AAAA", "me@here today")
        );
        assert_eq!(key.line(), format!("{line}\n"));
        assert_eq!(
            Key::of("sk-ssh-ed25519@openssh.com AAAA").expect("a key").line(),
            "sk-ssh-ed25519@openssh.com AAAA \n"
        );
        for other in ["", "# ssh-rsa AAAA", "AAAA", "ssh-rsa "] {
            assert_eq!(Key::of(other), None, "{other}");
        }
    }

    #[test]
    fn kinds_have_short_names_and_keys_have_fingerprints() {
        assert_eq!(kind("ecdsa").expect("known"), "ecdsa-sha2-nistp256");
        assert!(kind("x").is_err());
        let md5 = fingerprint("AAAA", Some("md5")).expect("known");
        assert_eq!(md5.as_deref(), Some("69:3e:9a:f8:4d:3d:fc:c7:1e:64:0e:00:5b:dc:5e:2e"));
        assert_eq!(fingerprint("A", None).expect("known"), None);
        assert!(fingerprint("AAAA", Some("crc")).is_err());
    }
}
