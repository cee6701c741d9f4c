//! Files put in place whole: a temporary name beside the target, created safe from the first byte, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rand::TryRng;

use super::executables;

/// Who owns a new file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileOwner {
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// Writes `content` to a temporary file (mode 0600), gives it `mode` and `owner`, flushes it to disk and renames it
/// to `path`.
///
/// # Errors
/// When any step fails; the temporary file is then removed and `path` is as before.
pub fn write_atomic(path: &Path, content: &[u8], mode: u32, owner: FileOwner) -> io::Result<()> {
    let _program = (mode & 0o111 != 0).then(executables::being_written);
    let (temporary, mut file) = create_beside(path)?;
    let written = (|| {
        file.write_all(content)?;
        if owner != FileOwner::default() {
            fchown(&file, owner.uid, owner.gid)?;
        }
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_data()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// As [`write_atomic`], without waiting for the disk: for files that can be made again. After a power cut such a file
/// may be empty.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_cache_file(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path)?;
    let written = (|| {
        file.write_all(content)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name =
        path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?.to_string_lossy();
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let short: String = name.chars().take(100).collect();
    for _ in 0..16 {
        let temporary = directory.join(format!(".{short}.{:016x}", random_u64()?));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (temporary, file)),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

fn random_u64() -> io::Result<u64> {
    rand::rngs::SysRng.try_next_u64().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let directory = std::env::temp_dir().join(format!("halite-atomic-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("key.pem");
        write_atomic(&path, b"one", 0o400, FileOwner::default()).expect("written");
        write_atomic(&path, b"two", 0o400, FileOwner::default()).expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"two");
        assert_eq!(fs::metadata(&path).expect("stat").permissions().mode() & 0o777, 0o400);
        assert_eq!(fs::read_dir(&directory).expect("listed").count(), 1);
        assert!(write_atomic(&directory.join("no/such/dir"), b"", 0o600, FileOwner::default()).is_err());
        fs::remove_dir_all(&directory).expect("removed");
    }
}
