//! Outputters: a value in, the text that Salt prints for it out. Salt: output/__init__.py.
//!
//! One file per outputter, one row in [`OUTPUTTERS`]. [`report`] holds what the `salt` command prints around them,
//! [`keys`] what `salt-key` does. Nothing here reads files or knows a terminal: what does is told in [`OutputOptions`].

mod colors;
mod highstate;
mod json;
mod key;
pub mod keys;
mod nested;
mod newline_values_only;
mod no_return;
mod overstatestage;
mod pprint;
mod profile;
mod python_text;
mod quiet;
mod raw;
pub mod report;
mod table;
mod txt;
mod yaml;

pub use highstate::{StateOutput, Tabular};
pub use pprint::python_pformat;
pub use python_text::{python_splitlines, python_trim_end};

use std::fmt::Write;

use thiserror::Error;

use crate::value::{Map, Value};

/// One outputter.
pub struct Outputter {
    /// The name for `--out`.
    pub name: &'static str,
    /// The text, or why the value cannot be shown this way.
    pub render: fn(&Value, &OutputOptions) -> Result<String, Unfit>,
}

/// Every outputter, by name.
pub static OUTPUTTERS: &[&Outputter] = &[
    &highstate::OUTPUTTER,
    &json::OUTPUTTER,
    &key::OUTPUTTER,
    &nested::OUTPUTTER,
    &newline_values_only::OUTPUTTER,
    &no_return::OUTPUTTER,
    &overstatestage::OUTPUTTER,
    &pprint::OUTPUTTER,
    &profile::OUTPUTTER,
    &quiet::OUTPUTTER,
    &raw::OUTPUTTER,
    &table::OUTPUTTER,
    &txt::OUTPUTTER,
    &yaml::OUTPUTTER,
];

/// Outputters that real Salt has and this program has not: `nested` is taken, as Salt does without the packages that
/// `dson`, `pony` and `progress` need, and where `virt_query` sees what does not come from the runner `virt`.
pub static NOT_SUPPORTED: &[&str] = &["dson", "pony", "progress", "virt_query"];

/// An outputter cannot show this value (Python's `KeyError`, `TypeError` or `AttributeError` there).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the outputter {outputter} cannot show {problem}")]
pub struct Unfit {
    pub outputter: &'static str,
    pub problem: &'static str,
}

/// `output_indent`: `--out-indent` or the option of that name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Indent {
    /// Not given.
    #[default]
    Unset,
    /// `null` in the configuration.
    Null,
    /// `pretty` in the configuration.
    Pretty,
    /// Spaces per level; negative puts everything on one line.
    Spaces(i64),
    /// Something else, which Salt ignores for JSON.
    Other,
}

/// What an outputter is told besides the value. Salt passes the whole `opts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputOptions {
    /// Whether to colour.
    pub color: bool,
    /// `color_theme`: the content of the theme file, names of colours to SGR codes such as `1;31`.
    pub theme: Map,
    /// Replace ESC in texts of minions by `?`.
    pub strip_colors: bool,
    pub indent: Indent,
    /// Spaces before everything that `nested` prints.
    pub nested_indent: usize,
    /// The retcode of the job: `nested` and `highstate` turn red.
    pub retcode: i64,
    /// `key`: indent the headings by four.
    pub multi_key: bool,
    /// `--out`, or `output:` in the configuration. `Some("")` is an empty one.
    pub wanted: Option<String>,
    /// The function of the job, for `--static`.
    pub fun: String,
    /// `--static`.
    pub is_static: bool,
    /// `--progress`.
    pub progress: bool,
    /// `highstate`: the options `state_*`.
    pub state: StateOutput,
    /// `table`, `profile`: the options `out.table.*`.
    pub table: Map,
}

impl Default for OutputOptions {
    fn default() -> Self {
        OutputOptions {
            color: false,
            theme: Map::new(),
            strip_colors: true,
            indent: Indent::Unset,
            nested_indent: 0,
            retcode: 0,
            multi_key: false,
            wanted: None,
            fun: String::new(),
            is_static: false,
            progress: false,
            state: StateOutput::default(),
            table: Map::new(),
        }
    }
}

impl OutputOptions {
    /// Reads the options of configuration and command line together; absent options have to be absent. A terminal
    /// is coloured unless told otherwise, a pipe or file is not.
    pub fn from_opts(opts: &Map, stdout_is_a_tty: bool) -> Self {
        let truthy = |name: &str| opts.get(name).is_some_and(Value::truthy);
        let color = match opts.get("color") {
            _ if truthy("force_color") => true,
            _ if truthy("no_color") => false,
            Some(color) => color.truthy(),
            None => stdout_is_a_tty,
        };
        let indent = match opts.get("output_indent") {
            None => Indent::Unset,
            Some(Value::Null) => Indent::Null,
            Some(Value::Int(spaces)) => Indent::Spaces(*spaces),
            Some(Value::Bool(one)) => Indent::Spaces(i64::from(*one)),
            Some(Value::Text(text)) if text == "pretty" => Indent::Pretty,
            Some(_) => Indent::Other,
        };
        OutputOptions {
            color,
            theme: Map::new(),
            strip_colors: opts.get("strip_colors").is_none_or(Value::truthy),
            indent,
            nested_indent: opts
                .get("nested_indent")
                .and_then(Value::as_int)
                .and_then(|spaces| usize::try_from(spaces).ok())
                .unwrap_or(0)
                .min(MAX_INDENT),
            retcode: 0,
            multi_key: truthy("__multi_key"),
            wanted: opts.get("output").map(|output| output.as_str().unwrap_or_default().to_owned()),
            fun: opts.str("fun").unwrap_or_default().to_owned(),
            is_static: truthy("static"),
            progress: truthy("progress"),
            state: StateOutput::from_opts(opts),
            table: table::options(opts),
        }
    }

    /// The same for a return with this retcode.
    #[must_use]
    pub fn with_retcode(mut self, retcode: i64) -> Self {
        self.retcode = retcode;
        self
    }
}

/// More indentation than this is a mistake.
const MAX_INDENT: usize = 1_000;

/// The name of the outputter that Salt would take: `out` is what the return asks for.
fn chosen<'a>(out: Option<&'a str>, options: &'a OutputOptions) -> &'a str {
    let mut out = out.unwrap_or_default();
    match &options.wanted {
        // Salt quirk: output/__init__.py, `get_printout`: `--out=highstate` is for those returns only that ask for it.
        Some(wanted) if wanted != "highstate" => out = wanted,
        _ => {}
    }
    if out.is_empty() && options.is_static {
        match &options.wanted {
            Some(wanted) => out = wanted,
            None if options.fun.split('.').next() == Some("state") => out = "highstate",
            None => {}
        }
    }
    match out {
        _ if options.progress => "progress",
        "text" => "txt",
        "" => "nested",
        out => out,
    }
}

fn find(name: &str) -> &'static Outputter {
    if let Some(found) = OUTPUTTERS.iter().find(|outputter| outputter.name == name) {
        return found;
    }
    if NOT_SUPPORTED.contains(&name) {
        crate::log::error!("The outputter {name} is not supported, fall back to nested");
    } else if name != "grains" {
        crate::log::error!("Invalid outputter {name} specified, fall back to nested");
    }
    &nested::OUTPUTTER
}

/// The text for a value: without white space at its end, empty when there is nothing to show.
///
/// `out` is the outputter that the return asks for, if any; the user's `--out` goes before it. An unknown outputter
/// is logged and replaced by `nested`; one that cannot show the value is replaced by `nested`, then by `raw`.
pub fn render(out: Option<&str>, value: &Value, options: &OutputOptions) -> String {
    let outputter = find(chosen(out, options));
    let mut text = (outputter.render)(value, options)
        .or_else(|unfit| {
            crate::log::debug!(error = %unfit, "falling back to nested");
            (nested::OUTPUTTER.render)(value, options)
        })
        .or_else(|unfit| {
            crate::log::error!(error = %unfit, "Nested output failed");
            (raw::OUTPUTTER.render)(value, options)
        })
        .unwrap_or_default();
    text.truncate(python_trim_end(&text).len());
    text
}

/// What is written to standard output, or to the end of `--out-file`: nothing for an empty text, else one line end
/// is added.
pub fn printed(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| format!("{text}\n"))
}

/// A text without its escape sequences. Salt: `string_format`.
pub fn strip_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\x1b') {
        out.push_str(&rest[..start]);
        match rest[start..].find('m') {
            Some(length) => rest = &rest[start + length + 1..],
            None => {
                out.push_str(&rest[start..]);
                return out;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Untrusted text with ESC made harmless, if that is wanted.
fn safe(text: &str, options: &OutputOptions) -> String {
    if options.strip_colors { text.replace('\x1b', "?") } else { text.to_owned() }
}

fn push_spaces(out: &mut String, spaces: usize) {
    out.extend(std::iter::repeat_n(' ', spaces));
}

fn push_line(out: &mut String, line: std::fmt::Arguments<'_>) {
    out.write_fmt(line).expect("writing to a String does not fail");
    out.push('\n');
}
