//! Files of web servers: a GET, a few redirects, the body into a file. Salt: fileclient.py (`get_url`).

use std::path::Path;

use super::download::{Part, failed};
use crate::http::{Answer, Remote, Request, Trust, exchange};
use crate::loader::Fault;

const REDIRECTS: usize = 10;

/// Fetches `remote` to `path`: whole or not at all. With `tag`, a file for the ETag, nothing is fetched while both
/// files are there and the server still has the same.
///
/// # Errors
/// When the server cannot be reached, says anything but 200, or stops early.
pub fn get(
    remote: &Remote,
    path: &Path,
    private: bool,
    tag: Option<&Path>,
    trust: Trust<'_>,
) -> Result<(), Fault> {
    let mut remote = remote.clone();
    let known = tag.filter(|_| path.is_file()).and_then(|tag| std::fs::read_to_string(tag).ok());
    let known = known.map(|tag| tag.replace(['\r', '\n'], "")).filter(|tag| !tag.is_empty());
    for _ in 0..REDIRECTS {
        let mut answer = ask(&remote, known.as_deref(), trust)?;
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
            301 | 302 | 303 | 307 | 308 => {
                let next = remote.redirected(answer.header("location"));
                remote = next.ok_or_else(|| unreadable(&remote, "a redirect without a usable place"))?;
            }
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

fn unreadable(remote: &Remote, text: &str) -> Fault {
    Fault::execution(format!("Error reading {}{}: {text}", remote.origin(), remote.path))
}

fn ask(remote: &Remote, known: Option<&str>, trust: Trust<'_>) -> Result<Answer, Fault> {
    let headers: Vec<(String, String)> =
        known.map(|tag| ("If-None-Match".to_owned(), tag.to_owned())).into_iter().collect();
    exchange(remote, &Request { headers: &headers, trust, ..Request::GET })
        .map_err(|text| unreadable(remote, &text))
}
