//! The log file: appended to, opened anew when it was moved away or deleted, private from its first byte.
//! Salt: _logging/impl.py (`setup_logfile_handler`), utils/verify.py (`verify_files`).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::host::FileOwner;

/// Readable by the group, as Salt's umask of 027 makes it.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o755;

#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    inode: (u64, u64),
}

impl LogFile {
    /// Opens the file, with its directory where that is missing.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(path: &Path) -> io::Result<Self> {
        make_directory(path)?;
        Ok(LogFile { path: path.to_owned(), open: Mutex::new(open(path)?) })
    }

    /// Appends a line. What cannot be written is lost: a full disk stops nobody.
    pub fn write(&self, line: &str) {
        let mut opened = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let there = fs::metadata(&self.path).map(|stat| (stat.dev(), stat.ino())).ok();
        if there != Some(opened.inode)
            && let Ok(fresh) = open(&self.path)
        {
            *opened = fresh;
        }
        // One write, so that lines of several processes do not mix.
        let _ = opened.file.write_all(format!("{line}\n").as_bytes());
    }
}

/// Makes the file for the user who will write it, while we may still do so.
///
/// # Errors
/// When it cannot be made or given away.
pub(super) fn prepare(path: &Path, owner: FileOwner) -> io::Result<()> {
    let made = path.parent().filter(|parent| !parent.is_dir());
    make_directory(path)?;
    open(path)?;
    if owner != FileOwner::default() {
        chown(path, owner.uid, owner.gid)?;
        // A directory that was there belongs to whom it belonged.
        if let Some(directory) = made {
            chown(directory, owner.uid, owner.gid)?;
        }
    }
    Ok(())
}

fn make_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(parent)
        }
        _ => Ok(()),
    }
}

fn open(path: &Path) -> io::Result<Open> {
    let file = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)?;
    let stat = file.metadata()?;
    Ok(Open { file, inode: (stat.dev(), stat.ino()) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_rotated_file_is_left_and_a_new_one_begun() {
        let dir = std::env::temp_dir().join(format!("halite-log-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let path = dir.join("salt/minion");
        let log = LogFile::open(&path).expect("a log file");
        log.write("one");
        fs::rename(&path, dir.join("old")).expect("moved");
        log.write("two");
        fs::remove_file(&path).expect("deleted");
        log.write("three");
        assert_eq!(fs::read_to_string(dir.join("old")).expect("the old file"), "one\n");
        assert_eq!(fs::read_to_string(&path).expect("the new file"), "three\n");
        let mode = fs::metadata(&path).expect("the new file").permissions().mode();
        assert_eq!(mode & 0o037, 0o000, "{mode:o}");
        let _ = fs::remove_dir_all(&dir);
    }
}
