//! Giving what lies under a directory to another user, as root. Salt: utils/verify.py (`verify_env`).

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid};

use super::FileOwner;

/// Deeper trees are not ours.
const DEEPEST: usize = 32;

/// Gives `directory` and what lies under it to `owner`, but for entries named in `except`.
///
/// Whoever owns the tree may change it meanwhile: no link is followed, and a file with several names is left alone, as
/// one of them may be of another tree.
///
/// # Errors
/// When the directory itself cannot be given away. What cannot be given away below it stays as it is.
pub fn give_tree(directory: &Path, owner: FileOwner, except: &[&str]) -> io::Result<()> {
    let opened = open(rustix::fs::openat(CWD, directory, FOLDER, Mode::empty()))?;
    give(&opened, owner)?;
    let mut waiting = vec![(opened, 0)];
    while let Some((folder, depth)) = waiting.pop() {
        let Ok(entries) = Dir::read_from(&folder) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if is_self(name) || except.iter().any(|kept| kept.as_bytes() == name.to_bytes()) {
                continue;
            }
            let Ok(stat) = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                let Ok(below) = rustix::fs::openat(&folder, name, FOLDER, Mode::empty()) else { continue };
                if give(&below, owner).is_ok() && depth < DEEPEST {
                    waiting.push((below, depth + 1));
                }
            } else if stat.st_nlink == 1 && !is_theirs(&stat, owner) {
                let (uid, gid) = ids(owner);
                let _stays_as_it_is = rustix::fs::chownat(&folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW);
            }
        }
    }
    Ok(())
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open(opened: rustix::io::Result<OwnedFd>) -> io::Result<OwnedFd> {
    opened.map_err(io::Error::from)
}

fn give(folder: &OwnedFd, owner: FileOwner) -> io::Result<()> {
    if is_theirs(&rustix::fs::fstat(folder)?, owner) {
        return Ok(());
    }
    let (uid, gid) = ids(owner);
    Ok(rustix::fs::fchown(folder, uid, gid)?)
}

fn is_theirs(stat: &Stat, owner: FileOwner) -> bool {
    owner.uid.is_none_or(|uid| uid == stat.st_uid) && owner.gid.is_none_or(|gid| gid == stat.st_gid)
}

fn ids(owner: FileOwner) -> (Option<Uid>, Option<Gid>) {
    (owner.uid.map(Uid::from_raw), owner.gid.map(Gid::from_raw))
}

fn is_self(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_tree_is_given_away_without_links_and_exceptions() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = std::env::temp_dir().join(format!("halite-ownership-{}", std::process::id()));
        fs::create_dir_all(dir.join("tree/a/b")).expect("made");
        fs::create_dir_all(dir.join("tree/jobs")).expect("made");
        for file in ["outside", "linked", "tree/a/b/file", "tree/jobs/file"] {
            fs::write(dir.join(file), "x").expect("written");
        }
        symlink(dir.join("outside"), dir.join("tree/a/link")).expect("linked");
        fs::hard_link(dir.join("linked"), dir.join("tree/a/second name")).expect("linked");
        let owner = FileOwner { uid: Some(4242), gid: Some(4243) };
        give_tree(&dir.join("tree"), owner, &["jobs"]).expect("given away");
        let uid = |path: &str| fs::symlink_metadata(dir.join(path)).expect("there").uid();
        for (path, expected) in [
            ("tree", 4242),
            ("tree/a/b", 4242),
            ("tree/a/b/file", 4242),
            ("tree/a/link", 4242),
            ("outside", 0),
            ("linked", 0),
            ("tree/jobs", 0),
            ("tree/jobs/file", 0),
        ] {
            assert_eq!(uid(path), expected, "{path}");
        }
        assert_eq!(fs::metadata(dir.join("tree/a/b/file")).expect("there").gid(), 4243);
        symlink(dir.join("tree"), dir.join("another")).expect("linked");
        assert!(give_tree(&dir.join("another"), owner, &[]).is_err());
        fs::remove_dir_all(&dir).expect("removed");
    }
}
