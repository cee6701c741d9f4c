//! `Files`: the client side of the file server, for `cp.*` and whatever else needs a `salt://` file. Salt:
//! fileclient.py; salt-wire.md §12.5.
//!
//! The same client speaks to a master and, with `file_client: local`, to this machine's own `file_roots`: what differs
//! is the [`Source`] that answers its requests. Cached files lie in `<cachedir>/files/<saltenv>/<path>`; a file is
//! replaced whole, after its hash was found right.

mod download;
mod http;
mod local;
mod url;

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use local::{LocalSource, Looked};

use crate::crypt::HashType;
use crate::http::Trust;
use crate::loader::{Fault, FileClient, HashOf};
use crate::map;
use crate::value::{Map, Value, redacted_url};
use download::Target;
use url::{SaltPath, Url};

/// Who answers the requests of a file client: `_file_list`, `_file_hash`, `_serve_file` and their like.
pub trait Source: Send + Sync {
    /// The reply to a request.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when nobody answers.
    fn ask(&self, load: Map) -> Result<Value, Fault>;

    /// The replies to requests that do not wait for each other, in their order.
    ///
    /// # Errors
    /// When one of them has no answer.
    fn ask_together(&self, loads: Vec<Map>) -> Result<Vec<Value>, Fault> {
        loads.into_iter().map(|load| self.ask(load)).collect()
    }

    /// Where a file lies on this very machine, for a source that is here: it is not copied then. `None`: the source
    /// is elsewhere.
    fn local_path(&self, path: &str, saltenv: &str) -> Option<Option<PathBuf>> {
        let _ = (path, saltenv);
        None
    }
}

/// A file client with a cache.
pub struct Files {
    source: Arc<dyn Source>,
    cachedir: PathBuf,
    /// For files of this machine; those of the file server come with their own.
    hash_type: HashType,
}

impl Files {
    /// A client that caches below `cachedir`.
    pub fn new(source: Arc<dyn Source>, cachedir: &Path, hash_type: HashType) -> Self {
        Files { source, cachedir: cachedir.to_owned(), hash_type }
    }

    /// A client for the options of a minion: `cachedir`, `hash_type`.
    pub fn from_opts(source: Arc<dyn Source>, opts: &Map) -> Self {
        let cachedir = opts.str("cachedir").unwrap_or("/var/cache/salt/minion");
        let hash_type = opts.str("hash_type").and_then(|name| name.parse().ok()).unwrap_or_default();
        Self::new(source, Path::new(cachedir), hash_type)
    }

    /// A client for the `file_roots` of these options, on this machine.
    pub fn here(opts: &Map) -> Box<dyn FileClient> {
        Box::new(Self::from_opts(Arc::new(LocalSource::from_opts(opts)), opts))
    }

    fn list(&self, cmd: &str, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        let reply = self.source.ask(map! { "saltenv" => saltenv, "prefix" => prefix, "cmd" => cmd })?;
        let Value::List(items) = reply else { return Err(odd(cmd)) };
        Ok(texts(items))
    }

    fn server_hash(&self, at: &SaltPath) -> Result<Option<HashOf>, Fault> {
        Ok(hash_in(&self.source.ask(load_of("_file_hash", at))?))
    }

    fn fetch(
        &self,
        at: &SaltPath,
        dest: Option<&Path>,
        makedirs: bool,
        gzip: Option<i64>,
    ) -> Result<Option<PathBuf>, Fault> {
        if dest.is_none()
            && let Some(found) = self.source.local_path(&at.asked(), &at.saltenv)
        {
            return Ok(found);
        }
        let (path, cached) = match dest {
            Some(dest) => (into_directory(dest, &at.path), false),
            // What leads out of the cache is nowhere, as in Salt.
            None => match at.below(&self.cache_dir(&at.saltenv)) {
                Some(path) => (path, true),
                None => return Ok(None),
            },
        };
        let is_here = path.is_file();
        // What is not here at all is asked for at once.
        let mut loads = vec![load_of("_file_hash_and_stat", at)];
        loads.extend((!is_here).then(|| download::piece_load(at, 0, gzip)));
        let mut replies = self.source.ask_together(loads)?.into_iter();
        let about = replies.next().unwrap_or_default();
        let Some(hash) = item(&about, 0).and_then(hash_in) else { return Ok(None) };
        // mode, ino, dev, nlink, uid, gid, size …
        let size = item(&about, 1).and_then(|stat| item(stat, 6)).and_then(Value::as_int);
        let size = size.and_then(|size| u64::try_from(size).ok());
        if is_here && self.local_hash(&path, &hash.hash_type)?.as_deref() == Some(hash.hsum.as_str()) {
            return Ok(Some(path));
        }
        if !make_room(&path, cached, makedirs)? {
            return Ok(None);
        }
        let target = Target { path: &path, private: cached, expected: &hash, gzip };
        download::serve(&*self.source, at, size, replies.next(), &target)?;
        Ok(Some(path))
    }

    fn external_path(&self, remote: &crate::http::Remote, saltenv: &str) -> Result<PathBuf, Fault> {
        remote.cache_path(&self.cachedir, saltenv).ok_or_else(|| Fault::execution("Invalid path"))
    }

    fn local_hash(&self, path: &Path, hash_type: &str) -> Result<Option<String>, Fault> {
        let hash_type = match hash_type {
            "" => self.hash_type,
            name => {
                name.parse().map_err(|error: crate::crypt::CryptError| Fault::execution(error.to_string()))?
            }
        };
        match download::hash_file(path, hash_type) {
            Ok(hsum) => Ok(Some(hsum)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(download::failed(path, &error)),
        }
    }
}

fn load_of(cmd: &str, at: &SaltPath) -> Map {
    map! { "path" => at.asked(), "saltenv" => at.saltenv.as_str(), "cmd" => cmd }
}

fn texts(items: Vec<Value>) -> Vec<String> {
    items
        .into_iter()
        .filter_map(|item| if let Value::Text(text) = item { Some(text) } else { None })
        .collect()
}

fn item(list: &Value, index: usize) -> Option<&Value> {
    list.as_list()?.get(index)
}

/// What the file server says of a file's hash: `""` or `{}` where there is no such file.
fn hash_in(reply: &Value) -> Option<HashOf> {
    let text = |key| reply.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(HashOf { hash_type: text("hash_type")?, hsum: text("hsum")? })
}

impl FileClient for Files {
    fn envs(&self) -> Result<Vec<String>, Fault> {
        let Value::List(envs) = self.source.ask(map! { "cmd" => "_file_envs" })? else {
            return Err(odd("_file_envs"));
        };
        Ok(texts(envs))
    }

    fn file_list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        self.list("_file_list", saltenv, prefix)
    }

    fn dir_list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        self.list("_dir_list", saltenv, prefix)
    }

    fn file_list_emptydirs(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        self.list("_file_list_emptydirs", saltenv, prefix)
    }

    fn symlink_list(&self, saltenv: &str, prefix: &str) -> Result<Map, Fault> {
        let load = map! { "saltenv" => saltenv, "prefix" => prefix, "cmd" => "_symlink_list" };
        match self.source.ask(load)? {
            Value::Map(links) => Ok(links),
            _ => Err(odd("_symlink_list")),
        }
    }

    fn hash_file(&self, path: &str, saltenv: &str) -> Result<Option<HashOf>, Fault> {
        if let Some(at) = SaltPath::parse(path, saltenv) {
            return self.server_hash(&at);
        }
        let hsum = if Path::new(path).is_file() { self.local_hash(Path::new(path), "")? } else { None };
        Ok(hsum.map(|hsum| HashOf { hash_type: self.hash_type.name().to_owned(), hsum }))
    }

    fn mode_of(&self, path: &str, saltenv: &str) -> Result<Option<u32>, Fault> {
        use std::os::unix::fs::MetadataExt;
        match SaltPath::parse(path, saltenv) {
            Some(at) => {
                let found = self.source.ask(load_of("_file_find", &at))?;
                let mode = found.get("stat").and_then(|stat| item(stat, 0)).and_then(Value::as_int);
                Ok(mode.and_then(|mode| u32::try_from(mode).ok()))
            }
            None => Ok(fs::metadata(path).ok().map(|metadata| metadata.mode())),
        }
    }

    fn get_url(
        &self,
        url: &str,
        saltenv: &str,
        dest: Option<&Path>,
        makedirs: bool,
    ) -> Result<Option<PathBuf>, Fault> {
        match Url::parse(url) {
            Url::Local(path) if !path.is_absolute() => {
                Err(Fault::execution(format!("Path '{}' is not absolute", path.display())))
            }
            Url::Local(path) => Ok(path.exists().then_some(path)),
            Url::Salt => {
                let at = SaltPath::parse(url, saltenv)
                    .ok_or_else(|| Fault::invocation(format!("Unsupported path: {url}")))?;
                self.fetch(&at, dest, makedirs, None)
            }
            Url::Http(remote) => {
                let (path, cached) = match dest {
                    Some(dest) => (into_directory(dest, &remote.file_name()), false),
                    None => (self.external_path(&remote, saltenv)?, true),
                };
                if !make_room(&path, cached, makedirs)? {
                    return Ok(None);
                }
                http::get(&remote, &path, cached, None, Trust::default())?;
                Ok(Some(path))
            }
            Url::Other(scheme) => {
                Err(Fault::NotSupported(format!("fetching {scheme}:// files ({})", redacted_url(url))))
            }
        }
    }

    fn cache_if_changed(&self, url: &str, saltenv: &str) -> Result<Option<PathBuf>, Fault> {
        let Url::Http(remote) = Url::parse(url) else { return self.get_url(url, saltenv, None, true) };
        let path = self.external_path(&remote, saltenv)?;
        make_room(&path, true, true)?;
        let mut tag = path.clone().into_os_string();
        tag.push(".etag");
        http::get(&remote, &path, true, Some(Path::new(&tag)), Trust::default())?;
        Ok(Some(path))
    }

    fn cache_unverified(&self, url: &str, saltenv: &str) -> Result<Option<PathBuf>, Fault> {
        let Url::Http(remote) = Url::parse(url) else { return self.get_url(url, saltenv, None, true) };
        let path = self.external_path(&remote, saltenv)?;
        make_room(&path, true, true)?;
        http::get(&remote, &path, true, None, Trust { unverified: true, ..Trust::default() })?;
        Ok(Some(path))
    }

    fn get_zipped(
        &self,
        url: &str,
        saltenv: &str,
        dest: &Path,
        makedirs: bool,
        level: Option<i64>,
    ) -> Result<Option<PathBuf>, Fault> {
        match SaltPath::parse(url, saltenv) {
            Some(at) => self.fetch(&at, Some(dest), makedirs, level),
            None => self.get_url(url, saltenv, Some(dest), makedirs),
        }
    }

    fn cache_dir(&self, saltenv: &str) -> PathBuf {
        self.cachedir.join("files").join(saltenv)
    }
}

fn odd(cmd: &str) -> Fault {
    Fault::Unreachable(format!("the file server's answer to {cmd} cannot be read"))
}

/// `dest` itself, or the file in it if it is a directory.
fn into_directory(dest: &Path, name: &str) -> PathBuf {
    if dest.is_dir() || dest.as_os_str().as_encoded_bytes().ends_with(b"/") {
        dest.join(name.rsplit('/').next().unwrap_or(name))
    } else {
        dest.to_owned()
    }
}

/// Makes the directory that a file goes into. `false`: it is missing and may not be made.
fn make_room(path: &Path, cached: bool, makedirs: bool) -> Result<bool, Fault> {
    let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) else {
        return Ok(true);
    };
    if cached {
        // What was a file on the server may have become a directory, and the other way round.
        if directory.is_file() {
            fs::remove_file(directory).map_err(|error| download::failed(directory, &error))?;
        }
        if path.is_dir() {
            fs::remove_dir_all(path).map_err(|error| download::failed(path, &error))?;
        }
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|error| download::failed(directory, &error))?;
        return Ok(true);
    }
    if directory.is_dir() {
        return Ok(true);
    }
    if makedirs {
        fs::create_dir_all(directory).map_err(|error| download::failed(directory, &error))?;
    }
    Ok(makedirs)
}

#[cfg(test)]
mod tests;
