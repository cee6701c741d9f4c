//! The last serial of a master's publishes, kept over restarts of the minion: a job that was overheard is not carried out
//! again when a minion has come back that no longer knows its jid. Salt has nothing like it.
//!
//! One file for each master, `<cachedir>/serial.<mark>`: 16 hex digits of a hash of the AES key, a blank, and the serial.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::crypt::HashType;
use crate::host::write_cache_file;

/// Where the serials of one master are kept.
#[derive(Clone, Debug)]
pub struct Serials {
    path: PathBuf,
}

impl Serials {
    /// Those of the master at this address.
    pub fn new(cachedir: &Path, master: &str) -> Self {
        Serials { path: cachedir.join(format!("serial.{}", mark(master))) }
    }

    /// The last one that was kept for this AES key; 0 when there is none.
    pub fn last(&self, aes: &str) -> i64 {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let kept = text.split_once(' ').filter(|(key, _)| *key == mark(aes));
        kept.and_then(|(_, serial)| serial.trim().parse().ok()).unwrap_or(0)
    }

    /// Keeps one. Blocks on the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, aes: &str, serial: i64) -> io::Result<()> {
        write_cache_file(&self.path, format!("{} {serial}\n", mark(aes)).as_bytes(), 0o600)
    }
}

fn mark(text: &str) -> String {
    HashType::Sha256.hex(text).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_kept_for_its_key_and_its_master() {
        let dir = std::env::temp_dir().join(format!("halite-serials-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("made");
        let serials = Serials::new(&dir, "master:4506");
        assert_eq!(serials.last("key"), 0);
        serials.keep("key", 41).expect("kept");
        serials.keep("key", 42).expect("kept");
        assert_eq!(Serials::new(&dir, "master:4506").last("key"), 42);
        assert_eq!((serials.last("other"), Serials::new(&dir, "other:4506").last("key")), (0, 0));
        fs::remove_dir_all(dir).expect("removed");
    }
}
