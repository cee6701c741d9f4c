//! Keys of hosts that users know. Salt: modules/ssh.py.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::keys::fingerprint;
use crate::host::rewrite;
use crate::loader::{Args, Context, Fault, os_error_text};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

fn error(text: impl Into<String>) -> Value {
    map! { "status" => "error", "error" => text.into() }.into()
}

fn user(args: &Args) -> Result<Option<String>, Fault> {
    Ok(args.opt_str("user")?.filter(|user| !user.is_empty()))
}

fn info(cx: &Context, user: &str) -> Result<Map, Fault> {
    Ok(cx.ask("user.info", &[user.into()])?.as_map().cloned().unwrap_or_default())
}

/// The file of known hosts, or what is wrong.
fn file(cx: &Context, args: &Args) -> Result<Result<PathBuf, Value>, Fault> {
    let user = user(args)?;
    let default = if user.is_some() { ".ssh/known_hosts" } else { "/etc/ssh/ssh_known_hosts" };
    let config =
        args.opt_str("config")?.filter(|config| !config.is_empty()).unwrap_or_else(|| default.to_owned());
    if config.starts_with('/') {
        return Ok(Ok(config.into()));
    }
    let Some(user) = user else { return Ok(Err(error("Cannot determine absolute path to file."))) };
    Ok(match info(cx, &user)?.str("home") {
        Some(home) => Ok(Path::new(home).join(config)),
        None => Err(error(format!("User {user} does not exist"))),
    })
}

fn port(args: &Args) -> Option<String> {
    args.given("port").filter(|port| port.truthy()).map(str_of).filter(|port| port != "22")
}

/// The name of a host as files of known hosts have it.
fn name_in_file(args: &Args) -> Result<String, Fault> {
    let host = args.str("hostname")?;
    Ok(port(args).map_or_else(|| host.clone(), |port| format!("[{host}]:{port}")))
}

fn need(cx: &Context, program: &str) -> Result<(), Fault> {
    let missing = || Fault::NotFound(format!("'{program}' is not in the path"));
    cx.which(program).map(|_| ()).ok_or_else(missing)
}

fn run(cx: &Context, words: &[&str]) -> Result<String, Fault> {
    let asked = map! { "ignore_retcode" => true, "python_shell" => false };
    Ok(str_of(&cx.ask_with("cmd.run", &[Value::list(words.iter().copied())], asked)?))
}

/// Keys in what the programs of OpenSSH print: `[{hostname, key, enc, fingerprint}]`.
fn parsed(text: &str, hash: Option<&str>) -> Result<Vec<Value>, Fault> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [host, enc, key] = words.as_slice() else { continue };
        if let Some(print) = fingerprint(key, hash)? {
            found.push(
                map! { "hostname" => *host, "key" => *key, "enc" => *enc, "fingerprint" => print }.into(),
            );
        }
    }
    Ok(found)
}

fn list_or_none(found: Vec<Value>) -> Value {
    if found.is_empty() { Value::Null } else { Value::List(found) }
}

fn hash_type(args: &Args) -> Result<Option<String>, Fault> {
    args.opt_str("fingerprint_hash_type")
}

pub(super) fn entries(cx: &Context, args: &Args) -> Result<Value, Fault> {
    need(cx, "ssh-keygen")?;
    let path = match file(cx, args)? {
        Ok(path) => path.display().to_string(),
        Err(error) => return Ok(error),
    };
    let text = run(cx, &["ssh-keygen", "-F", &name_in_file(args)?, "-f", &path])?;
    Ok(list_or_none(parsed(&text, hash_type(args)?.as_deref())?))
}

pub(super) fn receive(cx: &Context, args: &Args) -> Result<Value, Fault> {
    need(cx, "ssh-keyscan")?;
    let (host, enc) = (args.str("hostname")?, args.opt_str("enc")?.unwrap_or_default());
    let port = args.given("port").filter(|port| port.truthy()).map(str_of).unwrap_or_default();
    let timeout = str_of(args.get("timeout"));
    let mut words = vec!["ssh-keyscan"];
    if !port.is_empty() {
        words.extend(["-p", &port]);
    }
    if !enc.is_empty() {
        words.extend(["-t", &enc]);
    }
    if args.truthy("hash_known_hosts") {
        words.push("-H");
    }
    words.extend(["-T", &timeout, &host]);
    let mut text = String::new();
    for _ in 0..5 {
        text = run(cx, &words)?;
        if !text.is_empty() {
            break;
        }
    }
    Ok(list_or_none(parsed(&text, hash_type(args)?.as_deref())?))
}

fn column(entries: &Value, key: &str) -> Vec<String> {
    let rows = entries.as_list().unwrap_or_default();
    rows.iter().filter_map(|row| row.get(key)).map(str_of).collect()
}

/// What is known, asked by `ssh.get_known_host_entries`.
fn known(cx: &Context, args: &Args, config: Value) -> Result<Value, Fault> {
    let options = map! {
        "config" => config,
        "port" => args.get("port").clone(),
        "fingerprint_hash_type" => args.get("fingerprint_hash_type").clone(),
    };
    cx.ask_with(
        "ssh.get_known_host_entries",
        &[args.get("user").clone(), args.get("hostname").clone()],
        options,
    )
}

pub(super) fn check(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if !args.truthy("hostname") {
        return Ok(error("hostname argument required"));
    }
    let known = known(cx, args, args.get("config").clone())?;
    if known.get("error").is_some() {
        return Ok(known);
    }
    let agrees = |key: &str, column_name: &str| column(&known, column_name).contains(&str_of(args.get(key)));
    Ok(match known {
        Value::Null => "add",
        _ if args.truthy("key") && !agrees("key", "key") => "update",
        _ if !args.truthy("key") && args.truthy("fingerprint") && !agrees("fingerprint", "fingerprint") => {
            "update"
        }
        _ => "exists",
    }
    .into())
}

/// Gives a file that a program wrote back to its user.
fn give_back(cx: &Context, args: &Args, path: &Path) -> Result<(), Fault> {
    if let Some(user) = user(args)?.filter(|_| rustix::process::geteuid().is_root()) {
        let info = info(cx, &user)?;
        let number = |key: &str| info.get(key).and_then(Value::as_int).and_then(|id| u32::try_from(id).ok());
        chown(path, number("uid"), number("gid"))
            .map_err(|error| Fault::os(&error, &path.display().to_string()))?;
    }
    Ok(())
}

pub(super) fn remove(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if !args.truthy("hostname") {
        return Ok(error("hostname argument required"));
    }
    let path = match file(cx, args)? {
        Ok(path) => path,
        Err(error) => return Ok(error),
    };
    let shown = path.display().to_string();
    if !path.is_file() {
        return Ok(error(format!("Known hosts file {shown} does not exist")));
    }
    let said = run(cx, &["ssh-keygen", "-R", &name_in_file(args)?, "-f", &shown])?;
    give_back(cx, args, &path)?;
    Ok(map! { "status" => "removed", "comment" => said }.into())
}

pub(super) fn hash(cx: &Context, args: &Args) -> Result<Value, Fault> {
    need(cx, "ssh-keygen")?;
    let path = match file(cx, args)? {
        Ok(path) => path,
        Err(error) => return Ok(error),
    };
    let shown = path.display().to_string();
    let Ok(metadata) = fs::metadata(&path) else {
        return Ok(error(format!("Known hosts file {shown} does not exist")));
    };
    let said = run(cx, &["ssh-keygen", "-H", "-f", &shown])?;
    fs::set_permissions(&path, metadata.permissions()).map_err(|error| Fault::os(&error, &shown))?;
    give_back(cx, args, &path)?;
    Ok(map! { "status" => "updated", "comment" => said }.into())
}

/// What has to be done about a host.
#[derive(Debug, PartialEq)]
enum Need {
    Nothing,
    /// Nothing if the host shows the same keys.
    Compare,
    Write,
}

/// Decides from what is stored and what was given. Pure.
fn needed(stored: &Value, stored_keys: &[String], key: Option<&str>, print: Option<&str>) -> Need {
    let unknown_print =
        print.is_some_and(|print| !column(stored, "fingerprint").iter().any(|one| one == print));
    if stored.is_null() || unknown_print || key.is_some_and(|key| !stored_keys.iter().any(|one| one == key)) {
        Need::Write
    } else if key.is_none() && print.is_none() {
        Need::Compare
    } else {
        Need::Nothing
    }
}

/// The lines of a file without those that `ssh-keygen -F` found, of one kind of key or all.
fn without(text: &str, found: &str, enc: Option<&str>) -> String {
    let lines: Vec<&str> = found.lines().collect();
    let numbers: Vec<usize> = lines
        .chunks(2)
        .filter_map(|pair| {
            let [head, line] = pair else { return None };
            let kind = line.split_whitespace().rev().nth(1);
            let number = head.split_whitespace().last()?.parse().ok()?;
            enc.is_none_or(|enc| kind == Some(enc)).then_some(number)
        })
        .collect();
    let kept = text.split_inclusive('\n').enumerate().filter(|(at, _)| !numbers.contains(&(at + 1)));
    kept.map(|(_, line)| line).collect()
}

pub(super) fn set(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if !args.truthy("hostname") {
        return Ok(error("hostname argument required"));
    }
    let hashes = args.truthy("hash_known_hosts");
    if hashes && port(args).is_some() {
        return Ok(error("argument port can not be used in conjunction with argument hash_known_hosts"));
    }
    let given = |key: &str| Ok::<_, Fault>(args.opt_str(key)?.filter(|text| !text.is_empty()));
    let (key, print, enc) = (given("key")?, given("fingerprint")?, given("enc")?);
    let stored = known(cx, args, args.get("config").clone())?;
    if stored.get("error").is_some() {
        return Ok(stored);
    }
    let rows = stored.as_list().unwrap_or_default().iter();
    let stored_keys: Vec<String> = rows
        .filter(|row| enc.as_deref().is_none_or(|enc| row.get("enc").and_then(Value::as_str) == Some(enc)))
        .filter_map(|row| row.get("key").map(str_of))
        .collect();
    let exists = || map! { "status" => "exists", "keys" => Value::list(&stored_keys) }.into();
    let need = needed(&stored, &stored_keys, key.as_deref(), print.as_deref());
    if need == Need::Nothing {
        return Ok(exists());
    }
    let host = args.str("hostname")?;
    let remote = match &key {
        Some(key) => {
            Value::list([map! { "hostname" => host.as_str(), "enc" => enc.clone(), "key" => key.as_str() }])
        }
        None => {
            let options = map! {
                "enc" => enc.clone(),
                "port" => args.get("port").clone(),
                "hash_known_hosts" => hashes,
                "timeout" => args.get("timeout").clone(),
                "fingerprint_hash_type" => args.get("fingerprint_hash_type").clone(),
            };
            cx.ask_with("ssh.recv_known_host_entries", &[host.as_str().into()], options)?
        }
    };
    if remote.is_null() {
        return Ok(error("Unable to receive remote host keys"));
    }
    if key.is_none() {
        if print.is_some_and(|print| !column(&remote, "fingerprint").contains(&print)) {
            return Ok(error(
                "Remote host public keys found but none of their fingerprints match the one you have provided",
            ));
        }
        let (mut shown, mut known) = (column(&remote, "key"), stored_keys.clone());
        for keys in [&mut shown, &mut known] {
            sort::all(keys);
            keys.dedup();
        }
        if need == Need::Compare && shown == known {
            return Ok(exists());
        }
    }
    let mut remote = remote;
    if let (Value::List(rows), Some(_)) = (&mut remote, port(args).filter(|_| !hashes)) {
        for row in rows.iter_mut().filter_map(Value::as_map_mut) {
            if row.str("hostname").is_some_and(|host| !host.contains(':')) {
                row.insert("port", args.get("port").clone());
            }
        }
    }
    let path = match file(cx, args)? {
        Ok(path) => path,
        Err(error) => return Ok(error),
    };
    write(cx, args, &path, &remote, enc.as_deref())?;
    if key.is_some() && hashes {
        let options = map! { "user" => args.get("user").clone(), "config" => path.display().to_string() };
        cx.ask_with("ssh.hash_known_hosts", &[], options)?;
    }
    Ok(map! { "status" => "updated", "old" => stored, "new" => remote }.into())
}

/// Puts the keys in the place of those that were known.
fn write(cx: &Context, args: &Args, path: &Path, remote: &Value, enc: Option<&str>) -> Result<(), Fault> {
    let shown = path.display().to_string();
    let mut text = fs::read_to_string(path).unwrap_or_default();
    if path.is_file() {
        let found = run(cx, &["ssh-keygen", "-F", &name_in_file(args)?, "-f", &shown])?;
        text = without(&text, &found, enc);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for row in remote.as_list().unwrap_or_default() {
        let part = |key: &str| row.get(key).map(str_of).unwrap_or_default();
        let host = part("hostname");
        let host = match port(args).filter(|_| !args.truthy("hash_known_hosts") && !host.contains(':')) {
            Some(port) => format!("[{host}]:{port}"),
            None => host,
        };
        text += &format!("{host} {} {}\n", part("enc"), part("key"));
    }
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(directory);
        if made.is_ok() && user(args)?.is_some() {
            give_back(cx, args, directory)?;
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
                .map_err(|error| Fault::os(&error, &shown))?;
        }
    }
    rewrite(cx.host, path, text.as_bytes(), 0o600).map_err(|error| {
        Fault::execution(format!("Couldn't append to known hosts file: '{}'", os_error_text(&error, &shown)))
    })?;
    give_back(cx, args, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_found_are_taken_out_by_their_kind() {
        let text = "a ssh-rsa AAAA\nb ssh-rsa BBBB\na ssh-dss CCCC\n";
        let found = "# Host a found: line 1\na ssh-rsa AAAA\n# Host a found: line 3\na ssh-dss CCCC\n";
        assert_eq!(without(text, found, None), "b ssh-rsa BBBB\n");
        assert_eq!(without(text, found, Some("ssh-dss")), "a ssh-rsa AAAA\nb ssh-rsa BBBB\n");
        assert_eq!(without(text, "", None), text);
    }

    #[test]
    fn a_host_is_asked_only_where_it_has_to_be() {
        let row: Value = map! { "key" => "AAAA", "fingerprint" => "00:11" }.into();
        let stored = Value::list([row]);
        let keys = ["AAAA".to_owned()];
        assert_eq!(needed(&Value::Null, &[], None, None), Need::Write);
        assert_eq!(needed(&stored, &keys, None, None), Need::Compare);
        assert_eq!(needed(&stored, &keys, Some("AAAA"), None), Need::Nothing);
        assert_eq!(needed(&stored, &keys, Some("BBBB"), None), Need::Write);
        assert_eq!(needed(&stored, &keys, None, Some("22:33")), Need::Write);
    }
}
