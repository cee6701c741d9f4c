//! Logs in Salt's format: to the console and to a file or syslog, each with a level of its own. Salt: _logging/;
//! options `log_level`, `log_level_logfile`, `log_file`, `log_fmt_console`, `log_fmt_logfile`, `log_datefmt`,
//! `log_datefmt_console`, `log_datefmt_logfile`, `log_granular_levels`.

mod file;
mod format;
mod level;
mod syslog;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Opts, Severity};
use crate::host;
use file::LogFile;
use format::{Format, Record};
use level::{Granular, Threshold};
use syslog::Syslog;

/// Whether logs go to standard error, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    On,
    Off,
}

/// Starts logging for this process, once, and says what was noticed while the configuration was read.
///
/// # Errors
/// When the log file cannot be opened or the syslog not be reached.
pub fn start(opts: &Opts, console: Console) -> anyhow::Result<()> {
    let mut bad_levels = Vec::new();
    let mut threshold = |name: &str| {
        Threshold::of(opts.get(name)).unwrap_or_else(|level| {
            bad_levels.push(level);
            Threshold::FALLBACK
        })
    };
    let general = threshold("log_level");
    let for_file = if opts.bool("log_level_logfile") { threshold("log_level_logfile") } else { general };
    let (granular, bad) = Granular::of(opts.get("log_granular_levels"));
    bad_levels.extend(bad);

    let console_date = match opts.str("log_datefmt_console") {
        "" => opts.str("log_datefmt"),
        date => date,
    };
    let jid = opts.str("log_fmt_jid");
    let logs = Logs {
        console: if console == Console::On { general } else { Threshold::QUIET },
        console_format: Format::parse(opts.str("log_fmt_console"), format::CONSOLE, console_date, jid),
        file: for_file,
        file_format: Format::parse(
            opts.str("log_fmt_logfile"),
            format::FILE,
            opts.str("log_datefmt_logfile"),
            jid,
        ),
        sink: if for_file == Threshold::QUIET { None } else { Sink::open(opts.str("log_file"))? },
        granular,
    };
    if logs.console.passes(tracing::Level::WARN)
        && matches!(&logs.sink, Some(Sink::Syslog(syslog)) if syslog.is_missing())
    {
        super::complain(
            "[WARNING ] The log_file does not exist. Logging not setup correctly or syslog service not started.",
        );
    }
    // A second start (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(logs).try_init();
    for level in bad_levels {
        tracing::warn!(
            "Could not translate the logging level string '{level}' into an actual logging level integer. Returning \
             'logging.ERROR'."
        );
    }
    for option in ["log_rotate_max_bytes", "log_rotate_backup_count"] {
        if opts.int(option) != 0 {
            tracing::warn!("'{option}' is only supported on Windows");
        }
    }
    for notice in opts.notices() {
        match notice.severity {
            Severity::Error => tracing::error!("{}", notice.text),
            Severity::Warning => tracing::warn!("{}", notice.text),
            Severity::Debug => tracing::debug!("{}", notice.text),
        }
    }
    Ok(())
}

/// Makes the log file for the user of the option `user`, before this process becomes that user.
///
/// # Errors
/// When it cannot be made.
pub fn prepare(opts: &Opts) -> anyhow::Result<()> {
    let path = opts.str("log_file");
    if path.is_empty() || path.contains("://") || opts.str("log_level_logfile") == "quiet" {
        return Ok(());
    }
    file::prepare(Path::new(path), host::owner_of(opts.str("user"))).with_context(|| cannot_write(path))
}

fn cannot_write(path: &str) -> String {
    format!("cannot write the log file {path} (option log_file): choose another, or be a user who may")
}

/// What takes the lines that are not for the console.
enum Sink {
    File(LogFile),
    Syslog(Syslog),
}

impl Sink {
    fn open(log_file: &str) -> anyhow::Result<Option<Self>> {
        if log_file.is_empty() {
            return Ok(None);
        }
        if let Some(syslog) = Syslog::of(log_file)? {
            return Ok(Some(Sink::Syslog(syslog)));
        }
        let file = LogFile::open(Path::new(log_file)).with_context(|| cannot_write(log_file))?;
        Ok(Some(Sink::File(file)))
    }
}

struct Logs {
    console: Threshold,
    console_format: Format,
    file: Threshold,
    file_format: Format,
    sink: Option<Sink>,
    granular: Granular,
}

impl<S: Subscriber> Layer<S> for Logs {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let level = *metadata.level();
        (self.console.passes(level) || (self.sink.is_some() && self.file.passes(level)))
            && self.granular.passes(metadata.target(), level)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let file = if self.sink.is_some() { self.file.filter() } else { LevelFilter::OFF };
        Some(self.console.filter().max(file))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let mut message = Message::default();
        event.record(&mut message);
        let name = event.metadata().target().replace("::", ".");
        let text = message.text();
        let record = Record {
            name: &name,
            path: event.metadata().file().unwrap_or_default(),
            line: event.metadata().line().unwrap_or(0),
            level,
            process: std::process::id(),
            message: &text,
            jid: &message.jid,
        };
        let now = jiff::Zoned::now();
        if self.console.passes(level) {
            // A console that is gone is no reason to fail.
            let _ = writeln!(std::io::stderr().lock(), "{}", self.console_format.line(&record, &now));
        }
        if self.file.passes(level) {
            match &self.sink {
                Some(Sink::File(file)) => file.write(&self.file_format.line(&record, &now)),
                Some(Sink::Syslog(syslog)) => syslog.write(level, &self.file_format.line(&record, &now)),
                None => {}
            }
        }
    }
}

/// The message of an event, with its fields behind it.
#[derive(Default)]
struct Message {
    text: String,
    fields: String,
    jid: String,
}

impl Message {
    /// One event is one line, whatever a peer put into it.
    fn text(&self) -> String {
        let text = match (self.text.is_empty(), self.fields.is_empty()) {
            (_, true) => self.text.clone(),
            (true, false) => self.fields.clone(),
            (false, false) => format!("{} ({})", self.text, self.fields),
        };
        text.replace('\r', "\\r").replace('\n', "\\n")
    }

    fn add(&mut self, field: &Field, value: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => self.text.write_fmt(value),
            name => {
                if name == "jid" {
                    let _ = self.jid.write_fmt(value);
                }
                let comma = if self.fields.is_empty() { "" } else { ", " };
                write!(self.fields, "{comma}{name}={value}")
            }
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
