//! A small HTTP client: one GET, a few redirects, the body into a file. RFC 9112. Salt: fileclient.py (`get_url`),
//! which has a whole library for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use base64::Engine;

use super::download::{Part, failed};
use super::url::{Remote, Url};
use crate::loader::Fault;

const CONNECT: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);
const REDIRECTS: usize = 10;
const LONGEST_LINE: u64 = 16 << 10;
const MOST_HEADERS: usize = 200;

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
                    crate::host::write_cache_file(tag, answer.tag.as_bytes(), 0o600)
                        .map_err(|error| failed(tag, &error))?;
                }
                return Ok(());
            }
            301 | 302 | 303 | 307 | 308 => remote = redirected(&remote, &answer.location)?,
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

struct Answer {
    status: u16,
    reason: String,
    location: String,
    tag: String,
    length: Option<u64>,
    chunked: bool,
    body: BufReader<TcpStream>,
}

fn ask(remote: &Remote, known: Option<&str>) -> Result<Answer, Fault> {
    exchange(remote, known).map_err(|text| unreadable(remote, &text))
}

fn exchange(remote: &Remote, known: Option<&str>) -> Result<Answer, String> {
    let text = |error: std::io::Error| error.to_string();
    let addresses = (remote.host.as_str(), remote.port).to_socket_addrs().map_err(text)?;
    let mut last = "the host has no address".to_owned();
    let stream = addresses.into_iter().find_map(|address| {
        TcpStream::connect_timeout(&address, CONNECT).map_err(|error| last = error.to_string()).ok()
    });
    let mut stream = stream.ok_or(last)?;
    stream.set_read_timeout(Some(SILENCE)).map_err(text)?;
    stream.set_write_timeout(Some(SILENCE)).map_err(text)?;
    let host = match (remote.host.contains(':'), remote.port) {
        (true, port) => format!("[{}]:{port}", remote.host),
        (false, 80) => remote.host.clone(),
        (false, port) => format!("{}:{port}", remote.host),
    };
    let mut request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Salt/{}\r\nAccept: */*\r\nConnection: close\r\n",
        remote.target(),
        env!("CARGO_PKG_VERSION")
    );
    if let Some(login) = &remote.login {
        let packed = base64::engine::general_purpose::STANDARD.encode(login);
        request.push_str(&format!("Authorization: Basic {packed}\r\n"));
    }
    if let Some(tag) = known {
        request.push_str(&format!("If-None-Match: {tag}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).map_err(text)?;
    Answer::read(stream)
}

impl Answer {
    fn read(stream: TcpStream) -> Result<Self, String> {
        let mut body = BufReader::new(stream);
        let status_line = line(&mut body)?;
        let mut words = status_line.splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        let status = words.next().and_then(|word| word.parse().ok());
        let (true, Some(status)) = (version.starts_with("HTTP/1."), status) else {
            return Err("the answer is not HTTP".to_owned());
        };
        let reason = words.next().unwrap_or_default().to_owned();
        let (mut location, mut tag) = (String::new(), String::new());
        let (mut length, mut chunked) = (None, false);
        for _ in 0..MOST_HEADERS {
            let header = line(&mut body)?;
            if header.is_empty() {
                return Ok(Answer { status, reason, location, tag, length, chunked, body });
            }
            let Some((name, value)) = header.split_once(':') else { continue };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "location" => value.clone_into(&mut location),
                "etag" => value.clone_into(&mut tag),
                "content-length" => {
                    length = Some(value.parse().map_err(|_| "Content-Length is no number".to_owned())?);
                }
                "transfer-encoding" => chunked = value.to_ascii_lowercase().contains("chunked"),
                _ => {}
            }
        }
        Err("too many headers".to_owned())
    }

    fn copy_body(&mut self, to: &mut impl Write) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        if !self.chunked {
            return match self.length {
                Some(length) => exactly(&mut self.body, length, to),
                None => std::io::copy(&mut self.body, to).map(|_| ()).map_err(text),
            };
        }
        loop {
            let head = line(&mut self.body)?;
            let digits = head.split(';').next().unwrap_or_default().trim();
            let length =
                u64::from_str_radix(digits, 16).map_err(|_| "a chunk without a length".to_owned())?;
            if length == 0 {
                return Ok(());
            }
            exactly(&mut self.body, length, to)?;
            line(&mut self.body)?;
        }
    }
}

fn exactly(from: &mut impl Read, length: u64, to: &mut impl Write) -> Result<(), String> {
    let copied = std::io::copy(&mut from.take(length), to).map_err(|error| error.to_string())?;
    if copied == length { Ok(()) } else { Err(format!("it ended after {copied} of {length} octets")) }
}

fn line(from: &mut impl BufRead) -> Result<String, String> {
    let mut octets = Vec::new();
    from.take(LONGEST_LINE).read_until(b'\n', &mut octets).map_err(|error| error.to_string())?;
    if octets.pop() != Some(b'\n') {
        return Err("the answer ended early or has a line without end".to_owned());
    }
    if octets.last() == Some(&b'\r') {
        octets.pop();
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
