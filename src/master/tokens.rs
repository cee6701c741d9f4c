//! Tokens of external users: a file each in `token_dir`, as Python's tools read and remove them. Salt:
//! tokens/localfs.py, auth/__init__.py (`mk_token`, `get_tok`). Every method blocks on the disk.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::crypt::{HashType, random};
use crate::host::{FileOwner, write_atomic};
use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::{Map, Value};

/// Tokens at once: a user who may log in cannot fill the disk with files.
const MAX_TOKENS: usize = 100_000;

/// A token as Salt's are: hex of md5 (32 characters) to sha512 (128). Nothing else is looked for on disk.
fn is_token(text: &str) -> bool {
    (32..=128).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_hexdigit())
}

/// The tokens of a master.
#[derive(Clone, Debug)]
pub struct Tokens {
    dir: PathBuf,
    hash_type: HashType,
}

/// Who a token is for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewToken<'a> {
    pub name: &'a str,
    pub eauth: &'a str,
    pub life: Duration,
    pub groups: Vec<String>,
    /// The rules that it carries itself (`keep_acl_in_token`).
    pub auth_list: Option<Vec<Value>>,
}

impl Tokens {
    /// Those in `dir`.
    pub fn new(dir: PathBuf, hash_type: HashType) -> Self {
        Tokens { dir, hash_type }
    }

    /// Makes a token: `{start, expire, name, eauth, groups?, token, auth_list?}`, times in Unix seconds.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn make(&self, wanted: NewToken<'_>, now: SystemTime) -> io::Result<Map> {
        // The names of the files are the tokens: nobody else may list them.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        if self.names().take(MAX_TOKENS).count() >= MAX_TOKENS {
            return Err(io::Error::other(format!("there are {MAX_TOKENS} tokens already")));
        }
        let start = seconds(now);
        let token = self.hash_type.hex(random::bytes::<64>());
        let mut data = map! {
            "start" => start,
            "expire" => start + wanted.life.as_secs_f64(),
            "name" => wanted.name,
            "eauth" => wanted.eauth,
        };
        if !wanted.groups.is_empty() {
            data.insert("groups", Value::list(wanted.groups));
        }
        if let Some(auth_list) = wanted.auth_list {
            data.insert("auth_list", auth_list);
        }
        data.insert("token", token.as_str());
        let octets = encode_map(&data, Dialect::Bin);
        write_atomic(&self.dir.join(&token), &octets, 0o600, FileOwner::default())?;
        Ok(data)
    }

    /// The data of a token that is known and has not expired. One that has, or whose file is damaged, is removed.
    pub fn get(&self, token: &str, now: SystemTime) -> Option<Map> {
        if !is_token(token) {
            return None;
        }
        let path = self.dir.join(token);
        let octets = fs::read(&path).ok()?;
        let valid = match decode(&octets, Reading::Typed) {
            Ok(Value::Map(data)) if expires(&data) > seconds(now) => Some(data),
            _ => None,
        };
        if valid.is_none() {
            self.revoke(token);
        }
        valid
    }

    /// Removes a token. Whether there was one.
    pub fn revoke(&self, token: &str) -> bool {
        is_token(token) && fs::remove_file(self.dir.join(token)).is_ok()
    }

    /// Removes the tokens that have expired.
    pub fn clean(&self, now: SystemTime) {
        for name in self.names() {
            let _ = self.get(&name, now);
        }
    }

    fn names(&self) -> impl Iterator<Item = String> + use<> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_token(name))
    }

    /// Where they lie.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// 0 for a token without that: it has expired.
fn expires(data: &Map) -> f64 {
    data.get("expire").and_then(Value::as_float).unwrap_or(0.0)
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(name: &str) -> Tokens {
        let dir = std::env::temp_dir().join(format!("halite-tokens-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        Tokens::new(dir, HashType::Sha256)
    }

    fn wanted(life: u64) -> NewToken<'static> {
        NewToken {
            name: "fred",
            eauth: "file",
            life: Duration::from_secs(life),
            groups: Vec::new(),
            auth_list: None,
        }
    }

    /// A7, A9.
    #[test]
    fn a07_a_token_is_good_until_its_second_and_never_again() {
        let tokens = tokens("life");
        let now = SystemTime::now();
        let made = tokens.make(wanted(60), now).expect("made");
        let token = made.str("token").expect("a token").to_owned();
        let at = |seconds| tokens.get(&token, now + Duration::from_secs(seconds));
        assert_eq!(at(59).expect("valid").str("name"), Some("fred"));
        assert!(at(60).is_none(), "expired");
        assert!(at(0).is_none(), "an expired token is gone, whatever the clock says then");
        fs::remove_dir_all(tokens.dir()).expect("removed");
    }

    /// A9: what is kept is a point in time; a clock that is set forth and back shortens no token but those it passed.
    #[test]
    fn a09_a_token_lives_as_long_as_was_said_whatever_the_master_does_meanwhile() {
        let tokens = tokens("absolute");
        let now = SystemTime::now();
        let made = tokens.make(wanted(43_200), now).expect("made");
        let token = made.str("token").expect("a token").to_owned();
        let later = |seconds| now + Duration::from_secs(seconds);
        let left = expires(&made) - seconds(now);
        assert!((left - 43_200.0).abs() < 1.0, "{left}");
        // Loops of the maintenance, and an hour forth and back.
        for at in [0, 60, 3_600, 0, 40_000, 43_199] {
            tokens.clean(later(at));
            assert!(tokens.get(&token, later(at)).is_some(), "{at}");
        }
        assert!(tokens.get(&token, now - Duration::from_secs(3_600)).is_some());
        tokens.clean(later(43_200));
        assert!(tokens.get(&token, now).is_none());
        fs::remove_dir_all(tokens.dir()).expect("removed");
    }

    /// A8.
    #[test]
    fn a08_a_revoked_token_is_worth_nothing() {
        let tokens = tokens("revoke");
        let made = tokens.make(wanted(60), SystemTime::now()).expect("made");
        let token = made.str("token").expect("a token");
        assert!(tokens.revoke(token) && !tokens.revoke(token));
        assert!(tokens.get(token, SystemTime::now()).is_none());
        fs::remove_dir_all(tokens.dir()).expect("removed");
    }

    /// E1.
    #[test]
    fn e01_what_is_no_token_is_not_looked_for_on_disk() {
        let tokens = tokens("paths");
        fs::create_dir_all(tokens.dir()).expect("made");
        let octets = encode_map(&map! { "expire" => 1e18, "name" => "x", "eauth" => "file" }, Dialect::Bin);
        fs::write(tokens.dir().join("z".repeat(64)), &octets).expect("written");
        let outside = tokens.dir().with_extension("outside");
        fs::write(&outside, &octets).expect("written");
        let beside = format!("../{}", outside.file_name().and_then(|name| name.to_str()).expect("a name"));
        for token in ["", ".", "..", "/etc/passwd", "../../etc/passwd", &beside, &"z".repeat(64)] {
            assert!(tokens.get(token, SystemTime::now()).is_none(), "{token}");
            assert!(!tokens.revoke(token), "{token}");
        }
        assert!(outside.exists());
        fs::remove_file(outside).expect("removed");
        fs::remove_dir_all(tokens.dir()).expect("removed");
    }

    #[test]
    fn a_damaged_token_is_removed() {
        let tokens = tokens("damaged");
        fs::create_dir_all(tokens.dir()).expect("made");
        let name = "a".repeat(64);
        fs::write(tokens.dir().join(&name), b"\xc1").expect("written");
        tokens.clean(SystemTime::now());
        assert!(!tokens.dir().join(&name).exists());
        fs::remove_dir_all(tokens.dir()).expect("removed");
    }
}
