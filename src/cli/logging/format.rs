//! Python's `%(name)-17s` formats of log lines, read once. Salt: _logging/impl.py (`SaltLogRecord`,
//! `SaltColorLogRecord`); Python: logging's attributes of a record.

use jiff::Zoned;
use jiff::fmt::strtime;

use super::level;
use crate::log::Level;

/// Salt's default for consoles.
pub(super) const CONSOLE: &str = "[%(levelname)-8s] %(message)s";

/// Salt's default for files.
pub(super) const FILE: &str =
    "%(asctime)s,%(msecs)03d [%(name)-17s:%(lineno)-4d][%(levelname)-8s][%(process)d] %(message)s";

const DATE: &str = "%Y-%m-%d %H:%M:%S";

/// A width beyond this is a mistake.
const MAX_WIDTH: usize = 256;

/// One line to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    /// The module, with dots.
    pub name: &'a str,
    /// The source file.
    pub path: &'a str,
    pub line: u32,
    pub level: Level,
    pub process: u32,
    pub message: &'a str,
    /// The job it is about, if any.
    pub jid: &'a str,
}

/// A format of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Format {
    pieces: Vec<Piece>,
    date: String,
    /// What `%(jid)s` becomes, itself a format of the jid.
    jid: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Conversion),
}

/// One `%(name)-8.3s`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Conversion {
    name: String,
    left: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    /// `f`: a number with decimals; otherwise a text or a whole number.
    decimals: bool,
}

impl Conversion {
    fn apply(&self, value: String) -> String {
        let width = self.width;
        let value = match (self.decimals, self.precision) {
            (true, precision) => {
                let number: f64 = value.parse().unwrap_or_default();
                format!("{number:.*}", precision.unwrap_or(6))
            }
            (false, Some(most)) => value.chars().take(most).collect(),
            (false, None) => value,
        };
        match (self.left, self.zeros) {
            (true, _) => format!("{value:<width$}"),
            (false, true) => format!("{value:0>width$}"),
            (false, false) => format!("{value:>width$}"),
        }
    }
}

impl Format {
    /// Reads a format; what is no `%(name)…` stays text. Empty ones, and dates that mean nothing, are the defaults.
    pub fn parse(format: &str, default: &str, date: &str, jid: &str) -> Self {
        let mut rest = if format.is_empty() { default } else { format };
        let mut pieces = Vec::new();
        let mut text = String::new();
        while let Some((before, after)) = rest.split_once('%') {
            text.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                text.push('%');
                rest = after;
            } else if let Some((piece, after)) = after.strip_prefix('(').and_then(value) {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(piece);
                rest = after;
            } else {
                text.push('%');
                rest = after;
            }
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        let is_date = !date.is_empty() && strtime::format(date, &Zoned::default()).is_ok();
        Format { pieces, jid: jid.to_owned(), date: if is_date { date } else { DATE }.to_owned() }
    }

    /// The line of a record.
    pub fn line(&self, record: &Record<'_>, now: &Zoned) -> String {
        let mut line = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => line.push_str(text),
                Piece::Value(conversion) => {
                    line.push_str(&conversion.apply(self.attribute(&conversion.name, record, now)));
                }
            }
        }
        line
    }

    fn attribute(&self, name: &str, record: &Record<'_>, now: &Zoned) -> String {
        let level_name = level::name(record.level);
        let file_name = record.path.rsplit('/').next().unwrap_or_default();
        match name {
            "asctime" => strtime::format(&self.date, now).unwrap_or_default(),
            "created" => format!("{}.{:06}", now.timestamp().as_second(), now.subsec_nanosecond() / 1000),
            "msecs" => now.millisecond().to_string(),
            "name" => record.name.to_owned(),
            "module" => file_name.trim_end_matches(".rs").to_owned(),
            "filename" => file_name.to_owned(),
            "pathname" => record.path.to_owned(),
            "lineno" => record.line.to_string(),
            "levelname" => level_name.to_owned(),
            "levelno" => level::number(record.level).to_string(),
            "process" => record.process.to_string(),
            "processName" => "MainProcess".to_owned(),
            "threadName" => std::thread::current().name().unwrap_or("MainThread").to_owned(),
            "message" => record.message.to_owned(),
            "jid" if !record.jid.is_empty() => self.jid.replace("%(jid)s", record.jid),
            "bracketname" => format!("[{:<17}]", record.name),
            "bracketlevel" => format!("[{level_name:<8}]"),
            "bracketprocess" => format!("[{:>5}]", record.process),
            "colorname" => format!("\x1b[0;1;32m[{:<17}]{RESET}", record.name),
            "colorlevel" => format!("{}[{level_name:<8}]{RESET}", level_color(record.level)),
            "colorprocess" => format!("\x1b[0;1;34m[{:>5}]{RESET}", record.process),
            "colormsg" => format!("{}{}{RESET}", message_color(record.level), record.message),
            _ => String::new(),
        }
    }
}

const RESET: &str = "\x1b[0;0m";

fn level_color(level: Level) -> &'static str {
    match level {
        Level::Error => "\x1b[0;1;31m",
        Level::Warn => "\x1b[0;1;33m",
        Level::Info => "\x1b[0;1;32m",
        Level::Debug => "\x1b[0;1;36m",
        Level::Trace => "\x1b[0;1;35m",
    }
}

fn message_color(level: Level) -> &'static str {
    match level {
        Level::Error => "\x1b[0;31m",
        Level::Warn => "\x1b[0;33m",
        Level::Info => "\x1b[0;32m",
        Level::Debug => "\x1b[0;36m",
        Level::Trace => "\x1b[0;35m",
    }
}

/// Reads `name)-17.3s`.
fn value(text: &str) -> Option<(Piece, &str)> {
    let (name, rest) = text.split_once(')')?;
    let end = rest.find(|char: char| char.is_ascii_alphabetic())?;
    let (flags, rest) = rest.split_at_checked(end)?;
    let left = flags.starts_with('-');
    let (digits, precision) = match flags.trim_start_matches('-').split_once('.') {
        Some((width, "")) => (width, Some(0)),
        Some((width, precision)) => (width, Some(usize::min(precision.parse().ok()?, MAX_WIDTH))),
        None => (flags.trim_start_matches('-'), None),
    };
    let width = if digits.is_empty() { 0 } else { usize::min(digits.parse().ok()?, MAX_WIDTH) };
    let zeros = digits.starts_with('0');
    let decimals = matches!(rest.chars().next(), Some('f' | 'F'));
    let conversion = Conversion { name: name.to_owned(), left, zeros, width, precision, decimals };
    Some((Piece::Value(conversion), rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    /// Lines of Python's logging with Salt's records; recorded by `tests/golden/config/record.py`.
    #[test]
    fn lines_look_like_salts() {
        let mut count = 0;
        for line in include_str!("../../../tests/golden/config/log_lines.jsonl").lines() {
            let case = Value::from_json(line).expect("JSON");
            let text = |name: &str| case.get(name).and_then(Value::as_str).unwrap_or_default();
            let level = match text("level") {
                "ERROR" => Level::Error,
                "WARNING" => Level::Warn,
                "INFO" => Level::Info,
                "DEBUG" => Level::Debug,
                _ => Level::Trace,
            };
            let record = Record {
                name: "salt.minion",
                path: "/x/salt/minion.rs",
                line: 123,
                level,
                process: 42,
                message: "100% up",
                jid: "",
            };
            let now: Zoned = "2026-11-25T10:00:00.005[UTC]".parse().expect("a time");
            let ours = Format::parse(text("format"), FILE, text("date"), "").line(&record, &now);
            assert_eq!(ours, text("line"), "{}", text("format"));
            count += 1;
        }
        assert!(count > 20);
    }

    #[test]
    fn formats_that_mean_nothing_do_no_harm() {
        let record =
            Record { name: "a", path: "", line: 7, level: Level::Info, process: 42, message: "m", jid: "1" };
        let now: Zoned = "2026-11-25T10:00:00.005[UTC]".parse().expect("a time");
        let line = |format: &str, date: &str| {
            Format::parse(format, CONSOLE, date, "[JID: %(jid)s]").line(&record, &now)
        };
        assert_eq!(line("%(asctime)s %d %(", "%H:%M"), "10:00 %d %(");
        assert_eq!(line("%(asctime)s %(nothing)5s|%(jid)s", "%Q %!"), "2026-11-25 10:00:00      |[JID: 1]");
        assert_eq!(line("", ""), "[INFO    ] m");
    }
}
