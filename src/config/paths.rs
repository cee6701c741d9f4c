//! Paths as text, by Python's `os.path` rules, and the prefix of `root_dir`. Salt: config/__init__.py
//! (`prepend_root_dir`), utils/path.py (`join`).

use crate::value::{Map, Value};

/// `os.path.normpath`: no `.`, no `..` where it can be resolved, no doubled slashes.
pub fn normalize(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    // POSIX: exactly two slashes at the front may mean something else than one.
    let slashes = match path.len() - path.trim_start_matches('/').len() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !slashes.is_empty() => {}
            part => parts.push(part),
        }
    }
    let normal = format!("{slashes}{}", parts.join("/"));
    if normal.is_empty() { ".".to_owned() } else { normal }
}

/// `base` with `below` under it, even where `below` is absolute; normalized.
pub fn join(base: &str, below: &str) -> String {
    let base = normalize(base);
    let below = normalize(below);
    let below = below.trim_start_matches('/');
    if base.ends_with('/') {
        normalize(&format!("{base}{below}"))
    } else {
        normalize(&format!("{base}/{below}"))
    }
}

/// `os.path.join` of two: an absolute second part stands alone.
pub(super) fn python_join(base: &str, below: &str) -> String {
    if below.starts_with('/') {
        below.to_owned()
    } else if base.is_empty() || base.ends_with('/') {
        format!("{base}{below}")
    } else {
        format!("{base}/{below}")
    }
}

/// `os.path.abspath` for a process in `cwd`.
pub fn absolute(path: &str, cwd: &str) -> String {
    normalize(&python_join(cwd, path))
}

/// The part of a path before its last slash.
pub(super) fn dirname(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => path.get(..at).unwrap_or_default().trim_end_matches('/'),
        None => "",
    }
}

/// The part of a path after its last slash.
pub(super) fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Puts `root_dir` before the paths of these options, unless they are below it already. Relative paths are below
/// `root_dir`, too.
pub(super) fn prepend_root_dir(opts: &mut Map, names: &[&str], cwd: &str) {
    let root_dir = absolute(opts.str("root_dir").unwrap_or("/"), cwd);
    for name in names {
        let Some(Value::Text(path)) = opts.get_mut(name) else { continue };
        let below = match path.strip_prefix(root_dir.as_str()) {
            Some(rest) if root_dir != "/" && rest.starts_with('/') => rest,
            _ => path.as_str(),
        };
        *path = join(&root_dir, below);
    }
}

/// Whether the option is a path: log files can also be `file://`, `tcp://` and `udp://` addresses.
pub(super) fn is_path(opts: &Map, name: &str) -> bool {
    let Some(text) = opts.str(name) else { return false };
    let Some((scheme, _)) = text.split_once(':') else { return true };
    let begins = scheme.starts_with(|char: char| char.is_ascii_alphabetic());
    !(begins && scheme.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    /// Expected values: CPython 3.11, `os.path.normpath`.
    #[test]
    fn paths_are_normalized_as_in_python() {
        for (path, expected) in [
            ("", "."),
            ("/", "/"),
            ("//a", "//a"),
            ("///a//b/", "/a/b"),
            ("a/./b/../c", "a/c"),
            ("/../a", "/a"),
            ("../../a/..", "../.."),
        ] {
            assert_eq!(normalize(path), expected, "{path}");
        }
    }

    #[test]
    fn the_root_dir_comes_before_what_is_not_below_it() {
        let mut opts = map! {
            "root_dir" => "/srv/top", "a" => "/var/x", "b" => "/srv/top/var/y", "c" => "run", "d" => "/srv/topless",
        };
        prepend_root_dir(&mut opts, &["a", "b", "c", "d", "none"], "/");
        assert_eq!(opts.str("a"), Some("/srv/top/var/x"));
        assert_eq!(opts.str("b"), Some("/srv/top/var/y"));
        assert_eq!(opts.str("c"), Some("/srv/top/run"));
        assert_eq!(opts.str("d"), Some("/srv/top/srv/topless"));
    }

    #[test]
    fn addresses_of_logs_are_not_paths() {
        let opts = map! { "a" => "/var/log/x", "b" => "udp://loghost:10514", "c" => "file:///dev/log", "d" => "./a:b" };
        assert!(is_path(&opts, "a") && is_path(&opts, "d"));
        assert!(!is_path(&opts, "b") && !is_path(&opts, "c") && !is_path(&opts, "none"));
    }
}
