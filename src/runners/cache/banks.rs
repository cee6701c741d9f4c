//! Banks of the master's cache: files of msgpack, `<cachedir>/<bank>/<key>.p`. Salt: cache/localfs.py, runners/cache.py.
//!
//! What is known of minions (the banks `minions/<id>`) is not in files here but in the master's store: it is read from
//! there, and only the master changes it.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::host::FileOwner;
use crate::loader::{Args, Context, Fault};
use crate::value::msgpack::{Dialect, Reading, decode, encode};
use crate::value::{Map, Value, sort};

/// Keeps a value. Gives nothing.
pub(super) fn store(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let bank = Bank::of(cx, args)?;
    let file = bank.file(&args.str("key")?)?;
    fs::create_dir_all(&bank.dir).map_err(|error| {
        let dir = bank.dir.display();
        Fault::execution(format!("The cache directory, {dir}, could not be created: {error}"))
    })?;
    let octets = encode(args.get("data"), Dialect::Bin);
    cx.host.write_atomic(&file, &octets, 0o600, FileOwner::default()).map_err(|error| {
        Fault::execution(format!(
            "There was an error writing the cache file, {}: {error}",
            bank.dir.display()
        ))
    })?;
    Ok(Value::Null)
}

/// The value of a key; an empty map where there is none.
pub(super) fn fetch(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (bank, key) = (args.str("bank")?, args.str("key")?);
    if let Some(id) = bank.strip_prefix("minions/").filter(|_| is_default(cx, args)) {
        let known = match key.as_str() {
            "data" => cx.master.minion_data(id),
            "mine" => cx.master.mine(id),
            _ => None,
        };
        if let Some(known) = known {
            return Ok(known.into());
        }
    }
    let file = Bank::of(cx, args)?.file(&key)?;
    match fs::read(&file) {
        Ok(octets) => decode(&octets, Reading::Wire).map_err(|error| unreadable(&file, &error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new().into()),
        Err(error) => Err(unreadable(&file, &error)),
    }
}

/// The keys of a bank and the banks below it.
pub(super) fn list(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let bank = Bank::of(cx, args)?;
    let mut names: Vec<String> = fs::read_dir(&bank.dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| name.strip_suffix(".p").map_or_else(|| name.clone(), str::to_owned))
        .collect();
    if let Some(id) = args.str("bank")?.strip_prefix("minions/").filter(|_| is_default(cx, args)) {
        for (key, known) in
            [("data", cx.master.minion_data(id).is_some()), ("mine", cx.master.mine(id).is_some())]
        {
            if known && !names.iter().any(|name| name == key) {
                names.push(key.to_owned());
            }
        }
    }
    sort::all(&mut names);
    Ok(Value::list(names))
}

/// Removes a key, or a whole bank: whether there was one.
pub(super) fn flush(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let bank = Bank::of(cx, args)?;
    let (path, removed) = match args.given("key").filter(|key| !key.is_null()) {
        Some(_) => {
            let file = bank.file(&args.str("key")?)?;
            let removed = fs::remove_file(&file);
            (file, removed)
        }
        None => {
            let removed = fs::remove_dir_all(&bank.dir);
            (bank.dir, removed)
        }
    };
    match removed {
        Ok(()) => Ok(true.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false.into()),
        Err(error) => {
            Err(Fault::execution(format!("There was an error removing {}: {error}", path.display())))
        }
    }
}

fn unreadable(file: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::execution(format!("There was an error reading the cache file \"{}\": {error}", file.display()))
}

/// The master's own cache directory is meant.
fn is_default(cx: &Context, args: &Args) -> bool {
    args.given("cachedir").and_then(Value::as_str).is_none_or(|dir| dir == cx.opt_str("cachedir"))
}

struct Bank {
    dir: PathBuf,
}

impl Bank {
    fn of(cx: &Context, args: &Args) -> Result<Self, Fault> {
        let root = match args.given("cachedir").and_then(Value::as_str) {
            Some(dir) => dir,
            None => cx.opt_str("cachedir"),
        };
        let bank = args.str("bank")?;
        if !is_inside(&bank) {
            return Err(Fault::execution(format!("the bank {bank:?} lies outside of the cache directory")));
        }
        Ok(Bank { dir: Path::new(root).join(bank.trim_start_matches('/')) })
    }

    fn file(&self, key: &str) -> Result<PathBuf, Fault> {
        if key.is_empty() || !is_inside(key) {
            return Err(Fault::execution(format!("the key {key:?} is no name of a file")));
        }
        Ok(self.dir.join(format!("{}.p", key.trim_start_matches('/'))))
    }
}

/// Names of folders and files, and nothing that leads elsewhere.
fn is_inside(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    !path.is_empty()
        && !path.contains('\0')
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::RealHost;
    use crate::loader::{Call, Nowhere, Registry, Scope};
    use crate::map;

    /// What Salt 3006.25 gives for the same calls, one after the other.
    #[test]
    fn values_are_kept_by_bank_and_key() {
        let root = std::env::temp_dir().join(format!("halite-banks-{}", std::process::id()));
        let opts = map! { "cachedir" => root.display().to_string() };
        let (registry, empty) = (Registry::new(&[super::super::super::ALL]), Map::new());
        let scope = Scope {
            opts: &opts,
            grains: (&empty).into(),
            pillar: (&empty).into(),
            published: &empty,
            registry: &registry,
            host: &RealHost,
            minion: &Nowhere,
            master: &Nowhere,
        };
        let cx = Context::new(scope);
        let call = |fun: &str, args: &[&str]| {
            cx.call(fun, Call::positional(args.iter().map(|arg| Value::from(*arg))))
                .unwrap_or_else(|fault| fault.to_string().into())
        };
        assert_eq!(call("cache.list", &["a/b"]), Value::List(vec![]));
        assert_eq!(call("cache.fetch", &["a/b", "k"]), Map::new().into());
        assert_eq!(call("cache.store", &["a/b", "k", "the walrus"]), Value::Null);
        assert_eq!(call("cache.store", &["a/b/c", "deep", "1"]), Value::Null);
        assert_eq!(call("cache.list", &["a/b"]), Value::list(["c", "k"]));
        assert_eq!(call("cache.fetch", &["a/b", "k"]), "the walrus".into());
        assert_eq!(call("cache.flush", &["a/b", "k"]), true.into());
        assert_eq!(call("cache.flush", &["a/b", "k"]), false.into());
        assert_eq!(call("cache.flush", &["a"]), true.into());
        assert_eq!(call("cache.list", &["a"]), Value::List(vec![]));
        for bad in ["..", "a/../../etc", "", "/"] {
            assert!(call("cache.flush", &[bad]).as_str().is_some(), "{bad}");
        }
        assert!(call("cache.store", &["a", "../../k", "x"]).as_str().is_some());
        let _ = fs::remove_dir_all(root);
    }
}
