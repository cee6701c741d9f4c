//! Python's and Salt's exceptions by name, so that a failure can be provoked: of execution modules (`test.raise_exception`),
//! of runners and of wheel modules (`error.error`). Salt: modules/test.py, utils/error.py (`raise_error`), exceptions.py;
//! CPython, "Built-in Exceptions".

use super::{Args, Context, Default, Fault, Function, Module, always, opt};
use crate::value::{Map, Value, repr, str_of};

/// The module `error` of runners and of wheel modules.
pub const ERROR: Module = Module {
    file: "error",
    provides: "error",
    available: always,
    functions: &[Function::new(
        "error",
        &[opt("name", Default::None), opt("message", Default::Str(""))],
        "An empty map; with the name of one of Python's or Salt's exceptions, that exception.",
        error,
    )],
};

fn error(_: &Context, args: &Args) -> Result<Value, Fault> {
    match args.opt_str("name")? {
        None => Ok(Map::new().into()),
        Some(name) => Err(raised(&name, args.get("message"))),
    }
}

/// Salt's own come first: there are two of the name `TimeoutError`.
fn raised(name: &str, message: &Value) -> Fault {
    let name = if name.is_empty() { "Exception" } else { name };
    let text = str_of(message);
    match (salts(name), BUILTIN.iter().find(|known| **known == name)) {
        (Some("salt.exceptions.SaltInvocationError"), _) => Fault::Type(text),
        // Its first argument is a code, which it does not tell.
        (Some(kind @ "salt.exceptions.SaltSystemExit"), _) => Fault::exception(kind, "None"),
        (Some(kind), _) => Fault::exception(kind, text),
        (None, Some(kind)) => of_python(kind, std::slice::from_ref(message)),
        (None, None) => Fault::exception("salt.exceptions.SaltException", text),
    }
}

/// An exception of Salt's by its short name.
fn salts(short: &str) -> Option<&'static str> {
    SALT.iter().find(|known| known.strip_prefix("salt.exceptions.") == Some(short)).copied()
}

/// Fails with the exception that `name` says; false where there is none.
///
/// # Errors
/// That exception.
pub fn raise_exception(_: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let given = &args.rest;
    if let Some(short) = name.strip_prefix("salt.exceptions.") {
        return match salts(short) {
            Some(kind) => Err(of_salt(kind, short, salt_text(given))),
            None => Ok(Value::Bool(false)),
        };
    }
    match BUILTIN.iter().find(|known| **known == name) {
        Some(kind) => Err(of_python(kind, given)),
        None => Ok(Value::Bool(false)),
    }
}

fn of_salt(kind: &'static str, short: &str, text: String) -> Fault {
    match short {
        "SaltInvocationError" | "SaltClientError" => Fault::Invocation(text),
        "CommandNotFoundError" => Fault::NotFound(text),
        "CommandExecutionError"
        | "ArgumentValueError"
        | "CheckError"
        | "InvalidConfigError"
        | "InvalidEntityError"
        | "CodePageError" => Fault::execution(text),
        _ => Fault::Exception { kind, text },
    }
}

fn of_python(kind: &'static str, given: &[Value]) -> Fault {
    match kind {
        "TypeError" => Fault::Type(text_of(given)),
        // `str(KeyError(x))` is `repr(x)`.
        "KeyError" if given.len() == 1 => Fault::exception(kind, given.first().map(repr).unwrap_or_default()),
        "OSError" | "IOError" | "EnvironmentError" => os_error(given),
        _ => Fault::exception(kind, text_of(given)),
    }
}

/// `OSError(2, text)` is a `FileNotFoundError`, and so on.
fn os_error(given: &[Value]) -> Fault {
    let [number, text, rest @ ..] = given else {
        return Fault::exception("OSError", text_of(given));
    };
    let kind = match number.as_int() {
        Some(1 | 13) => "PermissionError",
        Some(2) => "FileNotFoundError",
        Some(3) => "ProcessLookupError",
        Some(4) => "InterruptedError",
        Some(10) => "ChildProcessError",
        Some(11 | 114 | 115) => "BlockingIOError",
        Some(17) => "FileExistsError",
        Some(20) => "NotADirectoryError",
        Some(21) => "IsADirectoryError",
        Some(32 | 108) => "BrokenPipeError",
        Some(103) => "ConnectionAbortedError",
        Some(104) => "ConnectionResetError",
        Some(110) => "TimeoutError",
        Some(111) => "ConnectionRefusedError",
        _ => "OSError",
    };
    let file = rest.first().map(|file| format!(": {}", repr(file))).unwrap_or_default();
    Fault::exception(kind, format!("[Errno {}] {}{file}", str_of(number), str_of(text)))
}

/// A list as Python prints a tuple.
pub fn tuple_repr(items: &[Value]) -> String {
    match items {
        [one] => format!("({},)", repr(one)),
        items => {
            let inner: Vec<String> = items.iter().map(repr).collect();
            format!("({})", inner.join(", "))
        }
    }
}

/// `str(exception)` for exceptions without rules of their own.
fn text_of(given: &[Value]) -> String {
    match given {
        [] => String::new(),
        [one] => str_of(one),
        many => tuple_repr(many),
    }
}

fn salt_text(given: &[Value]) -> String {
    given.first().map(str_of).unwrap_or_default()
}

/// A failure as Python's `repr()` shows the exception.
pub fn as_python(fault: &Fault) -> String {
    let (kind, text) = match fault {
        Fault::NotAvailable(text) => ("KeyError", text.clone()),
        Fault::Invocation(text) => ("SaltInvocationError", text.clone()),
        Fault::Type(text) => ("TypeError", text.clone()),
        Fault::Execution { text, .. } | Fault::NotSupported(text) => ("CommandExecutionError", text.clone()),
        Fault::NotFound(text) => ("CommandNotFoundError", text.clone()),
        Fault::Unreachable(text) => ("SaltReqTimeoutError", text.clone()),
        // The text of a KeyError is in quotes already.
        Fault::Exception { kind: "KeyError", text } => return format!("KeyError({text})"),
        Fault::Exception { kind, text } => (*kind, text.clone()),
    };
    let kind = kind.rsplit('.').next().unwrap_or(kind);
    format!("{kind}({})", repr(&text.into()))
}

static SALT: &[&str] = &[
    "salt.exceptions.ArgumentValueError",
    "salt.exceptions.AuthenticationError",
    "salt.exceptions.AuthorizationError",
    "salt.exceptions.CheckError",
    "salt.exceptions.CodePageError",
    "salt.exceptions.CommandExecutionError",
    "salt.exceptions.CommandNotFoundError",
    "salt.exceptions.EauthAuthenticationError",
    "salt.exceptions.FileLockError",
    "salt.exceptions.FileserverConfigError",
    "salt.exceptions.GitLockError",
    "salt.exceptions.GitRemoteError",
    "salt.exceptions.InvalidConfigError",
    "salt.exceptions.InvalidEntityError",
    "salt.exceptions.InvalidKeyError",
    "salt.exceptions.LoaderError",
    "salt.exceptions.LoggingRuntimeError",
    "salt.exceptions.MasterExit",
    "salt.exceptions.MinionError",
    "salt.exceptions.MissingSmb",
    "salt.exceptions.NotImplemented",
    "salt.exceptions.PkgParseError",
    "salt.exceptions.PublishError",
    "salt.exceptions.SaltCacheError",
    "salt.exceptions.SaltClientError",
    "salt.exceptions.SaltClientTimeout",
    "salt.exceptions.SaltConfigurationError",
    "salt.exceptions.SaltDaemonNotRunning",
    "salt.exceptions.SaltDeserializationError",
    "salt.exceptions.SaltException",
    "salt.exceptions.SaltInvocationError",
    "salt.exceptions.SaltMasterError",
    "salt.exceptions.SaltMasterUnresolvableError",
    "salt.exceptions.SaltNoMinionsFound",
    "salt.exceptions.SaltRenderError",
    "salt.exceptions.SaltReqTimeoutError",
    "salt.exceptions.SaltRunnerError",
    "salt.exceptions.SaltSyndicMasterError",
    "salt.exceptions.SaltSystemExit",
    "salt.exceptions.SaltValidationError",
    "salt.exceptions.SaltWheelError",
    "salt.exceptions.TemplateError",
    "salt.exceptions.TimedProcTimeoutError",
    "salt.exceptions.TimeoutError",
    "salt.exceptions.TokenAuthenticationError",
    "salt.exceptions.UnsupportedAlgorithm",
];

static BUILTIN: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "EncodingWarning",
    "EnvironmentError",
    "Exception",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
];
