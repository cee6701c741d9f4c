//! `http`: each return is JSON that is posted to an address.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use halite::value::{JsonStyle, Value};

use crate::alone::{Minion, text};

/// What one request said: its head, and its body.
type Asked = (String, String);

/// Answers one request with a status line.
fn answers_once(status: &'static str) -> (u16, JoinHandle<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let asked = read(&stream);
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        (&stream).write_all(answer.as_bytes()).expect("answered");
        asked
    });
    (port, thread)
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("read") > 0, "{head}");
    }
    let head = head.to_lowercase();
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next());
    let mut body = vec![0; length.expect("a length").parse().expect("a number")];
    reader.read_exact(&mut body).expect("the body");
    (head, String::from_utf8(body).expect("UTF-8"))
}

fn configure(minion: &Minion, url: &str) {
    let options = std::fs::read_to_string(minion.path("minion")).expect("options");
    let more = format!("{options}http.url: {url}\nhttp.headers: {{X-Token: secret}}\n");
    std::fs::write(minion.path("minion"), more).expect("written");
}

#[test]
fn a_return_is_posted_as_json() {
    let minion = Minion::new("http");
    let (port, server) = answers_once("204 No Content");
    configure(&minion, &format!("http://127.0.0.1:{port}/salt?from=alone"));
    let output = minion.run(&["--return=http", "test.echo", "grüße"]);
    assert_eq!(text(&output.stdout), "{\n    \"local\": \"grüße\"\n}\n");
    let (head, body) = server.join().expect("asked");
    assert!(head.starts_with("post /salt?from=alone http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nx-token: secret\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    let mut sent = Value::from_json(&body).expect("JSON").as_map().cloned().expect("a map");
    assert_eq!(sent.remove("jid").and_then(|jid| jid.as_str().map(str::len)), Some(20), "{body}");
    assert_eq!(
        Value::from(sent).to_json(JsonStyle { ensure_ascii: false, ..JsonStyle::default() }),
        "{\"return\": \"grüße\", \"retcode\": 0, \"id\": \"alone\", \"fun\": \"test.echo\", \"fun_args\": [\"grüße\"], \
         \"success\": true}"
    );
}

#[test]
fn what_the_server_refuses_is_told_and_changes_nothing_else() {
    let minion = Minion::new("http-refused");
    let (port, server) = answers_once("500 Internal Server Error");
    configure(&minion, &format!("http://127.0.0.1:{port}/"));
    let output = minion.run(&["--log-level=error", "--return=http", "test.ping"]);
    server.join().expect("asked");
    assert!(output.status.success() && text(&output.stdout).contains("true"), "{output:?}");
    let told = text(&output.stderr);
    assert!(told.contains("The return failed for job") && told.contains("500"), "{told}");
}
