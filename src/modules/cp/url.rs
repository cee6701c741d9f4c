//! `salt://` URLs and where the cache keeps files of web servers. Salt: utils/url.py, fileclient.py (`_extrn_path`).

use std::path::{Path, PathBuf};

use crate::crypt::HashType;
use crate::loader::Fault;

/// The path of a `salt://` URL (what follows the scheme) and the environment that it names.
pub(super) fn parse(url: &str) -> Option<(&str, Option<&str>)> {
    let resource = url.strip_prefix("salt://")?;
    Some(if let Some((path, _)) = resource.split_once("?env=") {
        // `env` was renamed to `saltenv` long ago and counts no more.
        (path, None)
    } else if let Some((path, saltenv)) = resource.split_once("?saltenv=") {
        (path, Some(saltenv))
    } else {
        (resource, None)
    })
}

/// The URL without its environment, and the environment.
pub(super) fn split_env(url: &str) -> (String, Option<String>) {
    match parse(url) {
        Some((path, saltenv)) => (create(path), saltenv.map(str::to_owned)),
        None => (url.to_owned(), None),
    }
}

/// The `salt://` URL of a path. A path with a question mark is marked as one that is to be taken as it is.
pub(super) fn create(path: &str) -> String {
    let path = path.strip_prefix('/').unwrap_or(path);
    let mark = if path.contains('?') && !path.starts_with('|') { "|" } else { "" };
    format!("salt://{mark}{path}")
}

/// The path of a `salt://` URL.
///
/// # Errors
/// For anything else, in Salt's words.
pub(super) fn salt_path(url: &str) -> Result<&str, Fault> {
    let unsupported = || Fault::exception("MinionError", format!("Unsupported path: {url}"));
    parse(url).map(|(path, _)| path).ok_or_else(unsupported)
}

/// The scheme of a URL, in lower case; empty for a path.
pub(super) fn scheme(url: &str) -> String {
    let Some((scheme, _)) = url.split_once(':') else { return String::new() };
    let mut chars = scheme.chars();
    let name = chars.next().is_some_and(|first| first.is_ascii_alphabetic())
        && chars.all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
    if name { scheme.to_ascii_lowercase() } else { String::new() }
}

/// Where the cache keeps a file of a web server; Salt's `Invalid path` where the URL leads out of it.
pub(super) fn external_path(url: &str, saltenv: &str, cachedir: &Path) -> PathBuf {
    const LONGEST_NAME: usize = 255;
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest,
        None => return clean(cachedir, saltenv, "", url, LONGEST_NAME),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (netloc, tail) = rest.split_at(end);
    let host = netloc.rsplit('@').next().unwrap_or_default().replace(':', "");
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let name = if query.is_empty() { path.to_owned() } else { format!("{path}-{query}") };
    clean(cachedir, saltenv, &host, &name, LONGEST_NAME)
}

fn clean(cachedir: &Path, saltenv: &str, host: &str, name: &str, longest: usize) -> PathBuf {
    if name.split('/').chain(host.split('/')).any(|part| part == "..") {
        return PathBuf::from("Invalid path");
    }
    let name = if name.len() > longest { HashType::Sha256.hex(name) } else { name.to_owned() };
    // Without a name, the directory is meant.
    let below = [host.trim_matches('/'), name.trim_matches('/')].into_iter().filter(|part| !part.is_empty());
    below.fold(cachedir.join("extrn_files").join(saltenv), |path, part| path.join(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_are_split_off() {
        assert_eq!(split_env("salt://a?saltenv=dev"), ("salt://a".to_owned(), Some("dev".to_owned())));
        assert_eq!(split_env("salt://a?env=dev"), ("salt://a".to_owned(), None));
        assert_eq!(split_env("salt://a?b"), ("salt://|a?b".to_owned(), None));
        assert_eq!(split_env("/a?saltenv=b"), ("/a?saltenv=b".to_owned(), None));
    }

    #[test]
    fn schemes_are_told_from_paths() {
        assert_eq!(scheme("HTTP://x"), "http");
        assert_eq!(scheme("/a:b"), "");
        assert_eq!(scheme("a/b"), "");
    }
}
