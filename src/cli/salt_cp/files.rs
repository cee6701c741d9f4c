//! Which files there are below the sources, and where they go. Salt: cli/cp.py (`_recurse`, `_get_remote_path`).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::value::sort;

/// Files with their modes, and directories without anything in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub files: Vec<(PathBuf, u32)>,
    pub empty_dirs: Vec<PathBuf>,
}

/// How deep directories are followed: links may lead round.
const DEEPEST: usize = 128;

/// A path without links, also where its end does not exist.
pub(super) fn real_path(path: &str) -> PathBuf {
    fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| PathBuf::from(path))
}

/// Adds a file, or all that is below a directory.
///
/// # Errors
/// The path that cannot be read, and why.
pub(super) fn find(path: &Path, found: &mut Found) -> Result<(), (PathBuf, io::Error)> {
    below(path, found, 0)
}

fn below(path: &Path, found: &mut Found, depth: usize) -> Result<(), (PathBuf, io::Error)> {
    let at = |error| (path.to_owned(), error);
    let stat = fs::metadata(path).map_err(at)?;
    if !stat.is_dir() {
        found.files.push((path.to_owned(), stat.permissions().mode() & 0o7777));
        return Ok(());
    }
    if depth >= DEEPEST {
        return Err(at(io::Error::other("the directories are nested too deep")));
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path).map_err(at)?.flatten().map(|entry| entry.path()).collect();
    sort::all(&mut entries);
    if entries.is_empty() {
        found.empty_dirs.push(path.to_owned());
    }
    entries.iter().try_for_each(|entry| below(entry, found, depth + 1))
}

/// Where things go on the minions.
pub(super) struct Remote<'a> {
    pub sources: &'a [PathBuf],
    pub dest: &'a str,
    /// The destination is a directory.
    pub is_dir: bool,
}

impl Remote<'_> {
    /// The path on the minion.
    pub fn place(&self, path: &Path) -> Option<String> {
        let dest = Path::new(self.dest);
        let name = |path: &Path| path.file_name().unwrap_or_default().to_owned();
        let place = if self.sources.iter().any(|source| source == path) {
            if self.is_dir { dest.join(name(path)) } else { dest.to_owned() }
        } else {
            let source = self.sources.iter().find(|source| path.starts_with(source))?;
            dest.join(name(source)).join(path.strip_prefix(source).ok()?)
        };
        Some(place.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_go_below_the_destination_by_their_name() {
        let sources = [PathBuf::from("/src/a"), PathBuf::from("/src/f")];
        let place = |is_dir: bool, path: &str| {
            Remote { sources: &sources, dest: "/dest", is_dir }.place(Path::new(path))
        };
        assert_eq!(place(true, "/src/f").as_deref(), Some("/dest/f"));
        assert_eq!(place(false, "/src/f").as_deref(), Some("/dest"));
        assert_eq!(place(true, "/src/a/b/c").as_deref(), Some("/dest/a/b/c"));
        assert_eq!(place(true, "/elsewhere"), None);
    }
}
