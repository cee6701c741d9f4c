//! Statements of the log: a message with fields, as one line in Salt's format. Salt: _logging/impl.py.
//!
//! `error!(path = %path.display(), %error, "it cannot be read")`: fields come first, by name or with an expression
//! (`%` shows as Display does, `?` as Debug does), then a format string and its arguments. A place that logs costs some
//! fifty octets of the program and, below the level, one load: that is why these macros stand here and not those of the
//! `tracing` crate, whose shape they have (five hundred octets at each of four hundred places).

pub mod secrets;

use std::cell::Cell;
use std::fmt::{Arguments, Display};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// How much something matters, the most detailed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// All of them, the most detailed first.
    pub const ALL: [Level; 5] = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error];
}

/// Where a statement stands in the source, and how much it matters.
#[derive(Debug)]
pub struct Place {
    pub level: Level,
    /// `halite::minion::jobs`.
    pub module: &'static str,
    pub file: &'static str,
    pub line: u32,
}

/// What one statement says.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub place: &'static Place,
    pub fields: &'a [(&'static str, &'a dyn Display)],
    /// Empty where there are only fields.
    pub message: Arguments<'a>,
}

/// What events go to.
pub trait Sink: Send + Sync {
    /// Takes an event of a level that this sink asked for.
    fn take(&self, event: &Event<'_>);
}

static SINK: OnceLock<Box<dyn Sink>> = OnceLock::new();

/// The least level that is wanted, as a number: nothing is before there is a sink.
static LEAST: AtomicU8 = AtomicU8::new(u8::MAX);

thread_local! {
    static MUTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs something of which this thread logs nothing.
pub fn muted(run: &mut dyn FnMut()) {
    /// Ends it even when `run` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            MUTED.set(self.0);
        }
    }
    let _before = Before(MUTED.replace(true));
    run();
}

/// Sends events of `least` (none: nothing at all) and above to a sink for the rest of this process. A second start keeps
/// the first.
pub fn start(least: Option<Level>, sink: Box<dyn Sink>) {
    if SINK.set(sink).is_ok() {
        LEAST.store(least.map_or(u8::MAX, |level| level as u8), Ordering::Release);
    }
}

/// Whether anybody wants events of this level.
#[inline]
pub fn wanted(level: Level) -> bool {
    level as u8 >= LEAST.load(Ordering::Acquire)
}

/// Hands an event on. For the macros.
#[cold]
pub fn emit(place: &'static Place, fields: &[(&'static str, &dyn Display)], message: Arguments<'_>) {
    if let Some(sink) = SINK.get()
        && !MUTED.get()
    {
        sink.take(&Event { place, fields, message });
    }
}

/// One statement: gathers the fields, then hands the event on.
macro_rules! event {
    (@fields $level:ident [$($done:tt)*] % $name:ident, $($rest:tt)+) => {
        $crate::log::event!(@fields $level [$($done)* (stringify!($name), &$name as &dyn ::std::fmt::Display),] $($rest)+)
    };
    (@fields $level:ident [$($done:tt)*] ? $name:ident, $($rest:tt)+) => {
        $crate::log::event!(@fields $level
            [$($done)* (stringify!($name), &format_args!("{:?}", $name) as &dyn ::std::fmt::Display),] $($rest)+)
    };
    (@fields $level:ident [$($done:tt)*] $name:ident, $($rest:tt)+) => {
        $crate::log::event!(@fields $level [$($done)* (stringify!($name), &$name as &dyn ::std::fmt::Display),] $($rest)+)
    };
    (@fields $level:ident [$($done:tt)*] $name:ident = % $value:expr, $($rest:tt)+) => {
        $crate::log::event!(@fields $level [$($done)* (stringify!($name), &$value as &dyn ::std::fmt::Display),] $($rest)+)
    };
    (@fields $level:ident [$($done:tt)*] $name:ident = ? $value:expr, $($rest:tt)+) => {
        $crate::log::event!(@fields $level
            [$($done)* (stringify!($name), &format_args!("{:?}", $value) as &dyn ::std::fmt::Display),] $($rest)+)
    };
    (@fields $level:ident [$($done:tt)*] $name:ident = $value:expr, $($rest:tt)+) => {
        $crate::log::event!(@fields $level [$($done)* (stringify!($name), &$value as &dyn ::std::fmt::Display),] $($rest)+)
    };
    (@fields $level:ident [$($done:tt)*] $($message:tt)+) => {
        if $crate::log::wanted($crate::log::Level::$level) {
            static PLACE: $crate::log::Place = $crate::log::Place {
                level: $crate::log::Level::$level,
                module: module_path!(),
                file: file!(),
                line: line!(),
            };
            $crate::log::emit(&PLACE, &[$($done)*], format_args!($($message)+));
        }
    };
    ($level:ident $($statement:tt)+) => { $crate::log::event!(@fields $level [] $($statement)+) };
}

macro_rules! trace { ($($statement:tt)+) => { $crate::log::event!(Trace $($statement)+) }; }
macro_rules! debug { ($($statement:tt)+) => { $crate::log::event!(Debug $($statement)+) }; }
macro_rules! info { ($($statement:tt)+) => { $crate::log::event!(Info $($statement)+) }; }
// `warn` is the name of an attribute, too.
macro_rules! warning { ($($statement:tt)+) => { $crate::log::event!(Warn $($statement)+) }; }
macro_rules! error { ($($statement:tt)+) => { $crate::log::event!(Error $($statement)+) }; }

pub(crate) use {debug, error, event, info, trace, warning as warn};

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps what it is told, as `level module name=value,… message`.
    struct Kept(std::sync::Mutex<Vec<String>>);

    impl Sink for &'static Kept {
        fn take(&self, event: &Event<'_>) {
            let fields: Vec<_> = event.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let line = format!(
                "{:?} {} {} {}",
                event.place.level,
                event.place.module,
                fields.join(","),
                event.message
            );
            self.0.lock().expect("no panic holds it").push(line);
        }
    }

    static KEPT: Kept = Kept(std::sync::Mutex::new(Vec::new()));

    /// The only test of this process that starts a log: there is one for each process.
    #[test]
    fn a_statement_has_fields_and_a_message_and_is_not_evaluated_below_the_level() {
        start(Some(Level::Info), Box::new(&KEPT));
        start(Some(Level::Trace), Box::new(&KEPT));
        let (path, shape, count) = ("/etc", Some(1), 3);
        error!(path, ?shape, length = path.len(), quoted = ?path, shown = %format_args!("{count}!"), "went {count}{}", 4);
        warn!(%count, "only this");
        info!("plain");
        let unwanted = || -> usize { unreachable!("a statement below the level is not evaluated") };
        debug!(count = unwanted(), "never");
        trace!("never {}", unwanted());
        let mine = |line: &&String| line.contains("halite::log::tests");
        let kept = KEPT.0.lock().expect("no panic holds it");
        let kept: Vec<_> = kept.iter().filter(mine).map(String::as_str).collect();
        assert_eq!(
            kept,
            [
                "Error halite::log::tests path=/etc,shape=Some(1),length=4,quoted=\"/etc\",shown=3! went 34",
                "Warn halite::log::tests count=3 only this",
                "Info halite::log::tests  plain",
            ]
        );
    }
}
