//! `syslog`: brings returns to the syslog of the minion's machine. Salt: returners/syslog_return.py; RFC 3164.

use std::os::unix::net::UnixDatagram;

use super::options::option;
use crate::loader::{Context, Fault, Returner};
use crate::value::{JsonStyle, Map, Value};

pub(super) static RETURNER: Returner = Returner { name: "syslog", save };

const SOCKET: &str = "/dev/log";
const LEVELS: &[&str] =
    &["LOG_EMERG", "LOG_ALERT", "LOG_CRIT", "LOG_ERR", "LOG_WARNING", "LOG_NOTICE", "LOG_INFO", "LOG_DEBUG"];
const FACILITIES: &[(&str, usize)] = &[
    ("LOG_KERN", 0),
    ("LOG_USER", 1),
    ("LOG_MAIL", 2),
    ("LOG_DAEMON", 3),
    ("LOG_AUTH", 4),
    ("LOG_SYSLOG", 5),
    ("LOG_LPR", 6),
    ("LOG_NEWS", 7),
    ("LOG_UUCP", 8),
    ("LOG_CRON", 9),
    ("LOG_AUTHPRIV", 10),
    ("LOG_LOCAL0", 16),
    ("LOG_LOCAL1", 17),
    ("LOG_LOCAL2", 18),
    ("LOG_LOCAL3", 19),
    ("LOG_LOCAL4", 20),
    ("LOG_LOCAL5", 21),
    ("LOG_LOCAL6", 22),
    ("LOG_LOCAL7", 23),
];
const LONGEST_TAG: usize = 32;

fn save(cx: &Context, ret: &Map) -> Result<(), Fault> {
    let text = |name: &str, default: &str| match option(cx, ret, "syslog", name) {
        Some(Value::Text(text)) => text,
        _ => default.to_owned(),
    };
    let (level, facility) = (text("level", "LOG_INFO"), text("facility", "LOG_USER"));
    let unknown = |name: &str| Fault::execution(format!("syslog has no attribute {name}"));
    let severity = LEVELS.iter().position(|name| *name == level).ok_or_else(|| unknown(&level))?;
    let number = FACILITIES.iter().find(|(name, _)| *name == facility).ok_or_else(|| unknown(&facility))?.1;
    let tag = text("tag", "salt-minion");
    if tag.chars().count() > LONGEST_TAG {
        return Err(Fault::execution(format!("tag size is limited to {LONGEST_TAG} characters")));
    }
    let mut pid = String::new();
    for name in option(cx, ret, "syslog", "options").as_ref().and_then(Value::as_list).unwrap_or_default() {
        match name.as_str() {
            Some("LOG_PID") => pid = format!("[{}]", cx.host.pid()),
            // How the socket is opened makes no difference here.
            Some("LOG_NDELAY" | "LOG_NOWAIT" | "LOG_CONS" | "LOG_PERROR") => {}
            other => return Err(unknown(other.unwrap_or("None"))),
        }
    }
    let style = JsonStyle { ensure_ascii: false, ..JsonStyle::default() };
    let line = Value::Map(ret.clone()).to_json(style);
    let datagram = format!("<{}>{tag}{pid}: {line}\0", number * 8 + severity);
    let failed = |error: std::io::Error| Fault::exception("OSError", format!("{SOCKET}: {error}"));
    UnixDatagram::unbound().and_then(|socket| socket.send_to(datagram.as_bytes(), SOCKET)).map_err(failed)?;
    Ok(())
}
