//! What a source of a file may look like, and where it is cached. Salt: utils/url.py, fileclient.py (`get_url`,
//! `_extrn_path`).

use std::path::{Component, Path, PathBuf};

use crate::crypt::HashType;
use crate::http::Remote;

/// Longer file names in the cache become their SHA-256. Salt: `MAX_FILENAME_LENGTH`.
const LONGEST_NAME: usize = 255;

/// A file of the file server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltPath {
    /// Without `salt://`, without `?saltenv=`.
    pub path: String,
    pub saltenv: String,
}

impl SaltPath {
    /// Reads `salt://path` and `salt://path?saltenv=env`; `None` for anything else.
    pub fn parse(url: &str, saltenv: &str) -> Option<Self> {
        let rest = url.strip_prefix("salt://")?;
        // A path that begins with | is taken as it is, question marks included.
        if let Some(escaped) = rest.strip_prefix('|') {
            return Some(SaltPath { path: escaped.to_owned(), saltenv: saltenv.to_owned() });
        }
        // `salt:///path` is `salt://path` to Salt.
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let named =
            query.split('&').find_map(|pair| pair.strip_prefix("saltenv=")).filter(|env| !env.is_empty());
        Some(SaltPath { path: path.to_owned(), saltenv: named.unwrap_or(saltenv).to_owned() })
    }

    /// The path as a file server is asked for it: one with a question mark is marked as literal.
    pub fn asked(&self) -> String {
        let mark = if self.path.contains('?') { "|" } else { "" };
        format!("{mark}{}", self.path)
    }

    /// The path below `root`; `None` if it would leave it.
    pub fn below(&self, root: &Path) -> Option<PathBuf> {
        stays_below(&self.saltenv).and_then(|()| stays_below(&self.path))?;
        Some(root.join(&self.path))
    }
}

/// Only plain names between the slashes.
fn stays_below(path: &str) -> Option<()> {
    let plain = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    (!path.is_empty() && !path.contains('\0') && Path::new(path).components().all(plain)).then_some(())
}

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// `file:///path`, or a bare path.
    Local(PathBuf),
    Salt,
    Http(Remote),
    /// Not supported; holds the scheme.
    Other(String),
}

impl Url {
    /// Tells schemes apart.
    pub fn parse(url: &str) -> Self {
        let Some((scheme, rest)) = url.split_once("://") else { return Url::Local(url.into()) };
        match scheme.to_ascii_lowercase().as_str() {
            "salt" => Url::Salt,
            "file" => Url::Local(rest.strip_prefix("localhost").unwrap_or(rest).into()),
            "http" | "https" => {
                Remote::parse(url).map_or_else(|| Url::Other("malformed http".to_owned()), Url::Http)
            }
            other => Url::Other(other.to_owned()),
        }
    }
}

impl Remote {
    /// The last part of the path; `index.html` for a directory.
    pub fn file_name(&self) -> String {
        match (self.path.rsplit('/').next().unwrap_or_default(), self.query.as_str()) {
            ("", "") => "index.html".to_owned(),
            (name, "") => name.to_owned(),
            (name, query) => format!("{name}?{query}").replace('/', "_"),
        }
    }

    /// Where the cache keeps it: `<cachedir>/extrn_files/<saltenv>/<host><port>/<path>[-<query>]`. `None` if the
    /// path would leave that directory.
    pub fn cache_path(&self, cachedir: &Path, saltenv: &str) -> Option<PathBuf> {
        let host =
            if self.is_usual_port() { self.host.clone() } else { format!("{}{}", self.host, self.port) };
        let path = self.path.trim_start_matches('/');
        let mut name = if self.query.is_empty() { path.to_owned() } else { format!("{path}-{}", self.query) };
        if name.is_empty() {
            "index.html".clone_into(&mut name);
        }
        stays_below(saltenv)?;
        stays_below(&host)?;
        stays_below(&name)?;
        if name.len() > LONGEST_NAME {
            name = HashType::Sha256.hex(format!("/{name}"));
        }
        Some(cachedir.join("extrn_files").join(saltenv).join(host).join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salt_urls_name_path_and_environment() {
        let parse = |url| SaltPath::parse(url, "base").map(|at| (at.path, at.saltenv));
        let at = |path: &str, env: &str| Some((path.to_owned(), env.to_owned()));
        assert_eq!(parse("salt://a/b.txt"), at("a/b.txt", "base"));
        assert_eq!(parse("salt://a/b.txt?saltenv=dev"), at("a/b.txt", "dev"));
        assert_eq!(parse("salt:///a/b.txt"), at("a/b.txt", "base"));
        assert_eq!(parse("salt://|a?b"), at("a?b", "base"));
        assert_eq!(parse("/a/b"), None);
    }

    #[test]
    fn no_path_leaves_the_cache() {
        let root = Path::new("/cache");
        for bad in ["../x", "a/../../x", "/etc/passwd", "", "a/\0"] {
            let at = SaltPath { path: bad.to_owned(), saltenv: "base".to_owned() };
            assert_eq!(at.below(root), None, "{bad:?}");
        }
        let at = SaltPath { path: "a/b".to_owned(), saltenv: "../..".to_owned() };
        assert_eq!(at.below(root), None);
        let Url::Http(remote) = Url::parse("http://host/../../etc/passwd") else { panic!("http") };
        assert_eq!(remote.cache_path(root, "base"), None);
    }

    #[test]
    fn web_addresses_are_taken_apart_and_cached_as_salt_does() {
        let Url::Http(remote) = Url::parse("http://me:pw@host:8080/a/b.txt?x=1#top") else { panic!("http") };
        assert_eq!(
            (remote.host.as_str(), remote.port, remote.login.as_deref()),
            ("host", 8080, Some("me:pw"))
        );
        assert_eq!(remote.target(), "/a/b.txt?x=1");
        let path = remote.cache_path(Path::new("/c"), "base").expect("inside");
        assert_eq!(path, Path::new("/c/extrn_files/base/host8080/a/b.txt-x=1"));
        let Url::Http(remote) = Url::parse("https://host:443/x") else { panic!("https") };
        assert_eq!(
            remote.cache_path(Path::new("/c"), "base").expect("inside"),
            Path::new("/c/extrn_files/base/host/x")
        );
        assert_eq!(Url::parse("ftp://x/y"), Url::Other("ftp".to_owned()));
        assert_eq!(Url::parse("file:///a/b"), Url::Local("/a/b".into()));
        assert_eq!(Url::parse("/a/b"), Url::Local("/a/b".into()));
    }
}
