//! `syslog`: brings returns to the syslog of the minion's machine. Salt: returners/syslog_return.py; RFC 3164.

use std::os::unix::net::UnixDatagram;

use jiff::tz::TimeZone;

use super::options::option;
use crate::host::{local_zone, syslog_facility};
use crate::loader::{Context, Fault, Returner};
use crate::value::{JsonStyle, Map, Value};

pub(super) static RETURNER: Returner = Returner { name: "syslog", save };

const SOCKET: &str = "/dev/log";
const LEVELS: &[&str] =
    &["LOG_EMERG", "LOG_ALERT", "LOG_CRIT", "LOG_ERR", "LOG_WARNING", "LOG_NOTICE", "LOG_INFO", "LOG_DEBUG"];
/// How a socket is opened, which makes no difference here but for `LOG_PID`.
const OPTIONS: &[&str] = &["LOG_PID", "LOG_NDELAY", "LOG_NOWAIT", "LOG_CONS", "LOG_PERROR"];
/// Facilities that Python's module `syslog` has no name for.
const NAMELESS: std::ops::RangeInclusive<u8> = 11..=15;
const LONGEST_TAG: usize = 32;

fn save(cx: &Context, ret: &Map) -> Result<(), Fault> {
    let message = message(cx, ret)?;
    let failed = |error: std::io::Error| Fault::exception("OSError", format!("{SOCKET}: {error}"));
    UnixDatagram::unbound().and_then(|socket| socket.send_to(message.as_bytes(), SOCKET)).map_err(failed)?;
    Ok(())
}

fn no_name(value: &Value) -> Fault {
    Fault::Type(format!("attribute name must be string, not '{}'", value.type_name()))
}

/// `<PRI>Mmm dd hh:mm:ss TAG[PID]: RETURN`, as syslog(3) of the C library writes it.
fn message(cx: &Context, ret: &Map) -> Result<String, Fault> {
    let given = |name: &str| option(cx, ret, "syslog", name).filter(Value::truthy);
    let text = |name: &str, default: &str| match given(name) {
        None => Ok(default.to_owned()),
        Some(Value::Text(text)) => Ok(text),
        Some(_) if name == "tag" => Err(Fault::execution("tag must be a string")),
        Some(other) => Err(no_name(&other)),
    };
    let (level, facility) = (text("level", "LOG_INFO")?, text("facility", "LOG_USER")?);
    let unknown = |name: &str| Fault::execution(format!("syslog has no attribute {name}"));
    let severity = LEVELS.iter().position(|name| *name == level).ok_or_else(|| unknown(&level))?;
    let number = syslog_facility(&facility).filter(|number| !NAMELESS.contains(number));
    let is_other = [LEVELS, OPTIONS].iter().any(|names| names.contains(&&*facility));
    let number = usize::from(number.ok_or_else(|| match is_other {
        // Salt lets them change the level.
        true => Fault::execution(format!("{facility} is not a valid syslog facility")),
        false => unknown(&facility),
    })?);
    // The name of the program, as Python's syslog has it.
    let tag = text("tag", cx.opts.str("__cli").unwrap_or("salt-minion"))?;
    if tag.chars().count() > LONGEST_TAG {
        return Err(Fault::execution(format!("tag size is limited to {LONGEST_TAG} characters")));
    }
    let mut pid = String::new();
    let options = match given("options") {
        None => Vec::new(),
        Some(Value::List(names)) => names,
        // As Python goes through it, letter by letter: none of them is an option.
        Some(Value::Text(text)) => text.chars().map(|char| char.to_string().into()).collect(),
        Some(Value::Map(names)) => names.keys().cloned().collect(),
        Some(other) => return Err(Fault::Type(format!("'{}' object is not iterable", other.type_name()))),
    };
    for name in &options {
        match name.as_str() {
            Some("LOG_PID") => pid = format!("[{}]", cx.host.pid()),
            Some(other) if OPTIONS.contains(&other) => {}
            Some(other) => return Err(unknown(other)),
            None => return Err(no_name(name)),
        }
    }
    let style = JsonStyle { ensure_ascii: false, ..JsonStyle::default() };
    let line = Value::Map(ret.clone()).to_json(style);
    let now = cx.host.now().to_zoned(TimeZone::UTC).map(|now| now.with_time_zone(local_zone()));
    let stamp = now.map(|now| now.strftime("%b %e %H:%M:%S ").to_string()).unwrap_or_default();
    Ok(format!("<{}>{stamp}{tag}{pid}: {line}", number * 8 + severity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;
    use crate::map;
    use crate::returners::tests::with;
    use crate::value::DateTime;

    /// What 3006.25 sends to `/dev/log`, but for the moment, which is told in local time.
    fn check(opts: Map, before: &str, after: &str) {
        let now: DateTime = "2026-11-26T12:00:00".parse().expect("a moment");
        let host = FakeHost { now, ..FakeHost::default() };
        let message = with(&opts, &host, |cx| message(cx, &map! { "jid" => "1", "return" => "grüße" }));
        let message = message.expect("a message");
        let stamp = message.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let stamp = stamp.unwrap_or_else(|| panic!("{message}"));
        assert!(stamp.len() == 16 && stamp.starts_with("Nov 2") && stamp.contains(":00:00"), "{message}");
    }

    #[test]
    fn a_return_is_one_message() {
        let after = "salt-call: {\"jid\": \"1\", \"return\": \"grüße\"}";
        check(map! { "__cli" => "salt-call" }, "<14>", after);
        let opts = map! {
            "syslog.level" => "LOG_ERR", "syslog.facility" => "LOG_LOCAL3", "syslog.tag" => "mytag",
            "syslog.options" => Value::list(["LOG_PID", "LOG_NDELAY"]),
        };
        check(opts, "<155>", "mytag[4711]: {\"jid\": \"1\", \"return\": \"grüße\"}");
        let long = "x".repeat(33);
        // What 3006.25 logs of them, or raises; `LOG_PID` it takes for a part of the level.
        for (option, value, told) in [
            ("level", "LOG_NOPE".into(), "syslog has no attribute LOG_NOPE"),
            ("level", 6.into(), "attribute name must be string, not 'int'"),
            ("facility", "mail".into(), "syslog has no attribute mail"),
            ("facility", "LOG_PID".into(), "LOG_PID is not a valid syslog facility"),
            ("facility", true.into(), "attribute name must be string, not 'bool'"),
            ("tag", long.as_str().into(), "tag size is limited to 32 characters"),
            ("tag", 5.into(), "tag must be a string"),
            ("options", "LOG_PID".into(), "syslog has no attribute L"),
            ("options", 5.into(), "'int' object is not iterable"),
            ("options", map! { "LOG_PIT" => 1 }.into(), "syslog has no attribute LOG_PIT"),
        ] as [(&str, Value, &str); 10]
        {
            let opts = map! { format!("syslog.{option}") => value };
            let refused = with(&opts, &FakeHost::default(), |cx| message(cx, &Map::new()));
            assert_eq!(refused.expect_err("refused").to_string(), told, "{option}");
        }
    }
}
