//! `https://` by curl, or else wget: what the host has. Command lines are for everybody to read: curl is told what to ask
//! for on its standard input, wget in a file that only we can read. Both give the answer as it came, headers first.

use std::path::PathBuf;

use super::{Answer, CONNECT, Remote, Request, SILENCE};
use crate::host::{Command, Host, RealHost, stream, which, write_cache_file};

/// wget's exit code where the server answers with an error.
const SERVER_SAYS_NO: i64 = 8;

/// Asks a server.
///
/// # Errors
/// What the program says, or that there is none.
pub(super) fn exchange(remote: &Remote, order: &Request<'_>) -> Result<Answer, String> {
    let path = RealHost.env("PATH").unwrap_or_default();
    let (mut command, file) = match (which("curl", &path), which("wget", &path)) {
        (Some(curl), _) => (by_curl(&curl.display().to_string(), remote, order)?, None),
        (None, Some(wget)) => {
            (by_wget(&wget.display().to_string(), remote, order)?, Some(Settings(settings_file())))
        }
        (None, None) => {
            return Err("https:// needs the program curl (or wget) of this host: install it".to_owned());
        }
    };
    let failed = |error: std::io::Error| error.to_string();
    let mut also_fine = 0;
    if let Some(Settings(file)) = &file {
        write_cache_file(file, &command.stdin.take().unwrap_or_default(), 0o600).map_err(failed)?;
        command.args.insert(0, format!("--config={}", file.display()));
        also_fine = SERVER_SAYS_NO;
    }
    let output = stream(&command, also_fine).map_err(|error| format!("{}: {error}", command.program))?;
    let mut answer = Answer::read(Box::new(output)).map_err(|text| reason(&text))?;
    // The program has put the chunks together; the end of its output is that of the body.
    if !answer.header("transfer-encoding").is_empty() || order.method == "HEAD" {
        answer.headers.retain(|(name, _)| !matches!(name.as_str(), "transfer-encoding" | "content-length"));
    }
    Ok(answer)
}

/// What curl and wget say, and what Python does.
const KNOWN: &[(&[&str], &str)] = &[
    (&["Could not resolve host", "unable to resolve host"], "[Errno -2] Name or service not known"),
    (&["Couldn't connect to server", "onnection refused"], "[Errno 111] Connection refused"),
    (&["Connection timed out", "Connection timeout"], "HTTP 599: Timeout while connecting"),
    (&["Operation too slow", "Operation timed out"], "HTTP 599: Timeout during request"),
];

/// What went wrong, in a line. A certificate that does not hold is told in Python's words, which scripts know.
fn reason(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let curls = line.split_once("SSL certificate problem: ").map(|(_, why)| why);
    let why = curls.or_else(|| line.find("cannot verify ").and_then(|at| line.get(at..)));
    if let Some(why) = why {
        return format!("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why}");
    }
    let known = KNOWN.iter().find(|(signs, _)| signs.iter().any(|sign| line.contains(sign)));
    known.map_or(line, |(_, words)| words).to_owned()
}

/// wget reads no settings from a pipe. By the time that it answers, it has read them.
struct Settings(PathBuf);

impl Drop for Settings {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn settings_file() -> PathBuf {
    let number = RealHost.now().subsec_nanosecond();
    std::env::temp_dir().join(format!(".halite-wget.{}.{number}", std::process::id()))
}

fn url_of(remote: &Remote) -> String {
    format!("{}{}", remote.origin(), remote.target())
}

fn body_of<'a>(order: &Request<'a>) -> Result<Option<&'a str>, String> {
    let text = |body: &'a [u8]| std::str::from_utf8(body).ok().filter(|text| !text.contains('\0'));
    order
        .body
        .map(|body| text(body).ok_or("the body is not text: not supported with https://"))
        .transpose()
        .map_err(str::to_owned)
}

/// A configuration line of curl.
fn setting(name: &str, value: &str) -> String {
    let mut line = format!("{name} = \"");
    for char in value.chars() {
        match char {
            '"' | '\\' => line.extend(['\\', char]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            other => line.push(other),
        }
    }
    line.push_str("\"\n");
    line
}

fn by_curl(program: &str, remote: &Remote, order: &Request<'_>) -> Result<Command, String> {
    let (connect, silence) = (CONNECT.as_secs().to_string(), SILENCE.as_secs().to_string());
    let args = [
        "-q",
        "--silent",
        "--show-error",
        "--include",
        "--http1.1",
        "--globoff",
        "--connect-timeout",
        &connect,
        "--speed-limit",
        "1",
        "--speed-time",
        &silence,
        "--config",
        "-",
    ];
    // Not an option of the command line: a curl that is too old to know it ignores it here.
    let mut settings = setting("url", &url_of(remote)) + "suppress-connect-headers\n";
    match order.method {
        "GET" if order.body.is_none() => {}
        "HEAD" => settings.push_str("head\n"),
        other => settings.push_str(&setting("request", other)),
    }
    for line in order.lines(remote)? {
        // With nothing behind its colon a header would be taken out.
        let line = line.strip_suffix(": ").map_or(line.clone(), |name| format!("{name};"));
        settings.push_str(&setting("header", &line));
    }
    if let Some(body) = body_of(order)? {
        settings.push_str("header = \"Expect:\"\n");
        settings.push_str(&setting("data-raw", body));
    }
    if order.trust.unverified {
        settings.push_str("insecure\n");
    }
    if let Some(file) = order.trust.authorities {
        settings.push_str(&setting("cacert", file));
    }
    if let Some((certificate, key)) = order.trust.certificate {
        settings.push_str(&setting("cert", certificate));
        settings.push_str(&key.map(|key| setting("key", key)).unwrap_or_default());
    }
    Ok(Command { stdin: Some(settings.into_bytes()), ..Command::new(program, args) })
}

fn by_wget(program: &str, remote: &Remote, order: &Request<'_>) -> Result<Command, String> {
    let mut settings = format!(
        "verbose = off\nsave_headers = on\ncontent_on_error = on\noutput_document = -\ntries = 1\n\
         connect_timeout = {}\nread_timeout = {}\n",
        CONNECT.as_secs(),
        SILENCE.as_secs()
    );
    let mut set = |name: &str, value: &str| settings.push_str(&format!("{name} = {value}\n"));
    for line in order.lines(remote)? {
        match line.strip_prefix("User-Agent: ") {
            Some(agent) => set("user_agent", agent),
            None => set("header", &line),
        }
    }
    if order.method != "GET" {
        set("method", order.method);
    }
    if let Some(body) = body_of(order)? {
        if body.contains(['\n', '\r']) {
            return Err("a body of several lines needs the program curl on this host: install it".to_owned());
        }
        set("body_data", body);
    }
    if order.trust.unverified {
        set("check_certificate", "off");
    }
    if let Some(file) = order.trust.authorities {
        set("ca_certificate", file);
    }
    if let Some((certificate, key)) = order.trust.certificate {
        set("certificate", certificate);
        set("private_key", key.unwrap_or(certificate));
    }
    Ok(Command { stdin: Some(settings.into_bytes()), ..Command::new(program, [url_of(remote)]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Trust;

    #[test]
    fn a_certificate_that_does_not_hold_is_told_in_pythons_words() {
        for (said, expected) in [
            (
                "curl: (60) SSL certificate problem: self-signed certificate\nMore details here: …",
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate",
            ),
            (
                "ERROR: cannot verify host's certificate, issued by 'CN=x':\n  Self-signed certificate encountered.",
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: cannot verify host's certificate, issued by 'CN=x':",
            ),
            ("curl: (7) Failed to connect to host", "curl: (7) Failed to connect to host"),
        ] {
            assert_eq!(reason(said), expected);
        }
    }

    #[test]
    fn what_is_secret_stands_on_no_command_line() {
        let remote = Remote::parse("https://me:hush@host:8443/a?token=hush").expect("an address");
        let headers = [("X-Token".to_owned(), "hu\"sh".to_owned()), ("X-Empty".to_owned(), String::new())];
        let trust =
            Trust { unverified: true, authorities: Some("/ca.pem"), certificate: Some(("/c", Some("/k"))) };
        let order = Request { method: "POST", headers: &headers, body: Some(b"a=\"hush\"\n"), trust };
        let curl = by_curl("curl", &remote, &order).expect("a command");
        assert!(!curl.args.iter().any(|arg| arg.contains("hush")), "{curl:?}");
        let settings = String::from_utf8(curl.stdin.expect("settings")).expect("text");
        let expected = [
            "url = \"https://host:8443/a?token=hush\"",
            "request = \"POST\"",
            "header = \"X-Token: hu\\\"sh\"",
            "header = \"X-Empty;\"",
            "header = \"Authorization: Basic bWU6aHVzaA==\"",
            "data-raw = \"a=\\\"hush\\\"\\n\"",
            "insecure",
            "cacert = \"/ca.pem\"",
            "cert = \"/c\"",
            "key = \"/k\"",
        ];
        for line in expected {
            assert!(settings.lines().any(|own| own == line), "{line} is not in\n{settings}");
        }
        // The body has two lines, which wget cannot be told.
        assert!(by_wget("wget", &remote, &order).is_err());
        let wget = by_wget("wget", &remote, &Request { body: Some(b"a=1"), ..order }).expect("a command");
        let settings = String::from_utf8(wget.stdin.expect("settings")).expect("text");
        for line in
            ["method = POST", "body_data = a=1", "check_certificate = off", "header = X-Token: hu\"sh"]
        {
            assert!(settings.lines().any(|own| own == line), "{line} is not in\n{settings}");
        }
    }
}
