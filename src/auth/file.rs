//! `file`: users and passwords in a text file. Salt: auth/file.py.
//!
//! ```yaml
//! external_auth:
//!   file:
//!     ^filename: /etc/insecure-user-list.txt
//!     ^hashtype: sha256          # plaintext, md5, sha256, sha512
//!     ^field_separator: ':'
//!     ^username_field: 1
//!     ^password_field: 2
//!     fred: ['test.*']
//! ```

use std::fs::File;
use std::io::Read;

use super::{Backend, Login, same};
use crate::crypt::HashType;
use crate::value::{Map, Value, str_of};

pub(super) static BACKEND: Backend = Backend { name: "file", check, groups: super::no_groups };

/// The most of the file that is read, in octets.
const MAX_FILE: u64 = 16 << 20;

fn check(opts: &Map, login: Login<'_>) -> Result<bool, String> {
    let config = opts.get("external_auth").and_then(|auth| auth.get("file")).and_then(Value::as_map);
    let config = config.ok_or("external_auth:file is no map")?;
    let option = |name: &str| config.get(&format!("^{name}"));
    let text = |name: &str, default: &str| option(name).map_or_else(|| default.to_owned(), str_of);
    let field = |name: &str, default: i64| {
        let number = option(name)
            .map_or(Some(default), |value| value.as_int().or_else(|| str_of(value).trim().parse().ok()));
        let place = number.and_then(|number| usize::try_from(number - 1).ok());
        place.ok_or_else(|| format!("external_auth:file:^{name} is no number of a field"))
    };
    let filename = text("filename", "");
    if filename.is_empty() {
        return Err("an authentication file has to be named by external_auth:file:^filename".to_owned());
    }
    match text("filetype", "text").as_str() {
        "text" => {}
        other => return Err(format!("external_auth:file:^filetype {other} is not supported, only text")),
    }
    let hash = match text("hashtype", "plaintext").as_str() {
        "plaintext" => None,
        name @ ("md5" | "sha256" | "sha512") => name.parse::<HashType>().ok(),
        other => {
            let known = "plaintext, md5, sha256 or sha512";
            return Err(format!("external_auth:file:^hashtype {other} is not one of {known}"));
        }
    };
    let mut lines = String::new();
    let opened = File::open(&filename).and_then(|file| file.take(MAX_FILE).read_to_string(&mut lines));
    opened.map_err(|error| format!("the authentication file {filename} cannot be read: {error}"))?;
    let separator = text("field_separator", ":");
    let (users, passwords) = (field("username_field", 1)?, field("password_field", 2)?);
    find(&lines, &separator, (users, passwords), hash, login).map_err(|text| format!("{filename}: {text}"))
}

fn find(
    lines: &str,
    separator: &str,
    (users, passwords): (usize, usize),
    hash: Option<HashType>,
    login: Login<'_>,
) -> Result<bool, String> {
    if separator.is_empty() {
        return Err("external_auth:file:^field_separator is empty".to_owned());
    }
    for (number, line) in lines.lines().enumerate() {
        let fields: Vec<&str> = line.trim().split(separator).collect();
        let (Some(user), Some(password)) = (fields.get(users), fields.get(passwords)) else {
            // Salt stops at such a line, too.
            return Err(format!("line {} has no field for the user or the password", number + 1));
        };
        if *user == login.username {
            let given = hash.map_or_else(|| login.password.to_owned(), |hash| hash.hex(login.password));
            return Ok(same(password.as_bytes(), given.as_bytes()));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_line_and_the_first_line_counts() {
        let lines = "fred:secret\nanna:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\nfred:other\n";
        let ask = |username, password, hash| find(lines, ":", (0, 1), hash, Login { username, password });
        assert_eq!(ask("fred", "secret", None), Ok(true));
        assert_eq!(ask("fred", "other", None), Ok(false));
        assert_eq!(ask("nobody", "secret", None), Ok(false));
        // `printf secret | sha256sum`.
        assert_eq!(ask("anna", "secret", "sha256".parse().ok()), Ok(true));
        assert_eq!(ask("anna", "Secret", "sha256".parse().ok()), Ok(false));
        assert!(find("broken", ":", (0, 1), None, Login { username: "a", password: "b" }).is_err());
    }
}
