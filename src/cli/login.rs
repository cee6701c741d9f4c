//! `--eauth`: proof of who the caller is by a password or token, where no local key proves it. Salt:
//! auth/__init__.py (`Resolver`), utils/parsers.py (`EAuthMixIn`).

use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::Parsed;
use crate::client::{ClientError, LocalClient};
use crate::config::Opts;
use crate::host::{FileOwner, write_atomic};
use crate::map;
use crate::value::{Map, Value};

/// The names that Salt shows: those of its systems that need nothing installed.
const SHOWN: [&str; 9] = ["auto", "file", "keystone", "ldap", "pam", "pki", "rest", "sharedsecret", "yubico"];

/// More that a master may know.
const KNOWN: [&str; 3] = ["django", "mysql", "stormpath"];

/// How the caller proves who it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Login {
    /// By the local key.
    Key,
    /// By what these fields of a load say: `token`, or `eauth`, `username` and `password`.
    Proof { fields: Map, make_token: bool },
    /// The system that was asked for does not exist; this is told on standard output.
    Unknown(String),
}

impl Login {
    /// Reads `--eauth`, `--username`, `--password` and `--make-token`; asks on the terminal for what is missing. The
    /// token of `token_file` is taken where it is valid and the local key cannot be read.
    ///
    /// # Errors
    /// When the terminal cannot be asked.
    pub fn read(parsed: &Parsed, opts: &Opts, key_is_readable: bool) -> io::Result<Self> {
        if opts.get("token").is_some() && key_is_readable {
            return Ok(Login::Key);
        }
        if let Some(token) = opts.get("token").and_then(Value::as_str) {
            return Ok(Login::Proof { fields: map! { "token" => token }, make_token: false });
        }
        let Some(eauth) = parsed.text("eauth").filter(|name| !name.is_empty()) else { return Ok(Login::Key) };
        if !SHOWN.contains(&eauth) && !KNOWN.contains(&eauth) {
            return Ok(Login::Unknown(unknown(eauth)));
        }
        let mut username = match parsed.text("username") {
            Some(username) => username.to_owned(),
            None => ask("username: ", Path::new("/dev/tty"), true)?,
        };
        if username.is_empty() {
            username = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
        }
        let password = match parsed.text("password") {
            Some(password) => password.to_owned(),
            None => ask("password: ", Path::new("/dev/tty"), false)?,
        };
        let fields = map! { "username" => username, "password" => password, "eauth" => eauth };
        Ok(Login::Proof { fields, make_token: parsed.flag("mktoken") })
    }
}

/// Proves to the client's master who the caller is, from now on; with `--make-token` it fetches a token first and keeps
/// it in `token_file`.
///
/// # Errors
/// When there is no master, or it does not give a token for lack of an answer. A refused token is no error: the
/// password is tried as it is.
pub async fn use_proof(client: &mut LocalClient, fields: Map, make_token: bool) -> Result<(), ClientError> {
    let mut proof = fields;
    if make_token {
        let mut load = proof.clone();
        load.insert("cmd", "mk_token");
        let reply = client.ask(load, Duration::from_secs(60)).await?;
        if let Some(token) = reply.get("token").and_then(Value::as_str) {
            keep(&client.opts().path("token_file"), token);
            proof = map! { "token" => token };
        }
    }
    client.set_proof(proof);
    Ok(())
}

/// Salt: a token that cannot be kept is used all the same.
fn keep(file: &Path, token: &str) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = folder
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| write_atomic(file, token.as_bytes(), 0o600, FileOwner::default()));
    if let Err(error) = written {
        crate::log::warn!("the token cannot be kept in {}: {error}", file.display());
    }
}

fn unknown(eauth: &str) -> String {
    format!(
        "The specified external authentication system \"{eauth}\" is not available\nAvailable eauth types: {}\n",
        SHOWN.join(", ")
    )
}

/// Asks on the terminal, or on standard input and error where there is none.
fn ask(prompt: &str, terminal: &Path, shown: bool) -> io::Result<String> {
    let mut answer = String::new();
    let Ok(mut tty) = OpenOptions::new().read(true).write(true).open(terminal) else {
        io::stderr().write_all(prompt.as_bytes())?;
        if io::stdin().lock().read_line(&mut answer)? == 0 {
            return Err(io::Error::other(format!("nobody answers the question {:?}", prompt.trim_end())));
        }
        return Ok(answer.trim_end_matches(['\n', '\r']).to_owned());
    };
    tty.write_all(prompt.as_bytes())?;
    let before = if shown { None } else { silenced(&tty) };
    let read = io::BufReader::new(&tty).read_line(&mut answer);
    if let Some(before) = before {
        let _ = tcsetattr(&tty, OptionalActions::Flush, &before);
        tty.write_all(b"\n")?;
    }
    read?;
    Ok(answer.trim_end_matches(['\n', '\r']).to_owned())
}

/// Turns the echo of a terminal off and gives back how it was.
fn silenced(tty: &std::fs::File) -> Option<rustix::termios::Termios> {
    let before = tcgetattr(tty).ok()?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(tty, OptionalActions::Flush, &silent).ok()?;
    Some(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::options::EXTERNAL_AUTH;
    use crate::cli::{Group, Syntax};
    use crate::config::Role;

    const GROUPS: &[Group] = &[EXTERNAL_AUTH];

    fn read(words: &[&str], token: Option<&str>, key_is_readable: bool) -> Login {
        let syntax = Syntax { usage: "", about: "", groups: GROUPS };
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut opts = Opts::defaults(Role::Client);
        if let Some(token) = token {
            opts.set("token", token);
        }
        Login::read(&syntax.parse("salt", &words).expect("options"), &opts, key_is_readable).expect("read")
    }

    #[test]
    fn passwords_come_from_the_command_line() {
        let words = ["-a", "pam", "--username", "eve", "--password", "secret", "-T"];
        let fields = map! { "username" => "eve", "password" => "secret", "eauth" => "pam" };
        assert_eq!(read(&words, None, true), Login::Proof { fields, make_token: true });
        assert_eq!(read(&[], None, true), Login::Key);
    }

    #[test]
    fn a_token_is_for_those_who_cannot_read_the_key() {
        let token = || Login::Proof { fields: map! { "token" => "abc" }, make_token: false };
        assert_eq!(read(&[], Some("abc"), false), token());
        assert_eq!(read(&["-a", "pam"], Some("abc"), false), token());
        assert_eq!(read(&[], Some("abc"), true), Login::Key);
    }

    /// Recorded: `salt -a nope --username bob --password wrong '*' test.ping` with Salt 3006.25 and 3007.14.
    #[test]
    fn a_system_that_does_not_exist_is_told_with_those_that_do() {
        let told = "The specified external authentication system \"nope\" is not available\nAvailable eauth types: \
                    auto, file, keystone, ldap, pam, pki, rest, sharedsecret, yubico\n";
        assert_eq!(read(&["--eauth=nope", "--username=x"], None, true), Login::Unknown(told.to_owned()));
    }

    #[test]
    fn a_terminal_that_is_none_is_asked_and_read_like_one() {
        let file = std::env::temp_dir().join(format!("halite-ask-{}", std::process::id()));
        std::fs::write(&file, "12345678: eve\n").expect("written");
        // What is written moves the place that is read, as a file is no terminal.
        assert_eq!(ask("username: ", &file, false).expect("an answer"), "eve");
        std::fs::remove_file(&file).expect("removed");
    }
}
