//! Lists of what lies below the directories of an environment. Salt: fileserver/roots.py (`_file_lists`),
//! fileserver/__init__.py (`is_file_ignored`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::event::fnmatch;
use crate::value::{Map, Value};

/// What is not served: `file_ignore_regex`, `file_ignore_glob`.
#[derive(Clone, Debug, Default)]
pub struct Ignored {
    regexes: Vec<fancy_regex::Regex>,
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
                let read = fancy_regex::Regex::new(pattern);
                if let Err(error) = &read {
                    tracing::error!(pattern, %error, "an entry of file_ignore_regex cannot be read");
                }
                read.ok()
            })
            .collect();
        Ignored { regexes, globs: texts("file_ignore_glob") }
    }

    /// Whether a path is not to be served.
    pub fn matches(&self, path: &str) -> bool {
        self.regexes.iter().any(|regex| regex.is_match(path).unwrap_or(false))
            || self.globs.iter().any(|glob| fnmatch(glob, path))
    }
}

/// Relative paths, sorted.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub files: Vec<String>,
    pub dirs: Vec<String>,
    pub empty_dirs: Vec<String>,
    /// Links and what they say.
    pub links: BTreeMap<String, String>,
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
}

/// Lists everything below `directories`. What cannot be read is left out.
pub fn walk(directories: &[PathBuf], options: &ListingOptions<'_>) -> Listing {
    let mut sets = Sets::default();
    for root in directories {
        let real = root.canonicalize().unwrap_or_else(|_| root.clone());
        let mut pending = vec![(root.clone(), String::new(), Vec::new())];
        while let Some((directory, rel, above)) = pending.pop() {
            // A circle of links ends where a directory lies below itself.
            let Ok(stat) = fs::metadata(&directory) else { continue };
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
        files: sets.files.into_iter().collect(),
        dirs: sets.dirs.into_iter().collect(),
        empty_dirs: sets.empty_dirs.into_iter().collect(),
        links: sets.links,
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
