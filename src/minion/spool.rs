//! Returns on disk until the master has them. Salt has nothing like it: a return that is not taken after
//! `return_retry_tries` is lost there.
//!
//! One file for each return, `<cachedir>/returns/<jid>.<master>.<16 hex digits>.p`, where `<master>` is the beginning
//! of a hash of the address of the master that published the job: msgpack with bin types, `{"master": str, "load": map}`.
//! A file is written whole under a name that begins with a dot, then renamed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::log::{error, warn};

use crate::crypt::HashType;
use crate::crypt::digest::hex;
use crate::crypt::random;
use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::{Map, Value, sort};

/// Most octets of all returns that wait; the oldest are given up beyond it.
pub const MOST_OCTETS: u64 = 64 << 20;
/// How long a return waits.
pub const LONGEST_WAIT: Duration = Duration::from_secs(7 * 86_400);
/// The longest file that is read back.
const LONGEST_FILE: u64 = 1 << 30;

/// The directory of waiting returns.
#[derive(Clone, Debug)]
pub struct Spool {
    directory: PathBuf,
}

/// Whose returns a sender takes over from an earlier daemon, or from job processes that outlived it.
#[derive(Clone, Debug)]
pub struct Adopt {
    own: String,
    /// Marks of the other masters, where returns for masters that are no longer configured are taken as well.
    others: Option<Vec<String>>,
}

impl Adopt {
    /// Returns for the master at `own`; with `others`, the addresses of all other masters, also those for nobody else.
    pub fn new(own: &str, others: Option<&[String]>) -> Self {
        let marks = |others: &[String]| others.iter().map(|other| mark_of(other)).collect();
        Adopt { own: mark_of(own), others: others.map(marks) }
    }

    /// Whether the return at `path` is to be taken.
    pub fn takes(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mark = name.split('.').nth(1).unwrap_or_default();
        mark == self.own
            || self.others.as_ref().is_some_and(|others| !others.iter().any(|other| other == mark))
    }
}

fn mark_of(master: &str) -> String {
    HashType::Sha256.hex(master).chars().take(8).collect()
}

impl Spool {
    /// The spool below `cachedir`. Touches nothing.
    pub fn new(cachedir: &Path) -> Self {
        Spool { directory: cachedir.join("returns") }
    }

    /// Writes a return down. It then survives the end of this process; [`Spool::harden`] makes it survive more.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add(&self, master: &str, load: &Map) -> io::Result<PathBuf> {
        let jid: String =
            load.str("jid").unwrap_or("none").chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        let name = format!("{jid}.{}.{}.p", mark_of(master), hex(&random::bytes::<8>()));
        let path = self.directory.join(&name);
        let temporary = self.directory.join(format!(".{name}"));
        let entry = map! { "master" => master, "load" => load.clone() };
        if !self.directory.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        }
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(&encode_map(&entry, Dialect::Bin))?;
            fs::rename(&temporary, &path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.map(|()| path)
    }

    /// Makes sure that a return survives a power cut: for those that the master did not take at once.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn harden(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()?;
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }

    /// Reads a return back. A file that cannot be read is set aside under `<name>.bad`, and is `None`.
    pub fn read(path: &Path) -> Option<Map> {
        match read(path) {
            Ok(load) => Some(load),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(problem) => {
                error!(path = %path.display(), "A return that waits to be sent cannot be read: {problem}");
                let _ = fs::rename(path, path.with_extension("bad"));
                None
            }
        }
    }

    /// Forgets a return: the master has it.
    pub fn remove(path: &Path) {
        if let Err(problem) = fs::remove_file(path)
            && problem.kind() != io::ErrorKind::NotFound
        {
            warn!(path = %path.display(), "A return that was sent cannot be removed and may be sent again: {problem}");
        }
    }

    /// Returns that wait, oldest first; those beyond the limits are given up (and logged).
    ///
    /// Files younger than `least_age` are left out: their writer still has them in hand.
    pub fn list(&self, least_age: Duration) -> Vec<PathBuf> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            let Ok(metadata) = entry.metadata() else { continue };
            if !metadata.is_file() || path.extension().is_none_or(|extension| extension != "p") {
                continue;
            }
            let age = metadata.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
            if hidden || age > LONGEST_WAIT {
                // Hidden: somebody writes it right now, or died while doing so.
                if age > Duration::from_secs(3600) {
                    give_up(&path, hidden);
                }
                continue;
            }
            if age >= least_age {
                files.push((metadata.modified().unwrap_or(UNIX_EPOCH), metadata.len(), path));
            }
        }
        sort::all(&mut files);
        let mut total: u64 = files.iter().map(|(_, octets, _)| octets).sum();
        let mut kept = Vec::with_capacity(files.len());
        let count = files.len();
        for (index, (_, octets, path)) in files.into_iter().enumerate() {
            // The newest stays, however long it is.
            if total > MOST_OCTETS && index + 1 < count {
                total = total.saturating_sub(octets);
                give_up(&path, false);
            } else {
                kept.push(path);
            }
        }
        kept
    }
}

fn give_up(path: &Path, quietly: bool) {
    if !quietly {
        error!(path = %path.display(), "A return waited too long or takes too much room: it is given up");
    }
    let _ = fs::remove_file(path);
}

fn read(path: &Path) -> io::Result<Map> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let mut octets = Vec::new();
    File::open(path)?.take(LONGEST_FILE).read_to_end(&mut octets)?;
    let value = decode(&octets, Reading::Typed).map_err(|error| invalid(error.to_string()))?;
    let Value::Map(mut entry) = value else { return Err(invalid("it holds no map".to_owned())) };
    match entry.remove("load") {
        Some(Value::Map(load)) => Ok(load),
        _ => Err(invalid("the load is missing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(name: &str) -> Spool {
        let directory = std::env::temp_dir().join(format!("halite-spool-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        Spool::new(&directory)
    }

    #[test]
    fn returns_wait_in_order_and_come_back_whole() {
        let spool = spool("order");
        let bytes = Value::Bytes(vec![0xff, 0].into());
        let first = spool.add("m:4506", &map! { "jid" => "1", "return" => bytes.clone() }).expect("written");
        let second = spool.add("", &map! { "jid" => "2", "return" => "text" }).expect("written");
        assert_eq!(spool.list(Duration::ZERO), [first.clone(), second.clone()]);
        assert_eq!(Spool::read(&first).expect("read").get("return"), Some(&bytes));
        let adopt = |own: &str, others| Adopt::new(own, others);
        assert!(adopt("m:4506", None).takes(&first) && !adopt("m:4506", None).takes(&second));
        assert!(adopt("x:4506", Some(&[])).takes(&first));
        assert!(!adopt("x:4506", Some(&["m:4506".to_owned()])).takes(&first));
        Spool::harden(&second).expect("on disk");
        Spool::remove(&first);
        assert_eq!(spool.list(Duration::ZERO), [second]);
        fs::remove_dir_all(spool.directory.parent().expect("a parent")).expect("removed");
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_the_others_are_kept() {
        let spool = spool("damaged");
        let good = spool.add("", &map! { "jid" => "1" }).expect("written");
        let bad = spool.directory.join("2.0000000000000000.p");
        fs::write(&bad, [0x81]).expect("written");
        assert!(Spool::read(&bad).is_none());
        assert!(bad.with_extension("bad").exists());
        assert_eq!(spool.list(Duration::ZERO), [good]);
        fs::remove_dir_all(spool.directory.parent().expect("a parent")).expect("removed");
    }

    #[test]
    fn a_jid_never_becomes_a_path() {
        let spool = spool("jid");
        let path = spool.add("", &map! { "jid" => "../../x" }).expect("written");
        assert_eq!(path.parent(), Some(spool.directory.as_path()));
        fs::remove_dir_all(spool.directory.parent().expect("a parent")).expect("removed");
    }
}
