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

use crate::config::{Opts, Severity};
use crate::host;
use crate::log::{self, Event, Level};
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
    // Whoever reads standard output and standard error together reads YAML all the same.
    let console_format = match (opts.str("output"), opts.str("log_fmt_console")) {
        ("yaml", "") => format!("# {}", format::CONSOLE),
        ("yaml", format) => format!("# {format}"),
        (_, format) => format.to_owned(),
    };
    let jid = opts.str("log_fmt_jid");
    let logs = Logs {
        console: if console == Console::On { general } else { Threshold::QUIET },
        console_format: Format::parse(&console_format, format::CONSOLE, console_date, jid),
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
    if logs.console.passes(Level::Warn)
        && matches!(&logs.sink, Some(Sink::Syslog(syslog)) if syslog.is_missing())
    {
        super::complain(
            "[WARNING ] The log_file does not exist. Logging not setup correctly or syslog service not started.",
        );
    }
    // A second start (tests) keeps the first.
    log::start(logs.least(), Box::new(logs));
    for level in bad_levels {
        log::warn!(
            "Could not translate the logging level string '{level}' into an actual logging level integer. Returning \
             'logging.ERROR'."
        );
    }
    for option in ["log_rotate_max_bytes", "log_rotate_backup_count"] {
        if opts.int(option) != 0 {
            log::warn!("'{option}' is only supported on Windows");
        }
    }
    for notice in opts.notices() {
        match notice.severity {
            Severity::Error => log::error!("{}", notice.text),
            Severity::Warning => log::warn!("{}", notice.text),
            Severity::Debug => log::debug!("{}", notice.text),
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

impl Logs {
    /// The most detailed level that may be shown or kept.
    fn least(&self) -> Option<Level> {
        Level::ALL.into_iter().find(|level| self.console.passes(*level) || self.keeps(*level))
    }

    fn keeps(&self, level: Level) -> bool {
        self.sink.is_some() && self.file.passes(level)
    }
}

impl log::Sink for Logs {
    fn take(&self, event: &Event<'_>) {
        let place = event.place;
        let level = place.level;
        let (shown, kept) = (self.console.passes(level), self.keeps(level));
        if !(shown || kept) || !self.granular.passes(place.module, level) {
            return;
        }
        let jid = event.fields.iter().find(|(name, _)| *name == "jid");
        let record = Record {
            name: &place.module.replace("::", "."),
            path: place.file,
            line: place.line,
            level,
            process: std::process::id(),
            message: &text(event),
            jid: &jid.map(|(_, jid)| jid.to_string()).unwrap_or_default(),
        };
        let now = jiff::Zoned::now();
        if shown {
            // A console that is gone is no reason to fail.
            let _ = writeln!(std::io::stderr().lock(), "{}", self.console_format.line(&record, &now));
        }
        match &self.sink {
            Some(Sink::File(file)) if kept => file.write(&self.file_format.line(&record, &now)),
            Some(Sink::Syslog(syslog)) if kept => syslog.write(level, &self.file_format.line(&record, &now)),
            _ => {}
        }
    }
}

/// The message of an event with its fields behind it, as one line, whatever a peer put into it.
fn text(event: &Event<'_>) -> String {
    let mut text = event.message.to_string();
    let alone = text.is_empty();
    for (number, (name, value)) in event.fields.iter().enumerate() {
        let before = match (number, alone) {
            (0, true) => "",
            (0, false) => " (",
            _ => ", ",
        };
        // Writing to a String does not fail.
        let _ = write!(text, "{before}{name}={value}");
    }
    if !alone && !event.fields.is_empty() {
        text.push(')');
    }
    log::secrets::concealed(text).replace('\r', "\\r").replace('\n', "\\n")
}
