//! A small HTTP client: one request, its answer. RFC 9112. What is `https://` is asked for through a program of the
//! host, so that its certificates, its proxies and its updates are those that the host's administrator knows.

mod bundle;
mod program;
mod query;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use base64::Engine;

use crate::loader::errno_text;

pub use bundle::{BUNDLE, update_ca_bundle};
pub use query::{LONGEST_BODY, query};

const CONNECT: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);
const LONGEST_LINE: u64 = 16 << 10;
const MOST_HEADERS: usize = 200;

/// A file on a web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// `https`.
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// `user:password`.
    pub login: Option<String>,
    /// Begins with a slash.
    pub path: String,
    /// Without the question mark.
    pub query: String,
}

impl Remote {
    /// Reads `http://…` and `https://…`.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let tls = scheme.eq_ignore_ascii_case("https");
        if !tls && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        if rest.contains(|char: char| char.is_control() || char == ' ') {
            return None;
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (netloc, tail) = rest.split_at(end);
        let tail = tail.split('#').next().unwrap_or_default();
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let (login, host_port) = match netloc.rsplit_once('@') {
            Some((login, host)) => (Some(login.to_owned()), host),
            None => (None, netloc),
        };
        let (host, port) = if let Some(rest) = host_port.strip_prefix('[') {
            let (host, after) = rest.split_once(']')?;
            (host, after.strip_prefix(':'))
        } else {
            match host_port.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host_port, None),
            }
        };
        let port = port.map_or(Some(if tls { 443 } else { 80 }), |port| port.parse().ok())?;
        if host.is_empty() {
            return None;
        }
        let path = if path.is_empty() { "/" } else { path };
        let (host, path, query) = (host.to_owned(), path.to_owned(), query.to_owned());
        Some(Remote { tls, host, port, login, path, query })
    }

    /// Whether the port is the one that needs not be written.
    pub fn is_usual_port(&self) -> bool {
        self.port == if self.tls { 443 } else { 80 }
    }

    /// Host and port as in a URL.
    pub fn authority(&self) -> String {
        match (self.host.contains(':'), self.is_usual_port()) {
            (true, _) => format!("[{}]:{}", self.host, self.port),
            (false, true) => self.host.clone(),
            (false, false) => format!("{}:{}", self.host, self.port),
        }
    }

    /// What stands before the path: without a login.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }

    /// Where a `Location` leads to. `None` for what is not of the web.
    pub fn redirected(&self, location: &str) -> Option<Self> {
        let origin = self.origin();
        let to = match location {
            whole if whole.contains("://") => Remote::parse(whole)?,
            host if host.starts_with("//") => {
                Remote::parse(&format!("{}:{host}", if self.tls { "https" } else { "http" }))?
            }
            path if path.starts_with('/') => Remote::parse(&format!("{origin}{path}"))?,
            name => {
                let directory = self.path.rsplit_once('/').map_or("", |(directory, _)| directory);
                Remote::parse(&format!("{origin}{directory}/{name}"))?
            }
        };
        // A password is for the host that it was given for.
        let own = self.login.clone().filter(|_| to.host == self.host && (to.tls || !self.tls));
        Some(Remote { login: to.login.or(own), ..to })
    }

    /// What to ask the server for.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

/// What is asked of a server.
pub struct Request<'a> {
    pub method: &'a str,
    /// Beside `Host`, `User-Agent`, `Accept`, `Connection`, `Authorization` and `Content-Length`.
    pub headers: &'a [(String, String)],
    pub body: Option<&'a [u8]>,
    pub trust: Trust<'a>,
}

/// How the other side of `https://` is believed, and how it may believe us.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust<'a> {
    /// Whoever answers is believed.
    pub unverified: bool,
    /// A file of certificates instead of the host's.
    pub authorities: Option<&'a str>,
    /// A file with our certificate, and one with its key.
    pub certificate: Option<(&'a str, Option<&'a str>)>,
}

impl Request<'_> {
    /// The ordinary one.
    pub const GET: Self = Request {
        method: "GET",
        headers: &[],
        body: None,
        trust: Trust { unverified: false, authorities: None, certificate: None },
    };

    /// The header lines that this client adds and those that were given.
    fn lines(&self, remote: &Remote) -> Result<Vec<String>, String> {
        let own = concat!("Salt/", env!("CARGO_PKG_VERSION"));
        let given = |name: &str| self.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        let added = [("User-Agent", own), ("Accept", "*/*")].into_iter().filter(|(name, _)| !given(name));
        let mut lines: Vec<String> = added.map(|(name, value)| format!("{name}: {value}")).collect();
        for (name, value) in self.headers {
            if [name, value].iter().any(|text| text.contains(['\r', '\n', '\0'])) {
                return Err(format!("the header {name:?} has a line break"));
            }
            lines.push(format!("{name}: {value}"));
        }
        if let Some(login) = &remote.login {
            let packed = base64::engine::general_purpose::STANDARD.encode(login);
            lines.push(format!("Authorization: Basic {packed}"));
        }
        Ok(lines)
    }
}

/// What it says; the body is read by [`Answer::copy_body`].
pub struct Answer {
    pub status: u16,
    pub reason: String,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    body: BufReader<Octets>,
}

type Octets = Box<dyn Read + Send>;

/// Status, reason and headers.
type Head = (u16, String, Vec<(String, String)>);

/// A name that has no address, as Python's `getaddrinfo` tells it: C libraries word it differently.
fn unknown_host(error: std::io::Error) -> String {
    let passing = ["Temporary", "Try again"].iter().any(|sign| error.to_string().contains(sign));
    let text = if passing {
        "[Errno -3] Temporary failure in name resolution"
    } else {
        "[Errno -2] Name or service not known"
    };
    text.to_owned()
}

/// The server ended the connection before its answer was whole; these and what begins like them are Tornado's words.
const CLOSED: &str = "HTTP 599: Connection closed";

/// What is told of a connection that failed.
fn broken(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{TimedOut, UnexpectedEof, WouldBlock};
    match error.kind() {
        TimedOut | WouldBlock => "HTTP 599: Timeout during request".to_owned(),
        UnexpectedEof => CLOSED.to_owned(),
        _ => errno_text(error),
    }
}

/// Asks a server.
///
/// # Errors
/// Why there is no answer.
pub fn exchange(remote: &Remote, order: &Request<'_>) -> Result<Answer, String> {
    if remote.tls {
        return program::exchange(remote, order);
    }
    let text = |error: std::io::Error| broken(&error);
    let addresses = (remote.host.as_str(), remote.port).to_socket_addrs().map_err(unknown_host)?;
    let mut last = "the host has no address".to_owned();
    let stream = addresses.into_iter().find_map(|address| {
        let told = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::TimedOut => "HTTP 599: Timeout while connecting".to_owned(),
            _ => errno_text(&error),
        };
        TcpStream::connect_timeout(&address, CONNECT).map_err(|error| last = told(error)).ok()
    });
    let mut stream = stream.ok_or(last)?;
    stream.set_read_timeout(Some(SILENCE)).map_err(text)?;
    stream.set_write_timeout(Some(SILENCE)).map_err(text)?;
    let mut lines = vec![
        format!("{} {} HTTP/1.1", order.method, remote.target()),
        format!("Host: {}", remote.authority()),
        "Connection: close".to_owned(),
    ];
    lines.extend(order.lines(remote)?);
    if let Some(body) = order.body {
        lines.push(format!("Content-Length: {}", body.len()));
    }
    let head = lines.join("\r\n") + "\r\n\r\n";
    stream.write_all(head.as_bytes()).map_err(text)?;
    stream.write_all(order.body.unwrap_or_default()).map_err(text)?;
    Answer::read(Box::new(stream))
}

impl Answer {
    fn read(stream: Octets) -> Result<Self, String> {
        let mut body = BufReader::new(stream);
        loop {
            let head = Self::head(&mut body)?;
            // 100 to 199: more comes. So it does behind what a proxy says that leads there.
            if !(100..200).contains(&head.0) && !head.1.eq_ignore_ascii_case("connection established") {
                let (status, reason, headers) = head;
                return Ok(Answer { status, reason, headers, body });
            }
        }
    }

    fn head(body: &mut BufReader<Octets>) -> Result<Head, String> {
        let status_line = match body.fill_buf() {
            Ok([]) => return Err("HTTP 599: Stream closed".to_owned()),
            Ok(_) => line(body)?,
            Err(error) => return Err(broken(&error)),
        };
        let mut words = status_line.splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        let status = words.next().and_then(|word| word.parse().ok());
        let (true, Some(status)) = (version.starts_with("HTTP/1."), status) else {
            return Err("the answer is not HTTP".to_owned());
        };
        let reason = words.next().unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        for _ in 0..MOST_HEADERS {
            let header = line(body)?;
            if header.is_empty() {
                return Ok((status, reason, headers));
            }
            let Some((name, value)) = header.split_once(':') else { continue };
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        Err("too many headers".to_owned())
    }

    /// The value of a header, by its name in lower case; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body.
    ///
    /// # Errors
    /// When it ends early or cannot be written.
    pub fn copy_body(&mut self, to: &mut dyn Write) -> Result<(), String> {
        let text = |error: std::io::Error| broken(&error);
        if !self.header("transfer-encoding").to_ascii_lowercase().contains("chunked") {
            let length = match self.header("content-length") {
                "" => None,
                length => Some(length.parse().map_err(|_| "Content-Length is no number".to_owned())?),
            };
            return match length {
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

fn exactly(from: &mut impl Read, length: u64, to: &mut dyn Write) -> Result<(), String> {
    let copied = std::io::copy(&mut from.take(length), to).map_err(|error| broken(&error))?;
    if copied == length { Ok(()) } else { Err(CLOSED.to_owned()) }
}

fn line(from: &mut impl BufRead) -> Result<String, String> {
    let mut octets = Vec::new();
    let read = from.take(LONGEST_LINE).read_until(b'\n', &mut octets).map_err(|error| broken(&error))?;
    if octets.pop() != Some(b'\n') {
        let endless = read as u64 == LONGEST_LINE;
        return Err(if endless { "the answer has a line without end" } else { CLOSED }.to_owned());
    }
    if octets.last() == Some(&b'\r') {
        octets.pop();
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
