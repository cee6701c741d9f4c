//! What `cmd.*` functions may be told, read from their arguments. Salt: modules/cmdmod.py.

use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Value, repr, str_of};

/// Everything that decides how a command runs.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub cmd: Value,
    pub cwd: Option<String>,
    pub stdin: Option<String>,
    /// `\n` in `stdin` is not a newline but two characters.
    pub stdin_raw_newlines: bool,
    pub runas: Option<String>,
    pub group: Option<String>,
    pub shell: String,
    /// Run by the shell, not word by word.
    pub python_shell: bool,
    pub env: Value,
    pub clean_env: bool,
    pub prepend_path: Option<String>,
    pub rstrip: bool,
    pub umask: Option<Value>,
    pub output_encoding: Option<String>,
    /// `output_loglevel: quiet`: nothing about this command is logged.
    pub quiet: bool,
    pub hide_output: bool,
    pub timeout: Value,
    pub reset_system_locale: bool,
    pub ignore_retcode: bool,
    pub redirect_stderr: bool,
    pub raise_err: bool,
    pub bg: bool,
    /// In a terminal.
    pub use_vt: bool,
    pub success_retcodes: Value,
    pub success_stdout: Value,
    pub success_stderr: Value,
    /// The function was called by a job or by `salt-call`, not by another function.
    pub published: bool,
}

impl Options {
    /// Reads the options of a function whose command is `cmd`.
    ///
    /// # Errors
    /// When an option is asked for that is not offered here.
    pub(super) fn read(cx: &Context, args: &Args, cmd: Value) -> Result<Self, Fault> {
        let given = Given(args);
        given.refuse_what_is_not_offered()?;
        let published = given.get("__pub_jid").truthy();
        Ok(Options {
            cmd,
            cwd: given.text("cwd"),
            stdin: match given.get("stdin") {
                Value::Null => None,
                stdin => Some(str_of(stdin)),
            },
            stdin_raw_newlines: given.is("stdin_raw_newlines", false),
            runas: given.text("runas"),
            group: given.text("group"),
            shell: given.text("shell").unwrap_or_else(|| default_shell(cx)),
            python_shell: match given.get("python_shell") {
                Value::Null => published || cx.opts.get("cmd_safe") == Some(&Value::Bool(false)),
                python_shell => python_shell.truthy(),
            },
            env: given.get("env").clone(),
            clean_env: given.is("clean_env", false),
            prepend_path: given.text("prepend_path"),
            rstrip: given.is("rstrip", true),
            umask: Some(given.get("umask").clone()).filter(|umask| !umask.is_null()),
            output_encoding: given.text("output_encoding"),
            quiet: given.text("output_loglevel").is_some_and(|level| level.eq_ignore_ascii_case("quiet")),
            hide_output: given.is("hide_output", false),
            timeout: given.get("timeout").clone(),
            reset_system_locale: given.is("reset_system_locale", true),
            ignore_retcode: given.is("ignore_retcode", false),
            redirect_stderr: given.is("redirect_stderr", false),
            raise_err: given.is("raise_err", false),
            bg: given.is("bg", false),
            use_vt: given.is("use_vt", false) && !given.is("bg", false),
            success_retcodes: given.get("success_retcodes").clone(),
            success_stdout: given.get("success_stdout").clone(),
            success_stderr: given.get("success_stderr").clone(),
            published,
        })
    }
}

/// The shell of commands unless they name one.
pub(super) fn default_shell(cx: &Context) -> String {
    cx.host.env("SHELL").unwrap_or_else(|| "/bin/sh".to_owned())
}

/// A parameter of the function, or a keyword that it hands on.
struct Given<'a>(&'a Args);

impl Given<'_> {
    fn get(&self, name: &str) -> &Value {
        let keyword = || self.0.keywords.get(name).unwrap_or(&Value::Null);
        self.0.given(name).unwrap_or_else(keyword)
    }

    fn text(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|value| value.truthy()).map(str_of)
    }

    fn is(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Value::Null => default,
            value => value.truthy(),
        }
    }

    fn refuse_what_is_not_offered(&self) -> Result<(), Fault> {
        if self.get("encoded_cmd").truthy() {
            return Err(Fault::NotSupported("encoded_cmd (PowerShell)".to_owned()));
        }
        Ok(())
    }
}

/// A command or directory through the engine that `template` names. Salt: modules/cmdmod.py (`_render_cmd`).
///
/// # Errors
/// For engines other than jinja, and Salt's text of what is wrong with the template.
pub(super) fn render(cx: &Context, args: &Args, text: &str) -> Result<String, Fault> {
    let engine = args.get("template");
    match engine.as_str() {
        _ if !engine.truthy() => Ok(text.to_owned()),
        Some("jinja") => {
            let given = Given(args);
            let saltenv =
                Some(given.get("saltenv")).filter(|env| !env.is_null()).or_else(|| cx.opts.get("saltenv"));
            let own = map! { "saltenv" => saltenv.cloned() };
            let place = saltenv.and_then(Value::as_str).unwrap_or("base");
            let rendered = crate::render::jinja_text(cx, text, &own, place);
            rendered.map_err(|error| Fault::execution(error.to_string()))
        }
        Some("mako" | "cheetah" | "genshi" | "wempy" | "py") => {
            Err(Fault::NotSupported(format!("template={}", str_of(engine))))
        }
        _ => Err(Fault::execution(format!(
            "Attempted to render file paths with unavailable engine {}",
            str_of(engine)
        ))),
    }
}

/// A list, or the parts of a text between commas. Salt: utils/args.py (`split_input`).
pub(super) fn split_input(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::List(items) => items.iter().map(str_of).collect(),
        other => str_of(other).split(',').map(|part| part.trim().to_owned()).collect(),
    }
}

/// Mode bits from `umask`.
///
/// # Errors
/// Salt's, for zero and for what is not octal.
pub(super) fn umask_bits(umask: Option<&Value>) -> Result<Option<u32>, Fault> {
    let Some(umask) = umask else { return Ok(None) };
    let text = str_of(umask);
    let digits = text.trim_start_matches('0');
    if digits.is_empty() {
        return Err(Fault::execution("Zero umask is not allowed."));
    }
    match u32::from_str_radix(digits, 8) {
        Ok(bits) => Ok(Some(bits & 0o777)),
        Err(_) => Err(Fault::execution(format!("Invalid umask: '{text}'"))),
    }
}

/// The time limit; none for zero and nothing.
///
/// # Errors
/// When it is not a number.
pub(super) fn time_limit(timeout: &Value) -> Result<Option<std::time::Duration>, Fault> {
    if !timeout.truthy() {
        return Ok(None);
    }
    let seconds = match timeout {
        Value::Bool(_) => 1.0,
        number => number.as_float().ok_or_else(|| {
            Fault::exception(
                "salt.exceptions.TimedProcTimeoutError",
                format!("Error: timeout {} must be a number", str_of(timeout)),
            )
        })?,
    };
    Ok(Some(std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(std::time::Duration::MAX)))
}

/// A command as Python prints it in messages.
pub(super) fn shown(cmd: &Value) -> String {
    match cmd {
        Value::List(_) => repr(cmd),
        other => str_of(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umasks_are_octal_and_not_zero() {
        assert_eq!(umask_bits(Some(&"0027".into())).expect("octal"), Some(0o027));
        assert_eq!(umask_bits(Some(&22.into())).expect("octal"), Some(0o022));
        assert_eq!(
            umask_bits(Some(&"000".into())).expect_err("zero").to_string(),
            "Zero umask is not allowed."
        );
        assert_eq!(umask_bits(Some(&"9".into())).expect_err("bad").to_string(), "Invalid umask: '9'");
    }
}
