//! Fetching a file in chunks, into a temporary file beside its place; it takes that place when its hash is right.
//! Salt: fileclient.py (`RemoteClient.get_file`); salt-wire.md §12.5.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::GzDecoder;

use super::Source;
use super::url::SaltPath;
use crate::crypt::HashType;
use crate::crypt::digest::Hasher;
use crate::crypt::digest::hex;
use crate::crypt::random;
use crate::loader::{Fault, HashOf};
use crate::map;
use crate::value::{Map, Value};

/// How often a file whose hash is wrong is fetched anew: it may have changed meanwhile.
const TRIES: usize = 3;
/// The longest chunk, unpacked. A master sends `file_buffer_size`, 1 MiB.
const LONGEST_CHUNK: u64 = 64 << 20;
/// Chunks that are asked for at once, so that a large file does not wait for each of them in turn.
const AT_ONCE: u64 = 4;
/// How far a file may outgrow what the server said of its size, in octets.
const ROOM_TO_GROW: u64 = 1 << 30;

/// Where a file goes, and what it has to be.
pub struct Target<'a> {
    pub path: &'a Path,
    /// Of the cache: only our own user may read it.
    pub private: bool,
    pub expected: &'a HashOf,
    /// How hard the master is to compress what it sends: 1 to 9.
    pub gzip: Option<i64>,
}

/// Fetches `at` from the file server to `target`. `first` is the reply to [`piece_load`] at 0, where it was asked for
/// already.
///
/// # Errors
/// When the server does not answer, the disk does not take it, or the hash stays wrong.
pub fn serve(
    source: &dyn Source,
    at: &SaltPath,
    size: Option<u64>,
    mut first: Option<Value>,
    target: &Target,
) -> Result<(), Fault> {
    let hash_type: HashType = target
        .expected
        .hash_type
        .parse()
        .map_err(|error: crate::crypt::CryptError| Fault::execution(error.to_string()))?;
    let limit = size.map_or(u64::MAX, |size| size.saturating_add(ROOM_TO_GROW));
    let mut expected = target.expected.hsum.clone();
    for _ in 0..TRIES {
        let mut part =
            Part::create(target.path, target.private).map_err(|error| failed(target.path, &error))?;
        let mut hasher = hash_type.hasher();
        let mut written = 0_u64;
        let mut step = 0_u64;
        // Of a file that is as long as was said, the hash tells that it is whole.
        let is_whole =
            |written, hasher: &Hasher| size == Some(written) && hasher.clone().finish_hex() == expected;
        'file: while !is_whole(written, &hasher) {
            // As many at once as the rest of the file has, if chunks go on to be as long as the last one.
            let left = size.unwrap_or(0).saturating_sub(written);
            let ahead = left.checked_div(step).unwrap_or(0).clamp(1, AT_ONCE);
            let offsets: Vec<u64> = (0..ahead).map(|number| written.saturating_add(number * step)).collect();
            let chunks = match first.take() {
                Some(reply) => vec![reply],
                None => ask(source, at, &offsets, target.gzip)?,
            };
            for (offset, chunk) in offsets.iter().zip(chunks) {
                // One was shorter than the last: the others begin at the wrong place.
                if *offset != written {
                    break;
                }
                let chunk = unpacked(chunk).ok_or_else(|| odd(at))?;
                if chunk.is_empty() {
                    break 'file;
                }
                hasher.update(&chunk);
                part.file.write_all(&chunk).map_err(|error| failed(target.path, &error))?;
                step = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                written = written.saturating_add(step);
                if written > limit {
                    return Err(Fault::execution(format!("salt://{} grows without end: given up", at.path)));
                }
            }
        }
        if hasher.finish_hex() == expected {
            return part.keep(target.path).map_err(|error| failed(target.path, &error));
        }
        // Changed on the server since its hash was asked for?
        let load = map! { "path" => at.asked(), "saltenv" => at.saltenv.as_str(), "cmd" => "_file_hash" };
        if let Some(hsum) = source.ask(load)?.get("hsum").and_then(Value::as_str) {
            hsum.clone_into(&mut expected);
        }
    }
    Err(Fault::execution(format!("Bad download of file {}, attempt {TRIES} of {TRIES}", at.path)))
}

/// The request for the chunk at an offset.
pub fn piece_load(at: &SaltPath, loc: u64, gzip: Option<i64>) -> Map {
    let mut load = map! {
        "path" => at.asked(), "saltenv" => at.saltenv.as_str(), "cmd" => "_serve_file", "loc" => loc,
    };
    if let Some(level) = gzip {
        load.insert("gzip", level);
    }
    load
}

/// The replies for these offsets.
fn ask(source: &dyn Source, at: &SaltPath, offsets: &[u64], gzip: Option<i64>) -> Result<Vec<Value>, Fault> {
    let load = |loc: &u64| piece_load(at, *loc, gzip);
    let replies = match offsets {
        [one] => vec![source.ask(load(one))?],
        several => source.ask_together(several.iter().map(load).collect())?,
    };
    if replies.len() == offsets.len() { Ok(replies) } else { Err(odd(at)) }
}

fn odd(at: &SaltPath) -> Fault {
    Fault::Unreachable(format!("salt://{}: the file server's answer cannot be read", at.path))
}

/// The octets of a chunk.
fn unpacked(reply: Value) -> Option<Bytes> {
    let Value::Map(mut reply) = reply else { return None };
    let data = match reply.remove("data")? {
        Value::Bytes(data) => data.into_bytes(),
        Value::Text(data) => data.into(),
        _ => return None,
    };
    if data.is_empty() || !reply.get("gzip").is_some_and(Value::truthy) {
        return Some(data);
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(&*data).take(LONGEST_CHUNK).read_to_end(&mut unpacked).ok().map(|_| unpacked.into())
}

/// A file on its way: beside its place under a name of its own, removed unless kept.
pub struct Part {
    pub file: File,
    path: PathBuf,
    kept: bool,
}

impl Part {
    /// Opens a temporary file for `target`, in whose place an existing file keeps its mode and owner.
    ///
    /// # Errors
    /// When the directory does not take it.
    pub fn create(target: &Path, private: bool) -> io::Result<Self> {
        let target = follow(target);
        let name: String =
            target.file_name().unwrap_or_default().to_string_lossy().chars().take(100).collect();
        let path = target.with_file_name(format!(".{name}.{}", hex(&random::bytes::<8>())));
        let mode = if private { 0o600 } else { 0o666 };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        let part = Part { file, path, kept: false };
        if !private && let Ok(old) = fs::metadata(&target) {
            part.file.set_permissions(old.permissions())?;
            let new = part.file.metadata()?;
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                fchown(&part.file, Some(old.uid()), Some(old.gid()))?;
            }
        }
        Ok(part)
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// When it cannot be moved there.
    pub fn keep(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, follow(target))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A link is written through, as Salt does.
fn follow(path: &Path) -> PathBuf {
    if path.is_symlink() {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    } else {
        path.to_owned()
    }
}

/// The hash of a file, lower-case hex.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path, hash_type: HashType) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = hash_type.hasher();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        match buffer.get(..count) {
            Some(read) if count > 0 => hasher.update(read),
            _ => return Ok(hasher.finish_hex()),
        }
    }
}

/// Which file it was that the disk did not take or give.
pub fn failed(path: &Path, error: &io::Error) -> Fault {
    Fault::exception("OSError", format!("{}: {error}", path.display()))
}
