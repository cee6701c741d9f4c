//! Logs in Salt's format: to the console and to a file, each with a level of its own. Salt: _logging/; options
//! `log_level`, `log_level_logfile`, `log_file`, `log_fmt_console`, `log_fmt_logfile`, `log_datefmt_console`,
//! `log_datefmt_logfile`.

mod format;

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Opts;
use format::{Format, Record};

/// Whether logs go to standard error, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    On,
    Off,
}

/// Salt's levels and the least of ours that each lets through; `None`: nothing.
const LEVELS: &[(&str, Option<Level>)] = &[
    ("all", Some(Level::TRACE)),
    ("garbage", Some(Level::TRACE)),
    ("trace", Some(Level::TRACE)),
    ("debug", Some(Level::DEBUG)),
    ("profile", Some(Level::DEBUG)),
    ("info", Some(Level::INFO)),
    ("warning", Some(Level::WARN)),
    ("error", Some(Level::ERROR)),
    ("critical", Some(Level::ERROR)),
    ("quiet", None),
];

/// Starts logging for this process, once.
///
/// # Errors
/// When the log file cannot be opened.
pub fn start(opts: &Opts, console: Console) -> anyhow::Result<()> {
    let level = |name: &str| {
        LEVELS.iter().find(|(salt, _)| *salt == name).map_or(Some(Level::WARN), |(_, ours)| *ours)
    };
    let console_level = (console == Console::On).then(|| level(opts.str("log_level"))).flatten();
    let own = opts.str("log_level_logfile");
    let file_level = level(if own.is_empty() { opts.str("log_level") } else { own });
    let path = opts.path("log_file");
    let file = match file_level.filter(|_| !path.as_os_str().is_empty()) {
        Some(level) => Some((level, LogFile::open(&path)?)),
        None => None,
    };
    let logs = Logs {
        console: console_level,
        console_format: Format::parse(opts.str("log_fmt_console"), opts.str("log_datefmt_console")),
        file,
        file_format: Format::parse(opts.str("log_fmt_logfile"), opts.str("log_datefmt_logfile")),
    };
    // A second start (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(logs).try_init();
    Ok(())
}

struct Logs {
    console: Option<Level>,
    console_format: Format,
    file: Option<(Level, LogFile)>,
    file_format: Format,
}

impl<S: Subscriber> Layer<S> for Logs {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        let level = metadata.level();
        self.console.is_some_and(|most| *level <= most)
            || self.file.as_ref().is_some_and(|(most, _)| level <= most)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = event.metadata().level();
        let mut message = Message::default();
        event.record(&mut message);
        let name = event.metadata().target().replace("::", ".");
        let text = message.text();
        let record = Record {
            name: &name,
            line: event.metadata().line().unwrap_or(0),
            level: match *level {
                Level::ERROR => "ERROR",
                Level::WARN => "WARNING",
                Level::INFO => "INFO",
                Level::DEBUG => "DEBUG",
                Level::TRACE => "TRACE",
            },
            process: std::process::id(),
            message: &text,
        };
        let now = jiff::Zoned::now();
        if self.console.is_some_and(|most| *level <= most) {
            // A console that is gone is no reason to fail.
            let _ = writeln!(std::io::stderr().lock(), "{}", self.console_format.line(&record, &now));
        }
        if let Some((_, file)) = self.file.as_ref().filter(|(most, _)| level <= most) {
            file.write(&self.file_format.line(&record, &now));
        }
    }
}

/// The message of an event, with its fields behind it.
#[derive(Default)]
struct Message {
    text: String,
    fields: String,
}

impl Message {
    fn text(self) -> String {
        // One event is one line, whatever a peer put into it.
        let text =
            if self.fields.is_empty() { self.text } else { format!("{} ({})", self.text, self.fields) };
        text.replace('\n', "\\n")
    }

    fn add(&mut self, field: &Field, value: std::fmt::Arguments<'_>) {
        let (out, name) = match field.name() {
            "message" => (&mut self.text, ""),
            name => (&mut self.fields, name),
        };
        // Writing to a String does not fail.
        let _ = if name.is_empty() {
            out.write_fmt(value)
        } else {
            let comma = if out.is_empty() { "" } else { ", " };
            write!(out, "{comma}{name}={value}")
        };
    }
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }
}

/// The log file, opened anew when it has been moved away or deleted.
struct LogFile {
    path: PathBuf,
    open: Mutex<(File, u64)>,
}

impl LogFile {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let opened = || -> std::io::Result<(File, u64)> {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            open(path)
        };
        let file = opened().with_context(|| {
            format!(
                "cannot write the log file {} (option log_file): choose another, or be a user who may",
                path.display()
            )
        })?;
        Ok(LogFile { path: path.to_owned(), open: Mutex::new(file) })
    }

    fn write(&self, line: &str) {
        let mut opened = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fs::metadata(&self.path).map(|stat| stat.ino()).ok();
        if now != Some(opened.1)
            && let Ok(fresh) = open(&self.path)
        {
            *opened = fresh;
        }
        // One write, so that lines of several processes do not mix. A full disk loses logs and nothing else.
        let _ = opened.0.write_all(format!("{line}\n").as_bytes());
    }
}

fn open(path: &Path) -> std::io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
    let inode = file.metadata()?.ino();
    Ok((file, inode))
}
