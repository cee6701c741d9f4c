//! `ldap`: simple bind against a directory server, RFC 4511 to 4515. Salt: auth/ldap.py.
//!
//! With `auth.ldap.bindpw` (or `anonymous`) and `filter` the entry of the user is looked for first and bound with the
//! user's password; otherwise `auth.ldap.binddn`, where `{{ username }}` stands for the user, is bound. `tls`, `starttls`
//! and `ldaps://` are refused by name.

mod ber;

use std::io::Read;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use self::ber::Answer;
use super::{Backend, Login};
use crate::value::{Map, Value, str_of};

pub(super) static BACKEND: Backend = Backend { name: "ldap", check, groups: super::no_groups };

/// For all that is said to a directory for one login.
const PATIENCE: Duration = Duration::from_secs(20);

/// Invalid credentials (RFC 4511 §4.1.9); also what a server says of an entry that is not there.
const REFUSED: [i64; 2] = [49, 32];

fn check(opts: &Map, login: Login<'_>) -> Result<bool, String> {
    within(PATIENCE, opts, login)
}

fn within(patience: Duration, opts: &Map, login: Login<'_>) -> Result<bool, String> {
    // A bind without a password proves nothing and succeeds (RFC 4513 §5.1.2).
    if login.username.is_empty() || login.password.is_empty() {
        return Ok(false);
    }
    let option = |name: &str| opts.get(&format!("auth.ldap.{name}")).filter(|value| value.truthy());
    let text = |name: &str| option(name).map(str_of).unwrap_or_default();
    for name in ["tls", "starttls"] {
        if option(name).is_some() {
            return Err(format!("auth.ldap.{name} is not supported: there is no TLS yet"));
        }
    }
    let mut server = Server::connect(&text("uri"), &text("server"), option("port"), patience)?;
    let searched = option("bindpw").is_some() || option("anonymous").is_some();
    let entry = if searched && option("filter").is_some() {
        let known = server.bind(&text("binddn"), &text("bindpw"))?;
        if !known {
            return Err("the directory refuses auth.ldap.binddn and auth.ldap.bindpw".to_owned());
        }
        let filter = for_user(&text("filter"), &escaped(login.username, b"*()\\", true));
        let scope = option("scope").and_then(Value::as_int).unwrap_or(2);
        match server.search(&text("basedn"), scope, &filter)?.as_slice() {
            [one] => one.clone(),
            // Salt: none and several are as good as none.
            _ => return Ok(false),
        }
    } else {
        for_user(&text("binddn"), &escaped(login.username, b",+\"\\<>;= #", false))
    };
    if entry.is_empty() {
        return Err(
            "auth.ldap.binddn, or auth.ldap.filter with bindpw or anonymous, has to be set".to_owned()
        );
    }
    server.bind(&entry, login.password)
}

/// `{{ username }}` in a template; nothing else of Jinja is understood here.
fn for_user(template: &str, name: &str) -> String {
    template.replace("{{ username }}", name).replace("{{username}}", name)
}

/// As RFC 4515 §3 (`hex`) or RFC 4514 §2.4 want characters that mean something.
fn escaped(text: &str, special: &[u8], hex: bool) -> String {
    let mut out = String::new();
    for char in text.chars() {
        match u8::try_from(char) {
            Ok(octet) if octet == 0 || (hex && special.contains(&octet)) => {
                out.push_str(&format!("\\{octet:02x}"))
            }
            Ok(octet) if special.contains(&octet) => out.extend(['\\', char]),
            _ => out.push(char),
        }
    }
    out
}

struct Server {
    stream: Timed,
    name: String,
    messages: i64,
}

/// A connection that ends at its time, however slowly the other side goes on.
struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Read for Timed {
    fn read(&mut self, octets: &mut [u8]) -> std::io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(octets)
    }
}

impl Server {
    fn connect(uri: &str, server: &str, port: Option<&Value>, patience: Duration) -> Result<Self, String> {
        let (host, port) = match uri.split_once("://") {
            Some(("ldap", rest)) => {
                let rest = rest.split('/').next().unwrap_or_default();
                match rest
                    .rsplit_once(':')
                    .filter(|(_, port)| port.bytes().all(|digit| digit.is_ascii_digit()))
                {
                    Some((host, port)) => (host, port.parse().ok()),
                    None => (rest, None),
                }
            }
            Some((scheme, _)) => {
                return Err(format!("{scheme}:// in auth.ldap.uri is not supported, only ldap://"));
            }
            None => {
                let host = if server.is_empty() { "localhost" } else { server };
                (host, port.and_then(|port| str_of(port).trim().parse().ok()))
            }
        };
        let port = port.unwrap_or(389_u16);
        let name = format!("{host}:{port}");
        let failed =
            |error: std::io::Error| format!("the directory server {name} cannot be reached: {error}");
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut last = std::io::Error::other("it has no address");
        for address in (host, port).to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, patience) {
                Ok(stream) => {
                    stream.set_write_timeout(Some(patience)).map_err(failed)?;
                    let stream = Timed { stream, until: Instant::now() + patience };
                    return Ok(Server { stream, name, messages: 0 });
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// Whether the directory takes this password for this entry.
    fn bind(&mut self, dn: &str, password: &str) -> Result<bool, String> {
        self.send(ber::bind(dn, password))?;
        match self.receive()? {
            Answer::Bound { code: 0, .. } => Ok(true),
            Answer::Bound { code, .. } if REFUSED.contains(&code) => Ok(false),
            Answer::Bound { code, text } => Err(format!("{}: the bind failed ({code}): {text}", self.name)),
            _ => Err(format!("{}: the answer to a bind is none", self.name)),
        }
    }

    /// The names of at most two entries.
    fn search(&mut self, base: &str, scope: i64, filter: &str) -> Result<Vec<String>, String> {
        let filter =
            ber::filter(filter).ok_or_else(|| format!("auth.ldap.filter cannot be read: {filter}"))?;
        self.send(ber::search(base, scope, &filter))?;
        let mut found = Vec::new();
        loop {
            match self.receive()? {
                Answer::Entry(dn) if found.len() < 2 => found.push(dn),
                Answer::Entry(_) | Answer::Other => {}
                // 4: more than the two that we take.
                Answer::Done { code: 0 | 4, .. } => return Ok(found),
                Answer::Done { code, text } => {
                    return Err(format!("{}: the search below {base} failed ({code}): {text}", self.name));
                }
                Answer::Bound { .. } => return Err(format!("{}: the answer to a search is none", self.name)),
            }
        }
    }

    fn send(&mut self, operation: Vec<u8>) -> Result<(), String> {
        use std::io::Write;
        self.messages += 1;
        let message = ber::message(self.messages, &operation);
        self.stream.stream.write_all(&message).map_err(|error| format!("{}: {error}", self.name))
    }

    fn receive(&mut self) -> Result<Answer, String> {
        ber::read(&mut self.stream).map_err(|error| format!("{}: {error}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::map;

    /// Octets as OpenLDAP's server and client send them (`ldapsearch -x -d 1` prints them).
    const BOUND: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
    const INVALID: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00";
    const ENTRY: &[u8] = b"\x30\x12\x02\x01\x02\x64\x0d\x04\x09uid=f,o=x\x30\x00";
    const DONE: &[u8] = b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00";

    /// A directory that says these things, one for each message; what it was asked.
    fn directory(says: Vec<Vec<u8>>) -> (u16, std::thread::JoinHandle<Vec<Vec<u8>>>) {
        use std::io::Write;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut asked = Vec::new();
            for answer in says {
                let mut head = [0; 2];
                stream.read_exact(&mut head).expect("a message");
                let mut body = vec![0; usize::from(head[1])];
                stream.read_exact(&mut body).expect("a message");
                asked.push([head.to_vec(), body].concat());
                stream.write_all(&answer).expect("sent");
            }
            asked
        });
        (port, thread)
    }

    #[test]
    fn a_bind_is_what_the_directory_says_of_it() {
        for (answer, expected) in [(BOUND, Ok(true)), (INVALID, Ok(false))] {
            let (port, thread) = directory(vec![answer.to_vec()]);
            let opts = map! {
                "auth.ldap.server" => "127.0.0.1", "auth.ldap.port" => i64::from(port),
                "auth.ldap.binddn" => "uid={{ username }},o=x",
            };
            assert_eq!(check(&opts, Login { username: "f,o", password: "pw" }), expected);
            let expected =
                b"\x30\x1a\x02\x01\x01\x60\x15\x02\x01\x03\x04\x0cuid=f\\,o,o=x\x80\x02pw".to_vec();
            assert_eq!(thread.join().expect("joined"), [expected]);
        }
    }

    #[test]
    fn the_entry_is_looked_for_and_then_bound() {
        let (port, thread) = directory(vec![BOUND.to_vec(), [ENTRY, DONE].concat(), BOUND.to_vec()]);
        let opts = map! {
            "auth.ldap.uri" => format!("ldap://127.0.0.1:{port}"), "auth.ldap.anonymous" => true,
            "auth.ldap.basedn" => "o=x", "auth.ldap.filter" => "(&(uid={{ username }})(!(cn=*)))",
        };
        assert_eq!(check(&opts, Login { username: "f*", password: "pw" }), Ok(true));
        let asked = thread.join().expect("joined");
        let search = b"\x30\x33\x02\x01\x02\x63\x2e\x04\x03o=x\x0a\x01\x02\x0a\x01\x00\x02\x01\x02\x02\x01\x14\x01\x01\
            \x00\xa0\x11\xa3\x09\x04\x03uid\x04\x02f*\xa2\x04\x87\x02cn\x30\x05\x04\x031.1";
        assert_eq!(asked[1], search.to_vec());
        assert!(asked[2].windows(9).any(|part| part == b"uid=f,o=x"));
    }

    #[test]
    fn what_cannot_be_kept_secret_or_proves_nothing_is_refused() {
        let ask = |opts: &Map, password| check(opts, Login { username: "f", password });
        assert_eq!(ask(&map! { "auth.ldap.binddn" => "o=x" }, ""), Ok(false));
        assert!(ask(&map! { "auth.ldap.tls" => true }, "x").expect_err("refused").contains("auth.ldap.tls"));
        let ldaps = map! { "auth.ldap.uri" => "ldaps://x" };
        assert!(ask(&ldaps, "x").expect_err("refused").contains("ldaps"));
    }

    /// A bind as OpenLDAP's server answers it: result code, matched name, diagnostic message, and for code 10 referrals.
    fn result(id: u8, tag: u8, code: u8, text: &str, referral: Option<&str>) -> Vec<u8> {
        let short =
            |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).expect("short")], content].concat();
        let mut parts = [short(0x0a, &[code]), short(0x04, b""), short(0x04, text.as_bytes())].concat();
        if let Some(url) = referral {
            parts.extend(short(0xa3, &short(0x04, url.as_bytes())));
        }
        short(0x30, &[short(0x02, &[id]), short(tag, &parts)].concat())
    }

    fn with_search(port: u16) -> Map {
        map! {
            "auth.ldap.server" => "127.0.0.1", "auth.ldap.port" => i64::from(port), "auth.ldap.binddn" => "cn=salt,o=x",
            "auth.ldap.bindpw" => "own", "auth.ldap.basedn" => "o=x", "auth.ldap.filter" => "uid={{ username }}",
        }
    }

    const FRED: Login<'static> = Login { username: "f", password: "pw" };

    #[test]
    fn error_codes_of_a_bind_are_told_apart_from_a_wrong_password() {
        let wrong = "Invalid credentials";
        for (code, text, referral, expected) in [
            (0, "", None, Ok(true)),
            (49, wrong, None, Ok(false)),
            (32, "no such object", None, Ok(false)),
            (10, "", Some("ldap://elsewhere/"), Err("(10)")),
            (8, "strong authentication required", None, Err("strong authentication required")),
            (13, "confidentiality required", None, Err("confidentiality required")),
            (51, "busy", None, Err("busy")),
            (53, "unwilling to perform", None, Err("unwilling to perform")),
        ] {
            let (port, thread) = directory(vec![result(1, 0x61, code, text, referral)]);
            let opts = map! {
                "auth.ldap.server" => "127.0.0.1", "auth.ldap.port" => i64::from(port), "auth.ldap.binddn" => "uid={{ username }}",
            };
            match (check(&opts, FRED), expected) {
                (Err(said), Err(part)) => assert!(said.contains(part), "{said}"),
                (said, expected) => assert_eq!(said, expected.map_err(str::to_owned), "{code}"),
            }
            thread.join().expect("joined");
        }
    }

    #[test]
    fn references_are_passed_over_and_names_have_to_be_one() {
        // As slapd sends `SearchResultReference`.
        let reference = b"\x30\x17\x02\x01\x02\x73\x12\x04\x10ldap://other/o=x";
        let answers = [
            (vec![ENTRY, reference, DONE], Ok(true)),
            (vec![DONE], Ok(false)),
            (vec![ENTRY, ENTRY, DONE], Ok(false)),
            (vec![reference, DONE], Ok(false)),
        ];
        for (parts, expected) in answers {
            let (port, thread) = directory(vec![BOUND.to_vec(), parts.concat(), BOUND.to_vec()]);
            assert_eq!(check(&with_search(port), FRED), expected, "{parts:?}");
            // Who is not let in is not bound: the double then waits in vain for a third message.
            assert_eq!(thread.join().is_ok(), expected == Ok(true));
        }
        for code in [1, 10, 32, 50, 53] {
            let (port, thread) = directory(vec![BOUND.to_vec(), result(2, 0x65, code, "no", None)]);
            let said = check(&with_search(port), FRED).expect_err("the search failed");
            assert!(said.contains(&format!("({code})")), "{said}");
            thread.join().expect("joined");
        }
        // The account of the master itself is refused: that is told, and is not the user's fault.
        let (port, thread) = directory(vec![INVALID.to_vec()]);
        assert!(check(&with_search(port), FRED).expect_err("told").contains("auth.ldap.bindpw"));
        thread.join().expect("joined");
    }

    #[test]
    fn lengths_in_the_long_form_are_read_as_active_directory_sends_them() {
        let long =
            b"\x30\x84\x00\x00\x00\x10\x02\x01\x01\x61\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00";
        let (port, thread) = directory(vec![long.to_vec()]);
        let opts = map! {
            "auth.ldap.server" => "127.0.0.1", "auth.ldap.port" => i64::from(port), "auth.ldap.binddn" => "uid=f",
        };
        assert_eq!(check(&opts, FRED), Ok(true));
        thread.join().expect("joined");
    }

    #[test]
    fn a_server_that_says_something_else_or_too_little_lets_nobody_in() {
        let says: [&[u8]; 8] = [
            b"",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x0c\x02\x01\x01\x61",
            b"\x30\x03\x02\x01\x01",
            b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
            b"\x30\x0a\x02\x01\x01\x61\x05\x0a\x01\x00\x04\x7f",
            // The notice of disconnection, RFC 4511 section 4.4.1.
            b"\x30\x24\x02\x01\x00\x78\x1f\x0a\x01\x34\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20036",
        ];
        for said in says {
            let (port, thread) = directory(vec![said.to_vec()]);
            let opts = map! {
                "auth.ldap.server" => "127.0.0.1", "auth.ldap.port" => i64::from(port), "auth.ldap.binddn" => "uid=f",
            };
            assert!(check(&opts, FRED).is_err(), "{said:?}");
            let _ = thread.join();
        }
        let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
        let opts = map! { "auth.ldap.server" => "127.0.0.1", "auth.ldap.port" => i64::from(nobody), "auth.ldap.binddn" => "uid=f" };
        assert!(check(&opts, FRED).expect_err("told").contains("cannot be reached"));
    }

    /// One octet at a time would otherwise take a worker of the master for hours.
    #[test]
    fn a_slow_server_is_left_in_time() {
        use std::io::Write;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut sent = 0_usize;
            let drip = b"\x30\x83\x0f\x00\x00".iter().copied().chain(std::iter::repeat(0));
            for octet in drip {
                if stream.write_all(&[octet]).is_err() {
                    break;
                }
                sent += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            sent
        });
        let opts = map! {
            "auth.ldap.server" => "127.0.0.1", "auth.ldap.port" => i64::from(port), "auth.ldap.binddn" => "uid=f",
        };
        assert!(within(Duration::from_millis(300), &opts, FRED).is_err());
        assert!(thread.join().expect("left") < 100_000);
    }
}
