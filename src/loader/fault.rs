//! `Fault`: how a function of the catalogue fails, and what the user is then told. Salt: exceptions.py, minion.py.

use thiserror::Error;

use super::Function;
use crate::map;
use crate::value::{Value, repr};

/// A failure; the variants mirror Salt's exceptions because their text reaches the user.
#[derive(Clone, Debug, Error)]
pub enum Fault {
    /// There is no such function (the text says why).
    #[error("{0}")]
    NotAvailable(String),
    /// Called wrongly: Salt's `SaltInvocationError`.
    #[error("{0}")]
    Invocation(String),
    /// Arguments that do not bind: Python's `TypeError`.
    #[error("{0}")]
    Type(String),
    /// Tried and failed: Salt's `CommandExecutionError`. `info` is returned in place of the text where Salt does so.
    #[error("{text}")]
    Execution { text: String, info: Option<Value> },
    /// A program that is not there: Salt's `CommandNotFoundError`.
    #[error("{0}")]
    NotFound(String),
    /// Any other of Python's exceptions, by name.
    #[error("{kind}{}{text}", if text.is_empty() { "" } else { ": " })]
    Exception { kind: &'static str, text: String },
    /// Not offered by Halite; the text names what.
    #[error("not supported: {0}")]
    NotSupported(String),
    /// The master could not be asked.
    #[error("{0}")]
    Unreachable(String),
}

impl Fault {
    /// [`Fault::Invocation`].
    pub fn invocation(text: impl Into<String>) -> Self {
        Fault::Invocation(text.into())
    }

    /// [`Fault::Execution`] with a text.
    pub fn execution(text: impl Into<String>) -> Self {
        Fault::Execution { text: text.into(), info: None }
    }

    /// [`Fault::Exception`] with Python's name for it.
    pub fn exception(kind: &'static str, text: impl Into<String>) -> Self {
        Fault::Exception { kind, text: text.into() }
    }
}

/// An error of the system as Python prints it: `[Errno 111] Connection refused`.
pub fn errno_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => format!("[Errno {number}] {}", text.split(" (os error").next().unwrap_or_default()),
        None => text,
    }
}

/// An error about a path: `[Errno 2] No such file or directory: '/x'`.
pub fn os_error_text(error: &std::io::Error, path: &str) -> String {
    format!("{}: {}", errno_text(error), repr(&path.into()))
}

impl Fault {
    /// The exception that Python raises for an error of the system about `path`.
    pub fn os(error: &std::io::Error, path: &str) -> Self {
        use std::io::ErrorKind as Kind;
        let kind = match error.kind() {
            Kind::NotFound => "FileNotFoundError",
            Kind::PermissionDenied => "PermissionError",
            Kind::AlreadyExists => "FileExistsError",
            Kind::IsADirectory => "IsADirectoryError",
            Kind::NotADirectory => "NotADirectoryError",
            _ => "OSError",
        };
        Fault::exception(kind, os_error_text(error, path))
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Fault::exception("OSError", error.to_string())
    }
}

/// The first line of what Python tells of an exception.
pub(super) const TRACEBACK: &str = "Traceback (most recent call last):";

impl Fault {
    /// Whether it is one of Python's `TypeError`s, of which `SaltInvocationError` is one: for a function of the master a
    /// result like any other.
    pub fn is_type_error(&self) -> bool {
        matches!(self, Fault::Type(_) | Fault::Invocation(_))
    }
}

/// What a minion sends back for one function.
#[derive(Clone, Debug, PartialEq)]
pub struct Returned {
    pub value: Value,
    pub retcode: i64,
    pub success: bool,
    /// The outputter, where the function or the failure asks for one.
    pub out: Option<String>,
}

/// Makes a return of what a function did. `retcode` is what the function left in its context.
pub fn settle(
    fun: &str,
    function: Option<&Function>,
    outcome: Result<Value, Fault>,
    retcode: i64,
) -> Returned {
    const EX_GENERIC: i64 = 1;
    let fault = match outcome {
        Ok(value) => {
            // Salt: a map that says `result: False` or `success: False` is a failure.
            let failed =
                ["result", "success"].iter().any(|key| value.get(key).is_some_and(|value| !value.truthy()));
            let retcode = if retcode == 0 && failed { EX_GENERIC } else { retcode };
            let out = function.and_then(|function| function.outputter).map(str::to_owned);
            return Returned { value, retcode, success: retcode == 0, out };
        }
        Err(fault) => fault,
    };
    let text: Value = match fault {
        Fault::NotAvailable(text) => text.into(),
        Fault::Invocation(text) => format!("ERROR executing '{fun}': {text}").into(),
        Fault::Type(text) => {
            let doc = function.map_or("", |function| function.doc);
            format!("Passed invalid arguments to {fun}: {text}\n{doc}").into()
        }
        Fault::Execution { text, info: None } => format!("ERROR: {text}").into(),
        Fault::Execution { text, info: Some(info) } => map! { "error" => text, "info" => info }.into(),
        Fault::NotFound(text) => format!("Command required for '{fun}' not found: {text}").into(),
        // Salt sends the traceback; ours has no frames, its first and last line are Python's.
        exception @ Fault::Exception { .. } => {
            format!("The minion function caused an exception: {TRACEBACK}\n{exception}\n").into()
        }
        Fault::NotSupported(what) => format!("ERROR: not supported by Halite: {what}").into(),
        Fault::Unreachable(text) => format!("ERROR: {text}").into(),
    };
    Returned { value: text, retcode: EX_GENERIC, success: false, out: Some("nested".to_owned()) }
}
