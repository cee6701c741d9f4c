//! Options of the command line over those of the configuration. Salt: utils/parsers.py (`MergeConfigMixIn`).

use std::io::BufRead;

use super::logging::{self, Console};
use super::{Parsed, Stop, Syntax, Takes, complain};
use crate::config::Opts;
use crate::value::Value;

/// Sets every option that the command line gives; the others keep what the configuration has.
pub fn apply(syntax: &Syntax, parsed: &Parsed, opts: &mut Opts) {
    for flag in syntax.flags() {
        let value: Option<Value> = match flag.takes {
            Takes::Nothing => parsed.flag(flag.dest).then_some(Value::Bool(true)),
            Takes::NothingFalse => parsed.turned_off(flag.dest).then_some(Value::Bool(false)),
            Takes::Int => parsed.int(flag.dest).map(Value::Int),
            Takes::Float => parsed.float(flag.dest).map(Value::Float),
            Takes::Text | Takes::Choice(_) => parsed.text(flag.dest).map(|text| spelled(flag.dest, text)),
        };
        if let Some(value) = value {
            opts.set(flag.dest, value);
        }
    }
}

/// Values that Salt reads as booleans though they are text on the command line.
fn spelled(dest: &str, text: &str) -> Value {
    match (dest, text.to_ascii_lowercase().as_str()) {
        ("state_verbose" | "rotate_aes_key" | "preserve_minions", "true") => Value::Bool(true),
        ("state_verbose" | "rotate_aes_key" | "preserve_minions", "false") => Value::Bool(false),
        _ => text.into(),
    }
}

/// Starts logging to the console and to the log file; a file that cannot be opened is told and no reason to stop.
pub fn start_logging(prog: &str, opts: &Opts) {
    if let Err(error) = logging::start(opts, Console::On) {
        complain(&format!("{prog}: {error:#}"));
    }
}

/// With `--args-stdin`, reads further options and words, one a line.
///
/// # Errors
/// When standard input cannot be read, or what it says is no command line.
pub fn read_stdin(syntax: &Syntax, parsed: &mut Parsed) -> anyhow::Result<()> {
    if !parsed.flag("args_stdin") {
        return Ok(());
    }
    let lines: Result<Vec<String>, std::io::Error> = std::io::stdin().lock().lines().collect();
    let words: Vec<String> = lines?.iter().map(|line| line.trim_end_matches('\r').to_owned()).collect();
    syntax.read(parsed, &words).map_err(|stop: Stop| stop.into())
}
