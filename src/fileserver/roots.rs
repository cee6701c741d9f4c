//! `roots`: files from directories of the master, by environment. Salt: fileserver/roots.py, fileserver/__init__.py;
//! salt-wire.md §12.2, §12.5. No path leads out of its root, however it is written, and links are followed only as
//! `fileserver_followsymlinks` says. Everything here blocks on the disk.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::listing::{Ignored, Listing, ListingOptions, Stamp, walk};
use crate::crypt::HashType;
use crate::map;
use crate::value::msgpack::{Dialect, encode_into, write_map_head, write_text_head};
use crate::value::{Map, Value, sort, str_of};

/// Name of the environment that stands for all that are not named.
const ANY_ENV: &str = "__env__";

/// Hashes that are remembered.
const MAX_HASHES: usize = 100_000;

/// How long a list of files is used without a look at the directories.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Environments whose lists are remembered (`__env__` makes any name one).
const MAX_LISTS: usize = 64;

/// What the file server works by.
#[derive(Clone, Debug)]
pub struct RootsConfig {
    /// Directories by environment, in order of precedence.
    pub roots: Vec<(String, Vec<PathBuf>)>,
    pub hash_type: HashType,
    /// Largest chunk that is sent at once, in octets.
    pub file_buffer_size: usize,
    pub follow_symlinks: bool,
    pub ignore_symlinks: bool,
    pub ignored: Ignored,
    /// How long a list of files is used.
    pub list_cache_time: Duration,
}

impl RootsConfig {
    /// From the options `file_roots`, `hash_type`, `file_buffer_size`, `fileserver_followsymlinks`,
    /// `fileserver_ignoresymlinks`, `file_ignore_regex`, `file_ignore_glob` and `fileserver_list_cache_time`.
    pub fn from_opts(opts: &Map) -> Self {
        Self::of_option("file_roots", opts)
    }

    /// The same for `pillar_roots`.
    pub fn for_pillar(opts: &Map) -> Self {
        Self::of_option("pillar_roots", opts)
    }

    fn of_option(name: &str, opts: &Map) -> Self {
        let directories = |value: &Value| match value {
            Value::List(list) => list.iter().map(|item| PathBuf::from(str_of(item))).collect(),
            Value::Text(one) => vec![PathBuf::from(one)],
            _ => Vec::new(),
        };
        let roots = opts.get(name).and_then(Value::as_map).map_or_else(Vec::new, |map| {
            map.iter().map(|(env, value)| (str_of(env), directories(value))).collect()
        });
        let set = |name, default| opts.get(name).map_or(default, Value::truthy);
        let number = |name, default| opts.get(name).and_then(Value::as_int).unwrap_or(default);
        RootsConfig {
            roots,
            hash_type: opts.str("hash_type").and_then(|name| name.parse().ok()).unwrap_or(HashType::Sha256),
            file_buffer_size: usize::try_from(number("file_buffer_size", 1 << 20))
                .unwrap_or(1 << 20)
                .clamp(1, 64 << 20),
            follow_symlinks: set("fileserver_followsymlinks", true),
            ignore_symlinks: set("fileserver_ignoresymlinks", false),
            ignored: Ignored::from_opts(opts),
            list_cache_time: Duration::from_secs(
                u64::try_from(number("fileserver_list_cache_time", 20)).unwrap_or(0),
            ),
        }
    }
}

/// The file server.
pub struct Roots {
    config: RootsConfig,
    hashes: Mutex<HashMap<PathBuf, (Stamp, String)>>,
    lists: Mutex<HashMap<String, (Instant, Arc<Listing>)>>,
}

/// A file that was found.
struct Found {
    path: PathBuf,
    /// Below its root, as it was asked for.
    rel: String,
    stat: Metadata,
    /// The root that it may not lie outside of, where links are not followed.
    below: Option<PathBuf>,
}

impl Found {
    /// Opens the file, which may have become something else since it was found.
    fn open(&self) -> std::io::Result<File> {
        let file = File::open(&self.path)?;
        if let Some(root) = &self.below {
            // What is open is looked at, not what the name means by now.
            let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
            if !real.starts_with(root.canonicalize()?) {
                return Err(std::io::Error::other("it has become a link out of its root"));
            }
        }
        Ok(file)
    }
}

impl Roots {
    /// A file server of its own caches.
    pub fn new(config: RootsConfig) -> Self {
        Roots { config, hashes: Mutex::default(), lists: Mutex::default() }
    }

    /// What has changed since the last look, which is remembered in `cachedir`: `{changed: bool, files: {changed: [path],
    /// removed: [path], added: [path]}, backend: "roots"}`.
    ///
    /// # Errors
    /// When it cannot be remembered.
    pub fn update(&self, cachedir: &Path) -> std::io::Result<Map> {
        let roots = self.config.roots.iter().flat_map(|(_, roots)| roots).map(PathBuf::as_path);
        super::changes::update(cachedir, roots, &self.config.ignored)
    }

    /// Names of the environments, sorted.
    pub fn envs(&self) -> Value {
        let mut envs: Vec<&str> = self.config.roots.iter().map(|(env, _)| env.as_str()).collect();
        sort::all(&mut envs);
        Value::list(envs)
    }

    /// Relative paths of files that begin with `prefix`, sorted.
    pub fn file_list(&self, saltenv: &str, prefix: &str) -> Value {
        with_prefix(&self.recent_listing(saltenv).files, prefix)
    }

    /// All relative paths of files, as msgpack for the wire.
    pub fn packed_file_list(&self, saltenv: &str) -> Bytes {
        self.recent_listing(saltenv).packed_files()
    }

    /// Relative paths of directories, likewise.
    pub fn dir_list(&self, saltenv: &str, prefix: &str) -> Value {
        with_prefix(&self.recent_listing(saltenv).dirs, prefix)
    }

    /// Relative paths of empty directories, likewise.
    pub fn empty_dirs(&self, saltenv: &str, prefix: &str) -> Value {
        with_prefix(&self.recent_listing(saltenv).empty_dirs, prefix)
    }

    /// Links, `{path: target}`.
    pub fn symlink_list(&self, saltenv: &str, prefix: &str) -> Value {
        let prefix = prefix.trim_matches('/');
        let listing = self.recent_listing(saltenv);
        let links = listing.links.iter().filter(|(path, _)| path.starts_with(prefix));
        links.map(|(path, target)| (path.as_str(), Value::from(target.as_str()))).collect::<Map>().into()
    }

    /// `{"hash_type", "hsum"}`; an empty text where there is no such file.
    pub fn file_hash(&self, path: &str, saltenv: &str) -> Value {
        match self.find(path, saltenv) {
            Some(found) => self.hash_of(&found),
            None => "".into(),
        }
    }

    /// `[hash, stat]`; `["", nil]` where there is no such file.
    pub fn file_hash_and_stat(&self, path: &str, saltenv: &str) -> Value {
        match self.find(path, saltenv) {
            Some(found) => Value::List(vec![self.hash_of(&found), stat_list(&found.stat)]),
            None => Value::List(vec!["".into(), Value::Null]),
        }
    }

    /// `{"path", "rel", "stat", "back"}`; the first two empty and the others left out where there is no such file.
    pub fn file_find(&self, path: &str, saltenv: &str) -> Value {
        match self.find(path, saltenv) {
            Some(found) => map! {
                "path" => found.path.to_string_lossy().into_owned(),
                "rel" => found.rel,
                "stat" => stat_list(&found.stat),
                "back" => "roots",
            },
            None => map! { "path" => "", "rel" => "" },
        }
        .into()
    }

    /// `{"data", "dest", "gzip"?}`: a chunk from offset `loc`, both empty where there is no such file.
    pub fn serve_file(&self, path: &str, saltenv: &str, loc: i64, gzip: Option<i64>) -> Value {
        let Some(found) = self.find(path, saltenv) else {
            return map! { "data" => "", "dest" => "" }.into();
        };
        let data = match found
            .open()
            .and_then(|file| chunk(&file, found.stat.size(), loc, self.config.file_buffer_size))
        {
            Ok(data) => data,
            Err(error) => {
                crate::log::error!(path = %found.path.display(), %error, "a file of the file server cannot be read");
                // What Salt answers when a handler fails: the minion tries again and then tells.
                return "".into();
            }
        };
        let mut reply = map! { "data" => "", "dest" => found.rel };
        match gzip.filter(|_| !data.is_empty()) {
            Some(level) => {
                reply.insert("gzip", level);
                reply.insert("data", Value::Bytes(compressed(&data, level).into()));
            }
            None => {
                reply.insert("data", Value::Bytes(data.into()));
            }
        }
        reply.into()
    }

    /// Appends the reply to `_serve_file`, packed for the wire: as [`Roots::serve_file`] gives it. What is not to be
    /// compressed is read to where it will be sent from.
    pub fn serve_into(&self, out: &mut Vec<u8>, path: &str, saltenv: &str, loc: i64, gzip: Option<i64>) {
        let start = out.len();
        if gzip.is_none()
            && let Some(found) = self.find(path, saltenv)
            && matches!(self.chunk_into(out, &found, loc), Ok(true))
        {
            encode_into(out, &"dest".into(), Dialect::Wire);
            encode_into(out, &found.rel.into(), Dialect::Wire);
            return;
        }
        out.truncate(start);
        encode_into(out, &self.serve_file(path, saltenv, loc, gzip), Dialect::Wire);
    }

    /// `false`: the file is not as long any more as it was when it was found.
    fn chunk_into(&self, out: &mut Vec<u8>, found: &Found, loc: i64) -> std::io::Result<bool> {
        /// For what stands around the chunk: names, padding, the code that authenticates it.
        const AROUND: usize = 256;
        let file = found.open()?;
        let left = found.stat.size().saturating_sub(u64::try_from(loc).unwrap_or(u64::MAX));
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.config.file_buffer_size);
        out.reserve_exact(wanted + AROUND + found.rel.len());
        write_map_head(out, 2);
        encode_into(out, &"data".into(), Dialect::Wire);
        write_text_head(out, wanted, Dialect::Wire);
        let start = out.len();
        read_at(&file, loc, wanted, out)?;
        Ok(out.len() - start == wanted)
    }

    /// Where a file is, for those who run on the file server's own host. Adds to `looked` what was looked at on the
    /// way: as long as none of it changes, the answer is the same.
    pub fn local_path(
        &self,
        path: &str,
        saltenv: &str,
        looked: &mut Vec<(PathBuf, Option<Stamp>)>,
    ) -> Option<PathBuf> {
        self.find_and_tell(path, saltenv, looked).map(|found| found.path)
    }

    fn directories(&self, saltenv: &str) -> Vec<PathBuf> {
        let named =
            |name: &str| self.config.roots.iter().find(|(env, _)| env == name).map(|(_, roots)| roots);
        if let Some(roots) = named(saltenv) {
            return roots.clone();
        }
        // The name goes into a path: it may not lead anywhere else.
        let is_name =
            !saltenv.is_empty() && !saltenv.contains(['/', '\0']) && saltenv != ".." && saltenv != ".";
        let any = named(ANY_ENV).filter(|_| is_name);
        any.into_iter()
            .flatten()
            .map(|root| PathBuf::from(root.to_string_lossy().replace(ANY_ENV, saltenv)))
            .collect()
    }

    fn find(&self, asked: &str, saltenv: &str) -> Option<Found> {
        self.find_and_tell(asked, saltenv, &mut Vec::new())
    }

    fn find_and_tell(
        &self,
        asked: &str,
        saltenv: &str,
        looked: &mut Vec<(PathBuf, Option<Stamp>)>,
    ) -> Option<Found> {
        let (path, saltenv) = split_query(asked, saltenv);
        let rel = normal(path)?;
        for root in self.directories(saltenv) {
            let full = root.join(&rel);
            if !self.config.follow_symlinks && !is_really_below(&root, &full) {
                continue;
            }
            let stat = fs::metadata(&full);
            looked.push((full.clone(), stat.as_ref().ok().map(Stamp::of)));
            let Ok(stat) = stat else { continue };
            if stat.is_file() && !self.config.ignored.matches(&full.to_string_lossy()) {
                let below = (!self.config.follow_symlinks).then_some(root);
                return Some(Found { path: full, rel, stat, below });
            }
        }
        None
    }

    fn hash_of(&self, found: &Found) -> Value {
        let stamp = Stamp::of(&found.stat);
        let known = {
            let hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
            hashes.get(&found.path).filter(|(known, _)| *known == stamp).map(|(_, hash)| hash.clone())
        };
        let hsum = match known {
            Some(hash) => hash,
            None => match found.open().and_then(|file| hash_of_file(file, self.config.hash_type)) {
                Ok(hash) => {
                    let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
                    if hashes.len() >= MAX_HASHES {
                        hashes.clear();
                    }
                    hashes.insert(found.path.clone(), (stamp, hash.clone()));
                    hash
                }
                Err(error) => {
                    crate::log::error!(path = %found.path.display(), %error, "a file of the file server cannot be read");
                    return Map::new().into();
                }
            },
        };
        map! { "hash_type" => self.config.hash_type.name(), "hsum" => hsum }.into()
    }

    /// Everything in an environment; the same `Arc` as long as nothing changes.
    pub fn listing(&self, saltenv: &str) -> Arc<Listing> {
        self.listing_not_older_than(saltenv, Duration::ZERO)
    }

    /// For requests of the file server: those who ask together are told the same.
    fn recent_listing(&self, saltenv: &str) -> Arc<Listing> {
        self.listing_not_older_than(saltenv, LOOK_AGAIN.min(self.config.list_cache_time))
    }

    fn listing_not_older_than(&self, saltenv: &str, age: Duration) -> Arc<Listing> {
        // The lock is held while walking: of many who ask at once, one walks.
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((looked, listing)) = lists.get_mut(saltenv) {
            if looked.elapsed() < age {
                return listing.clone();
            }
            if listing.is_current() {
                *looked = Instant::now();
                return listing.clone();
            }
        }
        let directories = self.directories(saltenv);
        if directories.is_empty() {
            return Arc::default();
        }
        let options = ListingOptions {
            follow_symlinks: self.config.follow_symlinks,
            ignore_symlinks: self.config.ignore_symlinks,
            ignored: &self.config.ignored,
        };
        let listing = Arc::new(walk(&directories, &options));
        if lists.len() >= MAX_LISTS {
            lists.clear();
        }
        lists.insert(saltenv.to_owned(), (Instant::now(), listing.clone()));
        listing
    }
}

/// The hash of a file, read in pieces.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path, hash_type: HashType) -> std::io::Result<String> {
    hash_of_file(File::open(path)?, hash_type)
}

fn hash_of_file(mut file: File, hash_type: HashType) -> std::io::Result<String> {
    let mut hasher = hash_type.hasher();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish_hex()),
            n => hasher.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

/// Takes `?saltenv=x` off a path, and the `|` before a path whose `?` is part of its name.
fn split_query<'a>(asked: &'a str, saltenv: &'a str) -> (&'a str, &'a str) {
    if let Some(literal) = asked.strip_prefix('|') {
        return (literal, saltenv);
    }
    let Some((path, query)) = asked.split_once('?') else { return (asked, saltenv) };
    let query = query.split_once('?').map_or(query, |(query, _)| query);
    let named = query.split('&').rev().find_map(|pair| pair.strip_prefix("saltenv="));
    (path, named.unwrap_or(saltenv))
}

/// A relative path without `.` and doubled slashes. `None` for what is absolute, empty, or holds `..` or a NUL.
fn normal(path: &str) -> Option<String> {
    if path.contains('\0') || path.contains("../") {
        return None;
    }
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn is_really_below(root: &Path, full: &Path) -> bool {
    match (root.canonicalize(), full.canonicalize()) {
        (Ok(root), Ok(full)) => full.starts_with(root),
        _ => false,
    }
}

fn with_prefix(paths: &[String], prefix: &str) -> Value {
    let prefix = prefix.trim_matches('/');
    Value::list(paths.iter().filter(|path| path.starts_with(prefix)).map(String::as_str))
}

/// Mode, inode, device, links, uid, gid, size, and the times of access, modification and change in seconds.
fn stat_list(stat: &Metadata) -> Value {
    let large = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Value::list([
        i64::from(stat.mode()),
        large(stat.ino()),
        large(stat.dev()),
        large(stat.nlink()),
        i64::from(stat.uid()),
        i64::from(stat.gid()),
        large(stat.size()),
        stat.atime(),
        stat.mtime(),
        stat.ctime(),
    ])
}

fn chunk(file: &File, length: u64, loc: i64, size: usize) -> std::io::Result<Vec<u8>> {
    // One octet more, so that a file that grows shows it, and the end of one that does not is found at once.
    let left = length.saturating_sub(u64::try_from(loc).unwrap_or(u64::MAX));
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    let mut data = Vec::with_capacity(left.saturating_add(1).min(size));
    read_at(file, loc, size, &mut data)?;
    Ok(data)
}

/// Appends up to `most` octets from offset `loc` to `out`.
fn read_at(file: &File, loc: i64, most: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
    let loc = u64::try_from(loc).map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    let start = out.len();
    while out.len() - start < most {
        let at = loc.saturating_add((out.len() - start) as u64);
        out.reserve(1);
        if rustix::io::pread(file, rustix::buffer::spare_capacity(out), at)? == 0 {
            break;
        }
    }
    out.truncate(start + most);
    Ok(())
}

fn compressed(data: &[u8], level: i64) -> Vec<u8> {
    let level = flate2::Compression::new(u32::try_from(level).unwrap_or(9).min(9));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    // Writing to memory does not fail.
    let _ = encoder.write_all(data);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests;
