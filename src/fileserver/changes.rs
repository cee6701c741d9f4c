//! What has changed below the roots since the last look, by the times of files, which lie in `<cachedir>/roots/mtime_map`
//! between looks: lines `path:seconds`. Salt: fileserver/roots.py (`update`), fileserver/__init__.py
//! (`generate_mtime_map`, `diff_mtime_map`).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::listing::Ignored;
use crate::host::write_cache_file;
use crate::map;
use crate::value::{Map, Value, sort};

/// Seconds by paths.
type Times = BTreeMap<String, f64>;

/// Directories below each other that are walked.
const MAX_DEPTH: usize = 64;

/// Looks anew: `{changed: bool, files: {changed: [path], removed: [path], added: [path]}, backend: "roots"}`.
///
/// # Errors
/// When the times cannot be written.
pub(super) fn update<'a>(
    cachedir: &Path,
    roots: impl Iterator<Item = &'a Path>,
    ignored: &Ignored,
) -> io::Result<Map> {
    let file = cachedir.join("roots/mtime_map");
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let before = parse(&kept);
    let mut now = Times::new();
    for root in roots {
        walk(root, ignored, 0, &mut now);
    }
    let text: String = now.iter().map(|(path, time)| format!("{path}:{time:?}\n")).collect();
    if text != kept {
        fs::create_dir_all(cachedir.join("roots"))?;
        write_cache_file(&file, text.as_bytes(), 0o644)?;
    }
    Ok(compare(&before, &now))
}

fn compare(before: &Times, now: &Times) -> Map {
    let only = |here: &Times, there: &Times| -> Vec<String> {
        here.keys().filter(|path| !there.contains_key(*path)).cloned().collect()
    };
    let other = |(path, time): &(&String, &f64)| now.get(*path).is_some_and(|now| now != *time);
    let changed: Vec<String> = before.iter().filter(other).map(|(path, _)| path.clone()).collect();
    let (removed, added) = (only(before, now), only(now, before));
    let any = !(changed.is_empty() && removed.is_empty() && added.is_empty());
    let files = map! {
        "changed" => Value::list(changed), "removed" => Value::list(removed), "added" => Value::list(added),
    };
    map! { "changed" => any, "files" => files, "backend" => "roots" }
}

/// Lines that say nothing are left out.
fn parse(text: &str) -> Times {
    let line = |line: &str| {
        let (path, time) = line.trim().rsplit_once(':')?;
        Some((path.to_owned(), time.parse().ok()?))
    };
    sort::into_map(text.lines().filter_map(line))
}

fn walk(folder: &Path, ignored: &Ignored, depth: usize, times: &mut Times) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth < MAX_DEPTH {
                walk(&path, ignored, depth + 1, times);
            }
            continue;
        }
        let (Some(name), Ok(stat)) = (path.to_str(), fs::metadata(&path)) else { continue };
        // Links to directories are not followed.
        if !stat.is_dir() && !ignored.matches(name) {
            times.insert(name.to_owned(), python_time(stat.mtime(), stat.mtime_nsec()));
        }
    }
}

/// As Python computes it, so that the times of its files are the same to the last bit.
#[allow(clippy::cast_precision_loss, reason = "seconds and nanoseconds are exact in 53 bits")]
fn python_time(seconds: i64, nanos: i64) -> f64 {
    seconds as f64 + 1e-9 * nanos as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_changes_and_goes_is_told_once() {
        let dir = std::env::temp_dir().join(format!("halite-changes-{}", std::process::id()));
        let root = dir.join("srv");
        fs::create_dir_all(root.join("sub")).expect("a folder");
        for name in ["a", "sub/b", "skipped.swp"] {
            fs::write(root.join(name), "x").expect("written");
        }
        let opts = map! { "file_ignore_glob" => Value::list(["*.swp"]) };
        let look =
            || update(&dir, std::iter::once(root.as_path()), &Ignored::from_opts(&opts)).expect("read");
        let files = |changes: &Map, what: &str| {
            changes.get("files").and_then(|files| files.get(what)).cloned().expect("a list")
        };
        let path = |name: &str| Value::list([root.join(name).to_str().expect("UTF-8")]);
        let none = Value::List(Vec::new());

        let first = look();
        let both = [root.join("a"), root.join("sub/b")];
        assert_eq!(
            files(&first, "added"),
            Value::list(both.map(|path| path.to_str().expect("UTF-8").to_owned()))
        );
        assert_eq!(look().get("changed"), Some(&false.into()));

        let map = dir.join("roots/mtime_map");
        let kept = fs::read_to_string(&map).expect("kept").replace("/sub/b:", "/sub/b:1");
        fs::write(&map, format!("no line\n{kept}{}:17.5\n", root.join("old:er").display())).expect("written");
        let second = look();
        assert_eq!(second.get("changed"), Some(&true.into()));
        assert_eq!(files(&second, "changed"), path("sub/b"));
        assert_eq!(files(&second, "removed"), path("old:er"));
        assert_eq!(files(&second, "added"), none);
        assert_eq!(look().get("changed"), Some(&false.into()));
        fs::remove_dir_all(&dir).expect("removed");
    }
}
