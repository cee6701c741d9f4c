//! Keys that repositories are signed with: apt-key, or files below `/etc/apt/keyrings`. Salt: modules/aptpkg.py.

use std::fs;
use std::path::{Path, PathBuf};

use super::{apt, keyword, words};
use crate::host::FileOwner;
use crate::loader::{Args, Context, Default, Fault, Param, Ran, opt, os_error_text};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

pub(super) const LIST: &[Param] = &[opt("aptkey", Default::True), opt("keydir", Default::None)];
pub(super) const ADD: &[Param] = &[
    opt("path", Default::None),
    opt("text", Default::None),
    opt("keyserver", Default::None),
    opt("keyid", Default::None),
    opt("saltenv", Default::Str("base")),
    opt("aptkey", Default::True),
    opt("keydir", Default::None),
    opt("keyfile", Default::None),
];

fn directory(value: &Value) -> PathBuf {
    if value.truthy() { PathBuf::from(str_of(value)) } else { PathBuf::from("/etc/apt/keyrings") }
}

/// Keys in `gpg --with-colons` form: `{keyid: {algorithm, bits, capability, …, subkey}}`.
fn parse(text: &str) -> Map {
    let field = |fields: &[&str], at: usize| match fields.get(at).map(|field| field.trim()) {
        None | Some("") => Value::Null,
        Some(text) => text.parse::<i64>().map_or_else(|_| text.into(), Value::Int),
    };
    let mut keys: Vec<Map> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let kind = fields.first().map(|kind| kind.trim()).unwrap_or_default();
        match kind {
            "pub" | "sub" => {
                let id = fields.get(4).map(|id| id.trim()).unwrap_or_default();
                let key = map! {
                    "algorithm" => field(&fields, 3),
                    "bits" => field(&fields, 2),
                    "capability" => field(&fields, 11),
                    "date_creation" => field(&fields, 5),
                    "date_expiration" => field(&fields, 6),
                    "keyid" => id,
                    "validity" => field(&fields, 1),
                };
                if kind == "pub" {
                    keys.push(key);
                } else if let Some(last) = keys.last_mut() {
                    last.insert("subkey", key);
                }
            }
            "fpr" => {
                if let Some(last) = keys.last_mut() {
                    let print = field(&fields, 9);
                    match last.get_mut("subkey") {
                        Some(Value::Map(subkey)) => subkey.insert("fingerprint", print),
                        _ => last.insert("fingerprint", print),
                    };
                }
            }
            "uid" => {
                if let Some(last) = keys.last_mut() {
                    last.insert("uid", field(&fields, 9));
                    last.insert("uid_hash", field(&fields, 7));
                }
            }
            _ => {}
        }
    }
    keys.into_iter().map(|key| (key.get("keyid").cloned().unwrap_or_default(), key)).collect()
}

fn list_file(cx: &Context, path: &Path) -> Result<Ran, Fault> {
    cx.program(&words(&[
        "gpg",
        "--no-default-keyring",
        "--keyring",
        &path.to_string_lossy(),
        "--list-keys",
        "--with-colons",
    ]))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    sort::all(&mut all);
    all
}

fn has_directory(directory: &Path) -> bool {
    if !directory.is_dir() {
        crate::log::error!(
            "The directory {} does not exist. Please create this directory only writable by root",
            directory.display()
        );
    }
    directory.is_dir()
}

pub(super) fn get_repo_keys(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let aptkey = args.truthy("aptkey") && cx.which("apt-key").is_some();
    if !aptkey {
        let directory = directory(args.get("keydir"));
        if !has_directory(&directory) {
            return Ok(false.into());
        }
        let mut text = String::new();
        for path in files(&directory) {
            text += &list_file(cx, &path)?.stdout;
            text.push('\n');
        }
        return Ok(parse(&text).into());
    }
    let line = words(&[
        "apt-key",
        "adv",
        "--batch",
        "--list-public-keys",
        "--with-fingerprint",
        "--with-fingerprint",
        "--with-colons",
        "--fixed-list-mode",
    ]);
    let ran = apt(cx, &line, false, Map::new())?;
    if !ran.ok() {
        crate::log::error!("apt-key: {}", ran.stderr);
        return Ok(Map::new().into());
    }
    Ok(parse(&ran.stdout).into())
}

/// Puts a key's file among the keyrings, made binary first where it is armoured.
fn copy_key(cx: &Context, source: &Path, directory: &Path, name: Option<String>) -> Result<bool, Fault> {
    let failed = |error: std::io::Error| Fault::execution(os_error_text(&error, &source.to_string_lossy()));
    let content = fs::read(source).map_err(failed)?;
    let armoured = String::from_utf8_lossy(content.get(..64).unwrap_or(&content))
        .trim_start_matches('-')
        .starts_with("BEGIN PGP");
    let own = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let target = directory.join(name.unwrap_or(own));
    if armoured {
        if cx.which("gpg").is_none() {
            crate::log::error!("{} is ASCII armored and there is no gpg to read it", source.display());
            return Ok(false);
        }
        let out = target.to_string_lossy();
        let line = words(&["gpg", "--yes", "--output", &out, "--dearmor", &source.to_string_lossy()]);
        return Ok(cx.program(&line)?.ok());
    }
    cx.host.write_atomic(&target, &content, 0o644, FileOwner::default()).map_err(failed)?;
    Ok(true)
}

pub(super) fn add_repo_key(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let text = |key: &str| args.given(key).filter(|value| value.truthy()).map(str_of);
    let directory = directory(args.get("keydir"));
    if !args.truthy("aptkey") && !has_directory(&directory) {
        return Ok(false.into());
    }
    let aptkey = args.truthy("aptkey") && cx.which("apt-key").is_some();
    if let Some(id) = text("keyid") {
        let options = map! { "aptkey" => aptkey, "keydir" => directory.to_string_lossy().into_owned() };
        let known = cx.ask_with("pkg.get_repo_keys", &[], options)?;
        if known.as_map().is_some_and(|known| known.keys().any(|key| str_of(key).ends_with(&id))) {
            return Ok(true.into());
        }
    }
    let mut options = Map::new();
    let line = if let Some(path) = text("path") {
        let cached = str_of(&cx.ask("cp.cache_file", &[path.as_str().into(), args.get("saltenv").clone()])?);
        if cached.is_empty() || cached == "False" {
            crate::log::error!("Unable to get cached copy of file: {path}");
            return Ok(false.into());
        }
        if !aptkey {
            return Ok(copy_key(cx, Path::new(&cached), &directory, text("keyfile"))?.into());
        }
        words(&["apt-key", "add", &cached])
    } else if let Some(key) = text("text") {
        options.insert("stdin", key);
        words(&["apt-key", "add", "-"])
    } else if let Some(server) = text("keyserver") {
        let id = text("keyid").ok_or_else(|| {
            Fault::invocation(format!("No keyid or keyid too short for keyserver: {server}"))
        })?;
        if aptkey {
            words(&["apt-key", "adv", "--batch", "--keyserver", &server, "--recv", &id])
        } else {
            let Some(file) = text("keyfile") else {
                crate::log::error!(
                    "You must define the name of the key file to save the key. See keyfile argument"
                );
                return Ok(false.into());
            };
            let ring = directory.join(file);
            words(&[
                "gpg",
                "--no-default-keyring",
                "--keyring",
                &ring.to_string_lossy(),
                "--keyserver",
                &server,
                "--recv-keys",
                &id,
            ])
        }
    } else if let Some(id) = text("keyid") {
        return Err(Fault::invocation(format!("No keyserver specified for keyid: {id}")));
    } else {
        return Err(Fault::Type("add_repo_key() takes at least 1 argument (0 given)".to_owned()));
    };
    let ran = apt(cx, &line, true, options)?;
    if !ran.ok() {
        crate::log::error!("Unable to add repo key: {}", ran.stderr);
    }
    Ok(ran.ok().into())
}

pub(super) fn del_repo_key(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let directory = directory(args.get("keydir"));
    if !args.truthy("aptkey") && !has_directory(&directory) {
        return Ok(false.into());
    }
    if keyword(args, "keyid_ppa").is_some_and(Value::truthy) {
        return Err(Fault::NotSupported("keyid_ppa: the key of a PPA is asked of launchpad.net".to_owned()));
    }
    let id = keyword(args, "keyid")
        .map(str_of)
        .ok_or_else(|| Fault::invocation("keyid or keyid_ppa and PPA name must be passed"))?;
    if args.truthy("aptkey") && cx.which("apt-key").is_some() {
        let ran = apt(cx, &words(&["apt-key", "del", &id]), false, Map::new())?;
        if !ran.ok() {
            let more = if ran.stderr.is_empty() { String::new() } else { format!(": {}", ran.stderr) };
            return Err(Fault::execution(format!("Failed to remove keyid {id}{more}")));
        }
        return Ok(id.into());
    }
    if ![8, 16].contains(&id.len()) {
        crate::log::error!("The keyid needs to be either 8 or 16 characters");
        return Ok(false.into());
    }
    for path in files(&directory) {
        if parse(&list_file(cx, &path)?.stdout).keys().any(|key| str_of(key).ends_with(&id)) {
            fs::remove_file(&path)
                .map_err(|error| Fault::execution(os_error_text(&error, &path.to_string_lossy())))?;
            return Ok(id.into());
        }
    }
    crate::log::error!("Could not find the key file for keyid: {id}");
    Ok(false.into())
}

/// The proxy of the options, for programs that fetch.
pub(super) fn proxy(cx: &Context) -> Result<Map, Fault> {
    let option = |name: &str| cx.ask("config.option", &[name.into()]).map(|value| str_of(&value));
    let (host, port) = (option("proxy_host")?, option("proxy_port")?);
    if [&host, &port].iter().any(|text| text.is_empty() || *text == "0") {
        return Ok(Map::new());
    }
    let (user, password) = (option("proxy_username")?, option("proxy_password")?);
    let login =
        if user.is_empty() || password.is_empty() { String::new() } else { format!("{user}:{password}@") };
    let url = format!("http://{login}{host}:{port}");
    Ok(map! { "env" => map! { "http_proxy" => url.as_str(), "https_proxy" => url } })
}

/// Gets the key of a new repository, where the keywords say how.
pub(super) fn fetch(cx: &Context, args: &Args, aptkey: bool, signedby: &str) -> Result<(), Fault> {
    let keydir =
        Path::new(signedby).parent().unwrap_or(Path::new("/etc/apt/keyrings")).to_string_lossy().into_owned();
    let keyfile = Path::new(signedby).file_name().map(|name| name.to_string_lossy().into_owned());
    if let Some(ids) = args.keywords.get("keyid") {
        let server = keyword(args, "keyserver").filter(|server| server.truthy()).map(str_of);
        let Some(server) = server.filter(|_| ids.truthy()) else {
            return Err(Fault::exception("NameError", "both keyserver and keyid options required."));
        };
        let one = [ids.clone()];
        for id in ids.as_list().unwrap_or(&one) {
            let id = match id {
                Value::Int(number) => format!("{number:#x}"),
                other => str_of(other),
            };
            receive(cx, aptkey, &server, &id, &keydir, keyfile.as_deref())?;
        }
    } else if let Some(url) = keyword(args, "key_url").map(str_of) {
        let cached = str_of(&cx.ask("cp.cache_file", &[url.as_str().into(), args.get("saltenv").clone()])?);
        if cached.is_empty() || cached == "False" {
            return Err(Fault::execution(format!("Error: file not found: {url}")));
        }
        if aptkey {
            let ran = cx.program(&words(&["apt-key", "add", &cached]))?;
            if !ran.stdout.to_uppercase().starts_with("OK") {
                return Err(Fault::execution(format!("Error: failed to add key from {url}")));
            }
        } else if !has_directory(Path::new(&keydir))
            || !copy_key(cx, Path::new(&cached), Path::new(&keydir), keyfile)?
        {
            return Err(Fault::execution(format!("Error: Could not add key: {cached}")));
        }
    } else if let Some(text) = keyword(args, "key_text").map(str_of) {
        let ran = cx.program_with(&words(&["apt-key", "add", "-"]), map! { "stdin" => text.as_str() })?;
        if !ran.stdout.to_uppercase().starts_with("OK") {
            return Err(Fault::execution(format!("Error: failed to add key:\n{text}")));
        }
    }
    Ok(())
}

fn receive(
    cx: &Context,
    aptkey: bool,
    server: &str,
    id: &str,
    keydir: &str,
    keyfile: Option<&str>,
) -> Result<(), Fault> {
    if !aptkey {
        let options = map! {
            "keyid" => id, "keyserver" => server, "aptkey" => false, "keydir" => keydir, "keyfile" => keyfile,
        };
        if !cx.ask_with("pkg.add_repo_key", &[], options)?.truthy() {
            return Err(Fault::execution(format!("Error: Could not add key: {id}")));
        }
        return Ok(());
    }
    if cx.program(&words(&["apt-key", "export", id]))?.stdout.starts_with("-----BEGIN PGP") {
        return Ok(());
    }
    let mut line = words(&["apt-key", "adv", "--batch"]);
    let proxy = proxy(cx)?;
    if let Some(url) = proxy.get("env").and_then(|env| env.get("http_proxy")).map(str_of) {
        line.extend(words(&["--keyserver-options", &format!("http-proxy={url}")]));
    }
    line.extend(words(&["--keyserver", server, "--logger-fd", "1", "--recv-keys", id]));
    let ran = apt(cx, &line, false, Map::new())?;
    if ran.ok() {
        Ok(())
    } else {
        Err(Fault::execution(format!("Error: key retrieval failed: {}", ran.stdout)))
    }
}
