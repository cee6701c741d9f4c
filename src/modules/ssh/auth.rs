//! Keys that users let in. Salt: modules/ssh.py.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::keys::{Key, fingerprint, kind};
use crate::host::rewrite;
use crate::loader::{Args, Context, Fault, os_error_text};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

fn info(cx: &Context, user: &str) -> Result<Map, Fault> {
    Ok(cx.ask("user.info", &[user.into()])?.as_map().cloned().unwrap_or_default())
}

/// The file of a user's keys. `%u`, `%h` and `%%` stand for the user, the home and a per cent sign.
fn path(cx: &Context, user: &str, config: &str) -> Result<PathBuf, Fault> {
    let info = info(cx, user)?;
    if info.is_empty() {
        return Err(Fault::execution(format!("User '{user}' does not exist")));
    }
    let home = info.str("home").unwrap_or_default();
    let (mut path, mut chars) = (String::new(), config.chars());
    while let Some(char) = chars.next() {
        match (char, if char == '%' { chars.next() } else { None }) {
            ('%', Some('%')) => path.push('%'),
            ('%', Some('u')) => path += user,
            ('%', Some('h')) => path += home,
            ('%', Some(other)) => {
                return Err(Fault::execution(format!(
                    "AuthorizedKeysFile path: unknown token character \"%{other}\""
                )));
            }
            ('%', None) => {
                return Err(Fault::execution(
                    "AuthorizedKeysFile path: Last character can't be escape character",
                ));
            }
            (other, _) => path.push(other),
        }
    }
    Ok(Path::new(home).join(path))
}

/// The keys of a file with their fingerprints, each once: the last one of a kind is meant.
fn keys_of(path: &Path, hash: Option<&str>) -> Result<Vec<(Key, String)>, Fault> {
    let text = fs::read_to_string(path)
        .map_err(|_| Fault::execution(format!("Problem reading ssh key file {}", path.display())))?;
    let mut found: Vec<(Key, String)> = Vec::new();
    for key in text.lines().filter_map(Key::of) {
        let Some(print) = fingerprint(&key.key, hash)? else { continue };
        match found.iter_mut().find(|(known, _)| known.key == key.key) {
            Some(known) => *known = (key, print),
            None => found.push((key, print)),
        }
    }
    Ok(found)
}

fn hash_of(args: &Args) -> Result<Option<String>, Fault> {
    args.opt_str("fingerprint_hash_type")
}

fn current(cx: &Context, args: &Args, user: &str) -> Result<Vec<(Key, String)>, Fault> {
    let Ok(path) = path(cx, user, &args.str("config")?) else { return Ok(Vec::new()) };
    if path.is_file() { keys_of(&path, hash_of(args)?.as_deref()) } else { Ok(Vec::new()) }
}

pub(super) fn auth_keys(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let one = args.get("user").as_str().filter(|user| !user.is_empty());
    let users: Vec<String> = match args.get("user") {
        Value::List(users) => users.iter().map(str_of).collect(),
        user if user.truthy() => vec![str_of(user)],
        _ => cx.ask("user.list_users", &[])?.as_list().unwrap_or_default().iter().map(str_of).collect(),
    };
    let mut found = Map::new();
    for user in users {
        let is_there = path(cx, &user, &args.str("config")?).is_ok_and(|path| path.is_file());
        let keys: Map = current(cx, args, &user)?
            .into_iter()
            .map(|(key, print)| {
                let row = map! {
                    "enc" => key.enc,
                    "comment" => key.comment,
                    "options" => Value::list(key.options),
                    "fingerprint" => print,
                };
                (key.key, row)
            })
            .collect();
        if one.is_some() {
            return Ok(keys.into());
        }
        if is_there {
            found.insert(user, keys);
        }
    }
    Ok(found.into())
}

pub(super) fn host_keys(_: &Context, args: &Args) -> Result<Value, Fault> {
    let directory =
        args.opt_str("keydir")?.filter(|dir| !dir.is_empty()).unwrap_or_else(|| "/etc/ssh".to_owned());
    let mut names: Vec<String> = fs::read_dir(&directory)
        .map_err(|error| Fault::os(&error, &directory))?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    sort::all(&mut names);
    let mut found = Map::new();
    for name in names {
        let Some((kind, tail)) = name.strip_prefix("ssh_host_").and_then(|rest| rest.rsplit_once("_key"))
        else {
            continue;
        };
        let is_cert = tail.starts_with("-cert.pub");
        let is_public = is_cert || tail.starts_with(".pub");
        if kind.is_empty() || (!is_public && !args.truthy("private")) || (is_cert && !args.truthy("certs")) {
            continue;
        }
        let suffix = if is_cert { "-cert.pub" } else { ".pub" };
        let kind = if is_public { format!("{kind}{suffix}") } else { kind.to_owned() };
        let text = fs::read(Path::new(&directory).join(&name)).unwrap_or_default();
        found.insert(kind, String::from_utf8_lossy(&text).trim());
    }
    Ok(found.into())
}

fn texts(value: &Value) -> Vec<String> {
    value.as_list().unwrap_or_default().iter().map(str_of).collect()
}

fn wanted(args: &Args) -> Result<Key, Fault> {
    let comment = args.opt_str("comment")?.unwrap_or_default();
    let options = texts(args.get("options"));
    Ok(Key { options, enc: kind(&args.str("enc")?)?, key: args.str("key")?, comment })
}

/// `add`, `update` or `exists`. Pure.
fn status(current: &[(Key, String)], wanted: &Key) -> &'static str {
    match current.iter().find(|(key, _)| key.key == wanted.key) {
        None => "add",
        Some((key, _)) if key.line() == wanted.line() => "exists",
        Some(_) => "update",
    }
}

pub(super) fn check_key(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(status(&current(cx, args, &args.str("user")?)?, &wanted(args)?).into())
}

/// The keys of a file of the file server; `None` where there is no such file.
fn source_keys(cx: &Context, args: &Args) -> Result<Option<Vec<Key>>, Fault> {
    let source = args.str("source")?;
    let asked = [source.as_str().into(), args.get("saltenv").clone()];
    let file = cx.ask("cp.cache_file", &asked)?;
    if !file.truthy() {
        return Ok(None);
    }
    let keys = keys_of(Path::new(&str_of(&file)), hash_of(args)?.as_deref())?;
    if keys.is_empty() {
        let error = format!("No keys detected in {source}. Is file properly formatted?");
        crate::log::error!("{error}");
        cx.memory.borrow_mut().insert("ssh_auth.error", error);
    }
    Ok(Some(keys.into_iter().map(|(key, _)| key).collect()))
}

pub(super) fn check_key_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let keys = source_keys(cx, args)?.unwrap_or_default();
    let current = current(cx, args, &args.str("user")?)?;
    let mut found = Map::new();
    for mut key in keys {
        key.enc = kind(&key.enc)?;
        found.insert(key.key.as_str(), status(&current, &key));
    }
    Ok(found.into())
}

fn is_line_of(line: &str, key: &str) -> bool {
    Key::of(line).is_some_and(|found| found.key == key)
}

/// The lines of a file that say something, with `edit` applied to those of a key.
fn edited(text: &str, key: &str, replacement: Option<&str>) -> String {
    let mut new = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if is_line_of(line, key) {
            new += replacement.unwrap_or_default();
        } else {
            new += line;
            new.push('\n');
        }
    }
    new
}

fn remove(cx: &Context, args: &Args, user: &str, key: &str) -> Result<String, Fault> {
    if !current(cx, args, user)?.iter().any(|(known, _)| known.key == key) {
        return Ok("Key not present".to_owned());
    }
    let path = path(cx, user, &args.str("config")?)?;
    let written = fs::read_to_string(&path)
        .and_then(|text| rewrite(cx.host, &path, edited(&text, key, None).as_bytes(), 0o600));
    Ok(match written {
        Ok(()) => "Key removed".to_owned(),
        Err(error) => {
            crate::log::warn!(%error, path = %path.display(), "Could not read/write key file");
            "Key not removed".to_owned()
        }
    })
}

pub(super) fn rm_auth_key(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(remove(cx, args, &args.str("user")?, &args.str("key")?)?.into())
}

fn no_file() -> Fault {
    Fault::execution("Failed to pull key file from salt file server")
}

pub(super) fn rm_auth_key_from_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let keys = source_keys(cx, args)?.ok_or_else(no_file)?;
    if keys.is_empty() {
        return Ok("fail".into());
    }
    let user = args.str("user")?;
    let done: Vec<String> =
        keys.iter().map(|key| remove(cx, args, &user, &key.key)).collect::<Result<_, _>>()?;
    let first =
        ["Key not removed", "Key removed"].into_iter().find(|text| done.iter().any(|one| one == text));
    Ok(first.unwrap_or("Key not present").into())
}

/// Lets a key in.
fn add(cx: &Context, args: &Args, user: &str, wanted: &Key) -> Result<&'static str, Fault> {
    if wanted.key.split_whitespace().count() > 1 {
        return Ok("invalid");
    }
    let info = info(cx, user)?;
    if info.is_empty() {
        return Ok("fail");
    }
    if fingerprint(&wanted.key, hash_of(args)?.as_deref())?.is_none() {
        return Ok("Invalid public key");
    }
    let config = args.str("config")?;
    let status = status(&current(cx, args, user)?, wanted);
    if status == "exists" {
        return Ok("no change");
    }
    let path = path(cx, user, &config)?;
    let shown = path.display().to_string();
    if status == "update" {
        let written = fs::read_to_string(&path).and_then(|text| {
            rewrite(cx.host, &path, edited(&text, &wanted.key, Some(&wanted.line())).as_bytes(), 0o600)
        });
        let failed = |error: std::io::Error| {
            Fault::execution(format!(
                "Problem reading or writing to key file: {}",
                os_error_text(&error, &shown)
            ))
        };
        return written.map(|()| "replace").map_err(failed);
    }
    let home = info.str("home").unwrap_or_default();
    if shown.starts_with(home) && !Path::new(home).is_dir() {
        return Ok("fail");
    }
    let number = |key: &str| info.get(key).and_then(Value::as_int).and_then(|id| u32::try_from(id).ok());
    let give = |path: &Path| {
        if rustix::process::geteuid().is_root() { chown(path, number("uid"), number("gid")) } else { Ok(()) }
    };
    let is_new = !path.is_file();
    let written = (|| {
        if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
            give(directory)?;
        }
        let mut text = if is_new { String::new() } else { fs::read_to_string(&path)? };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        rewrite(cx.host, &path, (text + &wanted.line()).as_bytes(), 0o600)?;
        if is_new { give(&path) } else { Ok(()) }
    })();
    let failed = |error: std::io::Error| {
        Fault::execution(format!("Could not write to key file: {}", os_error_text(&error, &shown)))
    };
    written.map(|()| "new").map_err(failed)
}

pub(super) fn set_auth_key(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.str("key")?.split_whitespace().count() > 1 {
        return Ok("invalid".into());
    }
    Ok(add(cx, args, &args.str("user")?, &wanted(args)?)?.into())
}

pub(super) fn set_auth_key_from_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let keys = source_keys(cx, args)?.ok_or_else(no_file)?;
    if keys.is_empty() {
        return Ok("fail".into());
    }
    let (user, options) = (args.str("user")?, args.keywords.get("options").map(texts).unwrap_or_default());
    let mut done = Vec::new();
    for mut key in keys {
        key.enc = kind(&key.enc)?;
        if !options.is_empty() {
            key.options.clone_from(&options);
        }
        done.push(add(cx, args, &user, &key)?);
    }
    let worst = ["fail", "replace", "new"].into_iter().find(|text| done.contains(text));
    Ok(worst.unwrap_or("no change").into())
}

pub(super) fn user_keys(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let users: Vec<String> = match args.get("user") {
        Value::List(users) => users.iter().map(str_of).collect(),
        user if user.truthy() => vec![str_of(user)],
        _ => cx.ask("user.list_users", &[])?.as_list().unwrap_or_default().iter().map(str_of).collect(),
    };
    let mut names: Vec<String> = Vec::new();
    for (key, end) in [("pubfile", ".pub"), ("prvfile", "")] {
        match args.get(key) {
            Value::Bool(false) => {}
            given if given.truthy() => names.push(str_of(given)),
            _ => names.extend(["rsa", "dsa", "ecdsa", "ed25519"].map(|kind| format!("id_{kind}{end}"))),
        }
    }
    let mut found = Map::new();
    for user in users {
        let info = info(cx, &user)?;
        let Some(home) = info.str("home") else { continue };
        let of_user: Map = names
            .iter()
            .filter_map(|name| {
                let text = fs::read_to_string(Path::new(home).join(".ssh").join(name)).ok()?;
                Some((name.rsplit('/').next().unwrap_or(name), text.trim().to_owned()))
            })
            .collect();
        if !of_user.is_empty() {
            found.insert(user, of_user);
        }
    }
    Ok(found.into())
}
