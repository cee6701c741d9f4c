//! `http.query` of execution modules and runners. Salt: utils/http.py (`query`).

use super::{Answer, Remote, Request, Trust, exchange};
use crate::loader::Fault;
use crate::map;
use crate::value::{Map, Value, str_of, yaml};

/// The longest body that is kept in memory, in octets.
pub const LONGEST_BODY: usize = 64 << 20;

const REDIRECTS: usize = 10;

/// The status that stands for no answer, and how errors begin that Tornado gives it to.
const NO_ANSWER: u16 = 599;
const UNANSWERED: &str = "HTTP 599";

/// Arguments of Salt's that have no effect here are refused by name.
const KNOWN: [&str; 19] = [
    "method",
    "params",
    "data",
    "header_dict",
    "header_list",
    "username",
    "password",
    "decode",
    "decode_type",
    "status",
    "headers",
    "text",
    "port",
    "node",
    "verify_ssl",
    "ca_bundle",
    "cert",
    "agent",
    "backend",
];

/// Asks a web server. What fails is told in `error`; with `raise_error=False` an answer that tells of a failure is one
/// like any other, and where there is none its status is 599, its body nothing: `{"body": text, "status"?: int, "headers"?: map, "text"?: text, "dict"?: any, "error"?: text}`.
///
/// # Errors
/// For arguments and schemes that are not supported, and where nothing can be decoded that is JSON.
pub fn query(url: &str, given: &Map) -> Result<Value, Fault> {
    let own = |name: &str| {
        name.starts_with("__") || matches!(name, "raise_error" | "decode_body" | "test" | "test_url")
    };
    if let Some(other) = given.keys().map(str_of).find(|name| !KNOWN.contains(&name.as_str()) && !own(name)) {
        return Err(Fault::NotSupported(format!("the argument {other} of http.query")));
    }
    let test = given.get("test").is_some_and(Value::truthy);
    let url = match given.str("test_url") {
        Some(other) if test => other,
        None if test => return Ok(Map::new().into()),
        _ => url,
    };
    if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(Fault::NotSupported(format!("http.query {url}: only http:// and https:// are")));
    }
    let mut whole = url.to_owned();
    if let Some(params) = given.get("params").filter(|params| params.truthy()) {
        whole.push(if whole.contains('?') { '&' } else { '?' });
        whole.push_str(&form(params));
    }
    let remote = Remote::parse(&whole);
    let mut remote = remote.ok_or_else(|| Fault::invocation(format!("http.query: {url} is no address")))?;
    if let (Some(user), Some(password)) = (given.str("username"), given.str("password")) {
        remote.login = Some(format!("{user}:{password}"));
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    if let Some(Value::Map(dict)) = given.get("header_dict") {
        headers.extend(dict.iter().map(|(name, value)| (str_of(name), str_of(value))));
    }
    for line in given.get("header_list").and_then(Value::as_list).unwrap_or_default().iter().map(str_of) {
        headers.extend(
            line.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())),
        );
    }
    headers.extend(given.str("agent").map(|agent| ("User-Agent".to_owned(), agent.to_owned())));
    let data = given.get("data").filter(|data| !data.is_null());
    let data = data.map(|data| if data.as_map().is_some() { form(data) } else { str_of(data) });
    let method = given.str("method").unwrap_or("GET");
    if !method.bytes().all(|octet| octet.is_ascii_alphabetic()) {
        return Err(Fault::invocation(format!("http.query: {method:?} is no method")));
    }
    if data.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
    }
    let mut ret = ask(remote, method, &headers, data.as_deref(), given)?;
    if test {
        ret.insert("test", true);
    }
    Ok(ret.into())
}

fn ask(
    mut remote: Remote,
    method: &str,
    headers: &[(String, String)],
    data: Option<&str>,
    given: &Map,
) -> Result<Map, Fault> {
    let truthy = |name: &str| given.get(name).is_some_and(Value::truthy);
    // Salt hands it to Tornado, which alone looks at it.
    let raises = given.get("raise_error").is_none_or(Value::truthy);
    let broken = |text: String| {
        let tornados = text.starts_with(UNANSWERED);
        if raises {
            let status = (tornados || truthy("status"))
                .then(|| ("status", Value::Int(if tornados { i64::from(NO_ANSWER) } else { 0 })));
            return Ok(status.into_iter().chain([("error", text.into())]).collect());
        }
        if truthy("decode") {
            let text = "the JSON object must be str, bytes or bytearray, not NoneType";
            return Err(Fault::Type(text.to_owned()));
        }
        let headers = truthy("headers").then(|| ("headers", Map::new().into()));
        let status = truthy("status").then(|| ("status", Value::Int(i64::from(NO_ANSWER))));
        let text = truthy("text").then_some(("text", Value::Null));
        Ok([("body", Value::Null)].into_iter().chain(status).chain(headers).chain(text).collect())
    };
    let body = data.map(str::as_bytes);
    let files: Vec<&str> = match given.get("cert") {
        Some(Value::List(files)) => files.iter().filter_map(Value::as_str).collect(),
        Some(Value::Text(file)) => vec![file],
        _ => Vec::new(),
    };
    let trust = Trust {
        unverified: given.get("verify_ssl").is_some_and(|verify| !verify.is_null() && !verify.truthy()),
        authorities: given.str("ca_bundle"),
        certificate: files.first().map(|file| (*file, files.get(1).copied())),
    };
    let mut left = REDIRECTS;
    let mut answer = loop {
        let answer = match exchange(&remote, &Request { method, headers, body, trust }) {
            Ok(answer) => answer,
            Err(text) => return broken(text),
        };
        let to = match answer.status {
            301 | 302 | 303 | 307 | 308 if left > 0 => answer.header("location").to_owned(),
            _ => break answer,
        };
        left -= 1;
        match remote.redirected(&to) {
            Some(next) => remote = next,
            None => return broken(format!("redirected to {to}, which is not supported")),
        }
    };
    let body = match text_of(&mut answer) {
        Ok(body) => body,
        Err(text) => return broken(text),
    };
    if raises && !(200..300).contains(&answer.status) && answer.status != 304 {
        return Ok(map! {
            "status" => i64::from(answer.status),
            "error" => format!("HTTP {}: {}", answer.status, answer.reason),
            "body" => body,
        });
    }
    let mut ret = map! { "body" => body.as_str() };
    if truthy("status") {
        ret.insert("status", i64::from(answer.status));
    }
    if truthy("headers") {
        // Tornado gives names back as Title-Case.
        let titled = answer.headers.iter().map(|(name, value)| (titled(name), Value::text(value.as_str())));
        ret.insert("headers", titled.collect::<Map>());
    }
    if truthy("decode") {
        decode(&mut ret, &answer, &body, given.str("decode_type").unwrap_or("auto"))?;
    }
    if truthy("text") {
        ret.insert("text", body);
    }
    Ok(ret)
}

fn decode(ret: &mut Map, answer: &Answer, body: &str, wanted: &str) -> Result<(), Fault> {
    let content = answer.header("content-type");
    let kind = match wanted {
        "auto" => ["xml", "json", "yaml"]
            .into_iter()
            .find(|kind| content.contains(kind))
            .unwrap_or(if content.is_empty() { "json" } else { "plain" }),
        other => other,
    };
    let read = match kind {
        "json" => Ok(Value::from_json(body).map_err(not_json)?),
        "yaml" => yaml::load(body, "<unicode string>").map_err(|error| error.to_string()),
        "plain" => {
            ret.insert("text", body);
            return Ok(());
        }
        other => Err(format!("decode_type {other} is not supported, only json, yaml and plain")),
    };
    match read {
        Ok(value) => ret.insert("dict", value),
        Err(text) => ret.insert("error", text),
    };
    Ok(())
}

fn not_json(error: impl std::fmt::Display) -> Fault {
    Fault::exception("json.decoder.JSONDecodeError", error.to_string())
}

fn text_of(answer: &mut Answer) -> Result<String, String> {
    struct Bounded(Vec<u8>);
    impl std::io::Write for Bounded {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            if self.0.len().saturating_add(octets.len()) > LONGEST_BODY {
                return Err(std::io::Error::other("the body is longer than 64 MiB"));
            }
            self.0.extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut body = Bounded(Vec::new());
    if answer.status != 204 && answer.status != 304 {
        answer.copy_body(&mut body)?;
    }
    Ok(String::from_utf8_lossy(&body.0).into_owned())
}

fn titled(name: &str) -> String {
    let part = |part: &str| {
        let mut chars = part.chars();
        chars
            .next()
            .map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), chars.as_str()))
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

/// As Python's `urlencode`; text is taken as it is.
fn form(data: &Value) -> String {
    let Value::Map(map) = data else { return str_of(data) };
    let pair =
        |(name, value): (&Value, &Value)| format!("{}={}", quoted(&str_of(name)), quoted(&str_of(value)));
    map.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        match octet {
            b' ' => out.push('+'),
            b'_' | b'.' | b'-' | b'~' => out.push(char::from(octet)),
            octet if octet.is_ascii_alphanumeric() => out.push(char::from(octet)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    pub(in super::super) fn served(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://127.0.0.1:{}/a", listener.local_addr().expect("a port").port());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut asked = Vec::new();
            let mut buffer = [0; 4096];
            while !String::from_utf8_lossy(&asked).contains("\r\n\r\n") {
                let read = stream.read(&mut buffer).expect("read");
                asked.extend_from_slice(&buffer[..read]);
            }
            stream.write_all(answer.as_bytes()).expect("sent");
            String::from_utf8(asked).expect("text")
        });
        (url, thread)
    }

    fn ask(url: &str, keywords: Map) -> Result<Value, Fault> {
        query(url, &keywords)
    }

    #[test]
    fn a_server_is_asked_and_its_answer_shown_as_salt_shows_it() {
        let (url, thread) = served(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"a\": 1}",
        );
        let data = map! { "k 1" => "v&2" };
        let keywords = map! {
            "method" => "POST", "data" => data, "decode" => true, "status" => true, "headers" => true,
            "params" => map! { "q" => 1 },
        };
        let expected = map! {
            "body" => "{\"a\": 1}", "status" => 200,
            "headers" => map! { "Content-Type" => "application/json", "Content-Length" => "8" },
            "dict" => map! { "a" => 1 },
        };
        assert_eq!(ask(&url, keywords).expect("asked"), expected.into());
        let asked = thread.join().expect("joined");
        assert!(asked.starts_with("POST /a?q=1 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Content-Length: 9\r\n"), "{asked}");
    }

    /// What 3006.25 gives, but for what Python's JSON says of text that is none.
    #[test]
    fn what_breaks_is_told_in_tornados_words_or_not_at_all() {
        let nobody = || ("http://127.0.0.1:1/".to_owned(), None);
        let says = |answer: &'static str| {
            let (url, thread) = served(answer);
            (url, Some(thread))
        };
        let no = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
        let early = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
        let refused = "[Errno 111] Connection refused";
        for ((url, _thread), raises, expected) in [
            (nobody(), true, map! { "status" => 0, "error" => refused }),
            (nobody(), false, map! { "body" => Value::Null, "status" => 599 }),
            (says(""), true, map! { "status" => 599, "error" => "HTTP 599: Stream closed" }),
            (says(early), true, map! { "status" => 599, "error" => "HTTP 599: Connection closed" }),
            (says(early), false, map! { "body" => Value::Null, "status" => 599 }),
            (says(no), false, map! { "body" => "no", "status" => 404 }),
        ] {
            let asked = ask(&url, map! { "raise_error" => raises, "status" => true });
            assert_eq!(asked.expect("asked"), expected.into());
        }
        let decoded = ask(&nobody().0, map! { "raise_error" => false, "decode" => true }).expect_err("none");
        assert!(decoded.is_type_error(), "{decoded}");
        let (url, _thread) = says(no);
        let decoded = ask(&url, map! { "raise_error" => false, "decode" => true }).expect_err("no JSON");
        assert!(decoded.to_string().starts_with("json.decoder.JSONDecodeError: "), "{decoded}");
    }

    #[test]
    fn a_failure_is_shown_and_what_is_not_there_is_named() {
        let (url, _thread) = served("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
        let expected = map! { "status" => 404, "error" => "HTTP 404: Not Found", "body" => "no" };
        assert_eq!(ask(&url, Map::new()).expect("asked"), expected.into());
        assert!(matches!(ask("ftp://x/", Map::new()), Err(Fault::NotSupported(_))));
        assert!(matches!(ask("http://x/", map! { "cookies" => "x" }), Err(Fault::NotSupported(_))));
    }
}
