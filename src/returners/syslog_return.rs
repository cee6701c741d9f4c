//! `syslog`: brings returns to the syslog of the minion's machine. Salt: returners/syslog_return.py; RFC 3164.

use std::os::unix::net::UnixDatagram;

use super::options::option;
use crate::host::syslog_facility;
use crate::loader::{Context, Fault, Returner};
use crate::value::{JsonStyle, Map, Value};

pub(super) static RETURNER: Returner = Returner { name: "syslog", save };

const SOCKET: &str = "/dev/log";
const LEVELS: &[&str] =
    &["LOG_EMERG", "LOG_ALERT", "LOG_CRIT", "LOG_ERR", "LOG_WARNING", "LOG_NOTICE", "LOG_INFO", "LOG_DEBUG"];
/// Facilities that Python's module `syslog` has no name for.
const NAMELESS: std::ops::RangeInclusive<u8> = 11..=15;
const LONGEST_TAG: usize = 32;

fn save(cx: &Context, ret: &Map) -> Result<(), Fault> {
    let text = |name: &str, default: &str| match option(cx, ret, "syslog", name) {
        Some(Value::Text(text)) => text,
        _ => default.to_owned(),
    };
    let (level, facility) = (text("level", "LOG_INFO"), text("facility", "LOG_USER"));
    let unknown = |name: &str| Fault::execution(format!("syslog has no attribute {name}"));
    let severity = LEVELS.iter().position(|name| *name == level).ok_or_else(|| unknown(&level))?;
    let number = syslog_facility(&facility).filter(|number| !NAMELESS.contains(number));
    let number = usize::from(number.ok_or_else(|| unknown(&facility))?);
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
