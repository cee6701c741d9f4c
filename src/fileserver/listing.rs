//! Lists of what lies below the directories of an environment. Salt: fileserver/roots.py (`_file_lists`),
//! fileserver/__init__.py (`is_file_ignored`).

use crate::patterns::PySearch;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::patterns::fnmatch;
use crate::value::msgpack::{Dialect, encode};
use crate::value::{Map, Value};

/// What is not served: `file_ignore_regex`, `file_ignore_glob`.
#[derive(Clone, Debug, Default)]
pub struct Ignored {
    regexes: Vec<Arc<PySearch>>,
    globs: Vec<String>,
}

impl Ignored {
    /// From the options. A regular expression that cannot be read is told in the log and ignores nothing.
    pub fn from_opts(opts: &Map) -> Self {
        let texts = |name| -> Vec<String> {
            match opts.get(name) {
                Some(Value::Text(one)) => vec![one.clone()],
                Some(Value::List(list)) => {
                    list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
                }
                _ => Vec::new(),
            }
        };
        let regexes = texts("file_ignore_regex")
            .iter()
            .filter_map(|pattern| {
                let read = PySearch::new(pattern, 0).map(Arc::new);
                if let Err(error) = &read {
                    crate::log::error!(pattern, %error, "an entry of file_ignore_regex cannot be read");
                }
                read.ok()
            })
            .collect();
        Ignored { regexes, globs: texts("file_ignore_glob") }
    }

    /// Whether a path is not to be served.
    pub fn matches(&self, path: &str) -> bool {
        self.regexes.iter().any(|regex| regex.is_in(path))
            || self.globs.iter().any(|glob| fnmatch(glob, path))
    }
}

/// What changes when a file or a directory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of what was found at a path.
    pub fn of(stat: &Metadata) -> Self {
        Stamp {
            inode: stat.ino(),
            size: stat.size(),
            modified: (stat.mtime(), stat.mtime_nsec()),
            changed: (stat.ctime(), stat.ctime_nsec()),
        }
    }

    /// Of what is at a path now, behind links.
    pub fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|stat| Stamp::of(&stat))
    }

    /// Whether the next change will surely show: file systems count time in steps, so that two changes shortly after
    /// each other look like one.
    pub fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let millis =
            |(seconds, nanos): (i64, i64)| seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
        let age = |time| now.saturating_sub(millis(time));
        age(self.changed) > SETTLED_MS && age(self.modified) > SETTLED_MS
    }
}

/// Longer than a step of any file system's clock (FAT: two seconds).
const SETTLED_MS: i64 = 2_100;

/// Relative paths, sorted.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The directories that were read, and how they were then. A list is good as long as none of them changes.
    read: Vec<(PathBuf, Option<Stamp>)>,
    /// No directory was changed shortly before it was read.
    settled: bool,
    pub files: Vec<String>,
    pub dirs: Vec<String>,
    pub empty_dirs: Vec<String>,
    /// Links and what they say.
    pub links: BTreeMap<String, String>,
    packed: OnceLock<Bytes>,
}

impl Listing {
    /// The files as msgpack for the wire.
    pub(super) fn packed_files(&self) -> Bytes {
        let pack = || encode(&Value::list(self.files.iter().map(String::as_str)), Dialect::Wire).into();
        self.packed.get_or_init(pack).clone()
    }

    /// Whether a walk would find the same.
    pub fn is_current(&self) -> bool {
        self.settled && self.read.iter().all(|(path, stamp)| Stamp::at(path) == *stamp)
    }
}

/// How directories are walked.
pub struct ListingOptions<'a> {
    pub follow_symlinks: bool,
    pub ignore_symlinks: bool,
    pub ignored: &'a Ignored,
}

/// Directories below each other that are walked; links may lead in circles.
const MAX_DEPTH: usize = 64;

#[derive(Default)]
struct Sets {
    files: BTreeSet<String>,
    dirs: BTreeSet<String>,
    empty_dirs: BTreeSet<String>,
    links: BTreeMap<String, String>,
    read: Vec<(PathBuf, Option<Stamp>)>,
}

/// Lists everything below `directories`. What cannot be read is left out.
pub fn walk(directories: &[PathBuf], options: &ListingOptions<'_>) -> Listing {
    let mut sets = Sets::default();
    for root in directories {
        let real = root.canonicalize().unwrap_or_else(|_| root.clone());
        let mut pending = vec![(root.clone(), String::new(), Vec::new())];
        while let Some((directory, rel, above)) = pending.pop() {
            // A circle of links ends where a directory lies below itself.
            let stat = fs::metadata(&directory);
            // Before it is read: what changes meanwhile shows as a change.
            sets.read.push((directory.clone(), stat.as_ref().ok().map(Stamp::of)));
            let Ok(stat) = stat else { continue };
            let own = (stat.dev(), stat.ino());
            if above.len() >= MAX_DEPTH || above.contains(&own) {
                continue;
            }
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for entry in entries.flatten() {
                let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
                let rel = if rel.is_empty() { name } else { format!("{rel}/{name}") };
                if let Some(below) = sets.add(&entry.path(), &rel, &real, options) {
                    let mut above = above.clone();
                    above.push(own);
                    pending.push((below, rel, above));
                }
            }
        }
    }
    Listing {
        settled: sets.read.iter().all(|(_, stamp)| stamp.is_none_or(|stamp| stamp.is_settled())),
        read: sets.read,
        files: sets.files.into_iter().collect(),
        dirs: sets.dirs.into_iter().collect(),
        empty_dirs: sets.empty_dirs.into_iter().collect(),
        links: sets.links,
        packed: OnceLock::new(),
    }
}

impl Sets {
    /// Adds an entry; gives the directory to go on with, if it is one.
    fn add(&mut self, path: &Path, rel: &str, root: &Path, options: &ListingOptions<'_>) -> Option<PathBuf> {
        let is_link = fs::symlink_metadata(path).ok()?.is_symlink();
        let is_dir = fs::metadata(path).is_ok_and(|stat| stat.is_dir());
        let below = (is_dir && (options.follow_symlinks || !is_link)).then(|| path.to_owned());
        if (is_link && options.ignore_symlinks) || options.ignored.matches(rel) {
            return below;
        }
        if is_dir {
            self.dirs.insert(rel.to_owned());
            if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()) {
                self.empty_dirs.insert(rel.to_owned());
            }
        } else {
            self.files.insert(rel.to_owned());
        }
        if is_link && let Ok(target) = fs::read_link(path) {
            let joined = path.parent().unwrap_or(path).join(&target);
            let leads_inside =
                joined.canonicalize().unwrap_or_else(|_| normalized(&joined)).starts_with(root);
            // With links followed, one that leads outside counts as the file it leads to.
            if leads_inside || !options.follow_symlinks {
                self.links.insert(rel.to_owned(), target.to_string_lossy().into_owned());
            }
        }
        below
    }
}

/// A path with `..` taken out by the letter.
fn normalized(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            std::path::Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}
