//! `_file_recv`: pieces of a file that a minion pushes (`cp.push`). Salt: master.py `AESFuncs._file_recv`;
//! salt-wire.md §12.2.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use super::Master;
use super::pool::Kind;
use crate::channel::commands::FileRecv;
use crate::names::MinionId;
use crate::value::Value;

/// Writes a piece below `<cachedir>/minions/<id>/files`. True if it is written, false if it may not be.
pub(super) async fn answer(master: &Arc<Master>, id: MinionId, piece: FileRecv) -> Value {
    if !master.options.file_recv {
        crate::log::warn!(minion = id.as_str(), "a pushed file was refused: file_recv is off");
        return false.into();
    }
    let limit = master.options.file_recv_max_size;
    let root = master.options.cachedir.join("minions").join(id.as_str()).join("files");
    let written = master.pool.run(Kind::Disk, move || write(&root, &piece, limit)).await;
    match written {
        Some(Ok(())) => true.into(),
        Some(Err(reason)) => {
            crate::log::error!(minion = id.as_str(), reason, "a pushed file was refused");
            false.into()
        }
        None => false.into(),
    }
}

fn write(root: &Path, piece: &FileRecv, limit: u64) -> Result<(), String> {
    let path = place(root, &piece.path).ok_or("its path leaves the directory of the minion")?;
    let loc = u64::try_from(piece.loc).map_err(|_| "its offset is negative")?;
    let end = loc.saturating_add(piece.data.len() as u64);
    let size = u64::try_from(piece.size).unwrap_or(u64::MAX);
    if limit > 0 && (end > limit || size > limit) {
        return Err(format!("it is larger than file_recv_max_size ({} MB)", limit >> 20));
    }
    let text = |error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(root).map_err(text)?;
    let parent = path.parent().unwrap_or(root);
    // A link inside that leads outside (made by hand) is not followed: neither for the directories that are there, nor
    // for the file; and nothing but a file is opened (a pipe would hold the thread).
    let there = parent.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    if !there.canonicalize().map_err(text)?.starts_with(root.canonicalize().map_err(text)?) {
        return Err("its path leaves the directory of the minion".to_owned());
    }
    fs::create_dir_all(parent).map_err(text)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(flags.bits().cast_signed())
        .open(&path)
        .map_err(text)?;
    let stat = file.metadata().map_err(text)?;
    if !stat.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    if loc == 0 {
        file.set_len(0).map_err(text)?;
    } else if stat.len() < loc {
        return Err("a piece before it is missing".to_owned());
    }
    file.seek(SeekFrom::Start(loc)).map_err(text)?;
    file.write_all(&piece.data).map_err(text)
}

/// Where the parts lead, if they stay below `root`.
fn place(root: &Path, parts: &[String]) -> Option<PathBuf> {
    let mut path = root.to_owned();
    for part in parts.iter().flat_map(|part| part.split('/')) {
        match part {
            "" | "." => {}
            ".." => return None,
            part if part.contains(['\0', '\\']) => return None,
            part => path.push(part),
        }
    }
    (path != root).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(path: &[&str], loc: i64, data: &[u8]) -> FileRecv {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        FileRecv { path, size: data.len() as i64, loc, data: data.to_vec() }
    }

    #[test]
    fn a_pushed_file_stays_in_its_directory_and_below_the_limit() {
        let root = std::env::temp_dir().join(format!("halite-recv-{}/files", std::process::id()));
        fs::create_dir_all(&root).expect("a directory");
        write(&root, &piece(&["etc", "motd"], 0, b"hello "), 100).expect("written");
        write(&root, &piece(&["etc", "motd"], 6, b"world"), 100).expect("written");
        assert_eq!(fs::read(root.join("etc/motd")).expect("read"), b"hello world");
        write(&root, &piece(&["etc/motd"], 0, b"new"), 100).expect("written");
        assert_eq!(fs::read(root.join("etc/motd")).expect("read"), b"new", "an offset of 0 begins anew");
        for path in [&["..", "x"][..], &["a/../../x"], &["a\0b"], &[], &["."]] {
            assert!(write(&root, &piece(path, 0, b"x"), 100).is_err(), "{path:?}");
        }
        assert!(write(&root, &piece(&["big"], 90, b"0123456789a"), 100).is_err());
        assert!(write(&root, &piece(&["gap"], 5, b"x"), 100).is_err());
        std::os::unix::fs::symlink("/", root.join("out")).expect("linked");
        assert!(write(&root, &piece(&["out", "halite-test"], 0, b"x"), 100).is_err());
        let outside = root.parent().expect("a parent").join("outside");
        fs::create_dir_all(&outside).expect("made");
        std::os::unix::fs::symlink(&outside, root.join("folder")).expect("linked");
        std::os::unix::fs::symlink(outside.join("file"), root.join("file")).expect("linked");
        for path in [&["folder", "a", "b"][..], &["file"], &["folder", "c"]] {
            assert!(write(&root, &piece(path, 0, b"x"), 100).is_err(), "{path:?}");
        }
        assert_eq!(fs::read_dir(&outside).expect("listed").count(), 0, "a link was followed");
        fs::remove_dir_all(root.parent().expect("a parent")).expect("removed");
    }
}
