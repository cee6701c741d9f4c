//! Files of web servers: a GET, a few redirects, the body into a file. Salt: fileclient.py (`get_url`).

use std::path::Path;

use super::download::{Part, failed};
use super::url::Url;
use crate::http::{Answer, Remote, Request, exchange};
use crate::loader::Fault;

const REDIRECTS: usize = 10;

/// Fetches `remote` to `path`: whole or not at all. With `tag`, a file for the ETag, nothing is fetched while both
/// files are there and the server still has the same.
///
/// # Errors
/// When the server cannot be reached, says anything but 200, or stops early.
pub fn get(remote: &Remote, path: &Path, private: bool, tag: Option<&Path>) -> Result<(), Fault> {
    let mut remote = remote.clone();
    let known = tag.filter(|_| path.is_file()).and_then(|tag| std::fs::read_to_string(tag).ok());
    let known = known.map(|tag| tag.replace(['\r', '\n'], "")).filter(|tag| !tag.is_empty());
    for _ in 0..REDIRECTS {
        let mut answer = ask(&remote, known.as_deref())?;
        match answer.status {
            304 if known.is_some() => return Ok(()),
            200 => {
                let mut part = Part::create(path, private).map_err(|error| failed(path, &error))?;
                answer.copy_body(&mut part.file).map_err(|text| unreadable(&remote, &text))?;
                part.keep(path).map_err(|error| failed(path, &error))?;
                if let Some(tag) = tag {
                    crate::host::write_cache_file(tag, answer.header("etag").as_bytes(), 0o600)
                        .map_err(|error| failed(tag, &error))?;
                }
                return Ok(());
            }
            301 | 302 | 303 | 307 | 308 => remote = redirected(&remote, answer.header("location"))?,
            status => {
                // Salt: "Error: HTTP 404: Not Found reading /path".
                return Err(Fault::execution(format!(
                    "Error: HTTP {status}: {} reading {}",
                    answer.reason, remote.path
                )));
            }
        }
    }
    Err(unreadable(&remote, "too many redirects"))
}

fn redirected(from: &Remote, location: &str) -> Result<Remote, Fault> {
    if location.starts_with('/') && !location.starts_with("//") {
        let (path, query) = location.split_once('?').unwrap_or((location, ""));
        return Ok(Remote { path: path.to_owned(), query: query.to_owned(), ..from.clone() });
    }
    match Url::parse(location) {
        // A password is for the host that it was given for.
        Url::Http(to) => Ok(Remote {
            login: to.login.or_else(|| from.login.clone().filter(|_| to.host == from.host)),
            ..to
        }),
        Url::Other(scheme) => {
            Err(Fault::NotSupported(format!("fetching {scheme}:// files (redirected from {})", from.host)))
        }
        _ => Err(unreadable(from, "a redirect without a usable place")),
    }
}

fn unreadable(remote: &Remote, text: &str) -> Fault {
    Fault::execution(format!("Error reading http://{}:{}{}: {text}", remote.host, remote.port, remote.path))
}

fn ask(remote: &Remote, known: Option<&str>) -> Result<Answer, Fault> {
    let headers: Vec<(String, String)> =
        known.map(|tag| ("If-None-Match".to_owned(), tag.to_owned())).into_iter().collect();
    exchange(remote, &Request { headers: &headers, ..Request::GET }).map_err(|text| unreadable(remote, &text))
}
